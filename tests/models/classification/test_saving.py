"""Classifiers as files: the same predictions, training that goes on, and nothing that is run."""

import json
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from qiskit.circuit.library import real_amplitudes, zz_feature_map
from qiskit.quantum_info import SparsePauliOp
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError

from qnlr.backends import SimulatorBackend
from qnlr.circuits import amplitude
from qnlr.errors import InputError
from qnlr.models.classification import saving
from qnlr.models.classification.classifier import VariationalClassifier
from qnlr.noise import from_device, from_rate
from qnlr.optimizers import (
    AVERAGES,
    COBYLA,
    CORRECTIVES,
    GCANS,
    ICANS,
    NLR,
    SGD,
    SGLBO,
    SPSA,
    TRIGGERS,
    Adam,
    AdaptiveMoments,
    AdaptiveNLR,
    AdaptiveRate,
    ArmijoSGD,
    Constant,
    DAdaptation,
    DoG,
    Equation10,
    HeavyBall,
    Momentum,
    PolynomialAverage,
    Prodigy,
    RMSProp,
    ScheduleFreeAdam,
    SignedRateOptimizer,
)
from qnlr.problems import CrossEntropy, ScaleBias
from qnlr.training import write_checkpoint
from qnlr.types import NoiseLevel


@pytest.fixture(scope="module")
def two():
    X, y = load_iris(return_X_y=True)
    return X[50:], y[50:]


def small(**given):
    return VariationalClassifier(**{"layers": 1, "steps": 4, "random_state": 0, **given})


def returned(model, folder):
    model.save(folder / "model.npz")
    return VariationalClassifier.load(folder / "model.npz")


OPTIMIZERS = {
    "none": None,
    **{kind.__name__: kind(0.05) for kind in (SGD, Momentum, RMSProp, Adam, NLR)},
    "SPSA": SPSA(0.1, seed=3),
    "COBYLA": COBYLA(0.5),
    "parts": SignedRateOptimizer(HeavyBall(0.5), Constant(0.1)),
    "equation 10": NLR(0.1, Equation10(0.02, 5), noise_level=NoiseLevel(0.01, 5), seed=4),
    "a number": NLR(0.1, 0.3, direction=AdaptiveMoments(amsgrad=True)),
    **{f"trigger {name}": NLR(2.0, trigger=kind()) for name, kind in TRIGGERS.items()},
    **{f"corrective {name}": NLR(2.0, corrective=kind()) for name, kind in CORRECTIVES.items()},
    **{f"average {name}": AdaptiveNLR(average=kind()) for name, kind in AVERAGES.items()},
    "adaptive parts": SignedRateOptimizer(HeavyBall(0.5), AdaptiveRate(0.2, search=1)),
    "averaged": DoG(0.1, average=PolynomialAverage(3.0)),
    "prodigy": Prodigy(1e-2),
    "d_adaptation": DAdaptation(1e-2),
    "schedule_free_adam": ScheduleFreeAdam(0.05),
    "armijo": ArmijoSGD(0.5),
    "sglbo": SGLBO(probes=2, seed=3),
}
PARTS = {
    "circuits": {
        "encoding": zz_feature_map(4, reps=1),
        "ansatz": real_amplitudes(4, reps=1),
        "observable": SparsePauliOp(["ZIII", "IIIZ"], [0.5, 0.5]),
    },
    "noise": {"noise": from_rate(0.03)},
    "noise model": {"noise": from_rate(0.03).model, "shots": 25},
    "device": {"noise": from_device("fake_manila"), "shots": 25},
    "loss and head": {"loss": CrossEntropy(0.01), "head": ScaleBias()},
    "numbers of numpy": {"layers": np.int64(2), "qubits": np.int32(4)},
    "random state": {"random_state": np.random.RandomState(3)},
    "callback": {"callback": print, "optimizer": SGD(0.1, callback=lambda record: None)},
}


class TestRoundTrip:
    @pytest.mark.parametrize("name", OPTIMIZERS)
    def test_optimizers(self, two, tmp_path, name):
        X, y = two
        model = small(optimizer=OPTIMIZERS[name]).fit(X, y)
        loaded = returned(model, tmp_path)
        np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
        onwards, whole = loaded.partial_fit(X, y), model.partial_fit(X, y)
        np.testing.assert_array_equal(onwards.weights_, whole.weights_)
        assert not np.array_equal(onwards.weights_, small().fit(X, y).weights_)

    @pytest.mark.parametrize("kind", [ICANS, GCANS, SGLBO])
    def test_optimizers_that_choose_their_shots(self, two, tmp_path, kind):
        X, y = two
        model = small(optimizer=kind(seed=1), shots=20).fit(X, y)
        spent, loaded = model.cost_.shots, returned(model, tmp_path)
        whole, onwards = model.partial_fit(X, y), loaded.partial_fit(X, y)
        assert onwards.cost_.shots == whole.cost_.shots > spent
        np.testing.assert_array_equal(onwards.weights_, whole.weights_)

    @pytest.mark.parametrize("name", PARTS)
    def test_other_parameters(self, two, tmp_path, name, capsys):
        X, y = two
        model = small(**PARTS[name]).fit(X, y)
        loaded = returned(model, tmp_path)
        np.testing.assert_array_equal(loaded.decision_function(X), model.decision_function(X))
        model.set_params(callback=None)
        np.testing.assert_array_equal(
            loaded.partial_fit(X, y).weights_, model.partial_fit(X, y).weights_
        )

    @pytest.mark.parametrize("kind", [np.int64, np.float64, bool, str, object])
    def test_labels_and_attributes(self, two, tmp_path, kind):
        X = load_iris(as_frame=True).data[50:]
        y = (two[1] == 2) if kind is bool else two[1].astype(str if kind is object else kind)
        model = small().fit(X, y.astype(kind))
        loaded = returned(model, tmp_path)
        assert loaded.classes_.dtype == model.classes_.dtype
        np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
        assert loaded.n_features_in_ == 4
        np.testing.assert_array_equal(loaded.feature_names_in_, model.feature_names_in_)
        assert loaded.get_params() == model.get_params()
        assert (loaded.cost_, loaded.n_iter_) == (model.cost_, model.n_iter_)
        assert loaded.outcomes_ == model.outcomes_
        assert loaded.history_.equals(model.history_)

    def test_three_classes(self, tmp_path):
        X, y = load_iris(return_X_y=True)
        model = small(shots=20).fit(X, y)
        loaded = returned(model, tmp_path)
        np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
        np.testing.assert_array_equal(
            loaded.partial_fit(X, y).weights_, model.partial_fit(X, y).weights_
        )

    def test_the_file_holds_no_pickle(self, two, tmp_path):
        small(**PARTS["circuits"]).fit(*two).save(tmp_path / "model.npz")
        with zipfile.ZipFile(tmp_path / "model.npz") as file:
            for name in file.namelist():
                header = file.read(name)[:128]
                assert header.startswith(b"\x93NUMPY")
                assert b"'|O'" not in header
        assert [file.name for file in tmp_path.iterdir()] == ["model.npz"]


class TestRefused:
    @pytest.mark.parametrize(
        ("given", "sentence"),
        [
            ({"encoding": amplitude(4, 3)}, "encoding = Encoding.* cannot be saved"),
            ({"optimizer": NLR(0.1, lambda feedback: 0.2)}, "negative_rate = .* cannot be saved"),
            ({"backend": SimulatorBackend}, "backend = .* cannot be saved"),
        ],
    )
    def test_what_is_no_plain_data(self, two, tmp_path, given, sentence):
        model = small(**given).fit(*two)
        with pytest.raises(InputError, match=sentence):
            model.save(tmp_path / "model.npz")
        assert not list(tmp_path.iterdir())

    def test_a_class_of_ones_own_with_a_known_name(self):
        own = type("Ratio", (), {"kappa": 2.0})
        with pytest.raises(InputError, match="cannot be saved"):
            saving.pack("negative_rate", own())

    def test_names_and_unfitted_models(self, two, tmp_path):
        with pytest.raises(NotFittedError):
            small().save(tmp_path / "model.npz")
        with pytest.raises(InputError, match=r"must end in \.npz"):
            small().fit(*two).save(tmp_path / "model.pkl")

    def test_a_failed_save_leaves_the_file_before_it(self, two, tmp_path):
        path = tmp_path / "model.npz"
        small().fit(*two).save(path)
        before = path.read_bytes()
        with pytest.raises(InputError):
            small(encoding=amplitude(4, 3)).fit(*two).save(path)
        assert path.read_bytes() == before


def rewritten(path, change):
    """Change the JSON of a saved classifier."""
    with np.load(path) as found:
        arrays = dict(found)
    tree = json.loads(arrays["tree.json"].tobytes())
    change(tree["state"], arrays)
    arrays["tree.json"] = np.frombuffer(json.dumps(tree).encode(), dtype=np.uint8)
    np.savez(path, **arrays)


class TestFilesThatAreNone:
    @pytest.fixture
    def path(self, two, tmp_path):
        small(**PARTS["circuits"]).fit(*two).save(tmp_path / "model.npz")
        return tmp_path / "model.npz"

    def refuses(self, path, sentence):
        with pytest.raises(InputError, match=sentence) as caught:
            VariationalClassifier.load(path)
        assert "\n" not in str(caught.value)

    def test_missing(self, tmp_path):
        self.refuses(tmp_path / "none.npz", "there is no such file")

    def test_truncated(self, path):
        path.write_bytes(path.read_bytes()[:2000])
        self.refuses(path, "truncated or damaged")

    def test_not_an_archive(self, path):
        path.write_text("hello")
        self.refuses(path, "truncated or damaged")

    def test_of_a_run(self, path):
        write_checkpoint(path, "abc123", {"x": 1})
        self.refuses(path, "belongs to run 'abc123'")

    def test_of_a_newer_version(self, path):
        rewritten(path, lambda state, arrays: state.update(version=99))
        self.refuses(path, "holds a classifier of version 99, this qnlr reads 1")

    @pytest.mark.parametrize("missing", ["parameters", "classes", "models", "seed", "preparation"])
    def test_incomplete(self, path, missing):
        rewritten(path, lambda state, arrays: state.pop(missing))
        self.refuses(path, "holds no classifier that can be read")

    @pytest.mark.parametrize("kind", ["Path", "os.system", "eval", "Trained"])
    def test_kinds_that_are_not_listed(self, path, kind):
        part = {"kind": kind, "settings": {"command": "true"}}
        rewritten(path, lambda state, arrays: state["parameters"].update(optimizer=part))
        self.refuses(path, "holds no classifier that can be read")

    def test_a_pickle_inside_is_not_opened(self, path):
        class Trap:
            def __reduce__(self):
                return Path.touch, (path.with_name("sprung"),)

        trap = np.array([Trap()], dtype=object)
        with zipfile.ZipFile(path, "a") as file, file.open("a99.npy", "w") as member:
            np.lib.format.write_array(member, trap, allow_pickle=True)
        self.refuses(path, "truncated or damaged")
        path.write_bytes(pickle.dumps(Trap()))
        self.refuses(path, "truncated or damaged")
        assert not path.with_name("sprung").exists()

    def test_circuits_of_an_old_format(self, path):
        def older(state, arrays):
            name = state["parameters"]["ansatz"]["qpy"]["array"]
            arrays[name][6] = 12

        rewritten(path, older)
        self.refuses(path, "not QPY of a version that is safe to read")

    def test_damaged_circuits(self, path):
        whole = path.read_bytes()
        rng = np.random.default_rng(0)

        def damaged(state, arrays):
            held = arrays[state["parameters"]["ansatz"]["qpy"]["array"]]
            held[rng.integers(7, len(held))] ^= 1 << rng.integers(8)

        for _ in range(20):
            path.write_bytes(whole)
            rewritten(path, damaged)
            self.refuses(path, "a circuit is damaged")
