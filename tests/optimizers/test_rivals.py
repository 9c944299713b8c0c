"""The optimizers of PyTorch libraries against the bare libraries, driven by hand."""

import copy
import math
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
from dadaptation import DAdaptAdam
from prodigyopt import Prodigy as BareProdigy
from qiskit_machine_learning.optimizers import TellData
from schedulefree import AdamWScheduleFree

from qnlr.errors import InputError
from qnlr.optimizers import DAdaptation, Prodigy, ScheduleFreeAdam
from qnlr.training import read_checkpoint, write_checkpoint

CURVATURES = np.array([0.5, 1.0, 3.0, 0.2])
START = np.array([1.0, -0.5, 2.0, 0.0])
STEPS = 60
BARE = {
    "prodigy": (
        lambda **common: Prodigy(1e-5, 0.8, 0.99, **common),
        lambda weights: BareProdigy([weights], d0=1e-5, betas=(0.8, 0.99)),
    ),
    "d_adaptation": (
        lambda **common: DAdaptation(1e-5, 0.8, 0.99, **common),
        lambda weights: DAdaptAdam([weights], d0=1e-5, betas=(0.8, 0.99)),
    ),
    "schedule_free_adam": (
        lambda **common: ScheduleFreeAdam(0.1, 0.8, 0.99, 7, **common),
        lambda weights: AdamWScheduleFree([weights], lr=0.1, betas=(0.8, 0.99), warmup_steps=7),
    ),
}
DEFAULTS = {
    "prodigy": (Prodigy, BareProdigy),
    "d_adaptation": (DAdaptation, DAdaptAdam),
    "schedule_free_adam": (
        lambda: ScheduleFreeAdam(0.0025),
        AdamWScheduleFree,
    ),
}
MISSING = {Prodigy: "prodigyopt", DAdaptation: "dadaptation", ScheduleFreeAdam: "schedulefree"}
every = pytest.mark.parametrize("name", BARE)


def loss(x):
    return float(CURVATURES @ x**2 / 2 + np.cos(2 * x).sum())


def gradient(x):
    return CURVATURES * x - 2 * np.sin(2 * x)


def by_hand(make, start, steps=STEPS):
    """Return where gradients were taken, and where the bare library would evaluate, of each."""
    weights = torch.tensor(start, dtype=torch.float64)
    bare = make(weights)
    asked, answers = [], []
    for _ in range(steps):
        if hasattr(bare, "train"):
            bare.train()
        asked.append(weights.numpy().copy())
        weights.grad = torch.tensor(gradient(weights.numpy()))
        bare.step()
        there = weights.clone()
        if hasattr(bare, "eval"):
            bare.eval()
            answers.append(weights.numpy().copy())
            bare.train()
            weights.copy_(there)
        else:
            answers.append(there.numpy().copy())
    return asked, answers


@every
def test_the_trajectory_is_the_bare_librarys_to_the_bit(name):
    build, make = BARE[name]
    asked, answers = by_hand(make, START)
    optimizer = build()
    optimizer.start(loss, START, gradient)
    for point, answer in zip(asked, answers, strict=True):
        np.testing.assert_array_equal(optimizer.ask().x_jac, point)
        optimizer.step()
        np.testing.assert_array_equal(optimizer.state.x, answer)
        record = optimizer.state.record
        np.testing.assert_array_equal(record.parameters, point)
        np.testing.assert_array_equal(record.next_parameters, answer)
        assert record.loss == loss(point)
        assert record.gradient_norm == np.linalg.norm(gradient(point))
    assert loss(answers[-1]) < loss(START)


@pytest.mark.parametrize("name", DEFAULTS)
def test_the_defaults_are_the_librarys(name):
    build, kind = DEFAULTS[name]
    _, answers = by_hand(lambda weights: kind([weights]), START, steps=20)
    optimizer = build()
    optimizer.start(loss, START, gradient)
    for _ in range(20):
        optimizer.step()
    np.testing.assert_array_equal(optimizer.state.x, answers[-1])


def test_schedule_free_asks_at_y_and_answers_x():
    """Without warm-up, x is the mean of all z, and y lies between the two."""
    beta, asked = 0.9, []
    optimizer = ScheduleFreeAdam(0.05, beta1=beta)
    optimizer.start(loss, START, gradient)
    z = []
    for _ in range(STEPS):
        asked.append(optimizer.ask().x_fun)
        np.testing.assert_array_equal(optimizer.ask().x_jac, asked[-1])
        optimizer.step()
        z.append(optimizer.state.direction["weights"]["z"])
        x, y = optimizer.state.x, optimizer.ask().x_jac
        np.testing.assert_allclose(x, np.mean(z, axis=0), atol=1e-12)
        np.testing.assert_allclose(y, (1 - beta) * z[-1] + beta * x, atol=1e-12)
    assert np.abs(optimizer.state.x - optimizer.ask().x_jac).max() > 1e-3
    result = optimizer.create_result()
    np.testing.assert_array_equal(result.x, optimizer.state.x)
    assert result.fun == loss(optimizer.state.x)


@every
def test_a_resumed_minimisation_goes_on_bit_for_bit_from_every_step(name, tmp_path):
    build, _ = BARE[name]
    first, file = build(), tmp_path / "checkpoint.npz"
    first.start(loss, START, gradient)
    for _ in range(25):
        write_checkpoint(file, "run", first.state_dict())
        second = build()
        second.start(loss, np.zeros(4), gradient)
        second.load_state_dict(read_checkpoint(file, "run"))
        np.testing.assert_array_equal(second.ask().x_jac, first.ask().x_jac)
        first.step()
        second.step()
        np.testing.assert_equal(second.state_dict(), first.state_dict())
        np.testing.assert_equal(vars(second.state.record), vars(first.state.record))


@every
@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda optimizer: pickle.loads(pickle.dumps(optimizer))]
)
def test_a_copy_goes_on_by_itself(name, copied):
    optimizer = BARE[name][0]()
    optimizer.start(None, START)

    def step(one):
        asked = one.ask()
        one.tell(asked, TellData(eval_fun=loss(asked.x_fun), eval_jac=gradient(asked.x_jac)))

    for _ in range(3):
        step(optimizer)
    other = copied(optimizer)
    before = optimizer.state.x.copy()
    step(other)
    np.testing.assert_array_equal(optimizer.state.x, before)
    step(optimizer)
    np.testing.assert_array_equal(optimizer.state.x, other.state.x)


@every
def test_a_move_goes_on_from_there(name):
    """Far out the way back to the old weights would show."""
    optimizer, there = BARE[name][0](), START + 100.0
    optimizer.start(loss, START, gradient)
    for _ in range(10):
        optimizer.step()
    before = optimizer.state.record.rate
    optimizer.move_to(there)
    np.testing.assert_array_equal(optimizer.state.x, there)
    np.testing.assert_array_equal(optimizer.ask().x_jac, there)
    optimizer.step()
    np.testing.assert_array_equal(optimizer.state.record.parameters, there)
    assert np.abs(optimizer.state.x - there).max() < 2
    assert optimizer.state.record.rate >= before
    with pytest.raises(InputError, match="shape"):
        optimizer.move_to(there[:2])


@pytest.mark.parametrize("kind", [Prodigy, DAdaptation])
def test_the_rate_is_the_estimate_of_the_distance(kind):
    rates = []
    kind(1e-4, maxiter=STEPS, callback=lambda record: rates.append(record.rate)).minimize(
        loss, START, gradient
    )
    assert rates[0] == 1e-4
    assert (np.diff(rates) >= 0).all()
    assert 0.05 < rates[-1] < 10


def test_the_rate_of_schedule_free_grows_in_its_warm_up():
    rates = []
    optimizer = ScheduleFreeAdam(
        0.1, warmup_steps=4, maxiter=6, callback=lambda record: rates.append(record.rate)
    )
    optimizer.minimize(loss, START, gradient)
    np.testing.assert_allclose(rates, [0.025, 0.05, 0.075, 0.1, 0.1, 0.1])


@pytest.mark.parametrize("kind", MISSING)
@pytest.mark.parametrize("library", ["torch", None])
def test_a_missing_library_is_named_with_what_installs_it(kind, library, monkeypatch):
    missing = MISSING[kind] if library is None else library
    monkeypatch.setitem(sys.modules, missing, None)
    optimizer = kind()
    with pytest.raises(InputError) as caught:
        optimizer.start(None, START)
    assert str(caught.value) == (
        f"{kind.__name__} needs {missing}, which is not installed; run pip install 'qnlr[rivals]'"
    )


def test_torch_is_imported_at_the_start_and_nothing_is_set_in_it():
    """In a process of its own, with warnings as errors."""
    program = """
import sys
import numpy as np
from qnlr.optimizers import DAdaptation, Prodigy, ScheduleFreeAdam
built = [Prodigy(maxiter=2), DAdaptation(maxiter=2), ScheduleFreeAdam(maxiter=2)]
assert "torch" not in sys.modules
import torch
def told():
    return (torch.get_default_dtype(), torch.get_num_threads(), torch.is_grad_enabled(),
            torch.get_rng_state().tolist())
before = told()
for optimizer in built:
    optimizer.minimize(lambda x: x @ x, np.ones(2), lambda x: 2 * x)
assert told() == before
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@every
def test_what_was_not_told_is_refused(name):
    optimizer = BARE[name][0]()
    optimizer.start(None, START)
    with pytest.raises(InputError, match="asked for a gradient, but was told none"):
        optimizer.tell(optimizer.ask(), TellData(eval_fun=1.0))
    with pytest.raises(InputError, match="asked for a loss, but was told none"):
        optimizer.tell(optimizer.ask(), TellData(eval_jac=START))
    with pytest.raises(InputError, match=r"the gradient has shape \(2,\), the weights \(4,\)"):
        optimizer.tell(optimizer.ask(), TellData(eval_fun=1.0, eval_jac=START[:2]))
    assert optimizer.state.nit == 0


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        (Prodigy, {"initial_distance": 0.0}),
        (Prodigy, {"beta2": 1.0}),
        (DAdaptation, {"initial_distance": math.inf}),
        (DAdaptation, {"beta1": -0.1}),
        (ScheduleFreeAdam, {"learning_rate": 0}),
        (ScheduleFreeAdam, {"beta1": 0}),
        (ScheduleFreeAdam, {"beta2": math.nan}),
        (ScheduleFreeAdam, {"warmup_steps": -1}),
        (ScheduleFreeAdam, {"perturbation": 0.0}),
        (Prodigy, {"maxiter": 0}),
        (DAdaptation, {"seed": -1}),
    ],
)
def test_bad_settings_of_a_rival_are_refused(kind, settings):
    (name,) = settings
    with pytest.raises(InputError, match=rf"^{name} = .* is not valid"):
        kind(**settings)
