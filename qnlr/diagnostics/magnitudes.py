"""How large the components of the gradient are in the course of a run."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from qnlr.diagnostics.around import measuring, some_samples
from qnlr.diagnostics.findings import Drawing, Findings, Lines, Told, untold
from qnlr.diagnostics.recorded import Recorded
from qnlr.diagnostics.two_design import two_design_variance
from qnlr.errors import InputError, require_count
from qnlr.problems import Batch
from qnlr.rng import stream
from qnlr.types import FloatArray

NOTHING = 1e-12
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)


def gradient_magnitudes(
    recorded: Recorded,
    points: int = 50,
    samples: int | None = None,
    seed: int = 0,
    told: Told = untold,
) -> Findings:
    r"""Show how the magnitudes \|∂L/∂θ_k\| of a run's gradient are distributed on its way.

    Gradients are exact, over the training samples, at the weights that were kept. Beside each is
    the standard error σ_k with which the run measures it by the parameter-shift rule. That of one
    sample and a Pauli observable follows from the two shifted values.

    .. math:: σ_k^2 = \frac{(1 - f_{k,+}^2) + (1 - f_{k,-}^2)}{4 \, \mathrm{shots}},

    at most 1/(2 shots), propagated through loss and mini-batch. It is taken from one mini-batch
    that the run's backend measures anew. Weights with a derivative of 0 at all points, such as
    those of gates outside of the observable's light cone, are counted, and left out of all else.

    Args:
        recorded: The run.
        points: At how many of the kept weights to look at most, evenly spread, at least 1.
        samples: Training samples to average the exact gradient over, drawn once; by default all.
        seed: Seed of samples, mini-batches and shots.
        told: Told of progress.

    Returns:
        One row for each kept point and component: ``step``, ``component``, ``gradient``,
        ``magnitude``, ``gradient_std`` (NaN where the run measures exactly, or on a device) and
        ``idle``, whether the derivative is 0 at all points.
        Table ``quantiles``: one row for each point.

    Raises:
        InputError: If a setting is not valid, or no kept weights are finite.
    """
    require_count("points", points)
    batch = some_samples(recorded, samples, seed)
    places = np.flatnonzero(np.isfinite(recorded.weights).all(axis=1))
    if not len(places):
        raise InputError(f"{recorded.name} has no kept weights that are finite")
    spread = np.linspace(0, len(places) - 1, min(points, len(places)))
    chosen = places[np.unique(spread.round().astype(int))].tolist()
    frames = []
    for done, place in enumerate(chosen):
        told(done, len(chosen))
        frames.append(_components(recorded, place, batch, seed))
    told(len(chosen), len(chosen))
    frame = pd.concat(frames, ignore_index=True)
    largest = frame.groupby("component")["magnitude"].transform("max")
    frame["idle"] = largest < NOTHING
    quantiles = over_components(frame[~frame["idle"]])
    return Findings(
        title=f"Gradient magnitudes of {recorded.name}",
        frame=frame,
        says=_says(recorded, frame, quantiles),
        drawings=_drawings(recorded, frame, quantiles, batch),
        tables={"quantiles": quantiles},
        caveats=_caveats(recorded, frame),
    )


def over_components(frame: pd.DataFrame) -> pd.DataFrame:
    """Return quantiles over components, and how many are below shot noise, for every step.

    Args:
        frame: Columns ``step``, ``magnitude`` and ``gradient_std``.

    Returns:
        Columns ``step``, ``q10`` to ``q90``, ``noise`` (median of σ_k), and ``below_noise``, the
        share of components with a magnitude below their σ_k; NaN without shots.

    Example:
        >>> frame = pd.DataFrame({"step": 0, "magnitude": [0.1, 0.2, 0.3], "gradient_std": 0.15})
        >>> over_components(frame)[["q50", "noise", "below_noise"]].round(2)
           q50  noise  below_noise
        0  0.2   0.15         0.33
    """
    by_step = frame.groupby("step", sort=True)
    magnitudes = by_step["magnitude"]
    table = pd.DataFrame({f"q{round(100 * at)}": magnitudes.quantile(at) for at in QUANTILES})
    table["noise"] = by_step["gradient_std"].median()
    below = (frame["magnitude"] < frame["gradient_std"]).where(frame["gradient_std"].notna())
    table["below_noise"] = below.astype(float).groupby(frame["step"]).mean()
    return table.reset_index()


def _components(recorded: Recorded, place: int, batch: Batch, seed: int) -> pd.DataFrame:
    problem, weights = recorded.training.problem, recorded.weights[place]
    rng = stream("shots", seed, ["magnitudes", place])
    exact = problem.loss_and_gradient(weights, batch, measuring(recorded, "exact"), rng).gradient
    return pd.DataFrame(
        {
            "step": recorded.steps[place],
            "component": np.arange(len(exact)),
            "gradient": exact,
            "magnitude": np.abs(exact),
            "gradient_std": _standard_errors(recorded, place, weights, seed),
        }
    )


def _standard_errors(
    recorded: Recorded, place: int, weights: FloatArray, seed: int
) -> FloatArray | float:
    """Return the standard errors of the gradient as the run measures it, or NaN."""
    training = recorded.training
    if training.suspendable or training.backend.shots is None:
        return math.nan
    size = min(training.settings.batch_size, len(recorded.samples))
    drawn = stream("batches", seed, ["magnitudes", place])
    chosen = drawn.choice(len(recorded.samples), size, replace=False)
    backend = measuring(recorded, "as_run", seed)
    rng = stream("shots", seed, ["standard errors", place])
    batch = recorded.samples.take(chosen)
    return training.problem.loss_and_gradient(weights, batch, backend, rng).stds


def _says(recorded: Recorded, frame: pd.DataFrame, quantiles: pd.DataFrame) -> tuple[str, ...]:
    size, idle = (len(set(rows["component"])) for rows in (frame, frame[frame["idle"]]))
    if idle == size:
        return (f"The derivatives by all {size} weights are 0 at all points.",)
    first, last = quantiles.iloc[0], quantiles.iloc[-1]
    sentences = [
        f"The median magnitude of a component is {first['q50']:.3g} at step {first['step']:.0f} "
        f"and {last['q50']:.3g} at step {last['step']:.0f}; there four fifths of the "
        f"{size - idle} components lie between {last['q10']:.3g} and "
        f"{last['q90']:.3g}."
    ]
    if quantiles["noise"].notna().all():
        shots = recorded.training.backend.shots or 0
        needed = shots * (last["noise"] / last["q50"]) ** 2
        sentences += [
            f"A mini-batch measures a component with a standard error of {last['noise']:.3g} "
            f"(median, last point); {first['below_noise']:.0%} of the components are below it at "
            f"the first point, {last['below_noise']:.0%} at the last, "
            f"{quantiles['below_noise'].mean():.0%} on average.",
            f"At the last point it takes about {_rounded(needed)} shots a circuit until the median "
            f"component equals its standard error; the run had {shots}.",
        ]
    if idle:
        sentences.append(
            f"{idle} of {size} weights have a derivative of 0 at all points, as gates outside of "
            "the observable's light cone do, and are left out."
        )
    model = recorded.training.problem.model
    random = math.sqrt(two_design_variance(model.circuit.num_qubits, model.observable))
    sentences.append(
        f"In a random circuit (a 2-design) on {model.circuit.num_qubits} qubits, ∂⟨O⟩/∂θ_k of one "
        f"sample has a standard deviation of {random:.3g}."
    )
    return tuple(sentences)


def _drawings(
    recorded: Recorded, frame: pd.DataFrame, quantiles: pd.DataFrame, batch: Batch
) -> tuple[Drawing, ...]:
    if quantiles.empty:
        return ()
    noisy = bool(quantiles["noise"].notna().any())
    about = f"Exact gradients of {recorded.name} over {len(batch)} training samples."
    noise = " Noise: median standard error with which the run measures them on a mini-batch."
    over_time = Lines(
        _beside_noise(quantiles),
        x="step",
        y="median",
        xlabel="step",
        ylabel="magnitude of a component |∂L/∂θₖ| (1/rad)",
        low="low",
        high="high",
        by="median_of" if noisy else None,
        band=True,
        logy=bool((quantiles["q10"] > 0).all()),
        name="magnitudes",
        title="Gradient magnitudes on the way",
        caption=f"{about} Median over components; band: from 10 % to 90 % of them." + noise * noisy,
    )
    spread = Lines(
        _ranked(frame),
        x="magnitude",
        y="share",
        xlabel="magnitude of a component |∂L/∂θₖ| (1/rad)",
        ylabel="share of components",
        by="step",
        logx=True,
        name="magnitudes_distribution",
        title="Distribution of gradient magnitudes",
        caption=f"{about} Share of components that are at most as large, at the first, middle and "
        "last point.",
    )
    if not noisy:
        return over_time, spread
    below = Lines(
        quantiles,
        x="step",
        y="below_noise",
        xlabel="step",
        ylabel="share of components",
        name="magnitudes_below_noise",
        title="Components below shot noise",
        caption=f"{about} Below: smaller than the standard error with which a mini-batch of the "
        "run measures it.",
    )
    return over_time, spread, below


def _beside_noise(quantiles: pd.DataFrame) -> pd.DataFrame:
    names = {"q50": "median", "q10": "low", "q90": "high"}
    seen = quantiles.rename(columns=names)[["step", *names.values()]].assign(median_of="components")
    known = quantiles[["step", "noise"]].dropna().rename(columns={"noise": "median"})
    return pd.concat([seen, known.assign(median_of="their noise")], ignore_index=True)


def _ranked(frame: pd.DataFrame) -> pd.DataFrame:
    steps = sorted(frame["step"].unique())
    shown = sorted({steps[0], steps[len(steps) // 2], steps[-1]})
    ranked = frame[frame["step"].isin(shown) & ~frame["idle"]]
    ranked = ranked.sort_values(["step", "magnitude"], kind="stable")
    by_step = ranked.groupby("step")
    share = (by_step.cumcount() + 1) / by_step["magnitude"].transform("size")
    kept = ranked.assign(share=share)[["step", "magnitude", "share"]]
    return kept[kept["magnitude"] > 0].reset_index(drop=True)


def _caveats(recorded: Recorded, frame: pd.DataFrame) -> tuple[str, ...]:
    known = [
        "Gradients are of the loss, those of a 2-design of ⟨O⟩: they differ by the loss's slope, "
        "and by the mean over samples.",
        "Standard errors are those of shots; which samples are in the mini-batch is not part of "
        "them.",
    ]
    if frame["gradient_std"].isna().any():
        known.append(
            "The run measured without shots, or on a device: no standard errors are given."
        )
    return tuple(known)


def _rounded(number: float) -> str:
    return f"{float(f'{number:.2g}'):,.0f}" if math.isfinite(number) else "infinitely many"
