import io
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from qnlr.errors import CheckpointError
from qnlr.training import checkpoint, read_checkpoint, write_checkpoint

STATE = {
    "x": np.linspace(-1, 1, 7),
    "step": 7,
    "rng": {"bit_generator": "PCG64", "state": {"state": 2**127 + 1, "inc": 2**100 + 3}},
    "history": {"flipped": np.array([True, False]), "step": np.array([0, 1])},
    "pending": None,
    "best": [0.1, float("inf")],
    "name": "η'",
    "done": False,
    "empty": {"list": [], "dict": {}, "array": np.zeros((0, 3))},
}
plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**130), 2**130)
    | st.floats()
    | st.text(max_size=5)
    | arrays(st.sampled_from([float, int, bool]), array_shapes(max_dims=3, max_side=3)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "checkpoint.npz"
    write_checkpoint(path, "run-1", STATE)
    return path


def test_round_trip(file):
    found = read_checkpoint(file, "run-1")
    np.testing.assert_equal(found, STATE)
    assert list(found) == list(STATE)
    assert found["x"].dtype == float
    assert found["history"]["flipped"].dtype == bool
    assert type(found["step"]) is int
    assert found["done"] is False


@given(state=st.dictionaries(st.text(max_size=5), plain, max_size=4))
def test_any_plain_data_comes_back(state, tmp_path_factory):
    path = tmp_path_factory.mktemp("any") / "checkpoint.npz"
    write_checkpoint(path, "id", state)
    np.testing.assert_equal(read_checkpoint(path, "id"), state)


@pytest.mark.parametrize("inner", [1, "a0", None, np.arange(3)], ids=str)
def test_array_is_a_key_like_any_other(tmp_path, inner):
    path = tmp_path / "checkpoint.npz"
    write_checkpoint(path, "id", {"inner": {"array": inner}, "x": np.arange(2)})
    found = read_checkpoint(path, "id")
    np.testing.assert_equal(found, {"inner": {"array": inner}, "x": np.arange(2)})


def test_numpy_scalars_and_tuples_become_plain(tmp_path):
    path = tmp_path / "checkpoint.npz"
    write_checkpoint(path, "id", {"a": np.float64(0.5), "b": np.int64(3), "c": (1, 2)})
    found = read_checkpoint(path, "id")
    assert found == {"a": 0.5, "b": 3, "c": [1, 2]}
    assert (type(found["a"]), type(found["b"])) == (float, int)


def test_the_checkpoint_before_is_replaced(file):
    write_checkpoint(file, "run-1", {"step": 8})
    assert read_checkpoint(file, "run-1") == {"step": 8}
    assert [path.name for path in file.parent.iterdir()] == ["checkpoint.npz"]


def test_truncated_anywhere(file):
    whole = file.read_bytes()
    for size in [*range(0, len(whole), 7), *range(len(whole) - 60, len(whole))]:
        file.write_bytes(whole[:size])
        with pytest.raises(CheckpointError, match=r"checkpoint.npz is (truncated or )?damaged"):
            read_checkpoint(file, "run-1")


@pytest.mark.parametrize("mask", [0x01, 0x08, 0x80, 0xFF])
def test_a_damaged_byte_never_gives_a_wrong_state(file, mask):
    whole = file.read_bytes()
    refused = 0
    for position in range(len(whole)):
        file.write_bytes(whole[:position] + bytes([whole[position] ^ mask]) + whole[position + 1 :])
        try:
            found = read_checkpoint(file, "run-1")
        except CheckpointError:
            refused += 1
        else:
            np.testing.assert_equal(found, STATE)
    assert refused > len(whole) / 2


@pytest.mark.parametrize("content", [b"", b"garbage", b"PK\x03\x04" + bytes(100), b"{}" * 500])
def test_garbage(tmp_path, content):
    path = tmp_path / "checkpoint.npz"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="damaged"):
        read_checkpoint(path, "run-1")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(CheckpointError, match=r"nothing.npz"):
        read_checkpoint(tmp_path / "nothing.npz", "run-1")


def written(path, content, **arrays):
    tree = np.frombuffer(json.dumps(content).encode(), dtype=np.uint8)
    np.savez(path, **{"tree.json": tree, **arrays})


@pytest.mark.parametrize(
    "content", [{}, [], 3, "text", {"version": 1}, {"version": 1, "run_id": "run-1"}], ids=str
)
def test_a_tree_of_something_else(tmp_path, content):
    path = tmp_path / "checkpoint.npz"
    written(path, content)
    with pytest.raises(CheckpointError, match="damaged"):
        read_checkpoint(path, "run-1")


@pytest.mark.parametrize("save", [np.save, np.savez])
def test_another_numpy_file(tmp_path, save):
    path = tmp_path / "checkpoint.npz"
    with path.open("wb") as file:
        save(file, np.arange(3))
    with pytest.raises(CheckpointError, match="damaged"):
        read_checkpoint(path, "run-1")


def test_another_version(file, monkeypatch):
    monkeypatch.setattr(checkpoint, "VERSION", checkpoint.VERSION + 1)
    with pytest.raises(CheckpointError, match="is of version 1, this qnlr reads 2"):
        read_checkpoint(file, "run-1")


def test_another_run(file):
    with pytest.raises(CheckpointError, match="belongs to run 'run-1', not 'run-2'"):
        read_checkpoint(file, "run-2")


class Trap:
    """Unpickling it would leave a trace."""

    sprung = False

    def __reduce__(self):
        return (setattr, (Trap, "sprung", True))


@pytest.mark.parametrize("where", ["x", "tree.json"])
def test_a_pickled_array_is_refused(tmp_path, where):
    path = tmp_path / "checkpoint.npz"
    content = {"version": 1, "run_id": "run-1", "state": {"x": {"array": "x"}}}
    written(path, content, **{where: np.array([Trap()], dtype=object)})
    with np.load(path, allow_pickle=True) as archive:
        archive[where]
    assert Trap.sprung
    Trap.sprung = False
    with pytest.raises(CheckpointError, match="damaged"):
        read_checkpoint(path, "run-1")
    assert not Trap.sprung


@pytest.mark.parametrize(
    "value",
    [{1, 2}, object(), 1j, np.array([{}, 1], dtype=object), io.BytesIO()],
    ids=["set", "object", "complex", "object array", "file"],
)
def test_what_is_not_plain_data_is_refused_and_the_old_checkpoint_survives(file, value):
    with pytest.raises((TypeError, ValueError)):
        write_checkpoint(file, "run-1", {"x": np.arange(3), "bad": value})
    np.testing.assert_equal(read_checkpoint(file, "run-1"), STATE)


def test_the_old_checkpoint_survives_a_failing_write(file):
    file.with_name("checkpoint.tmp.npz").mkdir()
    with pytest.raises(OSError, match="tmp"):
        write_checkpoint(file, "run-1", {"step": 8})
    np.testing.assert_equal(read_checkpoint(file, "run-1"), STATE)


def test_a_write_cut_off_midway_leaves_the_old_checkpoint(file, monkeypatch):
    def cut_off(path, **arrays):
        path.write_bytes(b"PK\x03\x04")
        raise OSError("no space left on device")

    monkeypatch.setattr(np, "savez", cut_off)
    with pytest.raises(OSError, match="no space"):
        write_checkpoint(file, "run-1", {"step": 8})
    np.testing.assert_equal(read_checkpoint(file, "run-1"), STATE)
