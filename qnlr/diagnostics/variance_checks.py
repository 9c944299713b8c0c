"""What measured variances of gradients say of theory."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from qnlr.diagnostics.findings import Check
from qnlr.diagnostics.rates import DOUBT, agrees, best_law, decays_exponentially, fit_laws
from qnlr.intervals import Interval

SHARP = 60
"""Normal samples that would give as sharp a variance, from which intervals are believed."""

SAID = {"depth": "L = {}", "qubits": "{} qubits", "noise_rate": "ν = {:g}"}
"""How a group of rows is called by the columns that tell it apart."""

Laws = dict[str, dict[Any, Any]]
"""Rows of a table of rates by law."""


def rates(frame: pd.DataFrame, by: list[str], size: str, confidence: float) -> pd.DataFrame:
    """Fit laws to the variances of each group of rows.

    Args:
        frame: Rows of a variance diagnostic.
        by: Columns that tell groups apart.
        size: Column of the sizes.
        confidence: Confidence level of the intervals.

    Returns:
        One row for each group, quantity (the chosen derivative or the mean over all) and law. The
        column predicted is the rate of the same law fitted, with the same weights, to exact second
        moments; two_design to those of a 2-design.
    """
    rows = []
    key: Any
    for key, group in frame.groupby(by, sort=False):
        names = dict(zip(by, key, strict=True))
        for quantity, prefix in (("component", ""), ("mean", "mean_")):
            rows += _rates(group, names, size, quantity, prefix, confidence)
    return pd.DataFrame(rows)


def _rates(
    group: pd.DataFrame,
    names: dict[str, Any],
    size: str,
    quantity: str,
    prefix: str,
    confidence: float,
) -> list[dict[str, object]]:
    value = f"{prefix}variance"
    group = group[(group[value] > 0) & (group[f"{prefix}std"] > 0)]
    if group[size].nunique() < 2:
        return []
    x, std = group[size], group[f"{prefix}std"]
    laws = fit_laws(x, np.log(group[value]), std, confidence)
    expected = {name: _slopes(x, group[name], std) for name in (f"{prefix}theory", "two_design")}
    return [
        {
            **names,
            "quantity": quantity,
            "law": law.name,
            "rate": law.rate.mean,
            "low": law.rate.low,
            "high": law.rate.high,
            "predicted": expected[f"{prefix}theory"].get(law.name, math.nan),
            "two_design": expected["two_design"].get(law.name, math.nan)
            if quantity == "component"
            else math.nan,
            "chi2": law.chi2,
            "freedom": law.freedom,
            "aicc": law.aicc,
            "fits": law.fits,
            "best": law.name == best_law(laws),
            "decays_exponentially": decays_exponentially(laws),
        }
        for law in laws
    ]


def _slopes(x: pd.Series, values: pd.Series, std: pd.Series) -> dict[str, float]:
    """Return the rates of what theory gives, fitted as the measurement is."""
    if not (values > 0).all():
        return {}
    return {law.name: law.rate.mean for law in fit_laws(x, np.log(values), std)}


def sentences(fitted: pd.DataFrame, size: str) -> tuple[str, ...]:
    """Say how the chosen derivative of each group depends on its size."""
    if fitted.empty:
        return ()
    says = []
    by = list(fitted.columns[: list(fitted.columns).index("quantity")])
    for key, group in fitted.groupby(by, sort=False):
        laws = laws_of(group)
        if not laws:
            continue
        parts = zip(by, key if isinstance(key, tuple) else (key,), strict=True)
        who = ", ".join(SAID.get(name, "{}").format(part) for name, part in parts)
        clear = _clear(laws)
        described = f"best described by: {clear}" if clear else "no law is clearly best"
        if not any(row["fits"] for row in laws.values()):
            described += ", and none fits within the intervals"
        says.append(
            f"{who}: Var ∂f/∂θ ∝ exp(−b{size}) with b = {rate_of(laws, 'exponential').text()}, "
            f"or {size}^(−c) with c = {rate_of(laws, 'power').text(2)}; {described}."
        )
    return tuple(says)


def checks(frame: pd.DataFrame, fitted: pd.DataFrame, confidence: float) -> tuple[Check, ...]:
    """State what theory says of variances against qubits, and whether it holds.

    Args:
        frame: Rows of :func:`qnlr.diagnostics.variance.gradient_variance`.
        fitted: Its rates.
        confidence: Confidence level of the intervals.

    Returns:
        The checks.
    """
    found: list[Check | None] = []
    key: Any
    for key, group in frame.groupby(["observable", "depth"], sort=False):
        name, rule = key
        alike = (fitted["observable"] == name) & (fitted["depth"] == rule)
        laws = laws_of(fitted[alike])
        if not laws:
            continue
        who = f"{name}, L = {rule}"
        found.append(agreement(group, who))
        if group["initialisation"].iloc[0] != "uniform":
            continue
        if str(rule).endswith("n"):
            found.append(_two_design(laws, who, group, confidence))
        elif group["locality"].max() <= 2:
            found.append(_local(laws, who))
        elif (group["locality"] == group["qubits"]).all():
            found.append(_global(laws, who))
    return tuple(check for check in found if check is not None)


def agreement(group: pd.DataFrame, who: str) -> Check | None:
    r"""Check variances against exact second moments, by χ² = Σ (ln s²/Var)²/σ².

    Args:
        group: Rows with the columns variance, low, high, std and theory.
        who: What they are of.

    Returns:
        The check; None where theory has nothing to say.
    """
    known = group[(group["theory"] > 0) & (group["std"] > 0)]
    sharp = known[2 / known["std"] ** 2 >= SHARP]
    if known.empty:
        return None
    inside = int(((known["low"] <= known["theory"]) & (known["theory"] <= known["high"])).sum())
    chi2 = float(((np.log(sharp["variance"] / sharp["theory"]) / sharp["std"]) ** 2).sum())
    chance = float(stats.chi2.sf(chi2, len(sharp))) if len(sharp) else math.nan
    dull = len(known) - len(sharp)
    return Check(
        statement=f"{who}: the variance is the exact second moment of uniform weights",
        predicted=f"Var from {known['theory'].max():.3g} to {known['theory'].min():.3g}",
        measured=f"{inside} of {len(known)} intervals hold it"
        + (
            f"; χ² = {chi2:.1f} for {len(sharp)} sizes, probability {chance:.2g}"
            if len(sharp)
            else ""
        ),
        holds=None if math.isnan(chance) else chance > DOUBT,
        remark=f"{dull} left out of χ²: too few samples for their tails" if dull else "",
    )


def _two_design(laws: Laws, who: str, group: pd.DataFrame, confidence: float) -> Check:
    rate, predicted = rate_of(laws, "exponential"), laws["exponential"]["two_design"]
    ratio = group["variance"] / group["two_design"]
    return Check(
        statement=f"{who}: deep circuits are 2-designs, Var ∝ 2^−n for many qubits",
        predicted=f"rate {predicted:.4f} per qubit over these sizes "
        f"(ln 2 = {math.log(2):.4f} for many)",
        measured=f"{rate.text(4)}; Var is {ratio.min():.3f} to {ratio.max():.3f} of a 2-design's",
        holds=agrees(rate, predicted, confidence),
        remark="if it does not hold, the depth may be too small for a 2-design",
    )


def _local(laws: Laws, who: str) -> Check:
    rate, power = rate_of(laws, "exponential"), rate_of(laws, "power")
    exponential = laws["exponential"]["decays_exponentially"]
    clear = _clear(laws)
    if exponential is True:
        holds: bool | None = False if laws["exponential"]["fits"] else None
    else:
        holds = True if rate.low <= 0 or (clear and laws[clear]["fits"]) else None
    return Check(
        statement=f"{who}: a local observable of a shallow circuit has no exponential decay",
        predicted="a power of n, or a constant",
        measured=f"best law: {clear or 'none clearly'}; exponential rate "
        f"{rate.text(4)} per qubit, power {power.text(3)}; {_residuals(laws)}",
        holds=holds,
        remark=_exact(laws),
    )


def _global(laws: Laws, who: str) -> Check:
    rate = rate_of(laws, "exponential")
    return Check(
        statement=f"{who}: a global observable decays exponentially at any depth",
        predicted="an exponential with a rate above 0",
        measured=f"rate {rate.text(4)} per qubit; best law: "
        f"{_clear(laws) or 'none clearly'}; {_residuals(laws)}",
        holds=laws["exponential"]["decays_exponentially"],
        remark=_exact(laws),
    )


def _residuals(laws: Laws) -> str:
    shown = [f"{law} {row['chi2']:.1f} ({row['freedom']})" for law, row in laws.items()]
    return "χ² (degrees of freedom): " + ", ".join(shown)


def _exact(laws: Laws) -> str:
    rate = laws["exponential"]["predicted"]
    if math.isnan(rate):
        return ""
    return f"exact second moments, fitted alike, have the rate {rate:.4f}"


def laws_of(fitted: pd.DataFrame) -> Laws:
    """Return the laws fitted to the chosen derivative, by their names."""
    chosen = fitted[fitted["quantity"] == "component"]
    return {str(row["law"]): row for row in chosen.to_dict("records")}


def rate_of(laws: Laws, law: str) -> Interval:
    """Return the rate of a law with its interval."""
    row = laws[law]
    return Interval(float(row["rate"]), float(row["low"]), float(row["high"]), 0)


def _clear(laws: Laws) -> str | None:
    return next((law for law, row in laws.items() if row["best"]), None)
