"""Downloading a collection of images once, and keeping it."""

from __future__ import annotations

import shutil
import tempfile
import urllib.error
import urllib.request
import zipfile
import zlib
from http.client import HTTPException
from pathlib import Path

import numpy as np
from filelock import FileLock

from qnlr.data.image_collection import Collection, Images, cache_file, options
from qnlr.data.image_files import arrays, read, whole
from qnlr.errors import InputError
from qnlr.files import replacing

_DAMAGED = (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error)


def cached(collection: Collection) -> Images | None:
    """Return the images of a collection that were downloaded before.

    Args:
        collection: The collection.

    Returns:
        The images, or None if they are not in the cache.

    Raises:
        InputError: If they are damaged.

    Example:
        >>> from unittest import mock
        >>> from qnlr.data.sources import MNIST
        >>> with mock.patch.dict("os.environ", {"QNLR_CACHE": "/nowhere"}):
        ...     print(cached(MNIST))
        None
    """
    file = cache_file(collection)
    if not file.is_file():
        return None
    try:
        pixels, classes = arrays(file.read_bytes())
    except _DAMAGED as error:
        raise InputError(f"{file} is damaged; delete it to go on without it: {error}") from error
    return whole(pixels, classes, f"downloaded from {collection.host}")


def downloaded(collection: Collection) -> Images:
    """Download all images of a collection and keep them in the cache, if they are not there yet.

    Args:
        collection: The collection.

    Returns:
        The images.

    Raises:
        InputError: If they cannot be downloaded, or are not what they should be.
    """
    file = cache_file(collection)
    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(file.with_suffix(".lock")), tempfile.TemporaryDirectory() as temporary:
        kept = cached(collection)  # by another process, in the meantime
        if kept is not None:
            return kept
        folder = Path(temporary)
        for url in collection.urls:
            _fetch(collection, url, folder / url.rpartition("/")[2])
        place = next(folder.glob("*.npz"), folder)
        origin = f"downloaded from {collection.host}"
        images = read(collection, place, f"what was downloaded from {collection.host}", origin)
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
