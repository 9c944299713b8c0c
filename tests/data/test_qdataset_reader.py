import contextlib
import io
import os
import pickle
import struct
import tracemalloc
import warnings
import zipfile

import numpy as np
import pytest

from qnlr.data.qdataset_example import full_example
from qnlr.data.qdataset_pickle import safe_loads
from qnlr.data.qdataset_reader import read_examples
from qnlr.data.qdataset_system import Grid
from qnlr.errors import InputError

NAME = "G_1q_X_Z_N1"


def example(seed=0, name=NAME):
    return full_example(name, np.random.default_rng(seed), Grid(16, 3))


def archive(tmp_path, members, name=NAME, **settings):
    path = tmp_path / f"{name}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, **settings) as file:
        for member, content in members.items():
            data = content if isinstance(content, bytes) else pickle.dumps(content, -1)
            file.writestr(member, data)
    return path


def read(path, name=NAME, **settings):
    return list(read_examples(path, name, **settings))


def refused(tmp_path, content, message):
    path = archive(tmp_path, {f"{NAME}_ex_0": content})
    with pytest.raises(InputError, match=message) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}: member {NAME}_ex_0: ")


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("name", ["G_1q_X", NAME, "S_1q_XY_XZ_N1N5_D"])
def test_what_was_pickled_is_read(tmp_path, protocol, name):
    made = [example(seed, name) for seed in range(3)]
    members = {f"{name}_ex_{i}": pickle.dumps(one, protocol) for i, one in enumerate(made)}
    keep = ("expectations", "pulse_parameters", "pulses", "distorted_pulses", "noise", "Eo")
    found = read(archive(tmp_path, members, name), name, keep=keep)
    assert len(found) == 3
    for one, kept in zip(made, found, strict=True):
        assert set(kept) == set(keep)
        for key in keep:
            np.testing.assert_array_equal(kept[key], one[key][0])
            assert kept[key].dtype == np.float64


def test_examples_come_in_the_order_of_their_numbers(tmp_path):
    members = {f"{NAME}_ex_{i}": example(i) for i in (10, 2, 0)}
    found = read(archive(tmp_path, members), limit=2)
    for seed, kept in zip((0, 2), found, strict=True):
        np.testing.assert_array_equal(kept["expectations"], example(seed)["expectations"][0])


def test_examples_are_read_one_by_one(tmp_path):
    path = archive(tmp_path, {f"{NAME}_ex_0": example(), f"{NAME}_ex_1": b"N"})
    found = read_examples(path, NAME)
    assert next(found)["expectations"].shape == (18,)
    with pytest.raises(InputError, match=f"{NAME}_ex_1: it is no valid pickle"):
        next(found)


def test_nothing_is_written(tmp_path, monkeypatch):
    path = archive(tmp_path, {f"{NAME}_ex_0": example()})
    empty = tmp_path / "elsewhere"
    empty.mkdir()
    monkeypatch.chdir(empty)
    read(path)
    assert list(empty.iterdir()) == []
    assert set(tmp_path.iterdir()) - {tmp_path / "cache"} == {path, empty}


class Calls:
    def __init__(self, function, *arguments):
        self.made = function, arguments

    def __reduce__(self):
        return self.made


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize("function", [os.system, eval, os.mkdir, np.save])
def test_a_pickle_that_calls_something_is_refused_and_not_run(tmp_path, function, protocol):
    mark = tmp_path / "mark"
    command = {os.system: f"touch {mark}", eval: f"open({str(mark)!r}, 'w')"}
    arguments = (str(mark), 1) if function is np.save else (command.get(function, str(mark)),)
    content = example() | {"extra": Calls(function, *arguments)}
    refused(tmp_path, pickle.dumps(content, protocol), "it (names|has the instruction)")
    assert not list(tmp_path.glob("mark*"))


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize(
    "array",
    [
        np.array([1, "two"], dtype=object),
        np.array(["text"]),
        np.array([b"raw"]),
        np.zeros(2, dtype=[("a", "f4"), ("b", "i4")]),
        np.zeros(2, dtype="V4"),
        np.zeros(2, dtype="M8[s]"),
        np.zeros(2, dtype=">f4"),
        np.zeros(2, dtype="f2"),
    ],
    ids=lambda array: str(array.dtype),
)
def test_arrays_of_anything_but_plain_numbers_are_refused(tmp_path, array, protocol):
    refused(tmp_path, pickle.dumps(example() | {"noise": array}, protocol), "dtype|names")


class Subclass(np.ndarray):
    pass


@pytest.mark.parametrize(
    "value",
    [
        np.zeros(2).view(Subclass),
        np.ma.masked_array([1.0]),
        np.random.default_rng(0),
        io.BytesIO(b""),
        {1, 2},
        2**3000,
        slice(3),
        Grid(),
        len,
    ],
    ids=lambda value: type(value).__name__,
)
def test_objects_are_refused(tmp_path, value):
    refused(tmp_path, example() | {"sim_parameters": value}, "it (names|has the instruction)")


def reduced(module, name, arguments):
    """Write a protocol-2 pickle of a call with arguments that are plain data."""
    inner = pickle.dumps(arguments, 2)[2:-1]
    return b"\x80\x02c" + f"{module}\n{name}\n".encode() + inner + b"R."


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (reduced("numpy", "ndarray", ((10**12,),)), "calls numpy.ndarray"),
        (reduced("numpy.core.multiarray", "_reconstruct", (1, (10**12,))), "no valid pickle"),
        (reduced("numpy.core.multiarray", "_reconstruct", (1, (9,), 2)), "strange way"),
        (reduced("numpy._core.numeric", "_frombuffer", ("", 1, (9,), "C")), "not made of bytes"),
        (reduced("numpy", "dtype", ("O",)), "dtype 'O'"),
        (reduced("numpy", "dtype", ([],)), "dtype that is no text"),
        (reduced("_codecs", "encode", ("x", "rot13")), "encodes text otherwise"),
        (reduced("_codecs", "decode", ("x",)), "names _codecs.decode"),
        (reduced("numpy.core", "multiarray", ()), "names numpy.core.multiarray"),
        (reduced("posix", "system", ("true",)), "names posix.system"),
        (b"\x80\x02cnumpy\ndtype\n}b.", "sets the state of a function"),
        (b"\x80\x02U\x01xQ.", "instruction SHORT_BINSTRING"),
        (b"\x80\x02K\x01Q.", "instruction BINPERSID"),
        (b"\x80\x04P1\n.", "instruction PERSID"),
        (b"\x80\x02\x82\x01.", "instruction EXT1"),
        (b"\x80\x05\x97.", "instruction NEXT_BUFFER"),
        (b"\x80\x02cnumpy\nndarray\n)\x81.", "instruction NEWOBJ"),
        (b"\x80\x02Nr\xff\xff\xff\x7f.", "memorises value 2147483647"),
        (b"\x80\x05\x96" + struct.pack("<Q", 2**40) + b"x.", "no valid pickle"),
        (b"\x80\x05\x8e" + struct.pack("<Q", 2**62) + b"x.", "no valid pickle"),
        (b"\x80\x04\x95" + struct.pack("<Q", 2**40) + b"N.", "pickle"),
        (b"\x80\x02N" + b"N" * 100_000 + b".", "too many"),
        (b"\x80\x02)" + b"\x85" * 6000 + b".", "too many"),
        (b"\x80\x02N\x85q\x00h\x00\x86.", "one tuple many times"),
        (b"\x80\x04N\x85\x95\x07\0\0\0\0\0\0\0\x94h\x00\x86.      ", "one tuple many times"),
        (b"\x80\x02N.N.", "bytes follow its end"),
        (b"\x80\x09N.", "pickle"),
        (b"\x80\x02N", "no valid pickle"),
        (b"\x80\x02R.", "stack underflow"),
        (b"", "no valid pickle"),
        (b"\x80\x02}(]Nu.", "no valid pickle"),
    ],
)
def test_hostile_and_damaged_pickles_are_refused(tmp_path, data, message):
    refused(tmp_path, data, message)


def test_the_shape_of_an_array_is_that_of_its_bytes(tmp_path):
    for protocol in (2, 4, 5):
        data = pickle.dumps(example() | {"noise": np.zeros(251, np.float32)}, protocol)
        at = data.rindex(b"K\xfb")
        changed = data[:at] + b"K\xfc" + data[at + 2 :]
        refused(tmp_path, changed, r"an array of shape \(252,\) has 1004 bytes")


def test_text_is_not_encoded_again_and_again():
    call = b"c_codecs\nencode\nh\x00X\x06\0\0\0latin1\x86R"
    text = "x" * 1000
    data = b"\x80\x02(X" + struct.pack("<I", 1000) + text.encode() + b"q\x00" + call * 500 + b"t."
    with pytest.raises(pickle.UnpicklingError, match="many times"):
        safe_loads(data)


def test_hostile_sizes_take_no_memory():
    tracemalloc.start()
    for data in (
        b"\x80\x05\x96" + struct.pack("<Q", 2**36) + b"x.",
        b"\x80\x02Nr\xff\xff\xff\x0f.",
        reduced("numpy", "ndarray", ((2**33,),)),
    ):
        with pytest.raises(pickle.UnpicklingError):
            safe_loads(data)
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"expectations": None}, "'expectations' does not hold an array"),
        ({"expectations": np.zeros((1, 18))}, "float64 .* instead of float32"),
        ({"expectations": np.zeros((1, 17), np.float32)}, r"shape \(1, 17\) instead of"),
        ({"expectations": np.full((1, 18), np.nan, np.float32)}, "NaN"),
        ({"expectations": np.full((1, 18), 1.5, np.float32)}, r"outside \[-1, 1\]"),
        ({"Eo": np.zeros((1, 0, 18), np.float32)}, "'Eo'"),
        ({"Eo": [1.0]}, "'Eo'"),
        ({"Vo": []}, "'Vo' is not a list of 3 arrays"),
        ({"Vo": np.zeros(3)}, "'Vo' is not a list of 3 arrays"),
        ({"U0": np.zeros((1, 15, 1, 2, 2), np.complex64)}, "'U0' holds"),
        ({"time_range": [0.5]}, "'time_range'"),
        ({"time_range": [0.5] * 16}, "'time_range'"),
        ({"time_range": [float("nan")] * 16}, "'time_range'"),
        ({"time_range": list(range(16))}, "'time_range'"),
        ({"time_range": [j / 20 for j in range(20)]}, "instead of"),
        ({"sim_parameters": {}}, "it calls itself of type NoneType"),
        ({"sim_parameters": {"name": "G_1q_XY"}}, "it calls itself 'G_1q_XY'"),
        ({"more": 1}, "key 'more' is not"),
        ({7: 1}, "key of type int is not"),
    ],
)
def test_examples_that_are_none_are_refused(tmp_path, change, message):
    refused(tmp_path, example() | change, message)


@pytest.mark.parametrize("key", list(example()))
def test_a_missing_key_is_named(tmp_path, key):
    refused(tmp_path, {k: v for k, v in example().items() if k != key}, f"key '{key}' is missing")


def test_something_else_than_a_dict_is_refused(tmp_path):
    refused(tmp_path, [1, 2], "a list instead of a dict")


@pytest.mark.parametrize(
    "member",
    [
        f"../{NAME}_ex_0",
        f"/{NAME}_ex_0",
        f"folder/{NAME}_ex_0",
        "folder/",
        f"{NAME}_ex_0.pkl",
        f"{NAME}_ex_00",
        f"{NAME}_ex_-1",
        f"{NAME}_ex_",
        f"{NAME}_D_ex_0",
        "G_1q_X_ex_0",
        f"{NAME}_ex_0\n",
        "readme",
    ],
)
def test_members_of_other_names_are_refused(tmp_path, member):
    path = archive(tmp_path, {f"{NAME}_ex_1": example(), member: b"x"})
    with pytest.raises(InputError) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}: member {member!r} is not valid")


def test_a_member_that_is_there_twice_is_refused(tmp_path):
    path = archive(tmp_path, {f"{NAME}_ex_0": example()})
    with warnings.catch_warnings(), zipfile.ZipFile(path, "a") as file:
        warnings.simplefilter("ignore")
        file.writestr(f"{NAME}_ex_0", b"x")
    with pytest.raises(InputError, match=f"member {NAME}_ex_0 is there twice"):
        read(path)


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr("qnlr.data.qdataset_reader.MAX_MEMBER_BYTES", 2**20)
    refused(tmp_path, b"\0" * (2**20 + 1), "1,048,577 bytes are too many; at most 1,048,576")


@pytest.mark.parametrize("claimed", [10, 2**20])
def test_a_member_with_a_false_size_is_refused(tmp_path, claimed):
    path = archive(tmp_path, {f"{NAME}_ex_0": b"\0" * 5000})
    data = bytearray(path.read_bytes())
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", claimed)
    path.write_bytes(data)
    with pytest.raises(InputError, match=f"{NAME}_ex_0"):
        read(path)


def test_too_many_members_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("qnlr.data.qdataset_reader.MAX_MEMBERS", 2)
    path = archive(tmp_path, {f"{NAME}_ex_{i}": b"x" for i in range(3)})
    with pytest.raises(InputError, match="3 members are more than 2"):
        read(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compressions_are_refused(tmp_path, method):
    path = tmp_path / "mine.zip"
    with zipfile.ZipFile(path, "w", method) as file:
        file.writestr(f"{NAME}_ex_0", b"x")
    with pytest.raises(InputError, match=f"{NAME}_ex_0: it is encrypted, or compressed otherwise"):
        read(path)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_truncated_archive_is_refused(tmp_path, share):
    path = archive(tmp_path, {f"{NAME}_ex_0": example()})
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(InputError, match=f"{path} cannot be read"):
        read(path)


@pytest.mark.parametrize("seed", range(30))
def test_damage_anywhere_is_an_input_error_or_harmless(tmp_path, seed):
    path = archive(tmp_path, {f"{NAME}_ex_{i}": example(i) for i in range(2)})
    data, rng = bytearray(path.read_bytes()), np.random.default_rng(seed)
    start = len(data) - 250 if seed % 2 else 0
    for at in rng.integers(start, len(data), size=3):
        data[at] = rng.integers(256)
    path.write_bytes(data)
    with contextlib.suppress(InputError):
        assert len(read(path)) <= 2


@pytest.mark.parametrize("seed", range(300))
def test_a_damaged_pickle_is_refused_or_harmless(seed):
    rng = np.random.default_rng(seed)
    data = bytearray(pickle.dumps({"a": np.zeros(3), "b": [1.0, (2, "x")]}, 2 + seed % 4))
    for at in rng.integers(len(data), size=1 + seed % 3):
        data[at] = rng.integers(256)
    with contextlib.suppress(pickle.UnpicklingError):
        safe_loads(bytes(data))


def test_too_few_examples_and_missing_files_are_named(tmp_path):
    path = archive(tmp_path, {f"{NAME}_ex_0": example()})
    with pytest.raises(InputError, match=f"{path}: 2 examples are needed, 1 are there"):
        read(path, limit=2)
    with pytest.raises(InputError, match=r"nowhere\.zip cannot be read"):
        read(tmp_path / "nowhere.zip")
    with pytest.raises(InputError, match="1 examples are needed, 0 are there"):
        read(archive(tmp_path, {}))


def test_unknown_keys_to_keep_are_named(tmp_path):
    with pytest.raises(InputError, match='key "expectation" is not known; did you mean'):
        read(tmp_path / "mine.zip", keep=("expectation",))
    with pytest.raises(InputError, match='key "H1" is not known'):
        read(tmp_path / "mine.zip", keep=("H1",))
