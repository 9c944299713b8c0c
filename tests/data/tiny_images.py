"""Thirty images, and the files that they may be in."""

import dataclasses
import gzip
import hashlib
import io
import struct

import numpy as np

from qnlr.data.image_collection import Images, cache_folder
from qnlr.data.sources import MNIST

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, size=(30, 28, 28), dtype=np.uint8)
CLASSES = np.tile(np.arange(10, dtype=np.uint8), 3)
PARTS = (PIXELS[:20], CLASSES[:20], PIXELS[20:], CLASSES[20:])
SMALL = Images(PIXELS[:10], CLASSES[:10], "ten images of a package", full=False)


def idx(array):
    sizes = struct.pack(f">{array.ndim}I", *array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()


FILES = {name: idx(array) for name, array in zip(MNIST.idx, PARTS, strict=True)}


def keras():
    raw = io.BytesIO()
    names = ("x_train", "y_train", "x_test", "y_test")
    np.savez(raw, **dict(zip(names, PARTS, strict=True)))
    return raw.getvalue()


ARCHIVE = keras()


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


def tiny(tmp_path, monkeypatch):
    """Return a collection of 30 images that is in none of the places yet, on its own machine."""
    monkeypatch.setenv("QNLR_CACHE", str(tmp_path / "cache"))
    return dataclasses.replace(
        MNIST,
        name="tiny",
        title="Tiny",
        idx={name: hashlib.sha256(raw).hexdigest() for name, raw in FILES.items()},
        archives={hashlib.sha256(ARCHIVE).hexdigest(): "tiny.npz of Keras"},
        folders=("tiny", "tiny.npz", "TINY/raw"),
        system=tmp_path / "system",
        package="dataset-tiny",
        urls=((tmp_path / "web" / "tiny.npz").as_uri(),),
        subset=lambda: None,
    )
