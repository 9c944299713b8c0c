"""What the steps of :mod:`qnlr.diagnostics.drift` say: a summary, sentences and checks."""

from __future__ import annotations

import pandas as pd
from scipy import stats

from qnlr.diagnostics.findings import Check
from qnlr.diagnostics.verdicts import above, below, covers, ratio_interval
from qnlr.intervals import LEVEL, Interval, mean_interval, share_interval

PAPER = {"landscape": "classifier", "shots": 1000, "batch_size": 32, "rate": 0.01}
POINT = ["landscape", "shots", "batch_size", "point"]
"""What tells random weights apart: steps from the same ones are not independent."""


def summary(frame: pd.DataFrame, kappa: float) -> pd.DataFrame:
    """Summarise steps by landscape, shots, mini-batch size and η.

    Args:
        frame: A row for each step.
        kappa: η'/η.

    Returns:
        How often probes read higher, as measured and as foretold; the speed of the descent
        −Δθ·∇C/(η‖∇C‖²), which is 1 for SGD, as measured and by the formula; and mean changes of
        the exact cost.
    """
    rows = []
    for (name, shots, size, rate), part in frame.groupby(
        ["landscape", "shots", "batch_size", "rate"]
    ):
        higher = share_interval(int(part["higher"].sum()), len(part))
        by_z = share_interval(int(part["higher_by_z"].sum()), len(part))
        square = part["rate"] * part["gradient_norm"] ** 2
        speed = ratio_interval(-part["along"].to_numpy(), square.to_numpy())
        formula = (1 - (1 + kappa) * part["foretold"]) * square
        change = mean_interval(part["change"])
        rows.append(
            {
                "landscape": name,
                "shots": shots,
                "batch_size": size,
                "rate": rate,
                "panel": name if name == "plateau" else f"{name}, B = {size}",
                "series": f"{shots} shots",
                "steps": len(part),
                "gradient_norm": part["gradient_norm"].median(),
                "std": part["std"].median(),
                "higher": higher.mean,
                "higher_low": higher.low,
                "higher_high": higher.high,
                "foretold": part["foretold"].mean(),
                "likely": part["likely"].mean(),
                "higher_by_z": by_z.mean,
                "speed": speed.mean,
                "speed_low": speed.low,
                "speed_high": speed.high,
                "speed_by_p": 1 - (1 + kappa) * higher.mean,
                "speed_foretold": formula.sum() / square.sum(),
                "speed_by_z": -part["along_by_z"].sum() / square.sum(),
                "change": change.mean,
                "change_low": change.low,
                "change_high": change.high,
                "change_by_z": part["change_by_z"].mean(),
                "change_of_sgd": part["change_of_sgd"].mean(),
            }
        )
    return pd.DataFrame(rows)


def checks(frame: pd.DataFrame, drifts: pd.DataFrame, kappa: float, z: float) -> tuple[Check, ...]:
    """Test the formulas on the steps.

    Args:
        frame: A row for each step.
        drifts: Their summary.
        kappa: η'/η.
        z: Standard errors of the careful trigger.

    Returns:
        The checks.
    """
    return (
        *_probabilities(frame),
        *_directions(frame, drifts, kappa),
        *_special(frame, drifts, kappa, z),
    )


def says(drifts: pd.DataFrame, kappa: float, z: float) -> tuple[str, ...]:
    """Say for every landscape where the drift turns.

    Args:
        drifts: A summary of steps.
        kappa: η'/η.
        z: Standard errors of the careful trigger.

    Returns:
        Sentences.
    """
    said = [
        f"NLR descends where a probe reads higher in less than {1 / (1 + kappa):.3f} of the steps."
    ]
    for name, part in drifts.groupby("landscape"):
        uphill = part[part["speed_high"] < 0]
        said.append(
            f"{name}: NLR moves uphill on average in {len(uphill)} of {len(part)} settings; probes "
            f"read higher in {part['higher'].min():.2f} to {part['higher'].max():.2f} of the steps."
        )
        said.append(
            f"{name}: at {z:g} standard errors the trigger fires in "
            f"{part['higher_by_z'].min():.3f} to {part['higher_by_z'].max():.3f} of the steps, and "
            f"the speed is {part['speed_by_z'].min():.2f} to {part['speed_by_z'].max():.2f} that "
            "of SGD."
        )
    if (turn := _crossing(drifts)) is not None:
        said.append(
            f"classifier: a straight line through the speeds turns uphill at p = {turn:.3f}; one p "
            f"for all weights would have it turn at {1 / (1 + kappa):.3f}."
        )
    return tuple(said)


def _probabilities(frame: pd.DataFrame) -> list[Check]:
    found = []
    for column, statement, remark in (
        (
            "likely",
            "a measured probe reads higher with probability Φ(ΔC/√(s² + s'²))",
            "with the exact change of the cost along the measured gradient",
        ),
        (
            "foretold",
            "before the step it is Φ(−η‖∇C‖²/(√2 s))",
            "with the exact gradient, without curvature and without the gradient's own noise",
        ),
    ):
        off = _over_points(frame, frame["higher"] - frame[column])
        outside, groups = _outside(frame, frame["higher"] - frame[column])
        verdict = covers(off, 0.0)
        if outside > stats.binom.ppf(LEVEL, groups, 1 - LEVEL):  # they may cancel in the mean
            verdict = False
        found.append(
            Check(
                statement,
                f"{frame[column].mean():.3f} on average",
                f"{frame['higher'].mean():.3f}; difference {off.text()}; not 0 in {outside} of "
                f"{groups} groups of landscape, shots and B",
                holds=verdict,
                remark=remark,
            )
        )
    return found


def _directions(frame: pd.DataFrame, drifts: pd.DataFrame, kappa: float) -> list[Check]:
    turn = 1 / (1 + kappa)
    square = (frame["rate"] * frame["gradient_norm"] ** 2).groupby(
        [frame[key] for key in ("landscape", "shots", "batch_size", "rate")]
    )
    unit = square.transform("mean")  # so that every setting weighs the same
    formula = frame["rate"] * (1 - (1 + kappa) * frame["likely"]) * frame["slope"] / unit
    speed = _over_points(frame, -frame["along"] / unit)
    off = _over_points(frame, -frame["along"] / unit - formula)
    up, down = drifts["higher_low"] > turn, drifts["higher_high"] < turn
    clear = drifts[(up | down) & ((drifts["speed_low"] > 0) | (drifts["speed_high"] < 0))]
    right = int(((clear["higher"] > turn) == (clear["speed"] < 0)).sum())
    return [
        Check(
            "the mean step along the gradient is −(η(1 − p) − η'p) g",
            f"speed {formula.mean():.3f}, mean over settings",
            f"{speed.text()}; difference {off.text()}",
            holds=covers(off, 0.0),
            remark="with p of each step from its exact change of the cost",
        ),
        Check(
            f"the drift is uphill where p > η/(η + η') = {turn:.3f}, downhill elsewhere",
            f"in all {len(clear)} settings where both can be told",
            f"in {right}",
            holds=right == len(clear) if len(clear) else None,
            remark="with one p for all weights of a setting; where p differs between weights, "
            "those of large gradients weigh more and have smaller p",
        ),
    ]


def _special(frame: pd.DataFrame, drifts: pd.DataFrame, kappa: float, z: float) -> list[Check]:
    found = []
    at_paper = drifts[(drifts[list(PAPER)] == pd.Series(PAPER)).all(axis=1)]
    for _, row in at_paper.iterrows():
        speed = Interval(row["speed"], row["speed_low"], row["speed_high"], row["steps"])
        found.append(
            Check(
                "already from random weights NLR climbs at the paper's setting (η = 0.01, B = 32, "
                f"1000 shots, here η' = {kappa:g}η)",
                f"speed below 0 if so; the formula gives {row['speed_foretold']:.2f}, from p = "
                f"{row['foretold']:.3f}",
                f"p = {row['higher']:.3f} [{row['higher_low']:.3f}, {row['higher_high']:.3f}], "
                f"speed {speed.text(2)}",
                holds=below(speed, 0.0),
                remark="speed 1 is that of SGD. Further down gradients are smaller: see the runs",
            )
        )
    flat = frame[(frame["landscape"] == "plateau") & (frame["rate"] == frame["rate"].min())]
    if len(flat):
        found += _tossed(flat, kappa)
    small = frame[frame["rate"] <= PAPER["rate"]]
    if len(small):
        found.append(_careful(small, z))
    return found


def _tossed(flat: pd.DataFrame, kappa: float) -> list[Check]:
    """Test what is said of the plateau, on the steps with the smallest rate there."""
    half = share_interval(int(flat["higher"].sum()), len(flat))
    tossed = float(flat["likely"].mean())
    speed = ratio_interval(
        -flat["along"].to_numpy(), (flat["rate"] * flat["gradient_norm"] ** 2).to_numpy()
    )
    return [
        Check(
            "on a plateau the probe is a coin toss, whatever the shots",
            f"p = 0.5, less half the ties: {tossed:.3f}",
            half.text(),
            holds=covers(half, tossed),
            remark="at the smallest η, all shots",
        ),
        Check(
            f"so that NLR climbs there, if η' = {kappa:g}η",
            f"speed {1 - (1 + kappa) * tossed:.2f}",
            speed.text(2),
            holds=below(speed, 0.0),
            remark="at the smallest η, all shots; speed 1 is that of SGD",
        ),
    ]


def _careful(small: pd.DataFrame, z: float) -> Check:
    """Test that a careful trigger leaves a descent, in each landscape and number of shots."""
    speeds = [
        ratio_interval(
            -part["along_by_z"].to_numpy(), (part["rate"] * part["gradient_norm"] ** 2).to_numpy()
        )
        for _, part in small.groupby(["landscape", "shots", "batch_size", "rate"])
    ]
    verdicts = [above(speed, 0.0) for speed in speeds]
    fired = _over_points(small, small["higher_by_z"])
    return Check(
        f"with a trigger at {z:g} standard errors the drift is downhill",
        f"speed above 0 in all {len(speeds)} settings with η ≤ {PAPER['rate']:g}",
        f"above in {verdicts.count(True)}, below in {verdicts.count(False)}; the least is "
        f"{min(speeds, key=lambda speed: speed.mean).text(2)}",
        holds=False if False in verdicts else None if None in verdicts else True,
        remark=f"it fires in {fired.text()} of the steps, by chance alone in "
        f"{stats.norm.sf(z):.3f}; at large η probes do fail, and are then reversed rightly",
    )


def _outside(frame: pd.DataFrame, column: pd.Series) -> tuple[int, int]:
    """Count groups of landscape, shots and B whose mean has an interval without 0."""
    means = column.astype(float).groupby([frame[key] for key in POINT]).mean()
    found = [covers(mean_interval(part), 0.0) for _, part in means.groupby(level=POINT[:-1])]
    return found.count(False), len(found)


def _over_points(frame: pd.DataFrame, column: pd.Series) -> Interval:
    """Return a mean with its interval over weights, from each of which all rates step."""
    return mean_interval(column.astype(float).groupby([frame[key] for key in POINT]).mean())


def _crossing(drifts: pd.DataFrame) -> float | None:
    part = drifts[drifts["landscape"] == "classifier"]
    if part["higher"].nunique() < 3:
        return None
    line = stats.linregress(part["higher"], part["speed"])
    return float(-line.intercept / line.slope)
