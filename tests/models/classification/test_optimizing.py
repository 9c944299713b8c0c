"""Training that goes on with another optimizer, and what callbacks see and end of a fit."""

import time
from itertools import permutations

import numpy as np
import pytest
from qiskit.circuit.library import real_amplitudes
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning

from qnlr import NLR, SGD, Adam
from qnlr.errors import InputError
from qnlr.models.classification.classifier import VariationalClassifier
from qnlr.models.classification.optimizing import kind_of
from qnlr.models.watching.callbacks import History, ProgressBar
from qnlr.models.watching.early_stopping import StopAt
from qnlr.optimizers import (
    COBYLA,
    SPSA,
    AdaptiveMoments,
    AdaptiveNLR,
    Constant,
    HeavyBall,
    Momentum,
    NegativeRate,
    Prodigy,
    RMSProp,
    SignedRateOptimizer,
    SuffixAverage,
)
from qnlr.training import Status
from qnlr.types import Cost


@pytest.fixture(scope="module")
def iris():
    return load_iris(return_X_y=True)


@pytest.fixture(scope="module")
def two(iris):
    return iris[0][50:], iris[1][50:]


def small(**given):
    return VariationalClassifier(**{"layers": 1, "steps": 3, "random_state": 0, **given})


OPTIMIZERS = {
    "default": None,
    "NLR": NLR(0.1),
    "NLR, Adam": NLR(0.1, direction=AdaptiveMoments()),
    "SGD": SGD(0.1),
    "Momentum": Momentum(0.1),
    "RMSProp": RMSProp(0.1),
    "Adam": Adam(0.1),
    "SPSA": SPSA(),
    "SPSA 0.2": SPSA(0.2),
    "COBYLA": COBYLA(),
    "parts": SignedRateOptimizer(HeavyBall(), Constant(0.1)),
    "negative parts": SignedRateOptimizer(HeavyBall(), NegativeRate(0.1)),
    "AdaptiveNLR": AdaptiveNLR(),
    "AdaptiveNLR, suffix": AdaptiveNLR(average=SuffixAverage()),
    "Prodigy": Prodigy(),
}


class TestAnotherOptimizer:
    @pytest.mark.parametrize(("first", "second"), [*permutations(OPTIMIZERS, 2)])
    def test_it_begins_anew_at_the_weights(self, two, first, second):
        X, y = two
        model = small(optimizer=OPTIMIZERS[first]).partial_fit(X, y, classes=[1, 2])
        weights, spent = model.weights_, model.cost_
        model.set_params(optimizer=OPTIMIZERS[second])
        model.partial_fit(X, y)
        assert model.n_iter_ == 2 * 4
        assert model.history_["step"].tolist() == [*range(8)]
        assert model.cost_.circuits > spent.circuits
        assert np.abs(model.weights_ - weights).max() < 4 * 1.1  # COBYLA's steps are of 1
        model.partial_fit(X, y).set_params(optimizer=OPTIMIZERS[first]).partial_fit(X, y)
        assert model.n_iter_ == 4 * 4

    def test_mini_batches_and_weights_are_those_that_would_have_followed(self, two):
        X, y = two
        model = small(optimizer=Adam(0.1), warm_start=True).fit(X, y)
        weights = model.weights_[0]
        model.set_params(optimizer=SGD(0.1), steps=1).fit(X, y)
        twin = small(optimizer=Adam(0.1), warm_start=True).fit(X, y).set_params(steps=1).fit(X, y)
        columns = ["metric_loss", "metric_gradient_norm"]
        np.testing.assert_array_equal(model.history_[columns], twin.history_[columns])
        change = np.linalg.norm(model.weights_[0] - weights)
        assert change == pytest.approx(0.1 * model.history_["metric_gradient_norm"].iloc[-1])

    def test_a_file_between(self, two, tmp_path):
        X, y = two
        model = small(optimizer=Adam(0.1)).fit(X, y)
        model.set_params(optimizer=COBYLA()).partial_fit(X, y)
        model.save(tmp_path / "model.npz")
        loaded = VariationalClassifier.load(tmp_path / "model.npz")
        np.testing.assert_array_equal(
            loaded.partial_fit(X, y).weights_, model.partial_fit(X, y).weights_
        )

    def test_another_rate_keeps_the_state(self, two):
        X, y = two
        model = small(optimizer=Adam(0.1)).fit(X, y)
        model.set_params(optimizer=Adam(0.01)).partial_fit(X, y)
        assert model._fitted.models[0].state["optimizer"]["direction"]["t"] == 3 + 4
        assert kind_of(SPSA(0.1)) != kind_of(SPSA(0.2))
        assert kind_of(NLR(0.1)) != kind_of(NLR(0.1, direction=HeavyBall()))

    def test_cobyla_that_has_ended_says_so(self, two):
        X, y = two[0][::5, 2:], two[1][::5]
        given = {"encoding": "angle", "ansatz": real_amplitudes(2, reps=0), "head": "bare"}
        model = small(optimizer=COBYLA(), steps=200, warm_start=True, **given).fit(X, y)
        steps = model.n_iter_
        assert steps < 200
        model.fit(X, y)
        assert model.n_iter_ == steps
        (outcome,) = model.outcomes_
        assert outcome.sentence == (
            f"no step was made: the optimizer ended by itself after {steps} steps; give another "
            "optimizer, or fit anew"
        )
        model.set_params(optimizer=NLR(0.1), steps=2).fit(X, y)
        assert model.n_iter_ == steps + 2


class Events(list):
    def begin(self, steps):
        self.append(("begin", steps))

    def __call__(self, record):
        self.append(record.step)

    def end(self):
        self.append("end")


class MyNLR(NLR):
    pass


class TestCallbacks:
    def test_one_beginning_and_one_end_of_all_classes(self, iris):
        events = Events()
        model = small(callback=events).fit(*iris)
        assert events == [("begin", 9), *range(9), "end"]
        events.clear()
        model.partial_fit(*iris)
        assert events == [("begin", 15), *range(15), "end"]

    @pytest.mark.parametrize("kind", [NLR, COBYLA, MyNLR])
    def test_those_of_the_optimizer_are_served_as_well(self, iris, kind):
        inner, outer = Events(), Events()
        model = small(optimizer=kind(0.1, callback=inner), callback=outer).fit(*iris)
        assert inner == outer == [("begin", 9), *range(9), "end"]
        model.set_params(callback=None).fit(*iris)
        assert len(inner) == 2 * 11
        assert len(outer) == 11

    def test_a_bar_is_closed_and_a_history_is_whole(self, iris, capsys):
        bar, history = ProgressBar(), History()
        small(optimizer=NLR(0.1, callback=bar), callback=history).fit(*iris)
        assert bar._bar is None
        assert "9/9" in capsys.readouterr().err
        assert history.frame()["step"].tolist() == [*range(9)]

    @pytest.mark.parametrize("where", ["classifier", "optimizer"])
    def test_a_stop_ends_the_fit(self, iris, where):
        stop = lambda record: record.step == 4
        given = {"callback": stop} if where == "classifier" else {"optimizer": NLR(callback=stop)}
        model = small(**given)
        with pytest.warns(
            ConvergenceWarning, match=r"the models of classes \[2\] still have their"
        ):
            model.fit(*iris)
        assert [one.steps for one in model._fitted.models] == [3, 2, 0]
        finished, stopped, untrained = model.outcomes_
        assert (finished.status, stopped.status) == (Status.FINISHED, Status.INTERRUPTED)
        assert stopped.sentence == (
            "stopped after 2 of 3 steps; the models of classes [2] still have their initial weights"
        )
        assert untrained.sentence.startswith("no step was made: a callback had stopped the fit")
        assert model.history_["class"].tolist() == [0, 0, 0, 1, 1]
        assert model.predict(iris[0]).shape == (150,)
        model.set_params(callback=None, optimizer=None).partial_fit(*iris)
        assert [one.steps for one in model._fitted.models] == [8, 7, 5]

    def test_a_stop_of_training_that_goes_on(self, iris):
        model = small(warm_start=True).fit(*iris)
        model.set_params(callback=lambda record: True).fit(*iris)
        assert [one.steps for one in model._fitted.models] == [4, 3, 3]
        assert model.outcomes_[0].sentence == "stopped after 4 of 6 steps"
        assert model.outcomes_[2].sentence == (
            "no step was made: a callback had stopped the fit before"
        )

    def test_seconds_are_those_of_the_whole_fit(self, iris):
        stop = StopAt(seconds=0.3)
        began = time.perf_counter()
        with pytest.warns(ConvergenceWarning, match=r"classes \[1, 2\]"):
            small(steps=10**6, callback=stop).fit(*iris)
        assert time.perf_counter() - began < 0.6
        assert "seconds are over" in stop.reason

    @pytest.mark.parametrize("before", [False, True], ids=["first", "again"])
    def test_shots_of_the_model_are_counted(self, iris, before):
        model = small(shots=20, steps=20)
        if before:
            model.fit(*iris)
        one = model.set_params(steps=1).fit(*iris).cost_.shots // 3
        model.callback = StopAt(shots=25 * one, of=model)
        model.set_params(steps=20)
        with pytest.warns(ConvergenceWarning, match=r"classes \[2\]"):
            model.fit(*iris)
        assert model.cost_.shots == 25 * one
        assert [outcome.status for outcome in model.outcomes_][1] is Status.INTERRUPTED

    def test_the_cost_grows_while_it_trains(self, iris):
        model = small(warm_start=True)
        assert model.cost == Cost()
        seen = []
        model.callback = lambda record: seen.append(model.cost_)
        model.fit(*iris).fit(*iris)
        circuits = [cost.circuits for cost in seen]
        assert circuits == [(step + 1) * circuits[0] for step in range(18)]
        assert model.cost == model.cost_ == seen[-1]

    def test_an_error_in_a_callback_leaves_nothing_open(self, iris):
        class Failing(Events):
            def __call__(self, record):
                raise KeyError("mine")

        events, model = Failing(), small()
        with pytest.raises(KeyError, match="mine"):
            model.set_params(callback=events).fit(*iris)
        assert events == [("begin", 9), "end"]
        assert model.cost == Cost()
        assert not hasattr(model, "cost_")

    def test_what_is_none(self, iris):
        with pytest.raises(InputError, match="callback = 3 is not valid"):
            small(callback=3, optimizer=NLR(callback=print)).fit(*iris)
