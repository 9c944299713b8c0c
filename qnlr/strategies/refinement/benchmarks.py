"""The two-stage paper's three tasks: a curve, a telecom series, and reduced MNIST.

What the paper does not say is chosen here, and said in each function.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from qnlr.data import sources
from qnlr.errors import InputError, unknown_name
from qnlr.rng import stream
from qnlr.strategies.refinement.perceptron import Perceptron
from qnlr.types import FloatArray

DIGITS_SOURCES = ("any", "mnist", "digits")


@dataclass(frozen=True, eq=False)
class Benchmark:
    """A task: a network, and what it is trained on and validated with.

    Args:
        name: Name of the task.
        network: The network.
        inputs: Training inputs, shape (N, d).
        targets: Training targets, shape (N, K), classes one-hot.
        validation_inputs: Shape (M, d).
        validation_targets: Shape (M, K).
        batch: Samples of a mini-batch.
        source: One sentence on where the samples come from.
    """

    name: str
    network: Perceptron
    inputs: FloatArray
    targets: FloatArray
    validation_inputs: FloatArray
    validation_targets: FloatArray
    batch: int
    source: str

    def batches(self, steps: int, seed: int) -> NDArray[np.intp]:
        """Return which samples each step sees, shape (steps, batch): the same for all methods.

        Args:
            steps: Number of steps.
            seed: Seed of the run.

        Returns:
            Rows of the training samples; each epoch takes every sample once, in a new order, and
            leaves out what does not fill a batch.

        Example:
            >>> task = curve(seed=0)
            >>> rows = task.batches(5, seed=0)
            >>> rows.shape, len(set(rows.ravel().tolist()))
            ((5, 32), 160)
        """
        rng = stream("batches", seed, {"task": self.name})
        each = len(self.inputs) // self.batch
        epochs = -(-steps // each)
        orders = [rng.permutation(len(self.inputs))[: each * self.batch] for _ in range(epochs)]
        return np.concatenate(orders).reshape(-1, self.batch)[:steps]


def curve(seed: int = 0, source: str = "any") -> Benchmark:
    """Return the curve fit: y = x² on [0, 1] without noise, mean squared error.

    "A two-layer perceptron with 250 hidden neurons" is read as two layers of weights, 1-250-1.
    Ours: 200 points drawn uniformly, 160 of them to train and 40 to validate; batches of 32.

    Args:
        seed: Seed of the points.
        source: Not used: there is nothing to load.

    Returns:
        The task.

    Source:
        Section IV-B of the two-stage paper, Eq. 8.

    Example:
        >>> task = curve()
        >>> task.network.size, task.inputs.shape, task.validation_inputs.shape
        (751, (160, 1), (40, 1))
    """
    x = stream("data", seed, {"task": "curve"}).uniform(0.0, 1.0, (200, 1))
    y = x**2
    said = "y = x² at 200 uniform points of [0, 1], without noise"
    network = Perceptron((1, 250, 1))
    return Benchmark("curve", network, x[:160], y[:160], x[160:], y[160:], 32, said)


def telecom(seed: int = 0, source: str = "any") -> Benchmark:
    r"""Return the telecom forecast: a daily sine with autoregressive noise, one step ahead.

    .. math:: y_t = \sin(2πt/24) + a_t, \qquad a_t = 0.8 a_{t-1} + ε_t, \quad ε \sim N(0, 0.2^2)

    The paper names an "AR+Sine" series and gives no parameter, network or window. Ours: 800 hours
    as above; the next value from the last 12; the first 80 % of the windows to train and the last
    20 % to validate; standardised by the training part, so that a loss of 1 is a forecast of the
    mean; 12-250-1 as for the curve; mean squared error; batches of 32. No forecast can be better
    than the variance of ε, about 0.07 after standardising.

    Args:
        seed: Seed of the noise.
        source: Not used: there is nothing to load.

    Returns:
        The task.

    Source:
        Section IV-C of the two-stage paper.

    Example:
        >>> task = telecom()
        >>> task.inputs.shape, task.validation_inputs.shape
        ((630, 12), (158, 12))
    """
    rng, hours, lags = stream("data", seed, {"task": "telecom"}), 800, 12
    noise = lfilter([1.0], [1.0, -0.8], rng.normal(0.0, 0.2, hours))
    series = np.sin(2 * np.pi * np.arange(hours) / 24) + noise
    windows = np.lib.stride_tricks.sliding_window_view(series, lags + 1)
    kept = int(0.8 * len(windows))
    windows = (windows - windows[:kept].mean()) / windows[:kept].std()
    x, y = windows[:, :lags], windows[:, lags:]
    said = "800 hours of a sine of 24 hours with AR(1) noise (0.8, σ = 0.2), 12 lags"
    network = Perceptron((lags, 250, 1))
    return Benchmark("telecom", network, x[:kept], y[:kept], x[kept:], y[kept:], 32, said)


def mnist(seed: int = 0, source: str = "any") -> Benchmark:
    """Return reduced MNIST: ten digits, 200 samples of each, cross entropy.

    784-128-10, "normalized to zero mean and unit variance". Ours: the mean and variance are of all
    pixels of the training samples, not pixel by pixel, which would blow up pixels that are almost
    always blank; 160 of each digit to train and 40 to validate; batches of 64.

    Args:
        seed: Seed of which images are taken.
        source: ``"mnist"``, images of MNIST as :func:`qnlr.data.mnist` finds them; ``"digits"``,
            the 8 × 8 digits shipped with scikit-learn, of which there are only 174 to 183 each,
            so that 170 are taken; or ``"any"``, MNIST if there is one and else the digits.

    Returns:
        The task; its ``source`` says which images they are.

    Raises:
        InputError: If the source is not known, or ``"mnist"`` is wanted and not found.

    Source:
        Section IV-D of the two-stage paper.

    Example:
        >>> task = mnist(source="digits")
        >>> task.network.widths, task.inputs.shape, task.validation_inputs.shape
        ((64, 128, 10), (1360, 64), (340, 64))
    """
    pixels, classes, number, said = _digits(source)
    rng = stream("data", seed, {"task": "mnist"})
    rows = [rng.choice(np.flatnonzero(classes == k), number, replace=False) for k in range(10)]
    kept = number * 4 // 5
    train = np.concatenate([of_class[:kept] for of_class in rows])
    held = np.concatenate([of_class[kept:] for of_class in rows])
    x = (pixels - pixels[train].mean()) / pixels[train].std()
    y = np.eye(10)[classes]
    network = Perceptron((x.shape[1], 128, 10), "cross_entropy")
    return Benchmark("mnist", network, x[train], y[train], x[held], y[held], 64, said)


def _digits(source: str) -> tuple[FloatArray, NDArray[np.intp], int, str]:
    """Return pixels, classes, samples of each class to take, and where they come from."""
    if source not in DIGITS_SOURCES:
        raise unknown_name("source", source, DIGITS_SOURCES)
    if source != "digits":
        try:
            images = sources.load(sources.MNIST)
        except InputError:
            if source == "mnist":
                raise
        else:
            flat = images.pixels.reshape(len(images.pixels), -1) / 255.0
            return flat, images.classes.astype(int), 200, f"200 images a digit of {images.origin}"
    from sklearn.datasets import load_digits

    pixels, classes = load_digits(return_X_y=True)
    said = "170 images a digit of scikit-learn's 8 × 8 digits, which stand in for MNIST"
    return pixels / 16.0, classes, 170, said


BENCHMARKS: dict[str, Callable[[int, str], Benchmark]] = {
    "curve": curve,
    "telecom": telecom,
    "mnist": mnist,
}
"""Tasks by name; each takes a seed and a source of images."""
