"""Callbacks: several at once, a history, a progress bar, early stopping."""

import copy
import io
import pickle
import sys
import time

import numpy as np
import pytest
from joblib import Parallel, delayed
from qiskit.circuit.library import real_amplitudes, z_feature_map
from qiskit_machine_learning.algorithms import VQC
from qiskit_machine_learning.optimizers import SPSA as QISKIT_SPSA
from qiskit_machine_learning.optimizers import GradientDescent
from sklearn.base import clone
from sklearn.model_selection import cross_val_score

from qnlr import Estimate, VariationalClassifier
from qnlr.errors import InputError
from qnlr.models.accelerated import accelerate
from qnlr.models.batches import MiniBatches
from qnlr.models.watching.callbacks import Callbacks, History, ProgressBar, as_record
from qnlr.models.watching.curve import LossCurve
from qnlr.models.watching.early_stopping import StopAt, _shots
from qnlr.optimizers import COBYLA, NLR, SGD, SPSA, StandardErrors
from qnlr.training import History as StudyHistory
from qnlr.types import Cost

SAMPLES = np.array([[0.2, 0.4], [0.3, 0.1], [1.4, 1.6], [1.5, 1.3]])
LABELS = np.array([0, 0, 1, 1])
START = np.array([0.4, -0.3, 0.2, 0.5])


def vqc(optimizer, callback=None):
    return VQC(
        feature_map=z_feature_map(2, reps=1),
        ansatz=real_amplitudes(2, reps=1),
        optimizer=optimizer,
        initial_point=START,
        callback=callback,
    )


def minimise(optimizer, losses=None):
    """Minimise a parabola, or read given losses at whatever point."""
    if losses is None:
        return optimizer.minimize(lambda x: float(x @ x), [1.0, -2.0], lambda x: 2 * x)
    given = iter(losses)
    return optimizer.minimize(lambda x: next(given), [1.0], lambda x: 0 * x)


def drawn(captured):
    """Return what a bar looked like every time that it was drawn."""
    return [line for line in captured.err.replace("\n", "\r").split("\r") if line.strip()]


class Counter:
    """Something that counts shots, so many a step."""

    def __init__(self, *shots):
        self.cost, self._shots = Cost(), iter(shots)

    def spend(self, record=None):
        self.cost += Cost(shots=next(self._shots))


def test_all_are_called_and_any_stops():
    order = []
    together = Callbacks(
        lambda record: order.append("first") or record.step == 1,
        lambda record: order.append("second") or 1,
        Callbacks(lambda record: order.append("third")),
    )
    assert minimise(SGD(0.1, maxiter=9, callback=together)).nit == 2
    assert order == ["first", "second", "third"] * 2


def test_a_callback_within_callbacks_stops():
    nested = Callbacks(Callbacks(History(), StopAt(target=1.0)))
    assert minimise(SGD(0.1, callback=nested)).nit < 100


def test_what_cannot_be_called_is_refused():
    with pytest.raises(InputError, match="callback = 'bar' is not valid"):
        Callbacks(print, "bar")
    with pytest.raises(InputError, match="callback = ProgressBar is not valid"):
        Callbacks(ProgressBar)


def test_a_history_is_the_one_of_a_study():
    history, records = History(), []
    nlr = NLR(1.1, 0.5, maxiter=4, callback=Callbacks(history, records.append))
    nlr.minimize(lambda x: Estimate(x @ x, 0.1), [3.0, 4.0], lambda x: 2 * x)
    assert history.records == records
    study = StudyHistory()
    for record in records:
        study.append(record, np.nan, Cost())
    frame = history.frame()
    for name in frame:
        np.testing.assert_array_equal(frame[name], study.state_dict()[name])
    assert frame["metric_flipped"].all()
    assert (frame["metric_loss_std"] == 0.1).all()
    assert frame["step"].tolist() == [0, 1, 2, 3]


def test_a_history_is_of_the_last_minimisation():
    history = History()
    assert history.frame().empty
    assert history.frame().dtypes["step"].kind == "i"
    for steps in (3, 2):
        minimise(SGD(0.1, maxiter=steps, callback=history))
        assert len(history.frame()) == steps


def test_a_models_callback_knows_the_loss_alone():
    history = History()
    records = []
    vqc(SGD(0.1, maxiter=3, callback=records.append), history).fit(SAMPLES, LABELS)
    frame = history.frame()
    assert frame["metric_loss"].tolist() == [record.loss for record in records]
    assert frame["step"].tolist() == [0, 1, 2]
    assert frame["metric_gradient_norm"].isna().all()
    np.testing.assert_array_equal(history.records[1].parameters, records[1].parameters)


@pytest.mark.parametrize(
    "optimizer", [GradientDescent(maxiter=3), QISKIT_SPSA(3, learning_rate=0.1, perturbation=0.1)]
)
def test_the_callbacks_of_qiskits_optimizers_are_understood(optimizer):
    history = History()
    optimizer.callback = history
    optimizer.minimize(lambda x: float(x @ x), np.array([1.0, -2.0]))
    assert history.frame()["step"].tolist()[:3] == [0, 1, 2]
    assert as_record(0, 7, np.zeros(2), 0.5, 0.1).loss == 0.5
    for record in history.records:
        assert record.loss == pytest.approx(record.parameters @ record.parameters)


def test_a_bar_shows_loss_gradient_norm_and_flips_of_every_step(capsys):
    bar = ProgressBar(description="parabola")
    nlr = NLR(1.1, 0.5, maxiter=3, callback=bar)
    nlr.minimize(lambda x: float(x @ x), [3.0, 4.0], lambda x: 2 * x)
    last = drawn(capsys.readouterr())[-1]
    assert last.startswith("parabola: 100%")
    assert "3/3" in last
    assert last.endswith("loss 400, gradient norm 40, flips 3]")
    assert bar.shown == "loss 400, gradient norm 40, flips 3"


@pytest.mark.parametrize("build", [SPSA, COBYLA])
def test_a_bar_without_gradients_shows_the_loss(build, capsys):
    minimise(build(maxiter=4, callback=ProgressBar()))
    last = drawn(capsys.readouterr())[-1]
    assert "4/4" in last
    assert "gradient" not in last
    assert "loss " in last


def test_a_bar_closes_at_the_end_and_starts_anew(capsys):
    bar = ProgressBar()
    for steps in (4, 2):
        optimizer = SGD(0.1, maxiter=9, callback=Callbacks(bar, lambda r, s=steps: r.step == s - 1))
        minimise(optimizer)
        text = capsys.readouterr().err
        assert text.count("\n") == 1
        assert text.endswith("\n")
        assert f"{steps}/9" in text.splitlines()[-1]


def test_a_bar_closes_at_its_total_where_nobody_tells_of_the_end(capsys):
    bar = ProgressBar(total=2)
    for loss in (0.5, 0.4, 0.3, 0.2):
        bar(START, loss)
    lines = capsys.readouterr().err.split("\n")
    assert len(lines) == 3
    assert lines[0].endswith("loss 0.4]")
    assert lines[1].endswith("loss 0.2]")


def test_more_steps_than_the_total_open_no_second_bar(capsys):
    minimise(SGD(0.1, maxiter=5, callback=ProgressBar(total=2)))
    text = capsys.readouterr().err
    assert text.count("\n") == 1
    assert "2/2" in text


def test_a_record_of_a_first_step_begins_another_bar(capsys):
    records = []
    minimise(SGD(0.1, maxiter=2, callback=records.append))
    with ProgressBar() as bar:
        for record in (*records, *records):
            bar(record)
    assert capsys.readouterr().err.count("\n") == 2


def test_a_bar_as_a_context_closes_when_it_is_left(capsys):
    with ProgressBar() as bar:
        bar(START, 0.5)
    assert capsys.readouterr().err.endswith("loss 0.5]\n")
    bar.close()
    assert capsys.readouterr().err == ""


def test_a_bar_on_a_vqc_and_on_mini_batches(capsys):
    vqc(NLR(0.1, maxiter=3), ProgressBar()).fit(SAMPLES, LABELS)
    assert "3/3" in drawn(capsys.readouterr())[-1]
    vqc(MiniBatches(NLR(0.1, maxiter=3), 2, seed=0), ProgressBar()).fit(SAMPLES, LABELS)
    assert "3/3" in drawn(capsys.readouterr())[-1]
    vqc(MiniBatches(GradientDescent(maxiter=3), 2), ProgressBar(total=3)).fit(SAMPLES, LABELS)
    assert "3/3" in drawn(capsys.readouterr())[-1]


@pytest.mark.parametrize("build", [NLR, SPSA])
def test_a_bar_closes_where_an_error_is_the_end(build, capsys):
    def broken(x):
        if "1/9" in bar_text():
            raise RuntimeError("device gone")
        return float(x @ x)

    def bar_text():
        return "" if bar._bar is None else str(bar._bar)

    bar = ProgressBar()
    with pytest.raises(RuntimeError, match="device gone"):
        build(0.1, maxiter=9, callback=bar).minimize(broken, [1.0], lambda x: 2 * x)
    text = capsys.readouterr().err
    assert text.endswith("]\n")
    assert text.count("\n") == 1


WATCHERS = {
    "history": History,
    "bar": ProgressBar,
    "curve": LossCurve,
    "stop": lambda: StopAt(target=-1.0),
    "several": lambda: Callbacks(History(), ProgressBar()),
}


@pytest.fixture(params=WATCHERS.values(), ids=WATCHERS)
def watcher(request):
    return request.param()


def test_copies_of_what_holds_them_tell_the_same_watcher(watcher):
    for holder in (NLR(0.1, callback=watcher), SPSA(callback=watcher)):
        minimise(holder)
        for twin in (copy.deepcopy(holder), clone(holder), copy.deepcopy([holder])[0]):
            assert twin.settings["callback"] is watcher
    batches = copy.deepcopy(MiniBatches(NLR(0.1, callback=watcher), 2))
    assert batches.optimizer.settings["callback"] is watcher
    classifier = VariationalClassifier(callback=watcher, optimizer=NLR(callback=watcher))
    for twin in (copy.deepcopy(classifier), clone(classifier)):
        assert twin.callback is twin.optimizer.settings["callback"] is watcher


def test_a_history_outlives_the_copies_of_an_optimizer(watcher):
    history = History()
    for optimizer in (SGD(0.1, maxiter=3, callback=history), SPSA(maxiter=3, callback=history)):
        minimise(optimizer)
        copy.deepcopy(optimizer)
        assert [record.step for record in history.records] == [0, 1, 2]


def test_watchers_travel_to_other_processes_while_they_watch(watcher):
    record = as_record(0, START, 0.5)
    for watching in (watcher, *getattr(watcher, "callbacks", ())):
        watching.begin(9) if not isinstance(watching, Callbacks) else None
    watcher(record)
    again = pickle.loads(pickle.dumps(watcher))
    assert again is not watcher
    again.begin(2)
    again(record)
    if isinstance(again, History):
        assert len(again.records) == 1
    for one in (watcher, again):
        getattr(one, "end", lambda: None)()


def test_workers_tell_a_copy():
    history = History()
    jobs = (delayed(minimise)(SGD(0.1, maxiter=steps, callback=history)) for steps in (2, 3))
    assert [result.nit for result in Parallel(n_jobs=2)(jobs)] == [2, 3]
    assert history.records == []


def test_a_cross_validation_tells_the_users_history():
    history = History()
    classifier = VariationalClassifier(steps=4, layers=1, callback=history, random_state=0)
    X, y = np.tile(SAMPLES, (3, 1)), np.tile(LABELS, 3)
    cross_val_score(classifier, X, y, cv=2)
    assert len(history.records) == 4


@pytest.mark.parametrize("stream", [None, io.TextIOWrapper(io.BytesIO(), encoding="ascii")])
def test_a_bar_does_without_a_terminal(stream, monkeypatch):
    monkeypatch.setattr(sys, "stderr", stream)
    minimise(SGD(0.1, maxiter=3, callback=ProgressBar()))
    if stream is not None:
        stream.flush()
        assert b"3/3" in stream.buffer.getvalue()


def test_a_bar_outlives_its_stream(monkeypatch):
    monkeypatch.setattr(sys, "stderr", stream := io.StringIO())
    bar = ProgressBar()
    bar(START, 0.5)
    stream.close()
    monkeypatch.undo()
    bar(START, 0.4)
    bar.close()
    assert bar.shown == "loss 0.4"


@pytest.mark.parametrize("total", [0, -1, 2.5, "ten"])
def test_a_total_that_is_no_count_is_refused(total):
    with pytest.raises(InputError, match=r"total = .* is not valid"):
        ProgressBar(total)


def test_it_stops_at_the_target():
    stop = StopAt(target=0.5)
    records = []
    result = minimise(SGD(0.1, callback=Callbacks(records.append, stop)))
    assert records[-1].loss <= 0.5 < records[-2].loss
    assert result.nit == len(records)
    assert stop.reason == (
        f"the loss {records[-1].loss:.4g} reached the target 0.5; stopped after {result.nit} steps"
    )


def test_a_noisy_loss_must_stay_at_the_target():
    losses = [0.9, 0.4, 0.6, 0.4, 0.5, 0.5, 0.1, 0.0]
    assert minimise(SGD(callback=StopAt(target=0.5)), losses).nit == 2
    assert minimise(SGD(callback=StopAt(target=0.5, consecutive=3)), losses).nit == 6


def test_a_loss_that_is_no_number_reaches_no_target():
    assert minimise(SGD(maxiter=3, callback=StopAt(target=0.5)), [np.nan] * 4).nit == 3


def test_it_stops_when_the_time_is_over():
    stop = StopAt(seconds=0.2)
    began = time.perf_counter()
    waiting = Callbacks(lambda record: time.sleep(0.05), stop)
    result = minimise(SGD(0.1, callback=waiting))
    taken = time.perf_counter() - began
    assert taken >= 0.2
    assert 1 <= result.nit <= 4
    assert "of 0.2 seconds are over; stopped after" in stop.reason


def test_waiting_before_a_minimisation_does_not_count():
    stop = StopAt(seconds=0.2)
    optimizer = SGD(0.1, maxiter=3, callback=stop)
    time.sleep(0.25)
    assert minimise(optimizer).nit == 3
    assert stop.reason is None


@pytest.mark.parametrize(
    ("shots", "budget", "steps"),
    [
        ([10] * 20, 100, 10),
        ([10] * 20, 99, 9),
        ([10, 30, 10, 10, 10, 10, 10], 100, 6),
        ([500, 1], 100, 1),
    ],
)
def test_it_stops_before_the_step_that_would_pass_the_budget(shots, budget, steps):
    counter = Counter(1000, *shots)
    counter.spend()  # before the minimisation; it does not count
    stop = StopAt(shots=budget, of=counter)
    result = minimise(SGD(0.1, callback=Callbacks(counter.spend, stop)))
    assert result.nit == steps
    spent = sum(shots[:steps])
    assert stop.reason.startswith(f"{spent} of {budget} shots are spent, and the next step may")
    assert spent <= budget or steps == 1


def test_the_shots_of_an_accelerated_model_are_counted():
    model = accelerate(vqc(None), shots=100, seed=0)
    one = accelerate(vqc(SGD(0.1, maxiter=1)), shots=100, seed=0)
    one.fit(SAMPLES, LABELS)
    final = len(SAMPLES) * 100  # the last weights are read once more
    step = one.neural_network.cost.shots - final
    records = []
    stop = StopAt(shots=5 * step, of=model)
    model.optimizer = SGD(0.1, callback=Callbacks(stop, records.append))
    for _ in range(2):
        before = model.neural_network.cost.shots
        model.fit(SAMPLES, LABELS)
        assert model.fit_result.nit == 5
        assert model.neural_network.cost.shots - before == 5 * step + final
        assert stop.reason.startswith(f"{5 * step} of {5 * step} shots are spent")
        model.predict(SAMPLES)  # between two minimisations; it does not count


def test_the_cost_of_a_classifier_is_read_while_it_grows_and_after():
    class Growing:
        cost = Cost(shots=7)
        cost_ = Cost(shots=5)

    class Fitted:
        cost = property(lambda self: None)
        cost_ = Cost(shots=5)

    assert _shots(Growing()) == 7
    assert _shots(Fitted()) == 5


@pytest.mark.parametrize("where", ["classifier", "optimizer"])
def test_the_shots_of_a_classifier_are_counted(where):
    model = VariationalClassifier(steps=9, layers=1, shots=10, random_state=0)
    one = VariationalClassifier(steps=1, layers=1, shots=10, random_state=0)
    step = one.fit(SAMPLES, LABELS).cost_.shots
    stop = StopAt(shots=4 * step, of=model)
    if where == "classifier":
        model.set_params(callback=stop)
    else:
        model.set_params(optimizer=NLR(0.1, trigger=StandardErrors(2.0), callback=stop))
    for _ in range(2):
        assert model.fit(SAMPLES, LABELS).n_iter_ == 4
        assert model.cost_.shots == 4 * step
        assert stop.reason.startswith(f"{4 * step} of {4 * step} shots are spent")


def test_a_count_that_stands_still_is_an_error():
    exact = accelerate(vqc(None))
    exact.optimizer = SGD(0.1, callback=StopAt(shots=1000, of=exact))
    with pytest.raises(InputError, match="VQC has counted no shots"):
        exact.fit(SAMPLES, LABELS)


def test_the_second_minimisation_starts_from_nothing():
    stop = StopAt(target=0.5, consecutive=2)
    optimizer = SGD(callback=stop)
    assert minimise(optimizer, [0.4, 0.9, 0.4, 0.4, 0.4]).nit == 4
    assert minimise(optimizer, [0.4, 0.9, 0.4, 0.4, 0.4]).nit == 4
    optimizer.maxiter = 1
    minimise(optimizer, [0.4, 0.4])
    assert stop.reason is None


def test_records_handed_on_by_other_means_begin_anew_as_well():
    records = []
    minimise(SGD(0.1, maxiter=2, callback=records.append))
    stop = StopAt(target=9.0, consecutive=3)
    assert [stop(record) for record in (*records, *records)] == [False] * 4


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "stops at nothing; give a target, seconds or shots"),
        ({"target": "low"}, "target = 'low' is not valid"),
        ({"target": np.inf}, "target = inf is not valid"),
        ({"seconds": 0}, "seconds = 0 is not valid"),
        ({"seconds": np.nan}, "seconds = nan is not valid"),
        ({"shots": 100}, "shots are counted by a model"),
        ({"shots": 0, "of": Counter()}, "shots = 0 is not valid"),
        ({"shots": 1.5, "of": Counter()}, "shots = 1.5 is not valid"),
        ({"shots": 100, "of": "model"}, "of = str counts no shots"),
        ({"shots": 100, "of": vqc(None)}, "of = VQC counts no shots"),
        ({"target": 0.1, "of": Counter()}, "of counts shots"),
        ({"target": 0.1, "consecutive": 0}, "consecutive = 0 is not valid"),
        ({"seconds": 1.0, "consecutive": 2}, "give a target"),
    ],
)
def test_what_cannot_stop_is_refused(settings, words):
    with pytest.raises(InputError, match=words):
        StopAt(**settings)


def test_a_models_callback_cannot_stop_and_says_so():
    model = vqc(SGD(0.1), StopAt(target=0.1))
    with pytest.raises(InputError, match="StopAt is a callback of the optimizer"):
        model.fit(SAMPLES, LABELS)
