import dataclasses

import numpy as np
import pytest
from recorded_runs import SMALL, record

from qnlr.backends import SimulatorBackend
from qnlr.diagnostics.magnitudes import gradient_magnitudes
from qnlr.errors import InputError


@pytest.fixture(scope="module")
def run():
    return record()


@pytest.fixture(scope="module")
def found(run):
    return gradient_magnitudes(run, points=6)


@pytest.fixture(scope="module")
def exact_run():
    return record(backend={"name": "simulator"})


def test_magnitudes_are_those_of_finite_differences(run, found):
    problem, rng = run.training.problem, np.random.default_rng(0)
    backend = SimulatorBackend(problem.model)
    for step in (0, 25):
        rows = found.frame[found.frame["step"] == step]
        assert rows["component"].tolist() == list(range(18))
        for row in rows.itertuples():
            apart = 1e-5 * np.eye(18)[row.component]
            high, low = (
                problem.loss(run.weights[step] + sign * apart, problem.train, backend, rng)
                for sign in (1, -1)
            )
            assert row.gradient == pytest.approx((high - low) / 2e-5, abs=1e-8)
            assert row.magnitude == abs(row.gradient)


def test_points_are_spread_from_the_first_to_the_last(run, found):
    assert found.frame["step"].unique().tolist() == [0, 5, 10, 15, 20, 25]
    assert gradient_magnitudes(run, points=1).frame["step"].unique().tolist() == [0]
    assert gradient_magnitudes(run, points=99).frame["step"].nunique() == 26


def test_weights_outside_the_light_cone_are_idle(run, found):
    """Z of the last qubit is read; behind the last CX onto it only its own rotations matter."""
    by_weight = found.frame.groupby("component")["idle"].first()
    assert by_weight.any()
    assert by_weight[17]  # an RZ right before the CX whose target is read in Z
    problem, rng = run.training.problem, np.random.default_rng(1)
    backend, anywhere = SimulatorBackend(problem.model), rng.uniform(-3, 3, 18)
    idle = by_weight.to_numpy()
    gradient = problem.loss_and_gradient(anywhere, problem.train, backend, rng).gradient
    assert (np.abs(gradient[idle]) < 1e-14).all()
    assert (np.abs(gradient[~idle]) > 1e-9).all()
    assert any(f"{idle.sum()} of 18 weights" in sentence for sentence in found.says)


def test_quantiles_and_shares_below_noise_are_over_the_weights_that_are_not_idle(found):
    frame = found.frame[~found.frame["idle"]]
    for row in found.tables["quantiles"].itertuples():
        rows = frame[frame["step"] == row.step]
        expected = np.quantile(rows["magnitude"], [0.1, 0.25, 0.5, 0.75, 0.9])
        np.testing.assert_allclose([row.q10, row.q25, row.q50, row.q75, row.q90], expected)
        below = (rows["magnitude"] < rows["gradient_std"]).mean()
        assert row.below_noise == pytest.approx(below)
        assert row.noise == pytest.approx(rows["gradient_std"].median())


def test_standard_errors_are_how_far_the_run_s_own_gradients_scatter(run, found):
    problem, rng = run.training.problem, np.random.default_rng(2)
    last, drawn = run.weights[-1], []
    chosen = problem.train.take(np.arange(8))
    for _ in range(400):
        drawn.append(problem.loss_and_gradient(last, chosen, run.training.backend, rng).gradient)
    scatter = np.std(drawn, axis=0, ddof=1)
    stds = found.frame.query("step == 25")["gradient_std"].to_numpy()
    assert np.median(stds / scatter) == pytest.approx(1.0, rel=0.25)  # of other mini-batches


def test_four_times_the_shots_halve_the_standard_errors(run, found):
    backend = {**SMALL["backend"], "shots": 4 * SMALL["backend"]["shots"]}
    more = record(backend=backend, training={"steps": 1, "batch_size": 8})
    more = dataclasses.replace(more, weights=run.weights[:1], steps=(0,))
    fine = gradient_magnitudes(more).frame["gradient_std"].to_numpy()
    coarse = found.frame.query("step == 0")["gradient_std"].to_numpy()
    np.testing.assert_allclose(coarse / fine, 2.0, rtol=0.25)
    assert np.mean(coarse / fine) == pytest.approx(2.0, rel=0.05)


def test_a_run_without_shots_has_no_noise_to_compare_with(exact_run):
    found = gradient_magnitudes(exact_run, points=3)
    assert found.frame["gradient_std"].isna().all()
    assert found.tables["quantiles"][["noise", "below_noise"]].isna().all(axis=None)
    assert [drawing.name for drawing in found.drawings] == [
        "magnitudes",
        "magnitudes_distribution",
    ]
    assert "without shots" in found.caveats[-1]


def test_the_distribution_rises_from_the_smallest_component_to_the_largest(found):
    shown = found.drawings[1].frame
    assert shown["step"].unique().tolist() == [0, 15, 25]
    for step, rows in shown.groupby("step"):
        live = found.frame.loc[(found.frame["step"] == step) & ~found.frame["idle"], "magnitude"]
        assert rows["magnitude"].is_monotonic_increasing
        assert rows["share"].iloc[-1] == 1.0
        middle = rows.iloc[len(rows) // 2]
        assert middle["share"] == pytest.approx((live <= middle["magnitude"]).mean())


def test_points_that_are_not_finite_are_left_out(run):
    weights = run.weights.copy()
    weights[-1] = np.inf
    frame = gradient_magnitudes(dataclasses.replace(run, weights=weights), points=2).frame
    assert frame["step"].unique().tolist() == [0, 24]
    with pytest.raises(InputError, match="no kept weights that are finite"):
        gradient_magnitudes(dataclasses.replace(run, weights=weights * np.nan))


def test_a_number_of_points_below_one_is_refused(run):
    with pytest.raises(InputError, match="points = 0"):
        gradient_magnitudes(run, points=0)
