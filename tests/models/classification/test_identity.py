"""A fitted classifier predicts with what was fitted, or says which parameter is another one."""

import copy
import pickle

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.circuit.library import UnitaryGate, real_amplitudes, zz_feature_map
from qiskit.quantum_info import SparsePauliOp, random_unitary
from sklearn.datasets import load_iris

from qnlr import Adam
from qnlr.circuits import angle
from qnlr.errors import InputError
from qnlr.models.classification.classifier import VariationalClassifier
from qnlr.models.classification.identity import described, expanded
from qnlr.noise import from_rate
from qnlr.problems import Bare, CrossEntropy, ScaleBias, SquaredError


@pytest.fixture(scope="module")
def two():
    X, y = load_iris(return_X_y=True)
    return X[50:], y[50:]


def small(**given):
    return VariationalClassifier(**{"layers": 2, "steps": 4, "random_state": 0, **given})


CHANGES = {
    "ansatz": "efficient_su2",
    "encoding": angle(5, 3 + 2),
    "qubits": 4,
    "layers": 3,
    "observable": 0,
    "scaling": "none",
    "loss": "logistic",
    "head": "bare",
}
SAME = {
    "qubits": 3,
    "observable": 2,
    "scaling": "standard",
    "loss": SquaredError(),
    "head": ScaleBias(),
    "backend": "statevector",
    "optimizer": Adam(0.1),
    "steps": 2,
    "batch_size": 5,
    "callback": lambda record: None,
    "random_state": 4,
}


class TestChangesAfterFitting:
    @pytest.mark.parametrize("name", CHANGES)
    def test_another_model_is_refused_by_name(self, two, tmp_path, name):
        X, y = two
        model = small(warm_start=True).fit(X, y)
        before = model.get_params()[name]
        found = model.predict_proba(X)
        model.set_params(**{name: CHANGES[name]})
        for use in (
            lambda: model.predict(X),
            lambda: model.predict_proba(X),
            lambda: model.fit(X, y),
            lambda: model.partial_fit(X, y),
            lambda: model.save(tmp_path / "model.npz"),
        ):
            with pytest.raises(InputError, match=f"{name} = .* is not what the model was fitted"):
                use()
        assert not list(tmp_path.iterdir())
        np.testing.assert_array_equal(model.set_params(**{name: before}).predict_proba(X), found)

    def test_a_fit_from_the_beginning_takes_anything(self, two):
        X, y = two
        model = small().fit(X, y)
        for name, value in CHANGES.items():
            if name != "encoding":
                model.set_params(**{name: value}).fit(X, y).predict(X)

    @pytest.mark.parametrize("name", SAME)
    def test_what_may_change(self, two, tmp_path, name):
        X, y = two
        model = small(warm_start=True).fit(X, y)
        found = model.predict_proba(X)
        model.set_params(**{name: SAME[name]})
        np.testing.assert_allclose(model.predict_proba(X), found, atol=1e-9)
        model.save(tmp_path / "model.npz")
        loaded = VariationalClassifier.load(tmp_path / "model.npz")
        np.testing.assert_allclose(loaded.predict_proba(X), found, atol=1e-9)
        assert model.fit(X, y).n_iter_ == 4 + model.steps

    def test_noise_and_shots_may_change(self, two):
        X, y = two
        model = small().fit(X, y).set_params(noise=from_rate(0.02), shots=40)
        assert model.predict(X).shape == y.shape
        assert model.partial_fit(X, y).cost_.shots > 0

    def test_a_circuit_that_was_changed_in_its_place(self, two):
        X, y = two
        ansatz = real_amplitudes(3, reps=1)
        model = small(ansatz=ansatz).fit(X, y)
        ansatz.cx(0, 2)
        with pytest.raises(InputError, match=r"ansatz = circuit .* is not what"):
            model.predict(X)

    def test_the_same_circuits_built_again(self, two):
        X, y = two
        given = lambda: {
            "encoding": zz_feature_map(4, reps=1),
            "ansatz": real_amplitudes(4, reps=1),
            "observable": SparsePauliOp(["ZIII", "IIIZ"], [0.5, 0.5]),
        }
        model = small(**given()).fit(X, y)
        found = model.predict_proba(X)
        other = SparsePauliOp(["IIIZ", "ZIII"], [0.5, 0.5])
        for again in (model, copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
            again.set_params(**given()).set_params(observable=other)
            np.testing.assert_allclose(again.predict_proba(X), found, atol=1e-12)


class TestDescriptions:
    def of(self, **given):
        names = {"ansatz": "hardware_efficient", "encoding": "angle", "layers": 2}
        names |= {"observable": -1, "scaling": "auto", "loss": "squared_error", "head": "bare"}
        return described({**names, **given}, qubits=2)

    def circuits(self):
        t, u = Parameter("t"), Parameter("u")
        for build in (
            lambda one: one.ry(t, 0),
            lambda one: one.rx(t, 0),
            lambda one: one.ry(t, 1),
            lambda one: one.ry(2 * t, 0),
            lambda one: one.ry(u, 0),
            lambda one: (one.ry(t, 0), one.cx(0, 1)),
            lambda one: (one.ry(t, 0), one.cx(1, 0)),
            lambda one: (one.ry(t, 0), one.cx(0, 1, ctrl_state=0)),
            lambda one: (one.ry(t, 0), one.append(UnitaryGate(random_unitary(4, 0)), [0, 1])),
            lambda one: (one.ry(t, 0), one.append(UnitaryGate(random_unitary(4, 1)), [0, 1])),
            lambda one: (one.ry(t, 0), one.append(self.box("h"), [0])),
            lambda one: (one.ry(t, 0), one.append(self.box("x"), [0])),
        ):
            circuit = QuantumCircuit(2)
            build(circuit)
            yield circuit

    def box(self, gate):
        inside = QuantumCircuit(1, name="box")
        getattr(inside, gate)(0)
        return inside.to_gate()

    def test_circuits_that_differ_are_described_differently(self):
        found = [self.of(ansatz=circuit)["ansatz"] for circuit in self.circuits()]
        assert len(set(found)) == len(found) == 12
        assert found == [self.of(ansatz=circuit)["ansatz"] for circuit in self.circuits()]

    def test_other_parts(self):
        assert self.of(loss=CrossEntropy(0.01)) != self.of(loss=CrossEntropy(0.02))
        assert self.of(head=Bare()) == self.of()
        assert self.of(ansatz=real_amplitudes(2), layers=1) == self.of(ansatz=real_amplitudes(2))
        assert self.of(encoding=angle(2, 2)) != self.of(encoding=angle(2, 3))

        class Own:
            def __init__(self, slope):
                self.slope = slope

        assert self.of(head=Own(1)) == self.of(head=Own(1)) != self.of(head=Own(2))

    def test_expanding_leaves_what_has_no_parameters(self):
        circuit = QuantumCircuit(2)
        circuit.append(self.box("h"), [0])
        assert expanded(circuit) is circuit
