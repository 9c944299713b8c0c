"""The gradient norm of a run, step by step, against what noise alone would give."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from scipy import stats

from qnlr.diagnostics.findings import Findings, Lines
from qnlr.diagnostics.recorded import Recorded
from qnlr.errors import InputError
from qnlr.intervals import LEVEL, Interval, mean_interval, share_interval


def gradient_norms(recorded: Recorded) -> Findings:
    r"""Show a run's gradient norm at every step, with reversed steps marked.

    .. math:: E‖\hat g‖^2 = ‖g‖^2 + \sum_k σ_k^2

    so that without any gradient a norm of about (Σσ_k²)^½ would be measured all the same. A norm is
    within noise if it is at most the 95 % quantile of noise alone, for components that are normal
    with one standard error, (χ²_{0.95, P}/P)^½ times as much.

    Args:
        recorded: The run.

    Returns:
        One row a step: ``step``, ``metric_gradient_norm``, ``metric_gradient_std`` (the norm of
        noise alone), ``metric_flipped`` and ``within_noise``.

    Raises:
        InputError: If the run made no step.
    """
    columns = ["step", "metric_gradient_norm", "metric_gradient_std", "metric_flipped"]
    frame = recorded.history[columns].reset_index(drop=True)
    if frame.empty:
        raise InputError(f"{recorded.name} made no step; there is no gradient norm to show")
    frame["metric_flipped"] = frame["metric_flipped"].astype(bool)
    size = recorded.training.problem.num_weights
    noisy = bool((frame["metric_gradient_std"] > 0).any())
    frame["within_noise"] = frame["metric_gradient_norm"] <= noise_limit(size) * frame[
        "metric_gradient_std"
    ].fillna(0)
    return Findings(
        title=f"Gradient norm of {recorded.name}",
        frame=frame,
        says=_says(frame, size, noisy),
        drawings=(_drawing(frame, recorded.name, noisy),),
        caveats=(
            "Norms are those of mini-batches: they vary with the samples, too, which is not part "
            "of the noise that is shown.",
            "Intervals take steps as independent, which those of a run are not quite.",
        ),
    )


def _drawing(frame: pd.DataFrame, name: str, noisy: bool) -> Lines:
    norms = {"metric_gradient_norm": "measured", "metric_gradient_std": "noise alone"}
    shown = frame.melt(["step", "metric_flipped"], list(norms), "norm", "value").dropna()
    shown["norm"] = shown["norm"].map(norms)
    measured = shown["norm"] == "measured"
    shown["reversed"] = shown["metric_flipped"] & measured
    if not noisy:
        shown = shown[measured]
    flipped = bool(shown["reversed"].any())
    return Lines(
        shown,
        x="step",
        y="value",
        xlabel="step",
        ylabel="gradient norm ‖g‖ (1/rad)",
        by="norm" if noisy else None,
        marked="reversed" if flipped else None,
        marks="reversed steps" if flipped else "",
        logy=bool((shown["value"] > 0).all()),
        name="norms",
        title="Gradient norm of every step",
        caption=f"{name}, as measured on mini-batches."
        + " Noise alone: the norm that shots would give without any gradient." * noisy,
    )


def noise_limit(size: int) -> float:
    r"""Return how far above its root mean square the norm of noise alone reaches, at 95 %.

    .. math:: \sqrt{χ^2_{0.95, P} / P}

    Args:
        size: P, components of one standard error.

    Returns:
        The 95 % quantile of the norm over its root mean square.

    Example:
        >>> round(noise_limit(90), 3), round(noise_limit(1), 2)
        (1.121, 1.96)
    """
    return math.sqrt(float(stats.chi2.ppf(LEVEL, size)) / size)


def mean_difference(first: pd.Series, second: pd.Series) -> Interval:
    r"""Return the difference of two means with its 95 % interval by Welch.

    Args:
        first: Values, at least 2.
        second: Others, at least 2.

    Returns:
        The interval of the first's mean minus the second's.

    Example:
        >>> mean_difference(pd.Series([2.0, 3.0, 4.0]), pd.Series([1.0, 2.0, 3.0])).text(2)
        '1.00 ± 2.27'
    """
    found = stats.ttest_ind(first, second, equal_var=False).confidence_interval(LEVEL)
    gap = float(first.mean() - second.mean())
    return Interval(gap, float(found.low), float(found.high), len(first) + len(second))


def _says(frame: pd.DataFrame, size: int, noisy: bool) -> tuple[str, ...]:
    norms, count = frame["metric_gradient_norm"], len(frame)
    sentences = [
        f"Over {count} steps the measured gradient norm has a mean of {_text(norms)}, from "
        f"{norms.min():.3g} to {norms.max():.3g}."
    ]
    if noisy:
        within = share_interval(int(frame["within_noise"].sum()), count).times(100)
        noise = math.sqrt(float(np.mean(frame["metric_gradient_std"] ** 2)))
        measured = math.sqrt(float(np.mean(norms**2)))
        rest = measured**2 - noise**2
        left = f"{math.sqrt(rest):.3g}" if rest > 0 else "nothing"
        sentences += [
            f"Noise alone would give {noise:.3g}, and no more than "
            f"{noise * noise_limit(size):.3g} in 95 % of the steps; {within.text(1)} % of the "
            "steps have a norm within that.",
            f"Of a root mean square of {measured:.3g}, {left} is left without the noise.",
        ]
    flips, others = norms[frame["metric_flipped"]], norms[~frame["metric_flipped"]]
    if flips.empty:
        sentences.append("No step was reversed.")
    else:
        sentences.append(
            f"{len(flips)} steps were reversed; their norm has a mean of {_text(flips)}, that of "
            f"the others {_text(others)}."
        )
        if len(flips) > 1 and len(others) > 1:
            gap = mean_difference(flips, others)
            sure = "differ" if gap.low > 0 or gap.high < 0 else "cannot be told apart"
            sentences.append(f"The difference is {gap.text(4)}: the two {sure}.")
    return tuple(sentences)


def _text(values: pd.Series) -> str:
    return mean_interval(values).text(4)
