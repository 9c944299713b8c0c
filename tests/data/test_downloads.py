import dataclasses
import gzip
import hashlib
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from tiny_images import (
    ARCHIVE,
    CLASSES,
    FILES,
    PIXELS,
    SMALL,
    assert_whole,
    idx,
    put_archive,
    put_cached,
    put_idx,
    tiny,
)

from qnlr.data.image_collection import cache_folder
from qnlr.data.sources import load
from qnlr.errors import InputError


@pytest.fixture
def collection(tmp_path, monkeypatch):
    return tiny(tmp_path, monkeypatch)


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
