"""The summary of a study: a row and a sentence for each method."""

from __future__ import annotations

import math

import pandas as pd

from qnlr.study.stats import ENDED, Interval, mean_interval, paired_difference

JUDGED = {"energy error": ("metric_energy_error", 5), "cut ratio": ("metric_cut_ratio", 4)}
RANDOM = "metric_random_ratio"
LOSS, ENERGY = ("training loss", 3), ("energy", 5)


def verdict(difference: Interval, *, lower_is_better: bool = True) -> str:
    """Say what a paired difference shows.

    Args:
        difference: Method − baseline.
        lower_is_better: Whether a lower value is better, as for a loss.

    Returns:
        ``"better"``, ``"worse"``, or that no difference was seen.

    Example:
        >>> verdict(Interval(0.3, 0.2, 0.4, 5)), verdict(Interval(0.3, -0.1, 0.7, 5))
        ('worse', 'no difference seen')
    """
    if not difference.count:
        return "no seed in common"
    if math.isnan(difference.half_width):
        return "one seed shows no difference"
    if difference.low <= 0 <= difference.high:
        return "no difference seen"
    return "better" if (difference.mean < 0) == lower_is_better else "worse"


def baselines(results: pd.DataFrame) -> dict[str, str]:
    """Return what every method is compared with.

    Args:
        results: Rows with ``label`` and ``baseline``, of results or of a history.

    Returns:
        By label the label of its baseline, its own if it is one; "" where there is none.

    Example:
        >>> frame = pd.DataFrame({"label": ["sgd", "nlr", "adam"], "baseline": ["sgd", "sgd", "x"]})
        >>> baselines(frame)
        {'sgd': 'sgd', 'nlr': 'sgd', 'adam': ''}
    """
    pairs = results.drop_duplicates("label").set_index("label")["baseline"]
    return {str(label): base if base in pairs.index else "" for label, base in pairs.items()}


def summary(results: pd.DataFrame) -> pd.DataFrame:
    """Summarise results: one row for each method, mean and 95 % interval over seeds.

    Args:
        results: What :func:`qnlr.load_results` returned.

    Returns:
        Text, by column: training loss and test accuracy (of Hamiltonians the energy, and its error
        above the exact one; of a cut, minus the cut, and its ratio to the largest), gradient norm
        of the last step, flips, shots, the paired difference of the loss to the baseline with what
        it shows, and the numbers of seeds and of pairs. A method is compared with the SGD of its
        own setting and learning rate (or the only SGD of its setting). Intervals are not adjusted
        for the number of comparisons.
    """
    ended = results[results["status"].isin(ENDED)]
    loss, digits = minimised(ended)
    rows = []
    for name, baseline in baselines(ended).items():
        own = ended[ended["label"] == name]
        row = {
            "method": name,
            loss: mean_interval(own["metric_train_loss"]).text(digits),
            **_judged(own, ended),
            "gradient norm": mean_interval(own["metric_gradient_norm"]).text(2),
            "flips": _flips(mean_interval(own["metric_flips"])),
            "shots": shots_text(own["cost_shots"].mean()),
            "baseline": baseline,
            f"{loss.split()[-1]} − baseline": "",
            "shows": "baseline" if baseline else "",
            "seeds": str(len(own)),
            "pairs": "",
        }
        if baseline not in ("", name):
            difference = paired_difference(ended, name, baseline, "metric_train_loss")
            row[f"{loss.split()[-1]} − baseline"] = difference.text(digits)
            row["shows"] = verdict(difference)
            row["pairs"] = str(difference.count)
        rows.append(row)
    return pd.DataFrame(rows).set_index("method") if rows else pd.DataFrame()


def findings(results: pd.DataFrame) -> list[str]:
    """Say for each method what its comparison with its baseline shows, and what it cost.

    Args:
        results: What :func:`qnlr.load_results` returned.

    Returns:
        A sentence for each method that has a baseline, and one on how to read them.

    Example:
        >>> frame = pd.DataFrame({
        ...     "label": ["sgd", "sgd", "nlr", "nlr"], "spec_seed": [0, 1, 0, 1],
        ...     "status": "finished", "baseline": "sgd", "cost_shots": [100, 100, 102, 102],
        ...     "metric_train_loss": [0.5, 0.6, 0.8, 0.91],
        ... })
        >>> print(findings(frame)[0])
        nlr: worse than sgd at 1.02 times its shots; training loss 0.305 ± 0.064 higher
    """
    ended = results[results["status"].isin(ENDED)]
    names = baselines(ended)
    compared = {name: base for name, base in names.items() if base not in ("", name)}
    if not compared:
        nothing = "Nothing is compared: no sgd of its own setting and learning rate has ended."
        return [nothing] if "" in names.values() else []
    sentences, pairs = [], set()
    for name, baseline in compared.items():
        difference = paired_difference(ended, name, baseline, "metric_train_loss")
        pairs.add(difference.count)
        sentences.append(f"{name}: {_finding(ended, name, baseline, difference)}")
    sentences += _random_cuts(ended)
    over = f"{min(pairs)} to {max(pairs)} seeds" if len(pairs) > 1 else seeds_text(pairs.pop())
    sentences.append(
        f"Differences are paired over {over}, with 95 % intervals that are not adjusted for "
        f"the number of comparisons ({len(compared)})."
    )
    return sentences


def is_energy(results: pd.DataFrame) -> bool:
    """Return whether the loss is an energy in all rows, that of a Hamiltonian or of a cut.

    Args:
        results: Rows with ``metric_`` columns.

    Example:
        >>> is_energy(pd.DataFrame({"metric_energy": [-9.7], "metric_test_accuracy": [None]}))
        True
    """
    energies = ("metric_energy", "metric_energy_error", "metric_cut_ratio")
    judged = [column for column in energies if column in results]
    accuracy = results.get("metric_test_accuracy", pd.Series(dtype=float))
    return bool(results[judged].notna().any(axis=None) and accuracy.isna().all())


def minimised(results: pd.DataFrame) -> tuple[str, int]:
    """Return what the loss is called, and the digits that it is given with.

    Args:
        results: Rows with ``metric_`` columns.

    Example:
        >>> minimised(pd.DataFrame({"metric_test_accuracy": [0.9]}))
        ('training loss', 3)
    """
    return ENERGY if is_energy(results) else LOSS


def seeds_text(number: int) -> str:
    """Return a number of seeds in words.

    Example:
        >>> seeds_text(1), seeds_text(5)
        ('1 seed', '5 seeds')
    """
    return f"{number} seed" + "s" * (number != 1)


def shots_text(number: float) -> str:
    """Return a number of shots with three digits and a unit.

    Example:
        >>> shots_text(900), shots_text(1.224e6), shots_text(2.9e9)
        ('900', '1.22 M', '2.9 G')
    """
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return f"{number:.3g}"


def _judged(own: pd.DataFrame, everything: pd.DataFrame) -> dict[str, str]:
    """Return what a problem is judged by besides its loss, by column."""
    found = {
        title: mean_interval(own[column]).text(digits)
        for title, (column, digits) in JUDGED.items()
        if column in everything and everything[column].notna().any()
    }
    if is_energy(everything):
        return found
    accuracy = own["metric_test_accuracy"]
    return {"test accuracy": mean_interval(accuracy).times(100).text(0) + " %", **found}


def _flips(flips: Interval) -> str:
    return flips.text(0 if flips.mean >= 10 else 1)


def _finding(ended: pd.DataFrame, name: str, baseline: str, difference: Interval) -> str:
    seen = verdict(difference)
    joined = {"better": "than", "worse": "than", "no difference seen": "to"}.get(seen, "with")
    if not difference.count:
        return f"{seen} {joined} {baseline}"
    shots = ended.pivot(index="spec_seed", columns="label", values="cost_shots")
    own, base = shots[[name, baseline]].dropna().mean()
    cost = f" at {own / base:.3g} times its shots" if base else ""
    what, digits = minimised(ended)
    size = difference.times(math.copysign(1.0, difference.mean)).text(digits)
    direction = "higher" if difference.mean > 0 else "lower"
    loss = f"{size} {direction}" if difference.mean else "equal"
    return f"{seen} {joined} {baseline}{cost}; {what} {loss}"


def _random_cuts(ended: pd.DataFrame) -> list[str]:
    """Say what no optimizer is needed for, where the problem is a cut."""
    if RANDOM not in ended or ended[RANDOM].isna().all():
        return []
    ratios = sorted({f"{ratio:.4f}" for ratio in ended[RANDOM].dropna()})
    return [f"Sides drawn by the toss of a coin cut {' or '.join(ratios)} of the largest cut."]
