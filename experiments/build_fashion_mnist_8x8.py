"""Build qnlr/data/fashion_mnist_8x8.npz from Debian's package dataset-fashion-mnist.

The first 500 training images of each class, in the order of the training set, padded to 32 × 32
with zeros, pooled to 8 × 8 by means over 4 × 4 pixels and rounded to whole numbers, halves to even.
Run it after ``apt-get install dataset-fashion-mnist``. The same files and the same zlib give the
same archive; its SHA-256, which is printed, is ``BUNDLED_SHA256`` in qnlr/data/sources.py.
"""

import hashlib
import sys
from pathlib import Path

import numpy as np

from qnlr.data.reduction import pooling
from qnlr.data.sources import BUNDLED, DEBIAN, FASHION_MNIST, load
from qnlr.files import replacing

PER_CLASS, TRAINING = 500, 60_000


def main(folder: Path = DEBIAN, file: Path = BUNDLED) -> None:
    images = load(FASHION_MNIST, path=folder)
    classes = images.classes[:TRAINING]
    first = np.concatenate([np.flatnonzero(classes == kind)[:PER_CLASS] for kind in range(10)])
    first.sort()
    pixels = images.pixels[first].reshape(len(first), -1).astype(float)
    small = np.rint(pooling(64, side=28)(pixels)(pixels)).astype(np.uint8).reshape(-1, 8, 8)
    with replacing(file) as beside:
        np.savez_compressed(beside, images=small, labels=classes[first])
    print(f"{file}: SHA-256 {hashlib.sha256(file.read_bytes()).hexdigest()}")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
