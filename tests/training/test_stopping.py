import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit.quantum_info import SparsePauliOp

from qnlr.backends import statevector
from qnlr.circuits import hardware_efficient, variational_circuit
from qnlr.data import Dataset, Samples
from qnlr.errors import InputError
from qnlr.optimizers import NLR, SGD, Adam, StandardErrors
from qnlr.problems import Classification
from qnlr.rng import stream
from qnlr.training import Status, Streams, Training, TrainingSettings

A_GRADIENT = (2 * 6 + 1) * 4
A_PROBE = 4


class Failing:
    """A backend whose values or derivatives are NaN from some job on."""

    def __init__(self, backend, job, values=True):
        self.backend, self.job, self.jobs = backend, job, 0
        self.with_values = values

    @property
    def shots(self):
        return self.backend.shots

    def values(self, weights, angles, rng):
        return self._spoilt(self.backend.values(weights, angles, rng))

    def jacobian(self, weights, angles, rng):
        return self._spoilt(self.backend.jacobian(weights, angles, rng))

    def _spoilt(self, measured):
        self.jobs += 1
        if self.jobs >= self.job:
            if self.with_values:
                measured.values[:] = np.nan
            if hasattr(measured, "derivatives"):
                measured.derivatives[:] = np.nan
        return measured


def own_training(model, encoding, backend, optimizer, data, weights, **settings):
    streams = Streams(
        batches=stream("batches", 0),
        shots=stream("shots", 0),
        evaluation=lambda step: stream("test", 0, step),
        gradient=stream("gradient", 0),
    )
    problem = Classification(model, encoding, data)
    return Training(problem, backend, optimizer, TrainingSettings(**settings), streams, weights)


def test_finished(training, model):
    run = training(statevector(model), SGD(0.1))
    outcome = run.run()
    assert (outcome.status, outcome.sentence) == (Status.FINISHED, "all 6 steps made")
    assert run.steps_done == 6


def test_a_finished_run_makes_no_more_steps(training, model):
    run = training(statevector(model), SGD(0.1))
    run.run()
    weights = run.optimizer.state.x
    assert run.run().status == Status.FINISHED
    assert run.steps_done == 6
    assert np.array_equal(run.optimizer.state.x, weights)


def test_target_reached_at_the_first_evaluation_below_it(training, model):
    free = training(statevector(model), SGD(0.1), steps=20, evaluate_every=2)
    free.run()
    losses = np.array(free.history.columns["metric_train_loss"])
    target = (losses[5] + losses[7]) / 2
    run = training(
        statevector(model), SGD(0.1), steps=20, evaluate_every=2, target_loss=float(target)
    )
    outcome = run.run()
    expected = int(np.flatnonzero(losses <= target)[0]) + 1
    assert expected == 8
    assert (outcome.status, run.steps_done) == (Status.TARGET_REACHED, expected)
    assert f"after {expected} steps" in outcome.sentence


def test_target_not_reached(training, model):
    run = training(statevector(model), SGD(0.1), evaluate_every=1, target_loss=1e-9)
    assert run.run().status == Status.FINISHED


@pytest.mark.parametrize("budget", [1, 500, 1040, 1119, 1120, 2000, 3359, 3360])
@pytest.mark.parametrize(
    ("optimizer", "a_step"),
    [(lambda: SGD(0.1), A_GRADIENT), (lambda: NLR(0.1), A_GRADIENT + A_PROBE)],
    ids=["sgd", "nlr"],
)
def test_budget_spent_but_never_passed(optimizer, a_step, budget, training, model):
    run = training(statevector(model, shots=10), optimizer(), steps=50, max_shots=budget)
    outcome = run.run()
    assert outcome.status == Status.BUDGET_SPENT
    assert run.meter.cost.shots <= budget
    assert run.meter.cost.shots == 10 * a_step * run.steps_done
    assert budget - run.meter.cost.shots < 10 * (A_GRADIENT + A_PROBE)
    if run.steps_done:
        assert run.meter.cost.shots + 10 * a_step > budget


def test_budget_of_an_observable_in_two_bases(encoding, problem, weights):
    observable = SparsePauliOp(["ZZ", "XX"])
    model = variational_circuit(encoding, hardware_efficient(2, 1), observable)
    budget = 10 * (A_GRADIENT + A_PROBE)
    for optimizer in (SGD(0.1), NLR(0.1)):
        run = own_training(
            model,
            encoding,
            statevector(model, shots=10),
            optimizer,
            problem.dataset,
            weights,
            steps=5,
            batch_size=4,
            max_shots=budget,
        )
        assert run.run().status == Status.BUDGET_SPENT
        assert run.meter.cost.shots <= budget


def test_evaluations_do_not_count_against_the_budget(training, model):
    runs = [
        training(statevector(model, shots=10), SGD(0.1), evaluate_every=k, max_shots=1600)
        for k in (0, 1)
    ]
    assert [run.run().status for run in runs] == [Status.BUDGET_SPENT] * 2
    assert runs[0].steps_done == runs[1].steps_done > 0


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda: SGD(0.1),
        lambda: Adam(0.1),
        lambda: NLR(0.1),
        lambda: NLR(0.1, trigger=StandardErrors(2.0)),
    ],
    ids=["sgd", "adam", "nlr", "nlr-standard-errors"],
)
@pytest.mark.parametrize("values", [True, False], ids=["values", "derivatives"])
@pytest.mark.parametrize("evaluate_every", [0, 1])
@pytest.mark.parametrize("shots", [None, 10])
def test_diverged(optimizer, values, evaluate_every, shots, training, model):
    # Each optimizer makes two sound steps, of one job or two and two more for an evaluation.
    jobs = 2 * (1 + isinstance(optimizer(), NLR) + 2 * evaluate_every)
    backend = Failing(statevector(model, shots), job=jobs + 1, values=values)
    run = training(backend, optimizer(), evaluate_every=evaluate_every)
    outcome = run.run()
    assert (outcome.status, run.steps_done) == (Status.DIVERGED, 3)
    assert "at step 3" in outcome.sentence
    assert len(run.history) == 3


def test_interrupted_after_a_whole_step(training, model):
    run = training(statevector(model), NLR(0.1))
    outcome = run.run(interrupted=lambda: run.steps_done == 3)
    assert outcome.status == Status.INTERRUPTED
    assert outcome.sentence == "stopped after 3 of 6 steps"
    assert run.steps_done == 3
    assert run.run().status == Status.FINISHED
    assert run.steps_done == 6


def test_a_run_that_is_done_is_not_interrupted(training, model):
    run = training(statevector(model), SGD(0.1))
    assert run.run(interrupted=lambda: run.steps_done == 6).status == Status.FINISHED


def test_uphill_is_not_divergence(training, model):
    uphill = NLR(0.05, negative_rate=0.2, trigger=lambda loss, probe: True)
    run = training(statevector(model), uphill, steps=20, batch_size=16)
    assert run.run().status == Status.FINISHED
    losses = run.history.columns["metric_loss"]
    assert losses[-1] > losses[0] + 0.5
    assert all(run.history.columns["metric_flipped"])


@pytest.mark.parametrize("optimizer", [lambda: SGD(0.1), lambda: NLR(0.1)])
def test_zero_gradient_is_not_convergence(optimizer, model, encoding):
    # At f = 1 every derivative of f is zero.
    samples = Samples(np.zeros((4, 2)), np.array([1.0, -1.0, 1.0, -1.0]))
    data = Dataset("origin", samples, samples, ("-", "+"), "all samples at the origin")
    run = own_training(
        model, encoding, statevector(model), optimizer(), data, np.zeros(6), steps=5, batch_size=4
    )
    assert run.run().status == Status.FINISHED
    assert run.steps_done == 5
    assert max(run.history.columns["metric_gradient_norm"]) < 1e-12
    assert run.history.columns["metric_loss"] == pytest.approx([2.0] * 5)


@pytest.mark.parametrize("name", ["steps", "passes", "batch_size", "checkpoint_every", "max_shots"])
@pytest.mark.parametrize("value", [0, -1, 1.5, "ten", True])
def test_counts_are_checked(name, value):
    with pytest.raises(InputError, match=f"{name} = {value!r}"):
        TrainingSettings(**{name: value})


def test_steps_are_100_unless_steps_or_passes_are_given():
    assert TrainingSettings().total_steps(7) == 100
    assert TrainingSettings(steps=3).total_steps(7) == 3
    assert TrainingSettings(passes=3, batch_size=7).total_steps(7) == 3


def test_steps_and_passes_exclude_each_other():
    with pytest.raises(InputError, match=r"^passes = 2 is not valid together with steps = 100;"):
        TrainingSettings(steps=100, passes=2)


@given(st.integers(1, 50), st.integers(1, 200), st.integers(1, 1000))
def test_a_pass_has_the_least_number_of_mini_batches_that_hold_all_samples(passes, size, samples):
    steps = TrainingSettings(passes=passes, batch_size=size).total_steps(samples)
    a_pass, rest = divmod(steps, passes)
    assert rest == 0
    assert (a_pass - 1) * size < samples <= a_pass * size


def test_passes_are_made_like_as_many_steps(training, model):
    passes = training(statevector(model), SGD(0.1), steps=None, passes=2, batch_size=5)
    size = len(passes.problem.train)
    expected = 2 * -(-size // 5)
    steps = training(statevector(model), SGD(0.1), steps=expected, batch_size=5)
    outcome = passes.run()
    assert (outcome.status, outcome.sentence) == (Status.FINISHED, f"all {expected} steps made")
    steps.run()
    np.testing.assert_array_equal(passes.optimizer.state.x, steps.optimizer.state.x)


def test_an_interrupted_run_says_how_many_steps_its_passes_are(training, model):
    run = training(statevector(model), SGD(0.1), steps=None, passes=2, batch_size=4)
    total = 2 * -(-len(run.problem.train) // 4)
    assert run.run(interrupted=lambda: True).sentence == f"stopped after 0 of {total} steps"


@pytest.mark.parametrize("value", [-1, 0.5])
def test_evaluate_every_is_checked(value):
    assert TrainingSettings(evaluate_every=0).evaluate_every == 0
    with pytest.raises(InputError, match="evaluate_every"):
        TrainingSettings(evaluate_every=value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "low"])
def test_target_is_checked(value):
    with pytest.raises(InputError, match="target_loss"):
        TrainingSettings(target_loss=value, evaluate_every=1)


def test_target_needs_evaluations():
    with pytest.raises(InputError, match="set evaluate_every"):
        TrainingSettings(target_loss=0.1)


def test_which_statuses_are_final():
    again = {status for status in Status if not status.is_final}
    assert again == {Status.FAILED, Status.INTERRUPTED}
    assert {str(status) for status in Status} == {
        "finished", "target_reached", "budget_spent", "diverged", "failed", "interrupted",
    }  # fmt: skip
