import copy
import pickle
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit.library import RealAmplitudes, real_amplitudes, zz_feature_map
from qiskit.primitives import StatevectorEstimator
from qiskit.quantum_info import SparsePauliOp
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from qnlr import NLR, SGD, Adam
from qnlr.backends import EstimatorBackend, SimulatorBackend
from qnlr.circuits import amplitude, hardware_efficient, variational_circuit, z
from qnlr.data import Dataset, Samples
from qnlr.errors import InputError
from qnlr.models.classification import assembly
from qnlr.models.classification.classifier import VariationalClassifier
from qnlr.noise import from_rate
from qnlr.optimizers import SPSA, GaussianNoise, StandardErrors
from qnlr.problems import Classification, ScaleBias
from qnlr.rng import stream
from qnlr.training import Status, Streams, Training, TrainingSettings
from qnlr.types import Cost


@pytest.fixture(scope="module")
def iris():
    return load_iris(return_X_y=True)


@pytest.fixture(scope="module")
def two(iris):
    X, y = iris
    return X[50:], y[50:]


def small(**given):
    return VariationalClassifier(**{"layers": 2, "steps": 6, "random_state": 0, **given})


def trained_by_hand(X, signs, seed, number, steps):
    """Train one class against the rest with the public parts of the package and no classifier."""
    scaled = StandardScaler().fit_transform(X)
    constant = np.sqrt(np.mean(np.sum(scaled**2, axis=1)))
    samples = Samples(np.column_stack([scaled, np.full(len(X), constant)]), signs)
    encoding = amplitude(features=5, qubits=3)
    circuit = variational_circuit(encoding, hardware_efficient(3, 2), z(3, 2))
    data = Dataset("iris", samples, samples, ("rest", "class"), "")
    problem = Classification(circuit, encoding, data, head=ScaleBias())
    weights = np.append(
        stream("init", seed, number).uniform(-np.pi, np.pi, 18),
        ScaleBias().initial(stream("head", seed, number)),
    )
    optimizer = NLR(0.1, trigger=StandardErrors(2.0))
    settings, streams = TrainingSettings(steps, batch_size=32), Streams.spawn(seed, run=number)
    training = Training(problem, SimulatorBackend(circuit), optimizer, settings, streams, weights)
    training.run()
    return optimizer.state.x


class TestTraining:
    def test_it_is_the_one_training_loop_for_every_class(self, iris):
        X, y = iris
        model = small(random_state=7).fit(X, y)
        for number in range(3):
            signs = np.where(y == number, 1.0, -1.0)
            by_hand = trained_by_hand(X, signs, seed=7, number=number, steps=6)
            np.testing.assert_array_equal(model.weights_[number], by_hand)

    def test_two_classes_are_one_binary_model(self, two):
        X, y = two
        model = small(random_state=3).fit(X, y)
        by_hand = trained_by_hand(X, np.where(y == 2, 1.0, -1.0), seed=3, number=0, steps=6)
        np.testing.assert_array_equal(model.weights_, by_hand[None])

    @pytest.mark.parametrize(
        ("load", "floor"), [(load_iris, 0.9), (load_breast_cancer, 0.92)], ids=["iris", "cancer"]
    )
    def test_accuracy_on_samples_held_out(self, load, floor):
        X, y = load(return_X_y=True)
        folds = StratifiedKFold(3, shuffle=True, random_state=0)
        scores = cross_val_score(VariationalClassifier(random_state=0), X, y, cv=folds)
        assert scores.mean() > floor

    def test_a_seed_gives_the_same_weights_and_none_gives_others(self, two):
        X, y = two
        seeded = [small(random_state=5).fit(X, y).weights_ for _ in range(2)]
        np.testing.assert_array_equal(*seeded)
        drawn = [small(random_state=np.random.RandomState(5)).fit(X, y).weights_ for _ in range(2)]
        np.testing.assert_array_equal(*drawn)
        fresh = [small(random_state=None).fit(X, y).weights_ for _ in range(2)]
        assert not np.allclose(*fresh)

    def test_a_random_state_of_its_own_leaves_numpys_global_one(self, two):
        np.random.seed(0)
        before = np.random.get_state()[1].copy()
        small().fit(*two).predict(two[0])
        np.testing.assert_array_equal(np.random.get_state()[1], before)

    def test_corrective_noise_follows_the_random_state(self, two):
        noisy = NLR(3.0, corrective=GaussianNoise(0.3))  # overshoots, so that the trigger fires
        first, again = (small(optimizer=noisy, steps=12).fit(*two) for _ in range(2))
        assert first.history_["metric_flipped"].any()
        np.testing.assert_array_equal(first.weights_, again.weights_)

    def test_the_optimizer_given_is_not_touched(self, iris):
        optimizer = NLR(0.1, maxiter=3)
        small(optimizer=optimizer).fit(*iris)
        assert optimizer.maxiter == 3
        with pytest.raises(InputError, match="no state yet"):
            optimizer.state

    def test_attributes(self, iris):
        model = small(steps=None, passes=2).fit(*iris)  # 2 · ⌈150/32⌉ steps
        assert model.classes_.tolist() == [0, 1, 2]
        assert model.weights_.shape == (3, 20)
        assert model.n_iter_ == 10
        assert model.history_["class"].value_counts().to_dict() == {0: 10, 1: 10, 2: 10}
        assert [outcome.status for outcome in model.outcomes_] == [Status.FINISHED] * 3
        # a step: 2 · 18 + 1 circuits for each of 32 samples, and one of each at the probe
        assert model.cost_ == Cost(circuits=3 * 10 * 32 * 38, shots=0, jobs=3 * 10 * 2)

    def test_labels_of_any_kind(self, two):
        X, y = two
        names = np.array(["no", "yes"], dtype=object)[y - 1]
        model, named = small().fit(X, y), small().fit(X, names)
        np.testing.assert_array_equal(model.weights_, named.weights_)
        assert set(named.predict(X)) <= {"no", "yes"}

    def test_spsa_draws_the_same_in_threads_side_by_side(self, two):
        X, y = two
        fit = lambda seed: small(optimizer=SPSA(), steps=30, random_state=seed).fit(X, y).weights_
        with ThreadPoolExecutor(2) as threads:
            together = [*threads.map(fit, range(4))]
        np.testing.assert_array_equal(together, [fit(seed) for seed in range(4)])


class TestContinuing:
    def test_a_pass_after_a_pass_is_two_passes(self, iris):
        X, y = iris
        whole = small(steps=None, passes=3).fit(X, y)
        parts = small(steps=None, passes=1).fit(X, y).partial_fit(X, y).partial_fit(X, y)
        np.testing.assert_array_equal(whole.weights_, parts.weights_)
        pd.testing.assert_frame_equal(whole.history_, parts.history_)
        assert whole.cost_ == parts.cost_

    @pytest.mark.parametrize("shots", [None, 50])
    def test_partial_fit_alone_is_fit(self, two, shots):
        X, y = two
        whole = small(steps=None, passes=2, shots=shots, optimizer=Adam(0.1)).fit(X, y)
        parts = small(shots=shots, optimizer=Adam(0.1))
        parts.partial_fit(X, y, classes=[1, 2]).partial_fit(X, y, classes=[1, 2])
        np.testing.assert_array_equal(whole.weights_, parts.weights_)

    def test_a_class_may_be_missing_from_some_samples(self, iris):
        X, y = iris
        model = small().partial_fit(X[:100], y[:100], classes=[0, 1, 2])
        model.partial_fit(X[100:], y[100:])
        assert model.n_iter_ == 4 + 2
        assert model.predict_proba(X).shape == (150, 3)

    def test_warm_start_goes_on(self, two):
        X, y = two
        whole = small(steps=10).fit(X, y)
        parts = small(steps=5, warm_start=True).fit(X, y).fit(X, y)
        np.testing.assert_array_equal(whole.weights_, parts.weights_)
        again = small(steps=5).fit(X, y).fit(X, y)
        np.testing.assert_array_equal(again.weights_, small(steps=5).fit(X, y).weights_)

    def test_classes(self, two):
        X, y = two
        with pytest.raises(InputError, match="classes must be passed on the first call"):
            small().partial_fit(X, y)
        model = small().partial_fit(X, y, classes=[1, 2])
        with pytest.raises(InputError, match=r"classes = \[0, 1\] are not those of the first"):
            model.partial_fit(X, y, classes=[0, 1])
        with pytest.raises(InputError, match="label 0 is not one of the classes"):
            model.partial_fit(X, y - 1)
        model.set_params(warm_start=True)
        with pytest.raises(InputError, match="set warm_start = False to begin anew"):
            model.fit(X, y + 1)


class TestPredictions:
    def test_two_classes(self, two):
        X, y = two
        model = small(head="bare", steps=20).fit(X, y)
        found, shares = model.decision_function(X), model.predict_proba(X)
        np.testing.assert_allclose(shares[:, 1], (1 + found) / 2)
        np.testing.assert_allclose(shares.sum(axis=1), 1)
        np.testing.assert_array_equal(model.predict(X), np.where(found > 0, 2, 1))
        assert model.score(X, y) == np.mean(model.predict(X) == y)

    @pytest.mark.parametrize("loss", ["squared_error", "logistic"])
    def test_three_classes(self, iris, loss):
        X, _ = iris
        model = small(loss=loss, steps=40).fit(*iris)
        found, shares = model.decision_function(X), model.predict_proba(X)
        assert np.abs(found).max() > 1  # beyond what (1 + o)/2 could make a probability of
        assert ((shares >= 0) & (shares <= 1)).all()
        np.testing.assert_allclose(shares.sum(axis=1), 1)
        np.testing.assert_array_equal(shares.argmax(axis=1), found.argmax(axis=1))
        np.testing.assert_array_equal(model.predict(X), found.argmax(axis=1))

    def test_all_classes_are_one_job(self, iris):
        jobs = []

        class Counting(SimulatorBackend):
            def run(self, parameters, rng):
                jobs.append(parameters.shape)
                return super().run(parameters, rng)

        model = small(backend=Counting).fit(*iris)
        jobs.clear()
        model.predict(iris[0])
        assert jobs == [(3, 150, 7 + 18)]

    @pytest.mark.parametrize(("backend", "shots"), [("simulator", 20), ("statevector", None)])
    def test_many_samples_are_measured_in_parts(self, iris, monkeypatch, backend, shots):
        X, y = iris
        model = small(backend=backend, shots=shots, steps=2, layers=1).fit(X, y)
        whole = model.decision_function(X)
        measured = []
        kind = type(model._parts(model._fitted.preparation).backend)
        run = kind.run
        monkeypatch.setattr(
            kind, "run", lambda self, rows, rng: measured.append(rows.shape) or run(self, rows, rng)
        )
        monkeypatch.setattr(assembly, "AT_ONCE", 200)  # 66 samples of three models
        found = model.set_params(backend=assembly.BACKENDS[backend]).decision_function(X)
        assert [shape[1] for shape in measured] == [66, 66, 18]
        if shots is None:
            np.testing.assert_allclose(found, whole, atol=1e-12)
        else:
            assert not np.array_equal(found[:66], found[66:132])  # one generator for all parts
            assert np.abs(found - whole).mean() < 1
        np.testing.assert_array_equal(model.decision_function(X), found)

    def test_many_samples_take_little_memory(self, iris):
        model = small(layers=1, steps=1).fit(*iris)
        model.predict(iris[0])
        tracemalloc.start()
        model.predict(np.tile(iris[0], (200, 1)))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert most < 50e6  # in one job it would be more than 200 MB

    def test_the_sign_of_the_features_counts(self):
        rng = np.random.default_rng(0)
        X = rng.normal([1.0, 1.0], 0.3, (60, 2)) * np.repeat([[1.0], [-1.0]], 30, axis=0)
        y = np.repeat([0, 1], 30)
        assert VariationalClassifier(random_state=0).fit(X, y).score(X, y) == 1.0

    def test_units_of_the_features_do_not_count(self, two):
        X, y = two
        model, scaled = small().fit(X, y), small().fit(1000 * X - 5, y)
        np.testing.assert_allclose(model.weights_, scaled.weights_, atol=1e-9)
        raw = small(scaling="none").fit(X, y), small(scaling="none").fit(X * [1, 9, 1, 1], y)
        assert not np.allclose(raw[0].weights_, raw[1].weights_)

    def test_measured_ones_agree_with_each_other(self, two):
        X, y = two
        model = small(shots=20).fit(X, y)
        found = model.decision_function(X)
        np.testing.assert_array_equal(model.decision_function(X), found)
        np.testing.assert_array_equal(model.predict(X), np.where(found > 0, 2, 1))
        exact = clone(model).set_params(shots=None).fit(X, y)
        assert not np.allclose(exact.weights_, model.weights_)

    def test_another_backend_after_fitting(self, two):
        X, y = two
        model = small(head="bare").fit(X, y)
        exact = model.decision_function(X)
        for backend in ("statevector", "aer"):
            found = model.set_params(backend=backend).decision_function(X)
            np.testing.assert_allclose(found, exact, atol=1e-9)
        model.set_params(backend="simulator", noise=from_rate(0.0, readout=0.1))
        np.testing.assert_allclose(model.decision_function(X), 0.8 * exact, atol=1e-9)


class TestBackends:
    def test_shots_and_noise_reach_it(self, two):
        X, y = two
        found = {}

        def backend(model, shots, noise):
            found.update(shots=shots, noise=noise)
            return SimulatorBackend(model, shots, noise)

        noise = from_rate(0.02)
        model = small(backend=backend, shots=50, noise=noise).fit(X, y)
        assert found == {"shots": 50, "noise": noise}
        assert model.cost_.shots == 50 * model.cost_.circuits
        assert model.history_["metric_loss_std"].gt(0).all()
        named = small(shots=50, noise=noise).fit(X, y)
        np.testing.assert_array_equal(named.weights_, model.weights_)
        assert not np.allclose(small(shots=50).fit(X, y).weights_, model.weights_)

    def test_aers_noise_model_is_taken_as_it_is(self, two):
        noise = from_rate(0.02)
        models = [small(noise=given).fit(*two) for given in (noise, noise.model)]
        np.testing.assert_array_equal(models[0].weights_, models[1].weights_)

    def test_any_primitive(self, two):
        X, y = two[0][::10], two[1][::10]
        own = lambda model: EstimatorBackend(model, StatevectorEstimator())
        found = small(backend=own, steps=2, layers=1).fit(X, y)
        np.testing.assert_allclose(
            found.weights_, small(steps=2, layers=1).fit(X, y).weights_, atol=1e-9
        )

    def test_circuits_of_ones_own(self, two):
        X, y = two
        given = {
            "encoding": zz_feature_map(4, reps=1),
            "ansatz": real_amplitudes(4, reps=1),
            "observable": SparsePauliOp(["ZIII", "IIIZ"], [0.5, 0.5]),
        }
        model = small(**given).fit(X, y)
        assert model.weights_.shape == (1, 8 + 2)
        named = small(encoding="zz", ansatz=given["ansatz"], scaling="none", observable="mean_z")
        assert named.fit(X, y).weights_.shape == (1, 8 + 2)
        placed = small(encoding=amplitude(4, 3, data_qubits=(2, 0)), observable=0).fit(X, y)
        assert placed.weights_.shape == (1, 18 + 2)

    @pytest.mark.filterwarnings("ignore:The class:DeprecationWarning")
    def test_circuits_of_boxed_gates(self, two, tmp_path):
        X, y = two
        flat = real_amplitudes(4, reps=1)
        boxed, twice = QuantumCircuit(4), QuantumCircuit(4)
        boxed.append(flat.to_gate(), range(4))
        twice.append(boxed.to_gate(), range(4))
        blueprint = RealAmplitudes(4, reps=1)
        expected = small(encoding="angle", ansatz=flat).fit(X, y)
        for ansatz in (boxed, twice, blueprint):
            model = small(encoding="angle", ansatz=ansatz).fit(X, y)
            np.testing.assert_allclose(model.weights_, expected.weights_, atol=1e-12)
            model.save(tmp_path / "boxed.npz")
            loaded = VariationalClassifier.load(tmp_path / "boxed.npz")
            np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
        features = QuantumCircuit(4)
        features.append(zz_feature_map(4, reps=1).to_gate(), range(4))
        own, named = (
            small(encoding=one, ansatz=flat).fit(X, y)
            for one in (features, zz_feature_map(4, reps=1))
        )
        np.testing.assert_allclose(own.weights_, named.weights_, atol=1e-12)


class TestInScikitLearn:
    @pytest.mark.slow
    def test_a_pipeline_in_a_grid(self, iris):
        X, y = iris
        pipeline = make_pipeline(StandardScaler(), small(steps=20))
        grid = {
            "variationalclassifier__optimizer": [SGD(1e-4), NLR(0.2), Adam(0.1)],
            "variationalclassifier__layers": [1, 2],
        }
        search = GridSearchCV(pipeline, grid, cv=StratifiedKFold(3), n_jobs=1).fit(X, y)
        best = search.best_params_["variationalclassifier__optimizer"]
        assert not isinstance(best, SGD)  # a rate too small to learn anything
        assert search.best_score_ > 0.8
        assert search.predict(X).shape == (150,)

    def test_names_of_features(self, iris):
        X = load_iris(as_frame=True).data
        model = small().fit(X, iris[1])
        assert model.feature_names_in_.tolist() == X.columns.tolist()
        with pytest.raises(ValueError, match="feature names should match"):
            model.predict(X.rename(columns={X.columns[0]: "other"}))

    @pytest.mark.parametrize("copied", [pickle.dumps, copy.deepcopy], ids=["pickle", "deepcopy"])
    def test_copies_of_a_fitted_one(self, iris, copied):
        X, y = iris
        model = small(shots=30, noise=from_rate(0.01), optimizer=Adam(0.1)).fit(X, y)
        twin = copied(model)
        twin = pickle.loads(twin) if isinstance(twin, bytes) else twin
        np.testing.assert_array_equal(twin.predict_proba(X), model.predict_proba(X))
        np.testing.assert_array_equal(
            twin.partial_fit(X, y).weights_, model.partial_fit(X, y).weights_
        )

    def test_it_is_near_a_classical_one(self, iris):
        X, y = iris
        classical = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y).score(X, y)
        assert VariationalClassifier(random_state=1).fit(X, y).score(X, y) > classical - 0.06
