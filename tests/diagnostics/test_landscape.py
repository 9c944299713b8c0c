import dataclasses

import numpy as np
import pytest
from recorded_runs import record, record_energy

from qnlr.backends import SimulatorBackend
from qnlr.diagnostics.landscape import landscape_slice
from qnlr.diagnostics.magnitudes import gradient_magnitudes
from qnlr.diagnostics.norms import gradient_norms
from qnlr.errors import InputError


@pytest.fixture(scope="module")
def run():
    return record()


@pytest.fixture(scope="module")
def loss(run):
    problem, rng = run.training.problem, np.random.default_rng(0)
    backend = SimulatorBackend(problem.model)
    return lambda weights: float(problem.loss(weights, problem.train, backend, rng))


@pytest.mark.parametrize("directions", ["random", "filter", "principal"])
def test_the_middle_of_a_slice_is_the_run_s_end(run, loss, directions):
    found = landscape_slice(run, directions, points=5)
    assert len(found.frame) == 25
    middle = found.frame.query("first == 0 and second == 0")
    assert middle["loss"].item() == pytest.approx(loss(run.weights[-1]), abs=1e-12)
    assert not found.frame[["loss_std", "gradient_noise"]].any(axis=None)
    assert {drawing.name for drawing in found.drawings} == {
        "landscape_surface",
        "landscape_loss",
        "landscape_gradient",
    }


def test_points_lie_where_they_say(run, loss):
    found = landscape_slice(run, "principal", points=5, gradient=False)
    path = found.tables["path"]
    seen = path[["first", "second"]].to_numpy()
    vectors = np.linalg.lstsq(
        *(seen - seen.mean(axis=0), run.weights - run.weights.mean(axis=0)), rcond=None
    )[0]
    for row in found.frame.sample(6, random_state=0).itertuples():
        weights = run.weights[-1] + row.first * vectors[0] + row.second * vectors[1]
        assert row.loss == pytest.approx(loss(weights), abs=1e-9)


def test_the_path_ends_in_the_middle_and_starts_where_the_run_did(run, loss):
    found = landscape_slice(run, "principal", points=5, gradient=False)
    path = found.tables["path"]
    np.testing.assert_allclose(path.iloc[-1][["first", "second", "off_slice"]], 0, atol=1e-12)
    assert path["step"].tolist() == list(run.steps)
    distance = np.sqrt((path[["first", "second", "off_slice"]] ** 2).sum(axis=1))
    np.testing.assert_allclose(distance, np.linalg.norm(run.weights - run.weights[-1], axis=1))
    assert path["loss"].iloc[0] == pytest.approx(loss(run.weights[0]), abs=1e-12)
    inside = path[["first", "second"]].abs().max(axis=None)
    assert inside == pytest.approx(found.frame["first"].max() / 1.25)
    assert all(drawing.path is path for drawing in found.drawings)


def test_gradient_norms_are_those_of_finite_differences(run, loss):
    frame = landscape_slice(run, points=3, radius=0.7, dimensions=1).frame
    at_end = frame.query("distance == 0")["gradient"]
    step = 1e-5 * np.eye(run.weights.shape[1])
    last = run.weights[-1]
    slopes = [(loss(last + one) - loss(last - one)) / 2e-5 for one in step]
    np.testing.assert_allclose(at_end, np.linalg.norm(slopes), rtol=1e-6)


def test_a_slope_along_a_line_is_no_steeper_than_the_gradient(run):
    frame = landscape_slice(run, points=41, radius=0.5, dimensions=1).frame
    assert frame["direction"].unique().tolist() == [1, 2, 3]
    for _, line in frame.groupby("direction"):
        slope = np.gradient(line["loss"], line["distance"])[1:-1]
        assert (np.abs(slope) < 1.001 * line["gradient"].to_numpy()[1:-1] + 1e-3).all()


def test_a_weight_of_its_own_repeats_after_a_whole_turn(run):
    alone = np.repeat(run.weights[-1:], 9, axis=0)
    alone[:, 2] += np.linspace(-1, 0, 9)
    frame = landscape_slice(
        dataclasses.replace(run, weights=alone, steps=tuple(range(9))),
        "principal",
        dimensions=1,
        radius=2 * np.pi,
        points=5,
    ).frame
    np.testing.assert_allclose(frame["loss"][[0, 4]], frame["loss"][2], atol=1e-12)
    assert frame["loss"].max() > frame["loss"][2] + 1e-3


def test_the_best_weights_are_those_of_lowest_loss(run, loss):
    lowest = min(map(loss, run.weights))
    found = landscape_slice(run, points=3, centre="best", gradient=False)
    assert found.frame.query("first == 0 and second == 0")["loss"].item() == pytest.approx(lowest)
    assert "gradient" not in found.frame
    assert len(found.drawings) == 2


def test_measured_as_the_run_did_losses_scatter_by_their_standard_errors(run):
    exact = landscape_slice(run, points=9, samples=8, dimensions=2, seed=3).frame
    noisy = landscape_slice(run, points=9, evaluation="as_run", seed=3).frame
    assert (noisy["loss_std"] > 0).all()
    pulls = (noisy["loss"] - exact["loss"]) / noisy["loss_std"]
    assert abs(pulls.mean()) < 4 / 9
    assert 0.8 < pulls.std() < 1.25
    squared = exact["gradient"] ** 2 + noisy["gradient_noise"] ** 2
    assert (noisy["gradient"] ** 2).mean() == pytest.approx(squared.mean(), rel=0.1)


def test_a_slice_is_of_its_seed_alone(run):
    first, again, other = (
        landscape_slice(run, points=3, evaluation="as_run", seed=seed).frame for seed in (0, 0, 1)
    )
    assert first.equals(again)
    assert not np.allclose(first["loss"], other["loss"])


def test_progress_is_told(run):
    told = []
    landscape_slice(run, points=3, told=lambda done, total: told.append((done, total)))
    assert told[0] == (0, 9)
    assert told[-1] == (9, 9)


def test_the_shares_of_the_variance_are_compared_with_a_random_walk_s(run):
    found = landscape_slice(run, "principal", points=3, gradient=False)
    shares = found.tables["explained"]
    walk = shares[["random_walk_low", "random_walk", "random_walk_high"]].to_numpy()
    assert (np.diff(walk, axis=1) > 0).all()
    assert any(f"{shares['explained'].sum():.1%}" in sentence for sentence in found.says)
    assert any("Antognini" in caveat for caveat in found.caveats)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"directions": "filters"}, 'did you mean "filter"?'),
        ({"dimensions": 3}, "dimensions = 3"),
        ({"points": 30}, "points = 30 is not valid; it must be odd, such as 31"),
        ({"points": 1}, "points = 1"),
        ({"radius": 0.0}, "radius = 0.0"),
        ({"centre": "first"}, 'centre "first" is not known'),
        ({"samples": 1000}, "samples = 1000"),
        ({"evaluation": "noisy"}, 'evaluation "noisy" is not known'),
    ],
)
def test_what_is_not_valid_is_refused(run, settings, words):
    with pytest.raises(InputError) as caught:
        landscape_slice(run, **settings)
    assert words in str(caught.value)


def test_a_run_that_did_not_move_has_no_principal_directions(run):
    begun = dataclasses.replace(run, weights=run.weights[:1], steps=(0,))
    with pytest.raises(InputError, match="a run has 0 such directions"):
        landscape_slice(begun, "principal")
    assert len(landscape_slice(begun, points=3).frame) == 9


def test_a_run_that_diverged_has_no_landscape(run):
    gone = dataclasses.replace(run, weights=np.where(run.weights > 1, np.nan, run.weights))
    with pytest.raises(InputError, match="diverged"):
        landscape_slice(gone)


def test_a_run_on_an_energy_is_looked_at_the_same_way():
    run = record_energy()
    problem, rng = run.training.problem, np.random.default_rng(0)
    backend = SimulatorBackend(problem.model)
    frame = landscape_slice(run, "filter", points=3).frame
    middle = frame.query("first == 0 and second == 0")
    both = problem.loss_and_gradient(run.weights[-1], problem.train, backend, rng)
    assert middle["loss"].item() == pytest.approx(both.loss)
    assert middle["gradient"].item() == pytest.approx(np.linalg.norm(both.gradient))
    magnitudes = gradient_magnitudes(run, points=3).frame
    np.testing.assert_allclose(
        magnitudes["gradient"].to_numpy()[-problem.num_weights :], both.gradient
    )
    assert (magnitudes["gradient_std"] > 0).all()
    assert len(gradient_norms(run).frame) == 15
