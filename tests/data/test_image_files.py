import dataclasses
import gzip

import pytest
from tiny_images import (
    ARCHIVE,
    assert_whole,
    put_archive,
    put_idx,
    tiny,
)

from qnlr.data.image_files import read
from qnlr.data.sources import load
from qnlr.errors import InputError


@pytest.fixture
def collection(tmp_path, monkeypatch):
    return tiny(tmp_path, monkeypatch)


@pytest.mark.parametrize("packed", [False, True])
def test_a_folder_of_idx_files_can_be_given(collection, tmp_path, packed):
    folder = put_idx(tmp_path / "mine", packed=packed)
    assert_whole(load(collection, folder), "all 30 images given by path")
    assert_whole(load(collection, str(folder)), "all 30 images given by path")


def test_a_known_archive_can_be_given(collection, tmp_path):
    assert_whole(load(collection, put_archive(tmp_path / "a.npz")), "all 30 images given by path")


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


def test_whether_all_images_are_in_a_file_is_known(collection, tmp_path):
    assert read(collection, put_idx(tmp_path / "mine"), "it", "here").full
    assert read(collection, put_archive(tmp_path / "a.npz"), "it", "here").full
    part = dataclasses.replace(collection, excerpts=dict.fromkeys(collection.archives, "a part"))
    images = read(part, tmp_path / "a.npz", "it", "here")
    assert (images.full, images.origin) == (False, "a part")
