"""Slices through the landscape around a recorded run: its loss, and how large its gradient is."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from qnlr.diagnostics.around import measuring, some_samples
from qnlr.diagnostics.directions import DIRECTIONS, Directions
from qnlr.diagnostics.findings import Findings, Told, untold
from qnlr.diagnostics.landscape_drawings import drawings
from qnlr.diagnostics.recorded import Recorded
from qnlr.errors import InputError, require_count, require_positive, unknown_name
from qnlr.problems import Batch
from qnlr.rng import stream
from qnlr.types import Backend, FloatArray

LINES = 3
LARGEST = 201
CENTRES = ("last", "best")


def landscape_slice(
    recorded: Recorded,
    directions: str = "random",
    dimensions: int = 2,
    radius: float | None = None,
    points: int = 31,
    centre: str = "last",
    samples: int | None = None,
    evaluation: str = "exact",
    gradient: bool = True,
    seed: int = 0,
    told: Told = untold,
) -> Findings:
    r"""Cut a slice through the landscape around a recorded run: its loss and gradient norm.

    .. math:: L(θ^* + a d_1 + b d_2), \qquad ‖∇L(θ^* + a d_1 + b d_2)‖

    The gradient is that by all weights, not by a and b alone: where it is small there is a plateau,
    whatever the slice looks like.

    Source: Li et al., NeurIPS 2018, arXiv:1712.09913.

    Args:
        recorded: The run.
        directions: d: "random", "filter" for random ones with filters as long as those of θ*, or
            "principal" for those that the run moved along most, with its path.
        dimensions: 2 for a map over two directions, 1 for lines along up to three.
        radius: How far to go to either side, above 0; by default √P for random directions, 1 for
            filter-normalised ones, and for principal ones as far as the run went and a quarter
            more.
        points: Points along an axis, an odd number from 3 to 201, so that θ* is one of them.
        centre: θ*: "last" for the last weights, "best" for the kept ones of lowest exact loss.
        samples: Training samples to average over, drawn once; by default all, and a mini-batch of
            the run's if evaluation is "as_run".
        evaluation: "exact", or "as_run" with the backend of the run, its shots and its noise.
        gradient: Whether to measure gradients, too.
        seed: Seed of directions, samples and shots.
        told: Told of progress.

    Returns:
        One row for each point, with columns ``first`` and ``second`` (a and b), or ``direction``
        and ``distance``; ``loss``, ``gradient`` (its norm), and with shots their ``loss_std`` and
        ``gradient_noise``, the norm that noise alone would give. Tables ``path`` and ``explained``
        for principal directions.

    Raises:
        InputError: If a setting is not valid, the run did not move along so many directions, or
            its backend is a device and evaluation is "as_run".
    """
    if directions not in DIRECTIONS:
        raise unknown_name("directions", directions, DIRECTIONS)
    require_count("dimensions", dimensions, low=1, high=2)
    if require_count("points", points, low=3, high=LARGEST) % 2 == 0:
        raise InputError(f"points = {points} is not valid; it must be odd, such as {points + 1}")
    backend = measuring(recorded, evaluation, seed)
    if evaluation == "as_run" and samples is None:
        samples = min(recorded.training.settings.batch_size, len(recorded.samples))
    batch = some_samples(recorded, samples, seed)
    middle = _centre(recorded, centre, batch)
    wanted = 2 if dimensions == 2 else LINES
    found = DIRECTIONS[directions](recorded, middle, wanted, seed)
    if len(found.vectors) < dimensions:
        raise InputError(
            f'directions = "{directions}" is not valid: {recorded.name} has {len(found.vectors)} '
            f'such directions, and {dimensions} are looked along; take "random", or dimensions = 1'
        )
    far = found.radius if radius is None else require_positive("radius", radius)
    axis = np.linspace(-far, far, points)
    axis[points // 2] = 0.0
    places, along = _grid(axis, len(found.vectors), dimensions)
    weights = middle + along @ found.vectors
    rng = stream("shots", seed, "landscape")
    measured = measure(recorded, weights, batch, backend, gradient, rng, told)
    frame = pd.concat([places, measured], axis=1)
    tables: dict[str, pd.DataFrame] = {}
    if found.explained is not None:
        tables = {"explained": found.explained, "path": _path(recorded, middle, found, batch)}
    about = _about(recorded, centre, batch, evaluation)
    return Findings(
        title=f"Landscape around {recorded.name}, along {directions} directions",
        frame=frame,
        says=_says(frame, tables, dimensions),
        drawings=drawings(frame, tables.get("path"), found, dimensions, about),
        tables=tables,
        caveats=_caveats(directions, found, far),
    )


def measure(
    recorded: Recorded,
    weights: FloatArray,
    batch: Batch,
    backend: Backend,
    gradient: bool,
    rng: np.random.Generator,
    told: Told = untold,
) -> pd.DataFrame:
    """Measure the loss of a recorded run's problem at many weights, and how large its gradient is.

    Args:
        recorded: The run.
        weights: One point a row, shape (K, P).
        batch: The samples.
        backend: Where circuits run.
        gradient: Whether to measure gradients, too.
        rng: Draws the shot noise.
        told: Told of progress.

    Returns:
        One row for each point: ``loss``, ``loss_std``, and ``gradient``, ``gradient_noise``.
    """
    problem = recorded.training.problem
    rows: list[tuple[float, ...]] = []
    for done, point in enumerate(weights):
        told(done, len(weights))
        if gradient:
            both = problem.loss_and_gradient(point, batch, backend, rng)
            norms = [float(np.linalg.norm(one)) for one in (both.gradient, both.stds)]
            rows.append((both.loss, both.loss.std, *norms))
        else:
            loss = problem.loss(point, batch, backend, rng)
            rows.append((loss, loss.std))
    told(len(weights), len(weights))
    names = ["loss", "loss_std", "gradient", "gradient_noise"]
    return pd.DataFrame(np.array(rows, dtype=float), columns=names[: len(rows[0])])


def _centre(recorded: Recorded, centre: str, batch: Batch) -> FloatArray:
    if centre not in CENTRES:
        raise unknown_name("centre", centre, CENTRES)
    if not np.isfinite(recorded.weights).all():
        raise InputError(f"{recorded.name} has weights that are not finite: it diverged")
    place = -1 if centre == "last" else int(np.argmin(_losses(recorded, batch)))
    return np.asarray(recorded.weights[place])


def _losses(recorded: Recorded, batch: Batch) -> FloatArray:
    backend, rng = measuring(recorded, "exact"), stream("shots", 0, "none")
    found = measure(recorded, recorded.weights, batch, backend, gradient=False, rng=rng)
    return found["loss"].to_numpy()


def _grid(axis: FloatArray, number: int, dimensions: int) -> tuple[pd.DataFrame, FloatArray]:
    """Return the points as a frame, and how far each is along each direction, shape (K, k)."""
    if dimensions == 2:
        second, first = (along.ravel() for along in np.meshgrid(axis, axis, indexing="ij"))
        return pd.DataFrame({"first": first, "second": second}), np.column_stack([first, second])
    far = np.concatenate([np.outer(axis, unit) for unit in np.eye(number)])
    direction = np.repeat(np.arange(number) + 1, len(axis))
    return pd.DataFrame({"direction": direction, "distance": np.tile(axis, number)}), far


def _path(recorded: Recorded, middle: FloatArray, found: Directions, batch: Batch) -> pd.DataFrame:
    apart = recorded.weights - middle
    seen = apart @ found.vectors.T
    off = np.linalg.norm(apart - seen @ found.vectors, axis=1)
    names = ("first", "second", "third")[: len(found.vectors)]
    return pd.DataFrame(
        {
            "step": recorded.steps,
            **dict(zip(names, seen.T, strict=True)),
            "off_slice": off,
            "loss": _losses(recorded, batch),
        }
    )


def _says(
    frame: pd.DataFrame, tables: Mapping[str, pd.DataFrame], dimensions: int
) -> tuple[str, ...]:
    where = ["first", "second"] if dimensions == 2 else ["distance"]
    middle = frame[(frame[where] == 0).all(axis=1)].mean()  # each line measures it anew
    lowest = frame.iloc[int(frame["loss"].argmin())]
    far = float(np.linalg.norm(lowest[where].to_numpy(dtype=float)))
    sentences = [
        f"The loss is {middle['loss']:.4g} in the middle, and from {lowest['loss']:.4g} to "
        f"{frame['loss'].max():.4g} on the slice; it is lowest {far:.2g} from the middle."
    ]
    if "gradient" in frame:
        low, median, high = frame["gradient"].quantile([0.1, 0.5, 0.9])
        sentences.append(
            f"The gradient norm is {middle['gradient']:.3g} in the middle; on the slice its median "
            f"is {median:.3g}, and four fifths of the points lie between {low:.3g} and {high:.3g}."
        )
        noise = frame["gradient_noise"].median()
        if noise > 0:
            seen = (frame["gradient"] > 2 * frame["gradient_noise"]).mean()
            sentences.append(
                f"Noise alone would give a norm of {noise:.3g} (median); {seen:.0%} of the points "
                "have more than twice that."
            )
    if "explained" in tables:
        shares = tables["explained"].sum()
        sentences.append(
            f"The principal directions hold {shares['explained']:.1%} of the variance of the run's "
            f"weights; those of random walks as long hold {shares['random_walk']:.1%}."
        )
        start, end = tables["path"].iloc[0], tables["path"].iloc[-1]
        sentences.append(
            f"The run went from an exact loss of {start['loss']:.4g} to {end['loss']:.4g}; it "
            f"began {start['off_slice']:.2g} rad off the slice."
        )
    return tuple(sentences)


def _about(recorded: Recorded, centre: str, batch: Batch, evaluation: str) -> str:
    how = "exact" if evaluation == "exact" else "with shots and noise of the run"
    weights = "last weights" if centre == "last" else "best of the kept weights"
    return f"In the middle the {weights} of {recorded.name}; {len(batch)} samples, {how}."


def _caveats(directions: str, found: Directions, radius: float) -> tuple[str, ...]:
    turned = float(np.abs(found.vectors).max()) * radius
    size = found.vectors.shape[1]
    own = {
        "random": "Random directions are all but orthogonal to any one direction: a valley that "
        "the run follows need not be seen along them.",
        "filter": "Filters are normalised since layers of a network can be rescaled without "
        "change; rotations cannot, so this makes pictures comparable with published ones and has "
        "no meaning beyond.",
        "principal": "Principal components of a random walk hold most of its variance, too, and "
        "show it as a smooth turn (Antognini and Sohl-Dickstein, 2018): a path that looks directed "
        "is no evidence that it is.",
    }
    return (
        f"The slice is a part of a space of {size} dimensions; what is a minimum on it need not be "
        "one.",
        "Weights of rotations are angles, which repeat after 2π: the weight that turns most turns "
        f"by {turned:.2g} rad at the slice's edge.",
        own[directions],
    )
