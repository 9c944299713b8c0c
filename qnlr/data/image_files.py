"""Reading files of images, IDX or npz, and checking that they are the right ones."""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from pathlib import Path

import numpy as np

from qnlr.data.image_collection import ByteArray, Collection, Images, options
from qnlr.errors import InputError


def read(collection: Collection, place: Path, what: str, origin: str) -> Images:
    """Read the images of a collection from a place, and check that they are what they should be.

    Args:
        collection: The collection.
        place: A folder with the four IDX files, plain or gzipped, or an npz file that is known.
        what: What the place is called in messages.
        origin: Where the images were found, to go on a sentence with.

    Returns:
        The images.

    Raises:
        InputError: If the place is neither, or what is there is damaged or not known.

    Example:
        >>> from qnlr.data.sources import BUNDLED, FASHION_MNIST
        >>> read(FASHION_MNIST, BUNDLED, "the file", "given by path").full
        False
    """
    if place.is_dir():
        pixels, classes = _read_idx(collection, place, what)
    elif place.suffix == ".npz" and place.is_file():
        pixels, classes, excerpt = _read_archive(collection, place, what)
        if excerpt is not None:
            return Images(pixels, classes, excerpt, full=False)
    else:
        raise InputError(
            f"{what} is not valid; it must be a folder with the IDX files of {collection.title} or "
            "a known npz file; " + options(collection)
        )
    return whole(pixels, classes, origin)


def whole(pixels: ByteArray, classes: ByteArray, origin: str) -> Images:
    """Return all images of a collection.

    Args:
        pixels: 0 to 255, shape (N, side, side).
        classes: 0 to 9, shape (N,).
        origin: Where they were found, to go on a sentence with.

    Returns:
        The images.

    Example:
        >>> whole(np.zeros((2, 8, 8), np.uint8), np.zeros(2, np.uint8), "given by path").origin
        'all 2 images given by path'
    """
    return Images(pixels, classes, f"all {len(classes):,} images {origin}", full=True)


def arrays(raw: bytes) -> tuple[ByteArray, ByteArray]:
    """Return images and classes of an npz file of qnlr or of Keras.

    Args:
        raw: The bytes of the file.

    Returns:
        Pixels 0 to 255, shape (N, side, side), and classes, shape (N,).

    Raises:
        ValueError: If the arrays do not fit; other errors of NumPy and zipfile if it is damaged.

    Example:
        >>> file = io.BytesIO()
        >>> np.savez(file, images=np.zeros((2, 8, 8), np.uint8), labels=np.array([3, 6]))
        >>> arrays(file.getvalue())[1]
        array([3, 6], dtype=uint8)
    """
    with np.load(io.BytesIO(raw), allow_pickle=False) as held:
        if "images" in held:
            pixels, classes = held["images"], held["labels"]
        else:
            pixels = np.concatenate([held["x_train"], held["x_test"]])
            classes = np.concatenate([held["y_train"], held["y_test"]])
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or classes.shape != pixels.shape[:1]:
        raise ValueError(f"{pixels.dtype} images of shape {pixels.shape} do not fit")
    return pixels, classes.astype(np.uint8)


def checked(file: Path, sha256: str, what: str) -> bytes:
    """Return the bytes of a file, decompressed, if they have that hash.

    Args:
        file: The file, gzipped if its name ends so.
        sha256: SHA-256 that the decompressed bytes must have.
        what: What the file's place is called in messages.

    Returns:
        The bytes.

    Raises:
        InputError: If they are damaged or have another hash.

    Example:
        >>> from qnlr.data.sources import BUNDLED, BUNDLED_SHA256
        >>> checked(BUNDLED, BUNDLED_SHA256, "the file")[:2]
        b'PK'
    """
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


def _read_idx(collection: Collection, folder: Path, what: str) -> tuple[ByteArray, ByteArray]:
    arrays = []
    for name, sha256 in collection.idx.items():
        file = folder / name
        packed = folder / f"{name}.gz"
        if not file.is_file() and not packed.is_file():
            raise InputError(f"{what} is not valid; it holds neither {name} nor {packed.name}")
        raw = checked(file if file.is_file() else packed, sha256, what)
        sizes = np.frombuffer(raw, dtype=">u4", count=raw[3], offset=4)
        arrays.append(np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(sizes))
    return np.concatenate(arrays[::2]), np.concatenate(arrays[1::2])


def _read_archive(
    collection: Collection, file: Path, what: str
) -> tuple[ByteArray, ByteArray, str | None]:
    """Return images and classes, and which images they are if not all."""
    raw = file.read_bytes()
    found = hashlib.sha256(raw).hexdigest()
    if found not in collection.archives:
        raise InputError(
            f"{what} is not valid; {file.name} is damaged or not known: its SHA-256 is {found}, "
            + " or ".join(f"that of {title} {sha}" for sha, title in collection.archives.items())
        )
    return *arrays(raw), collection.excerpts.get(found)
