"""The ways of probing that AdaptiveNLR is held against: each does what it says, and goes on."""

import json
import runpy
from pathlib import Path

import numpy as np
import pytest

from qnlr import run
from qnlr.optimizers import AdaptiveNLR, AdaptiveRate, Feedback, Probe, Told
from qnlr.study import load_results
from qnlr.types import Estimate

FILE = Path(__file__).parents[1] / "experiments" / "probing.py"
WAYS = {
    name: made
    for name, made in runpy.run_path(str(FILE)).items()
    if isinstance(made, type) and issubclass(made, AdaptiveNLR) and made is not AdaptiveNLR
}
CURVED = np.array([1.0, 10.0])


@pytest.mark.parametrize("name", WAYS)
def test_each_goes_down(name):
    found = WAYS[name](maxiter=200).minimize(
        lambda x: CURVED @ x**2, [1.0, -1.0], lambda x: 2 * CURVED * x
    )
    assert found.fun < 0.02


def test_greedy_probes_ask_twice_more_and_take_the_lowest():
    rule = WAYS["GreedyProbes"]().rate
    state = {**rule.initial_state(), "searching": False}
    here = Estimate(0.5, std=0.01)

    def told(*losses):
        rates = (0.1, 0.2, -0.1)
        probes = tuple(Probe(r, Estimate(x, std=0.01)) for r, x in zip(rates, losses, strict=False))
        return Feedback(
            1,
            here,
            probes[-1].loss,
            gradient_norm=1.0,
            slope=1.0,
            direction_norm=1.0,
            probes=probes,
        )

    assert rule.next_probe(told(0.42), state) == 0.2
    assert rule.next_probe(told(0.42, 0.4), state) == -0.1
    assert rule.next_probe(told(0.42, 0.4, 0.6), state) is None
    assert rule(told(0.42, 0.4, 0.6), state)[0] == 0.2
    assert rule(told(0.42, 0.6, 0.3), state)[0] == -0.1
    assert rule(told(0.42, 0.6, 0.6), state) == AdaptiveRate()(told(0.42), state)


def test_the_norm_test_asks_for_more_shots_as_the_signal_drowns_and_goes_on_with_them():
    shots = []
    for noise in (0.1, 1.0):
        optimizer = WAYS["NormTest"]()
        optimizer.base_shots = 100
        optimizer.start(None, [1.0, 1.0])
        asked = optimizer.ask()
        assert asked.shots == 10
        gradient, stds = np.array([1.0, 1.0]), np.full(2, noise)
        optimizer.tell(asked, Told(Estimate(1.0, std=0.1), gradient, stds=stds))
        shots.append(optimizer.planned_shots[0])
        saved = json.loads(json.dumps(optimizer.state_dict(), default=np.ndarray.tolist))
        again = WAYS["NormTest"]()
        again.load_state_dict(saved)
        assert again.shots == shots[-1]
    assert shots == [10, 40]  # the sum of variances, 10 shots × 2, over κ² = ¼ of the norm's 2


def test_a_fresh_probe_is_where_the_last_step_came_from_and_judges_that_step():
    optimizer = WAYS["FreshProbes"](0.1)
    optimizer.start(None, [1.0, 1.0])

    def step(losses, slope):
        """Tell a step its loss and that of its probe, and return where it probed."""
        optimizer.tell(optimizer.ask(), Told(Estimate(losses[0], std=0.01), np.full(2, slope)))
        asked = optimizer.ask()
        assert asked.x_jac is None
        optimizer.tell(asked, Told(Estimate(losses[1], std=0.01)))
        return asked.x_fun

    assert step((1.0, 1.0), 1.0) == pytest.approx([1.0, 1.0])
    first = optimizer.state.here
    assert (first < 1.0).all()
    saved = json.loads(json.dumps(optimizer.state_dict(), default=np.ndarray.tolist))
    assert saved["last"] == [1.0, 1.0]
    assert step((0.5, 0.9), 1.0) == pytest.approx([1.0, 1.0])  # lower than where it came from
    assert optimizer.state.rate["rate"] > 0.1
    known = optimizer.state.rate["rate"]
    assert step((0.9, 0.5), 1.0) == pytest.approx(first)  # higher
    assert optimizer.state.rate["rate"] == pytest.approx(known / 2)


def test_shots_are_spent_as_planned(tmp_path):
    config = {
        "name": "ways",
        "seeds": 1,
        "data": {"name": "digits", "features": 4},
        "circuit": {"qubits": 2, "layers": 1},
        "backend": {"name": "simulator", "shots": 50},
        "training": {"steps": 3, "batch_size": 4},
        "optimizer": ["adaptive_nlr"]
        + [{"name": "file", "path": str(FILE), "class": name} for name in WAYS],
    }
    run(config, tmp_path)
    ended = load_results(tmp_path / "ways")
    assert list(ended["status"]) == ["finished"] * 6
    costs = dict(zip(["AdaptiveNLR", *WAYS], ended["cost_shots"], strict=True))
    assert costs["OneProbe"] <= costs["AdaptiveNLR"] < costs["GreedyProbes"] < costs["SharpProbes"]
    assert costs["FreshProbes"] == costs["OneProbe"]
    assert costs["NormTest"] < costs["AdaptiveNLR"]
