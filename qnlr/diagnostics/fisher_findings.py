"""What is said of Fisher information that was measured."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from qnlr.diagnostics.findings import Check, Findings, Lines
from qnlr.intervals import mean_interval

QUANTUM, OVER_DATA = "quantum, one state", "quantum, mean over samples"
KEYS = ["qubits", "layers", "weights", "initialisation", "information"]


def describe(
    frame: pd.DataFrame,
    spectra: pd.DataFrame,
    dimensions: pd.DataFrame,
    ansatz: str,
    draws: int,
    samples: int,
    checks: tuple[Check, ...],
) -> Findings:
    """Return what was measured as findings.

    Args:
        frame: One row for every circuit, initialisation, kind of information and draw.
        spectra: Mean eigenvalues by number.
        dimensions: Effective dimensions.
        ansatz: Name of the ansatz.
        draws: Draws of the weights.
        samples: Samples that information is averaged over.
        checks: What was predicted besides ranks.

    Returns:
        The findings.
    """
    summary = _summary(frame)
    return Findings(
        title=f"Fisher information of {ansatz} circuits",
        frame=frame,
        says=tuple(_says(summary, dimensions)),
        checks=(*_rank_checks(frame), *checks),
        drawings=tuple(_drawings(summary, spectra, dimensions, draws, samples)),
        tables={"summary": summary, "spectra": spectra, "effective_dimension": dimensions},
        caveats=(
            f"Classical information is a mean over {samples} samples: with two outputs its rank "
            f"is at most {samples}, whatever the circuit.",
            f"The effective dimension averages a determinant over {draws} draws of the weights, so "
            "the few draws with the largest one decide; beside the local one, of a single draw, "
            "the tables show how much that matters.",
        ),
    )


def _summary(frame: pd.DataFrame) -> pd.DataFrame:
    """Return one row for every circuit, initialisation and kind, with intervals over draws."""
    rows = []
    for key, group in frame.groupby(KEYS, sort=False):
        trace = mean_interval(group["trace_per_weight"])
        rows.append(
            dict(zip(KEYS, key, strict=True))
            | {
                "rank": int(group["rank"].max()),
                "most": int(group["most"].iloc[0]),
                "small_share": float(group["small_share"].mean()),
                "trace_per_weight": trace.mean,
                "low": trace.low,
                "high": trace.high,
                "largest": float(group["largest"].mean()),
                "circuit": f"{key[0]} qubits, {key[3]}",
            }
        )
    return pd.DataFrame(rows)


def _says(summary: pd.DataFrame, dimensions: pd.DataFrame) -> Iterator[str]:
    largest = summary[summary["qubits"] == summary["qubits"].max()]
    deepest = largest[largest["layers"] == largest["layers"].max()]
    n, depth = int(deepest["qubits"].iloc[0]), int(deepest["layers"].iloc[0])
    for row in deepest.itertuples():
        yield (
            f"{row.information}, {row.initialisation}, {n} qubits and {depth} layers: rank "
            f"{row.rank} of {row.weights} weights, {row.small_share:.0%} of the eigenvalues at "
            f"most 1 % of the largest, {row.trace_per_weight:.3g} per weight."
        )
    chosen = dimensions[(dimensions["qubits"] == n) & (dimensions["layers"] == depth)]
    for row in chosen[chosen["dataset_size"] == chosen["dataset_size"].min()].itertuples():
        yield (
            f"Effective dimension for N = {row.dataset_size:,}, {row.information}, "
            f"{row.initialisation}: {row.effective_dimension:.1f} of {row.weights}, "
            f"{row.local:.1f} at the first draw alone."
        )
    one = largest[(largest["information"] == QUANTUM) & (largest["weights"] > largest["rank"])]
    if len(one):
        top = one[one["rank"] == one["rank"].max()].sort_values("weights").iloc[0]
        yield (
            f"With {n} qubits, the rank of one state's information stops at {top['rank']}, reached "
            f"at {top['weights']} weights ({top['layers']} layers); further weights are redundant. "
            "A circuit that can make every state is overparametrised from 2^(n+1) − 2 directions "
            "on, exponentially many in n: no way out of a plateau on many qubits."
        )


def _rank_checks(frame: pd.DataFrame) -> Iterator[Check]:
    one = frame[(frame["information"] == QUANTUM) & (frame["initialisation"] == "uniform")]
    for n, group in one.groupby("qubits"):
        dimension = 2 ** (int(str(n)) + 1) - 2
        enough = group[group["weights"] >= 2 * dimension]
        ranks = sorted(set(enough["rank"]))
        yield Check(
            f"The quantum Fisher information of {n} qubits saturates at the dimension of the state "
            "space, 2^(n+1) − 2, at every draw, once there are twice as many weights.",
            str(dimension),
            ", ".join(map(str, ranks)) if ranks else "not enough weights",
            None if not ranks else ranks == [dimension],
            "It is an upper bound for any circuit; that it is reached says that the ansatz can "
            "move the state in every direction.",
        )


def _drawings(
    summary: pd.DataFrame,
    spectra: pd.DataFrame,
    dimensions: pd.DataFrame,
    draws: int,
    samples: int,
) -> Iterator[Lines]:
    yield Lines(
        summary,
        x="weights",
        y="rank",
        expected="most",
        thin="upper bound",
        by="circuit",
        panel="information",
        xlabel="weights P",
        ylabel="rank",
        logx=True,
        logy=True,
        name="rank",
        title="Rank of the Fisher information",
        caption=f"Largest of {draws} draws; thin: the most there can be for so many weights, "
        f"outputs and {samples} samples.",
    )
    yield Lines(
        summary,
        x="layers",
        y="trace_per_weight",
        low="low",
        high="high",
        by="circuit",
        panel="information",
        xlabel="layers L",
        ylabel="trace / P",
        logy=True,
        name="trace",
        title="Fisher information per weight",
        caption=f"Means over {draws} draws with 95 % intervals.",
    )
    n = spectra["qubits"].max()
    deep = spectra[(spectra["qubits"] == n) & (spectra["layers"] == spectra["layers"].max())]
    yield Lines(
        deep[deep["eigenvalue"] > 1e-12],
        x="number",
        y="eigenvalue",
        by="initialisation",
        panel="information",
        xlabel="number of the eigenvalue",
        ylabel="eigenvalue",
        logy=True,
        name="spectrum",
        title=f"Spectra of {n} qubits and {deep['layers'].iloc[0]} layers",
        caption=f"Means over {draws} draws; eigenvalues of 0 are left out.",
    )
    text = [
        f"{row.qubits} qubits, {row.initialisation}, N = {row.dataset_size:,}"
        for row in dimensions.itertuples()
    ]
    most = dimensions["qubits"] == n
    yield Lines(
        dimensions.assign(circuit=text)[most],
        x="layers",
        y="share",
        by="circuit",
        panel="information",
        xlabel="layers L",
        ylabel="effective dimension / P",
        name="effective_dimension",
        title="Effective dimension per weight",
        caption=f"Over {draws} draws of the weights and {samples} samples.",
    )
