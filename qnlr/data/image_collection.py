"""What a collection of images is, and what can be done to have it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ByteArray = NDArray[np.uint8]

CACHE = "QNLR_CACHE"
DATA = "QNLR_DATA"


@dataclass(frozen=True)
class Images:
    """Square images of ten classes.

    Args:
        pixels: 0 to 255, shape (N, side, side).
        classes: 0 to 9, shape (N,).
        origin: Which images they are and where they were found, to go on a sentence with.
        full: Whether they are all images of the collection, in their own size.
    """

    pixels: ByteArray
    classes: ByteArray
    origin: str
    full: bool


@dataclass(frozen=True)
class Collection:
    """A collection of images, and where it may be found.

    Args:
        name: Name of the dataset and of its file in the cache.
        title: The name that people know it by.
        idx: SHA-256 of the four IDX files when decompressed, by name: images and labels for
            training, images and labels for testing.
        archives: What npz files are known, by their SHA-256.
        excerpts: Which images there are in those npz files that do not hold all of them, by their
            SHA-256.
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
    excerpts: Mapping[str, str]
    folders: tuple[str, ...]
    system: Path | None
    package: str | None
    urls: tuple[str, ...]
    subset: Callable[[], Images | None]
    advice: str | None

    @property
    def host(self) -> str:
        """Where it is downloaded from."""
        return self.urls[0].rpartition("/")[0]


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


def cache_file(collection: Collection) -> Path:
    """Return the file that a collection is kept in once it is downloaded.

    Args:
        collection: The collection.

    Returns:
        The file, which need not exist.

    Example:
        >>> from qnlr.data.sources import MNIST
        >>> cache_file(MNIST).name
        'mnist.npz'
    """
    return cache_folder() / f"{collection.name}.npz"


def options(collection: Collection, full: bool = False) -> str:
    """Say what a user can do to have the images of a collection.

    Args:
        collection: The collection.
        full: Whether only what gives all of its images is of use.

    Returns:
        A list, one line for every way.

    Example:
        >>> from qnlr.data.sources import MNIST
        >>> print(options(MNIST).splitlines()[0])
        any one of these will do:
    """
    file = cache_file(collection)
    known = "".join(
        f", or {title}"
        for sha256, title in collection.archives.items()
        if not (full and sha256 in collection.excerpts)
    )
    ways = [
        f"path = a folder with {', '.join(collection.idx)}, plain or gzipped{known}",
        f"{DATA} = a folder that holds such a one as {' or '.join(collection.folders)}",
        f"a copy of {file} from another machine, in the same place or where {CACHE} says",
    ]
    if collection.package is not None:
        ways.append(f"the system package: apt-get install {collection.package}")
    if collection.advice is not None and not full:
        ways.append(collection.advice)
    ways.append(f"download = true, once, from {collection.host}")
    return "\n  - ".join(["any one of these will do:", *ways])
