"""SPSA and COBYLA by ask and tell do what qiskit-machine-learning's own loops do."""

import copy
import pickle
import threading

import numpy as np
import pytest
from qiskit_machine_learning.optimizers import COBYLA as QISKIT_COBYLA
from qiskit_machine_learning.optimizers import SPSA as QISKIT_SPSA
from qiskit_machine_learning.optimizers import SteppableOptimizer, TellData
from qiskit_machine_learning.utils import algorithm_globals

from qnlr import Estimate
from qnlr.errors import InputError
from qnlr.optimizers import COBYLA, SPSA
from qnlr.training import read_checkpoint, write_checkpoint

X0 = np.array([1.0, -0.7, 0.4])


def bowl(x):
    return float(np.sum((x - 0.2) ** 2 * [1.0, 2.0, 3.0]))


def make(kind, maxiter=12):
    return SPSA(0.05, 0.1, maxiter=maxiter, seed=3) if kind is SPSA else COBYLA(maxiter=maxiter)


def drive(optimizer, steps):
    """Drive by ask and tell, and return the points that were asked for."""
    asked = []
    while optimizer.state.nit < steps and not optimizer.ended:
        ask = optimizer.ask()
        asked.append(ask.x_fun)
        optimizer.tell(ask, TellData(eval_fun=Estimate(bowl(ask.x_fun), 0.1)))
    return np.array(asked)


def test_spsa_is_the_reference_loop():
    algorithm_globals.random_seed = 3
    reference = QISKIT_SPSA(maxiter=12, learning_rate=0.05, perturbation=0.1).minimize(bowl, X0)
    result = make(SPSA).minimize(bowl, X0)
    np.testing.assert_array_equal(result.x, reference.x)
    assert result.fun == reference.fun
    assert (result.nit, result.nfev) == (12, 25)


def test_cobyla_is_the_reference_loop():
    seen = []
    QISKIT_COBYLA(maxiter=40, rhobeg=1.0).minimize(lambda x: seen.append(x.copy()) or bowl(x), X0)
    optimizer = make(COBYLA, maxiter=40)
    optimizer.start(None, X0)
    asked = drive(optimizer, 40)
    optimizer.close()
    np.testing.assert_array_equal(asked, np.array(seen)[: len(asked)])
    np.testing.assert_array_equal(optimizer.state.x, min(asked, key=bowl))


@pytest.mark.parametrize("kind", [SPSA, COBYLA])
def test_steps_are_recorded(kind):
    optimizer = make(kind)
    optimizer.start(None, X0)
    drive(optimizer, 3)
    record = optimizer.state.record
    assert record.step == 2
    assert not record.flipped
    assert np.isnan(record.gradient_norm)
    np.testing.assert_array_equal(record.next_parameters, optimizer.state.x)
    assert len(optimizer.state.told) == 3 * sum(optimizer.evaluations_per_step)
    optimizer.close()


@pytest.mark.parametrize("kind", [SPSA, COBYLA])
@pytest.mark.parametrize("steps", [0, 1, 5])
def test_a_saved_state_goes_on_bit_for_bit(kind, steps, tmp_path):
    whole = make(kind)
    whole.start(None, X0)
    expected = drive(whole, 12)
    half = make(kind)
    half.start(None, X0)
    begun = drive(half, steps)
    write_checkpoint(tmp_path / "state.npz", "run", half.state_dict())
    resumed = make(kind)
    resumed.load_state_dict(read_checkpoint(tmp_path / "state.npz", "run"))
    assert resumed.state.nit == steps
    rest = drive(resumed, 12)
    np.testing.assert_array_equal(np.array([*begun, *rest]), expected)
    np.testing.assert_array_equal(resumed.state.x, whole.state.x)
    for optimizer in (whole, half, resumed):
        optimizer.close()


@pytest.mark.parametrize("kind", [SPSA, COBYLA])
def test_settings_rebuild_and_no_thread_is_left(kind):
    before = threading.active_count()
    optimizer = make(kind)
    assert isinstance(optimizer, SteppableOptimizer)
    twin = kind(**optimizer.settings)
    assert twin.settings == optimizer.settings
    assert twin.minimize(bowl, X0).fun == optimizer.minimize(bowl, X0).fun
    assert threading.active_count() == before


def test_a_loop_that_ends_by_itself_says_so():
    optimizer = COBYLA(rhobeg=0.1, maxiter=1000)
    optimizer.start(None, X0)
    drive(optimizer, 1000)
    assert optimizer.ended
    assert optimizer.state.nit < 1000
    assert bowl(optimizer.state.x) < 1e-3
    with pytest.raises(InputError, match="COBYLA has ended after"):
        optimizer.ask()


def test_errors_in_the_objective_reach_the_caller():
    def broken(x):
        raise RuntimeError("no such luck")

    with pytest.raises(RuntimeError, match="no such luck"):
        make(SPSA).minimize(broken, X0)


@pytest.mark.parametrize(
    "make_bad",
    [
        lambda: SPSA(0.0),
        lambda: SPSA(perturbation=-1.0),
        lambda: COBYLA(rhobeg=0.0),
        lambda: COBYLA(maxiter=0),
    ],
)
def test_bad_settings_are_refused(make_bad):
    with pytest.raises(InputError, match="is not valid"):
        make_bad()


def test_another_version_of_the_state_is_refused():
    with pytest.raises(InputError, match="version 99"):
        make(SPSA).load_state_dict({"version": 99})


def test_the_recorded_loss_carries_the_error_of_its_mean():
    spsa = SPSA(maxiter=2, seed=0)
    spsa.start(None, np.zeros(2))
    for loss in (Estimate(1.0, 0.3), Estimate(2.0, 0.4)):
        spsa.tell(spsa.ask(), TellData(eval_fun=loss))
    assert spsa.state.record.loss == 1.5
    assert spsa.state.record.loss.std == pytest.approx(0.25)
    spsa.close()


@pytest.mark.parametrize("again", [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
@pytest.mark.parametrize("kind", [SPSA, COBYLA])
def test_a_copy_goes_on_where_the_optimizer_stands(kind, again):
    assert again(make(kind)).settings == make(kind).settings
    whole = make(kind)
    whole.start(None, X0)
    expected = drive(whole, 9)
    whole.close()
    optimizer = make(kind)
    optimizer.start(None, X0)
    begun = drive(optimizer, 4)
    copied = again(optimizer)
    optimizer.close()  # two SPSA at a time would draw from one generator
    np.testing.assert_array_equal(drive(copied, 9), expected[len(begun) :])
    copied.close()
