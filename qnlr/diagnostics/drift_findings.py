"""What the steps of :mod:`qnlr.diagnostics.drift` say: a summary, checks, and drawings."""

from __future__ import annotations

import pandas as pd
from scipy import stats

from qnlr.diagnostics.findings import Check, Lines
from qnlr.diagnostics.verdicts import below, ratio_interval
from qnlr.intervals import Interval, mean_interval, share_interval

PAPER = {"landscape": "classifier", "shots": 1000, "batch_size": 32, "rate": 0.01}


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


def drawings(drifts: pd.DataFrame) -> tuple[Lines, ...]:
    """Return the share of probes that read higher, and the speed, against η and against p.

    Args:
        drifts: A summary of steps.
    """
    shared = {"by": "series", "panel": "panel", "xlabel": "learning rate η", "logx": True}
    caption = "Each point: one step from every one of the random weights, with 95 % intervals. "
    probability, speed = "share of probes that read higher", "speed −Δθ·∇C / η‖∇C‖²"
    return (
        Lines(
            drifts,
            x="rate",
            y="higher",
            low="higher_low",
            high="higher_high",
            expected="foretold",
            ylabel=probability,
            name="probability",
            title="How often a probe reads higher",
            caption=caption + "Thin lines: Φ(−η‖∇C‖²/(√2 s)).",
            **shared,  # type: ignore[arg-type]
        ),
        Lines(
            drifts,
            x="rate",
            y="speed",
            low="speed_low",
            high="speed_high",
            expected="speed_foretold",
            ylabel=speed,
            name="speed",
            title="Which way NLR drifts; SGD has speed 1",
            caption=caption + "Thin lines: what the formula foretells from gradients and errors.",
            **shared,  # type: ignore[arg-type]
        ),
        Lines(
            drifts.sort_values("higher"),
            x="higher",
            y="speed",
            low="speed_low",
            high="speed_high",
            expected="speed_by_p",
            by="landscape",
            joined=False,
            xlabel=probability,
            ylabel=speed,
            name="crossing",
            title="Uphill as soon as p > η/(η + η')",
            caption="One point for each setting, with 95 % intervals. Thin line: 1 − p(1 + η'/η).",
        ),
    )


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
        off = mean_interval(frame["higher"] - frame[column])
        mean = share_interval(int(frame["higher"].sum()), len(frame))
        found.append(
            Check(
                statement,
                f"{frame[column].mean():.3f} on average",
                f"{mean.text()}; difference {off.text()}",
                holds=off.low <= 0 <= off.high,
                remark=remark,
            )
        )
    return found


def _directions(frame: pd.DataFrame, drifts: pd.DataFrame, kappa: float) -> list[Check]:
    turn = 1 / (1 + kappa)
    square = frame["rate"] * frame["gradient_norm"] ** 2
    formula = frame["rate"] * (1 - (1 + kappa) * frame["likely"]) * frame["slope"]
    speed = ratio_interval(-frame["along"].to_numpy(), square.to_numpy())
    off = mean_interval((-frame["along"] - formula) / square.mean())
    up, down = drifts["higher_low"] > turn, drifts["higher_high"] < turn
    clear = drifts[(up | down) & ((drifts["speed_low"] > 0) | (drifts["speed_high"] < 0))]
    right = int(((clear["higher"] > turn) == (clear["speed"] < 0)).sum())
    return [
        Check(
            "the mean step along the gradient is −(η(1 − p) − η'p) g",
            f"speed {formula.sum() / square.sum():.3f}",
            f"{speed.text()}; difference {off.text()}",
            holds=off.low <= 0 <= off.high,
            remark="over all steps, with p of each step from its exact change of the cost",
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
                "at the paper's setting (η = 0.01, B = 32, 1000 shots) NLR climbs from random "
                f"weights, if η' = {kappa:g}η",
                f"p = {row['foretold']:.3f}, so speed {row['speed_foretold']:.2f}",
                f"p = {row['higher']:.3f} [{row['higher_low']:.3f}, {row['higher_high']:.3f}], "
                f"speed {speed.text(2)}",
                holds=below(speed, 0.0),
                remark="speed 1 is that of SGD",
            )
        )
    flat = frame[(frame["landscape"] == "plateau") & (frame["rate"] == frame["rate"].min())]
    half = share_interval(int(flat["higher"].sum()), len(flat))
    tossed = float(flat["likely"].mean())
    found.append(
        Check(
            "on a plateau the probe is a coin toss, whatever the shots, and NLR climbs if η' > η",
            "p = 0.5, less half the ties",
            half.text(),
            holds=half.low <= tossed <= half.high,
            remark=f"at the smallest η, all shots; with ties {tossed:.3f}",
        )
    )
    careful = share_interval(int(frame["higher_by_z"].sum()), len(frame))
    chance = float(stats.norm.sf(z))
    small = drifts[drifts["rate"] <= PAPER["rate"]]
    bad = int((small["speed_by_z"] <= 0).sum())
    found.append(
        Check(
            f"a trigger at {z:g} standard errors fires by chance in at most {chance:.3f} of the "
            "steps, and never turns the drift uphill",
            f"at η ≤ {PAPER['rate']:g}: uphill in 0 of {len(small)} settings",
            f"in {bad}; over all η it fires in {careful.text()}",
            holds=bad == 0 if len(small) else None,
            remark="at large η probes do fail, and are then reversed rightly",
        )
    )
    return found


def _crossing(drifts: pd.DataFrame) -> float | None:
    part = drifts[drifts["landscape"] == "classifier"]
    if part["higher"].nunique() < 3:
        return None
    line = stats.linregress(part["higher"], part["speed"])
    return float(-line.intercept / line.slope)
