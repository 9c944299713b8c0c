import numpy as np
import pytest
from scipy import stats

from qnlr.diagnostics.drift import drift
from qnlr.diagnostics.drift_findings import checks, summary
from qnlr.diagnostics.drift_runs import run_checks, runs
from qnlr.errors import InputError

SMALL = {"shots": (100,), "batch_sizes": (8,), "plateau_qubits": 5, "runs": 0}


@pytest.fixture(scope="module")
def found():
    return drift(rates=(0.003, 0.1), points=60, **SMALL)


def named(found_checks, part):
    return next(check for check in found_checks if part in check.statement)


def test_every_step_goes_down_or_up_its_gradient(found):
    frame = found.frame
    step = np.where(frame["higher"], 2 * frame["rate"], -frame["rate"])
    assert frame["along"].to_numpy() == pytest.approx(step * frame["slope"])
    careful = np.where(frame["higher_by_z"], 2 * frame["rate"], -frame["rate"])
    assert frame["along_by_z"].to_numpy() == pytest.approx(careful * frame["slope"])
    assert frame["higher"][frame["higher_by_z"]].all()
    assert (frame["change"] == frame["change_of_sgd"])[~frame["higher"]].all()


def test_the_speed_is_that_of_the_step_along_the_gradient(found):
    part = found.frame[(found.frame["landscape"] == "classifier") & (found.frame["rate"] == 0.1)]
    row = found.tables["drifts"].set_index(["landscape", "rate"]).loc[("classifier", 0.1)]
    square = (part["rate"] * part["gradient_norm"] ** 2).sum()
    assert row["speed"] == pytest.approx(-part["along"].sum() / square)
    assert row["speed_low"] <= row["speed"] <= row["speed_high"]


def test_probes_read_higher_as_often_as_a_normal_difference_does(found):
    difference = (found.frame["higher"] - found.frame["likely"]).mean()
    assert abs(difference) < 3 * 0.5 / np.sqrt(len(found.frame))


def test_foretold_is_the_normal_approximation_before_the_step(found):
    part = found.frame[found.frame["landscape"] == "classifier"]
    z = part["rate"] * part["gradient_norm"] ** 2 / (np.sqrt(2) * part["std"])
    assert part["foretold"].to_numpy() == pytest.approx(stats.norm.sf(z))


def test_a_large_rate_goes_down_and_a_plateau_is_a_coin_toss(found):
    drifts = found.tables["drifts"].set_index(["landscape", "rate"])
    assert drifts.loc[("classifier", 0.1), "speed"] > 0.4
    assert drifts.loc[("classifier", 0.003), "speed"] < 0.4
    assert drifts.loc[("plateau", 0.003), "higher"] == pytest.approx(0.48, abs=0.2)


def test_the_direction_turns_where_kappa_says():
    """On steps whose p is set by hand, the check tells a right turn from a wrong one."""
    found = drift(rates=(0.01,), points=60, **SMALL)
    frame = found.frame[found.frame["landscape"] == "classifier"].assign(slope=1.0)
    frame = frame.assign(gradient_norm=1.0, higher=np.arange(60) % 5 < 3)  # p = 0.6
    uphill = np.where(frame["higher"], 0.02, -0.01)
    for along, right in ((uphill, True), (-uphill, False)):
        steps = frame.assign(along=along)
        told = checks(steps, summary(steps, 2.0), 2.0, 2.0)
        assert named(told, "the drift is uphill where").holds is right


def test_deviations_of_groups_that_cancel_in_the_mean_are_seen(found):
    frame = found.frame.assign(likely=0.5, higher=found.frame["landscape"] == "plateau")
    check = named(checks(frame, found.tables["drifts"], 2.0, 2.0), "a measured probe reads higher")
    assert "difference 0.000" in check.measured
    assert check.holds is False


def test_probabilities_lie_between_0_and_1():
    frame = drift(rates=(0.003,), points=10, **SMALL).frame
    assert frame["likely"].between(0, 1).all()
    assert (frame["std"] > 0).all()


def test_seeds_repeat():
    shown = [drift(rates=(0.01,), points=5, seed=seed, **SMALL).frame for seed in (0, 0, 1)]
    assert shown[0].equals(shown[1])
    assert not shown[0].equals(shown[2])


def test_runs_of_both_triggers_begin_alike_and_are_held_against_each_other():
    made = runs(kappa=2.0, z=2.0, count=2, steps=40, seed=0)
    start = made[made["step"] == 0].groupby("run")["loss"]
    assert (start.nunique() == 1).all()
    assert start.first().nunique() == 2
    assert set(made["step"]) == {0, 20, 40}
    assert made["higher"].dropna().between(0, 1).all()
    last = made[made["step"] == 40].groupby("trigger")["loss"].mean()
    check = run_checks(made, 2.0)[0]
    assert f"{last['any increase']:.3f} against {last['2 standard errors']:.3f}" in check.measured


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"points": 1}, "points = 1"),
        ({"shots": (1,)}, "shots = 1"),
        ({"rates": (0.0,)}, "rates = 0.0"),
        ({"batch_sizes": ()}, "must not be empty"),
        ({"batch_sizes": (801,)}, "batch_sizes = 801"),
        ({"kappa": 0.0}, "kappa = 0.0"),
        ({"z": -1.0}, "z = -1.0"),
        ({"runs": -1}, "runs = -1"),
        ({"steps": 19}, "steps = 19"),
    ],
)
def test_settings_are_checked(settings, said):
    with pytest.raises(InputError, match=said):
        drift(**({"rates": (0.01,), "points": 2} | SMALL | settings))
