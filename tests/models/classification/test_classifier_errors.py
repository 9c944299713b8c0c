"""What a classifier says of parameters and samples that it cannot use: one sentence each."""

import numpy as np
import pandas as pd
import pytest
from qiskit.circuit.library import real_amplitudes, zz_feature_map
from qiskit_machine_learning.optimizers import GradientDescent
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError

from qnlr import NLR, SGD
from qnlr.errors import InputError
from qnlr.models.batches import MiniBatches
from qnlr.models.classification.classifier import VariationalClassifier
from qnlr.noise import from_rate
from qnlr.optimizers import Tolerance


@pytest.fixture(scope="module")
def two():
    X, y = load_iris(return_X_y=True)
    return X[50:], y[50:]


def small(**given):
    return VariationalClassifier(**{"layers": 2, "steps": 6, "random_state": 0, **given})


BAD = {
    "ansatz": ("hardware", 'ansatz "hardware" is not known; did you mean "hardware_efficient"'),
    "encoding": ("amplitud", 'did you mean "amplitude"'),
    "qubits": (2, "features d = 5 do not fit 2 qubits"),
    "layers": (0, "layers = 0 is not valid; it must be an integer of at least 1"),
    "observable": (3, "observable = 3 is not valid; the qubit that is read out must lie in -3 to"),
    "scaling": ("minmax", 'scaling "minmax" is not known'),
    "optimizer": (SGD, "optimizer = SGD is not valid; it must be None or an object such as"),
    "loss": ("mse", 'loss "mse" is not known'),
    "head": (3, "head = 3 is not valid; it must be one of bare, scale_bias"),
    "backend": ("qasm", 'backend "qasm" is not known'),
    "shots": (0, "shots = 0 is not valid; it must be an integer from 1 to"),
    "noise": (0.01, "noise = 0.01 is not valid; it must be a qnlr.noise.Noise"),
    "batch_size": (0, "batch_size = 0 is not valid"),
    "steps": (0, "steps = 0 is not valid"),
    "passes": (2, "passes = 2 is not valid together with steps = 6"),
    "callback": (3, "callback = 3 is not valid"),
    "random_state": ("seed", "cannot be used to seed"),
}


class TestErrors:
    @pytest.mark.parametrize("name", BAD)
    def test_a_bad_parameter_is_named(self, two, name):
        value, sentence = BAD[name]
        model = small(**{name: value})
        with pytest.raises(ValueError, match="^.*" + sentence.replace("(", r"\(")):
            model.fit(*two)
        with pytest.raises(NotFittedError):
            model.predict(two[0])

    def test_every_parameter_is_tried(self):
        assert {*BAD} == {*small().get_params()} - {"warm_start"}

    @pytest.mark.parametrize(
        ("given", "sentence"),
        [
            ({"backend": "statevector", "noise": from_rate(0.01)}, "noise = .* is not valid with"),
            ({"backend": lambda model: None}, "which has no values"),
            ({"backend": 3}, "backend = 3 is not valid"),
            ({"observable": "y"}, 'observable "y" is not known'),
            ({"observable": [1]}, "it must be a qubit, one of z, mean_z"),
            ({"encoding": zz_feature_map(3)}, "X has 4 features, but the encoding .* takes 3"),
            ({"encoding": 3}, "encoding = 3 is not valid"),
            ({"ansatz": 3}, "ansatz = 3 is not valid"),
            ({"ansatz": real_amplitudes(5), "qubits": 3}, "has 3 qubits, the ansatz 5"),
            ({"shots": 1}, "shots = 1 is not valid with the trigger StandardErrors"),
            (
                {"encoding": zz_feature_map(4), "ansatz": zz_feature_map(4)},
                "give their parameters different names",
            ),
            ({"ansatz": zz_feature_map(3, parameter_prefix="w")}, "parameter-shift rule"),
            ({"scaling": None}, "scaling = None is not valid; it must be one of auto, none, st"),
            ({"scaling": ["none"]}, r"scaling = \['none'\] is not valid"),
            (
                {"optimizer": MiniBatches(NLR(0.1), 8)},
                "the classifier draws its own mini-batches; give the optimizer inside, NLR, and "
                "batch_size = 8",
            ),
            (
                {"optimizer": GradientDescent()},
                r"= GradientDescent is not valid \(it has no ended, .*no state_dict",
            ),
            ({"optimizer": "nlr"}, "optimizer = 'nlr' is not valid; it must be None or an object"),
            (
                {"optimizer": object()},
                "optimizer = object is not valid; it must be None or an object",
            ),
            (
                {"backend": "statevector", "noise": from_rate(0.01)},
                "noise = (?!Noise|<)[^<]* is not valid with backend = 'statevector'",
            ),
        ],
    )
    def test_parts_that_do_not_fit(self, two, given, sentence):
        with pytest.raises(InputError, match=sentence):
            small(**given).fit(*two)

    @pytest.mark.parametrize("rate", [1e3, 1e60, 1e300])
    def test_training_that_diverges(self, two, rate):
        model = small(optimizer=SGD(rate), steps=200)
        sentence = "training diverged: .*; take a smaller learning rate"
        with np.errstate(all="ignore"), pytest.raises(InputError, match=sentence):
            model.fit(*two)

    def test_a_trigger_without_standard_errors_takes_one_shot(self, two):
        model = small(shots=1, optimizer=NLR(0.1, trigger=Tolerance(0.1))).fit(*two)
        assert model.cost_.shots == model.cost_.circuits

    def test_too_little_to_learn_from(self, two):
        X, y = two
        with pytest.raises(InputError, match="there is 1 class, \\[1\\]"):
            small().fit(X[:50], y[:50])
        with pytest.raises(InputError, match="needs at least 2; take"):
            small(encoding="zz").fit(X[:, :1], y)

    @pytest.mark.parametrize("scaling", ["standard", "angle"])
    def test_features_that_overflow(self, two, scaling):
        X, y = two
        sentence = (
            "features as large as .*e\\+30. overflow when they are scaled; give them in other"
        )
        with pytest.raises(InputError, match=sentence):
            small(scaling=scaling).fit(
                X * [1e308 / X[:, 0].max(), 1, 1, 1] * np.sign(y - 1.5)[:, None], y
            )
        model = small(scaling=scaling).fit(X * 1e-3, y)
        with pytest.raises(InputError, match=sentence):
            model.predict(X * 2e307)

    def test_samples_that_are_refused_leave_the_old_model(self, two):
        X, y = two
        names = [f"f{number}" for number in range(4)]
        model = small().fit(pd.DataFrame(X, columns=names), y)
        found = model.predict(pd.DataFrame(X, columns=names))
        for bad, labels in (
            (X * np.nan, y),
            (X[:, :2], y[:-1]),
            (X[:, :2], y + 0.5),
            (X[:50, :2], y[:50]),
        ):
            with pytest.raises(ValueError):
                model.fit(bad, labels)
        assert model.feature_names_in_.tolist() == names
        np.testing.assert_array_equal(model.predict(pd.DataFrame(X, columns=names)), found)
        model = small()
        with pytest.raises(InputError, match="classes must be passed"):
            model.partial_fit(X, y)
        assert not hasattr(model, "n_features_in_")

    def test_attributes_before_fitting(self):
        model = small()
        for name in ("classes_", "weights_", "history_", "n_iter_", "outcomes_", "cost_"):
            assert not hasattr(model, name)
            with pytest.raises(AttributeError, match="is not fitted yet; call fit first"):
                getattr(model, name)

    def test_a_failed_fit_leaves_no_old_model(self, two):
        model = small().fit(*two)
        with pytest.raises(InputError, match="steps = 0"):
            model.set_params(steps=0).fit(*two)
        with pytest.raises(NotFittedError):
            model.predict(two[0])
