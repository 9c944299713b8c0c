"""Files whose archive is whole and whose content is not: one sentence each, and no crash later."""

import io
import json
import zipfile

import numpy as np
import pytest
from sklearn.datasets import load_iris

from qnlr.errors import InputError
from qnlr.models.classification.classifier import VariationalClassifier
from qnlr.optimizers import COBYLA


@pytest.fixture(scope="module")
def iris():
    return load_iris(return_X_y=True)


@pytest.fixture(scope="module")
def content(iris, tmp_path_factory):
    """Return JSON and arrays of a file."""
    return {kind: read(iris, tmp_path_factory.mktemp("whole"), kind) for kind in ("none", "cobyla")}


def read(iris, folder, kind):
    optimizer = COBYLA() if kind == "cobyla" else None
    model = VariationalClassifier(layers=1, steps=2, random_state=0, optimizer=optimizer)
    model.fit(*iris).save(folder / "model.npz")
    with np.load(folder / "model.npz") as found:
        arrays = dict(found)
    return arrays.pop("tree.json").tobytes(), arrays


def first(state):
    return state["models"][0]


def own(change):
    """Return a change of the JSON as one of both."""
    return lambda state, arrays: change(state)


def at(find, value):
    """Return a change of an array."""

    def change(state, arrays):
        name = find(state)["array"]
        arrays[name] = value(arrays[name])

    return change


def nan(array):
    return np.append(array[:-1], np.nan)


def optimizer(state):
    return first(state)["state"]["optimizer"]


DAMAGE = {
    "weights with a NaN": (at(lambda s: first(s)["weights"], nan), "weights are not finite"),
    "weights of text": (
        at(lambda s: first(s)["weights"], lambda a: a.astype(str)),
        "weights are not finite",
    ),
    "weights in a list": (own(lambda s: first(s).update(weights=[1, 2])), "weights are not finite"),
    "weights in rows": (
        at(lambda s: first(s)["weights"], lambda a: a[None]),
        "weights are not finite",
    ),
    "fewer weights in one model": (
        at(lambda s: first(s)["weights"], lambda a: a[:-1]),
        "stands at no finite weights",
    ),
    "one model less": (own(lambda s: s["models"].pop()), "3 classes need 3 binary models"),
    "models in no list": (own(lambda s: s.update(models=7)), "3 classes need 3 binary models"),
    "shift with a NaN": (at(lambda s: s["preparation"]["shift"], nan), "shift is not 4 finite"),
    "a short scale": (
        at(lambda s: s["preparation"]["scale"], lambda a: a[1:]),
        "scale is not 4 finite numbers",
    ),
    "no scale": (own(lambda s: s["preparation"].update(scale=None)), "scale is not 4 finite"),
    "a scale of 0": (at(lambda s: s["preparation"]["scale"], lambda a: 0 * a), "not above 0"),
    "constant of text": (own(lambda s: s["preparation"].update(constant="x")), "constant = 'x'"),
    "no constant": (
        own(lambda s: s["preparation"].update(constant=None)),
        "qubits = 2 is not what",
    ),
    "seed of text": (own(lambda s: s.update(seed="x")), "seed = 'x' is no integer"),
    "negative seed": (own(lambda s: s.update(seed=-1)), "seed = -1 is no integer"),
    "many features": (own(lambda s: s.update(features=10**9)), "shift is not 1000000000 finite"),
    "no features": (own(lambda s: s.update(features=None)), "features = None is no"),
    "names": (own(lambda s: s.update(names=["a"])), "it has no 4 names of features"),
    "one class": (at(lambda s: s["classes"]["labels"], lambda a: a[:1]), "two different labels"),
    "classes twice": (at(lambda s: s["classes"]["labels"], lambda a: 0 * a), "different labels"),
    "other layers": (own(lambda s: s["parameters"].update(layers=10**9)), "layers = 1000000000 is"),
    "other parts": (own(lambda s: s.pop("made_of")), "made_of"),
    "status": (own(lambda s: first(s).update(outcome=["well", ""])), "'well' is not a valid"),
    "sentence": (own(lambda s: first(s).update(outcome=["finished", 3])), "is no text"),
    "kind of optimizer": (own(lambda s: first(s).update(optimizer=3)), "is no text"),
    "parameters": (own(lambda s: s.update(parameters=None)), "NoneType"),
    "a parameter more": (own(lambda s: s["parameters"].update(more=1)), "more"),
    "steps of an optimizer": (own(lambda s: optimizer(s).update(nit="x")), "no number of steps"),
    "weights of an optimizer": (at(lambda s: optimizer(s)["x"], nan), "at no finite weights"),
    "history": (
        at(lambda s: first(s)["state"]["history"]["step"], lambda a: a[:-1]),
        "columns of a history differ",
    ),
    "meter": (own(lambda s: first(s)["state"]["meter"].update(jobs="x")), "are no counts"),
    "generator": (
        own(lambda s: first(s)["state"]["batches"].update(bit_generator="os")),
        "'os' is not one of NumPy's",
    ),
    "evaluations": (own(lambda s: first(s)["state"].update(evaluations=[1])), "evaluations"),
    **{
        f"no {name}": (own(lambda s, name=name: first(s)["state"].pop(name)), f"KeyError: '{name}'")
        for name in ("batches", "shots", "gradient", "history", "meter", "evaluation_meter")
    },
    **{
        f"an optimizer without {name}": (
            own(lambda s, name=name: optimizer(s).pop(name)),
            f"the state of an optimizer lacks {name}",
        )
        for name in ("x", "nit", "rng", "direction", "rate")
    },
}
COBYLAS = {
    "told": (at(lambda s: optimizer(s)["told"], nan), "was told no finite losses"),
    "x0": (at(lambda s: optimizer(s)["x0"], nan), "began at no finite weights"),
    "no x0": (own(lambda s: optimizer(s).pop("x0")), "the state of an optimizer lacks x0"),
}


class TestDamage:
    def refuses(self, path, sentence):
        with pytest.raises(InputError, match=sentence) as caught:
            VariationalClassifier.load(path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)

    def damaged(self, content, path, change):
        tree, arrays = json.loads(content[0]), dict(content[1])
        change(tree["state"], arrays)
        self.write(path, json.dumps(tree).encode(), arrays)

    def write(self, path, tree, arrays):
        np.savez(path, **arrays, **{"tree.json": np.frombuffer(tree, dtype=np.uint8)})

    def test_undamaged(self, content, tmp_path, iris):
        self.damaged(content["none"], tmp_path / "model.npz", lambda state, arrays: None)
        VariationalClassifier.load(tmp_path / "model.npz").partial_fit(*iris)

    @pytest.mark.parametrize("what", DAMAGE)
    def test_content(self, content, tmp_path, what):
        change, sentence = DAMAGE[what]
        self.damaged(content["none"], tmp_path / "model.npz", change)
        self.refuses(tmp_path / "model.npz", sentence)

    @pytest.mark.parametrize("what", COBYLAS)
    def test_closed_loops(self, content, tmp_path, what):
        change, sentence = COBYLAS[what]
        self.damaged(content["cobyla"], tmp_path / "model.npz", change)
        self.refuses(tmp_path / "model.npz", sentence)

    def test_fewer_weights_everywhere(self, content, tmp_path):
        def change(state, arrays):
            for one in state["models"]:
                for part in (one["weights"], one["state"]["optimizer"]["x"]):
                    arrays[part["array"]] = arrays[part["array"]][:-1]

        self.damaged(content["none"], tmp_path / "model.npz", change)
        self.refuses(tmp_path / "model.npz", "the model has 11 weights, but it was fitted with 10")

    @pytest.mark.parametrize(
        "tree",
        [
            b"[]",
            b"7",
            b"{}",
            b"[" * 200_000 + b"]" * 200_000,
            b'{"version": 1, "run_id": "VariationalClassifier", "state": [1]}',
            b'{"version": 1, "run_id": "VariationalClassifier", "state": null}',
            b'{"version": 1, "run_id": "VariationalClassifier"}',
        ],
        ids=lambda tree: tree[:70].decode(),
    )
    def test_no_tree(self, tmp_path, tree):
        self.write(tmp_path / "model.npz", tree, {})
        self.refuses(tmp_path / "model.npz", "damaged")

    @pytest.mark.parametrize("length", [10**13, 10**18])
    def test_a_header_of_a_huge_array(self, tmp_path, length):
        header = io.BytesIO()
        shape = {"descr": "<f8", "fortran_order": False, "shape": (length,)}
        np.lib.format.write_array_header_1_0(header, shape)
        with zipfile.ZipFile(tmp_path / "model.npz", "w") as file:
            file.writestr("a0.npy", header.getvalue())
        self.refuses(tmp_path / "model.npz", "truncated or damaged")

    def test_an_archive_that_unpacks_to_gigabytes(self, tmp_path):
        zeros = bytes(2**24)
        with zipfile.ZipFile(tmp_path / "model.npz", "w", zipfile.ZIP_DEFLATED, 1) as file:
            for number in range(65):
                file.writestr(f"a{number}.npy", zeros)
        assert (tmp_path / "model.npz").stat().st_size < 10e6
        self.refuses(tmp_path / "model.npz", "takes 1090519040 bytes, more than the 1073741824")

    def test_any_bit(self, content, tmp_path, iris):
        path = tmp_path / "model.npz"
        self.damaged(content["none"], path, lambda state, arrays: None)
        whole = path.read_bytes()
        found = VariationalClassifier.load(path).decision_function(iris[0])
        rng = np.random.default_rng(0)
        refused = 0
        for place in rng.integers(len(whole), size=60):
            damaged = bytearray(whole)
            damaged[place] ^= 1 << rng.integers(8)
            path.write_bytes(damaged)
            try:
                model = VariationalClassifier.load(path)
            except InputError:
                refused += 1
            else:
                np.testing.assert_array_equal(model.decision_function(iris[0]), found)
        assert refused > 30


class TestWriting:
    def test_a_folder_is_made(self, iris, tmp_path):
        model = VariationalClassifier(layers=1, steps=1, random_state=0).fit(*iris)
        model.save(tmp_path / "of" / "models" / "model.npz")
        loaded = VariationalClassifier.load(tmp_path / "of" / "models" / "model.npz")
        np.testing.assert_array_equal(loaded.predict(iris[0]), model.predict(iris[0]))

    def test_no_other_file_is_named(self, iris, tmp_path):
        model = VariationalClassifier(layers=1, steps=1, random_state=0).fit(*iris)
        (tmp_path / "file").write_text("")
        (tmp_path / "model.npz").mkdir()
        for path in (tmp_path / "file" / "model.npz", tmp_path / "model.npz"):
            with pytest.raises(InputError, match="cannot be written: ") as caught:
                model.save(path)
            assert str(path) in str(caught.value)
            assert "tmp.npz" not in str(caught.value)
        assert sorted(file.name for file in tmp_path.iterdir()) == ["file", "model.npz"]
