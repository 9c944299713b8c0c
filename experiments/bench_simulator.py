"""qnlr's simulator beside its peers: one gradient, one machine, one process, same numbers.

The rows are the peers of bench_peers.py, the sizes stand in configs/bench_simulator.toml. Peers
other than Qiskit and Aer come with ``pip install -e '.[bench]'``; one that is missing gets a row
that says so.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import platform
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from bench_peers import CORES, PEERS, AerRun, Peer, Work, lightning
from matplotlib.figure import Figure
from rich.progress import Progress, SpinnerColumn, TimeElapsedColumn

from qnlr.backends import SimulatorBackend, statevector

CONFIG = Path(__file__).parent.parent / "configs" / "bench_simulator.toml"
PACKAGES = (
    "qnlr", "qiskit", "qiskit-aer", "qiskit-machine-learning", "numpy", "scipy", "numba", "jax",
    "jaxlib", "pennylane", "pennylane-lightning", "tensorcircuit-ng",
)  # fmt: skip
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
PROBE = """
import json, sys, time
asked = json.loads(sys.argv[1])
begin = time.perf_counter()
import qiskit
imported = time.perf_counter()
import numpy as np
from qnlr.backends import SimulatorBackend
from qnlr.circuits import amplitude, hardware_efficient, variational_circuit, z
from qnlr.noise import from_rate

def peak():
    try:  # ru_maxrss may be that of the process which started this one
        status = open("/proc/self/status").read()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024
    except OSError:
        import resource
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20

n, rng = asked["qubits"], np.random.default_rng(0)
features = min(asked["features"], 2**n)
encoding = amplitude(features, n)
ansatz, observable = hardware_efficient(n, asked["layers"]), z(n, asked["observed"])
model = variational_circuit(encoding, ansatz, observable)
noise = from_rate(asked["noise_rate"]) if asked["noise_rate"] else None
backend = SimulatorBackend(model, asked["shots"], noise)
angles = encoding.angles_from(rng.normal(size=(asked["batch"], features)))
weights, before = rng.normal(size=len(model.weights)), peak()
backend.jacobian(weights, angles, rng)
found = {"import": imported - begin, "first": time.perf_counter() - imported,
         "before": before, "peak": peak()}
if asked["calls"]:
    import psutil
    for _ in range(100):
        backend.jacobian(weights, angles, rng)
    start = psutil.Process().memory_info().rss
    for _ in range(asked["calls"]):
        backend.jacobian(weights, angles, rng)
    found["growth"] = (psutil.Process().memory_info().rss - start) / 2**20
print(json.dumps(found))
"""


@dataclass
class Row:
    """A row of the table: times in milliseconds, or the reason why there are none."""

    mode: str
    peer: str
    setting: str = ""
    first_ms: float = math.nan
    median_ms: float = math.nan
    iqr_ms: float = math.nan
    ratio: float = math.nan
    one_core_ms: float = math.nan
    repeats: int = 0
    fraction: float = 1.0
    tried: str = ""
    note: str = ""
    missing: str = ""
    settings: dict[str, Callable[[], np.ndarray]] = field(default_factory=dict, repr=False)
    times: list[float] = field(default_factory=list, repr=False)

    def cells(self) -> dict[str, Any]:
        """Return what stands in the table."""
        return {key: value for key, value in vars(self).items() if key not in ("settings", "times")}


def times_of(call: Callable[[], object], repeats: int, seconds: float, least: int) -> list[float]:
    """Time a call in milliseconds until ``seconds`` are over, but at least so many times."""
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < least or (len(times) < repeats and time.perf_counter() < end):
        start = time.perf_counter()
        call()
        times.append(1e3 * (time.perf_counter() - start))
    return times


def quick_median(call: Callable[[], object]) -> float:
    """Return the median of up to 20 calls in 0.2 seconds: enough to tell settings apart."""
    return float(np.median(times_of(call, 20, 0.2, 1)))


@contextlib.contextmanager
def one_core() -> Iterator[None]:
    """Hold all threads of this process on one core."""
    cores = os.sched_getaffinity(0)

    def hold(allowed: set[int]) -> None:
        for thread in os.listdir("/proc/self/task"):  # noqa: PTH208
            with contextlib.suppress(OSError):
                os.sched_setaffinity(int(thread), allowed)

    hold({min(cores)})
    try:
        yield
    finally:
        hold(cores)


def checks(work: Work) -> dict[str, Callable[[np.ndarray], None]]:
    """Return, for every mode, what raises on wrong derivatives."""
    exact = work.gradient(SimulatorBackend(work.model))
    noisy = work.gradient(SimulatorBackend(work.model, noise=work.noise))
    np.testing.assert_allclose(exact[:1], work.gradient(statevector(work.model), 1), atol=1e-6)
    steps = PEERS["vqc"]["qnlr BatchedSampler"].settings(work)["threads=1"]
    several = np.array([steps() for _ in range(30)])

    def equal(found: np.ndarray) -> None:
        np.testing.assert_allclose(found, exact, rtol=0, atol=1e-6)

    def as_noisy_as_shots(truth: np.ndarray) -> Callable[[np.ndarray], None]:
        def check(found: np.ndarray) -> None:
            error = np.sqrt(np.mean((found - truth[: len(found)]) ** 2))
            largest = (1 + 5 / math.sqrt(2 * found.size)) / math.sqrt(2 * work.shots)
            if not error <= largest:
                raise AssertionError(
                    f"derivatives are off by {error:.4f}; shots allow {largest:.4f}"
                )

        return check

    def same_step(found: np.ndarray) -> None:
        off = np.abs(found - several.mean(axis=0)) / (several.std(axis=0) + 1e-6)
        if off.max() > 8:
            raise AssertionError(f"the step is off by {off.max():.1f} standard deviations")

    return {
        "exact": equal,
        "shots": as_noisy_as_shots(exact),
        "noise": as_noisy_as_shots(noisy),
        "vqc": same_step,
    }


def prepared(
    mode: str, name: str, peer: Peer, work: Work, check: Callable[[np.ndarray], None]
) -> Row:
    """Call every setting of a peer, check what it returns, and choose the fastest."""
    row = Row(mode, name, note=peer.note)
    try:
        row.settings = peer.settings(work)
    except ImportError as error:
        row.missing = f"{type(error).__name__}: {error}"
        return row
    firsts, medians = {}, {}
    for setting, call in row.settings.items():
        start = time.perf_counter()
        found = call()
        firsts[setting] = 1e3 * (time.perf_counter() - start)
        check(found)
        row.fraction = 1.0 if mode == "vqc" else len(found) / len(work.states)
        medians[setting] = quick_median(call)
    row.setting = min(medians, key=medians.__getitem__)
    row.first_ms = firsts[row.setting]
    row.tried = "; ".join(f"{key}: {m / row.fraction:.4g} ms" for key, m in medians.items())
    return row


def table(work: Work, config: dict[str, Any], tick: Callable[[str], None]) -> pd.DataFrame:
    """Measure every peer; those of one mode take turns, so that a slow minute meets them all."""
    rows, timing, right = [], config["timing"], checks(work)
    for mode, peers in PEERS.items():
        here = []
        for name, peer in peers.items():
            tick(f"{mode}: {name}")
            here.append(prepared(mode, name, peer, work, right[mode]))
        present, rounds = [row for row in here if not row.missing], timing["rounds"]
        tick(f"{mode}: timing")
        for _ in range(rounds):
            for row in present:
                share = (timing["repeats"] / rounds, timing["seconds"] / rounds)
                least = -(-timing["least"] // rounds)
                row.times += times_of(row.settings[row.setting], *share, least)
        for row in present:
            low, row.median_ms, high = np.percentile(row.times, [25, 50, 75]) / row.fraction
            row.iqr_ms, row.repeats = high - low, len(row.times)
            row.ratio = row.median_ms / here[0].median_ms
            quick = row.median_ms * row.fraction < 1e3 * timing["one_core_below"]
            if quick and hasattr(os, "sched_setaffinity"):
                with one_core():
                    found = [quick_median(call) for call in row.settings.values()]
                row.one_core_ms = min(found) / row.fraction
        rows += here
    return pd.DataFrame([row.cells() for row in rows])


def scaling(config: dict[str, Any], tick: Callable[[str], None]) -> pd.DataFrame:
    """Time gradients of models that differ from the work in one size."""
    rows, sizes = [], config["scaling"]

    def series(
        axis: str, mode: str, peer: str, values: list[int], make: Callable[..., Any]
    ) -> None:
        tick(f"{mode} over {axis}: {peer}")
        for value in values:
            size = {**config["work"], axis: value}
            # The last qubit depends on all others in every layer: nothing can be left out.
            size["observed"] = size["qubits"] - 1
            if axis == "qubits":
                size |= {"batch": 1, "features": min(size["features"], 2**value)}
            work = Work.make({**config, "work": size})
            try:
                call, scale = make(work)
            except ImportError:
                return
            first = times_of(call, 1, 0, 1)
            slow = first[0] > 1e3 * sizes["longest"]
            times = first if slow else times_of(call, sizes["repeats"], sizes["seconds"], 2)
            rows.append(
                {
                    "axis": axis, "mode": mode, "peer": peer, "value": value,
                    "qubits": work.qubits, "layers": work.layers, "batch": len(work.states),
                    "weights": len(work.weights), "median_ms": scale * float(np.median(times)),
                    "repeats": len(times), "scaled_by": scale,
                }
            )  # fmt: skip
            if slow:
                return

    def ours(mode: str, work: Work) -> tuple[Callable[[], object], float]:
        shots, noise = (None if mode == "exact" else work.shots), work.noise
        backend = SimulatorBackend(work.model, shots, noise if mode == "noise" else None)
        return lambda: work.gradient(backend), 1.0

    def adjoint(work: Work) -> tuple[Callable[[], object], float]:
        return lightning(work)["compute_derivatives"], 1.0

    def aer(work: Work) -> tuple[Callable[[], object], float]:
        options = {"method": "density_matrix", "max_parallel_experiments": CORES}
        backend = AerRun(work, noise_model=work.noise.model, **options)
        shifts = np.tile(work.weights, (sizes["aer_circuits"], 1))
        scale = (2 * len(work.weights) + 1) / len(shifts)
        return lambda: backend.values(shifts, work.angles, work.rng), scale

    series("qubits", "exact", "qnlr", sizes["exact_qubits"], partial(ours, "exact"))
    series("qubits", "exact", "PennyLane lightning.qubit", sizes["exact_qubits"], adjoint)
    series("qubits", "noise", "qnlr", sizes["noise_qubits"], partial(ours, "noise"))
    series("qubits", "noise", "Aer density matrix", sizes["noise_qubits"], aer)
    for axis in ("layers", "batch", "weights"):
        for mode in ("exact", "shots", "noise"):
            series(axis, mode, "qnlr", sizes[axis], partial(ours, mode))
    return pd.DataFrame(rows)


def process(config: dict[str, Any], tick: Callable[[str], None]) -> pd.DataFrame:
    """Measure what a new process takes: time to its first gradient, and memory."""
    work, rows = config["work"], []
    exact = {**work, "shots": None, "noise_rate": None, "calls": 0, "observed": 0}
    noisy, most = {**work, "calls": 0, "observed": 0}, config["scaling"]

    def probe(asked: dict[str, Any]) -> dict[str, float]:
        command = [sys.executable, "-c", PROBE, json.dumps(asked)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return dict(json.loads(done.stdout))

    def add(quantity: str, value: float, unit: str) -> None:
        rows.append({"quantity": quantity, "value": value, "unit": unit})

    for mode, asked in (("exact", exact), ("noise", noisy)):
        tick(f"{mode}: a new process")
        starts = [probe(asked) for _ in range(1 + config["process"]["starts"])][1:]
        found = {key: float(np.median([start[key] for start in starts])) for key in starts[0]}
        if mode == "exact":
            add("import qiskit", found["import"], "s")
            add("memory before the first gradient", found["before"], "MB")
        add(f"{mode}: from there to the first gradient", found["first"], "s")
        add(f"{mode}: peak memory, the work", found["peak"], "MB")
        qubits = most[f"{mode}_qubits"][-1]
        largest = probe({**asked, "qubits": qubits, "batch": 1, "observed": qubits - 1})
        add(f"{mode}: peak memory, {qubits} qubits, batch 1", largest["peak"], "MB")
        tick(f"{mode}: {config['process']['calls']} calls")
        many = probe({**asked, "calls": config["process"]["calls"]})
        add(f"{mode}: growth over {config['process']['calls']} calls", many["growth"], "MB")
    return pd.DataFrame(rows)


def _short(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def figure(rows: pd.DataFrame, grown: pd.DataFrame, config: dict[str, Any]) -> Figure:
    """Draw ratios to qnlr, times over qubits, and times over layers, batch and weights."""
    drawn = Figure(figsize=(17, 5.6), layout="constrained")
    bars, qubits, linear = drawn.subplots(1, 3, width_ratios=[1.3, 1, 1])
    shown = rows[rows["missing"] == ""].iloc[::-1]
    colour = dict(zip(PEERS, COLOURS, strict=True))
    label = shown["mode"] + ": " + shown["peer"]
    bars.barh(label, shown["ratio"], color=shown["mode"].map(colour))
    for place, (ratio, median) in enumerate(zip(shown["ratio"], shown["median_ms"], strict=True)):
        bars.text(
            ratio * 1.15, place, f"{_short(ratio)}×  ({_short(median)} ms)", va="center", size=8
        )
    bars.set(xscale="log", xlabel="time / time of qnlr", xlim=(0.3, 60 * shown["ratio"].max()))
    bars.axvline(1, color="black", linewidth=0.8)
    over = grown[grown["axis"] == "qubits"]
    for (mode, peer), part in over.groupby(["mode", "peer"], sort=False):
        line = "o-" if peer == "qnlr" else "s--"
        qubits.plot(part["value"], part["median_ms"], line, color=colour[mode],
                    label=f"{mode}: {peer}", markersize=4)  # fmt: skip
    for mode, growth in (("exact", 2), ("noise", 4)):
        last = over[(over["mode"] == mode) & (over["peer"] == "qnlr")].iloc[-1]
        n = np.array([last["value"] - 4, last["value"]])
        slope = 2 * last["median_ms"] * float(growth) ** (n - last["value"])
        qubits.plot(n, slope, ":", color=colour[mode], label=f"${growth}^n$")
    qubits.set(yscale="log", xlabel="qubits", ylabel="one gradient of one sample, ms")
    qubits.legend(fontsize=7, loc="lower right")
    work = {**config["work"], "weights": 3 * config["work"]["qubits"] * config["work"]["layers"]}
    for axis, mark in zip(("layers", "batch", "weights"), "os^", strict=True):
        for mode in ("exact", "shots", "noise"):
            part = grown[(grown["axis"] == axis) & (grown["mode"] == mode)]
            at = part["value"] / work[axis]
            one = np.interp(1.0, at, part["median_ms"])
            linear.plot(at, part["median_ms"] / one, f"{mark}-", color=colour[mode],
                        label=f"{mode}: {axis}", markersize=4, linewidth=1)  # fmt: skip
    linear.axline((0, 0), slope=1, color="black", linewidth=0.8, linestyle=":")
    linear.set(xlabel="size / size of the work", ylabel="time / time of the work")
    linear.legend(fontsize=8)
    for axes in (bars, qubits, linear):
        axes.spines[["top", "right"]].set_visible(False)
    return drawn


def environment() -> dict[str, Any]:
    """Return versions, cores and the kind of processor; nothing that names anybody."""
    versions = {}
    for name in PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    model, cpuinfo = platform.processor() or platform.machine(), Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = [line for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = lines[0].split(":", 1)[1].strip() if lines else model
    python = platform.python_version()
    return {"python": python, "versions": versions, "cores": CORES, "processor": model}


def markdown(rows: pd.DataFrame, spent: pd.DataFrame) -> str:
    """Write both tables as Markdown."""

    def cell(value: Any) -> str:
        if isinstance(value, float):
            return "" if math.isnan(value) else f"{value:.4g}"
        return str(value).replace("|", "/")

    def lines(frame: pd.DataFrame) -> list[str]:
        head = [" | ".join(frame.columns), " | ".join("---" for _ in frame.columns)]
        body = [" | ".join(map(cell, values)) for values in frame.itertuples(index=False)]
        return [f"| {line} |" for line in head + body]

    short = rows.drop(columns="tried")
    return "\n".join([*lines(short), "", *lines(spent), ""])


def main(config: dict[str, Any]) -> pd.DataFrame:
    folder = Path(config["output"])
    folder.mkdir(parents=True, exist_ok=True)
    steps = sum(len(peers) + 1 for peers in PEERS.values()) + 4 + 9 + 4
    columns = (SpinnerColumn(), *Progress.get_default_columns()[:2], TimeElapsedColumn())
    with Progress(*columns) as progress:
        task = progress.add_task("", total=steps)

        def tick(doing: str) -> None:
            progress.update(task, advance=1, description=doing)

        rows = table(Work.make(config), config, tick)
        rows.to_csv(folder / "table.csv", index=False)
        grown = scaling(config, tick)
        grown.to_csv(folder / "scaling.csv", index=False)
        spent = process(config, tick)
        spent.to_csv(folder / "process.csv", index=False)
    figure(rows, grown, config).savefig(folder / "bench_simulator.png", dpi=150)
    (folder / "environment.json").write_text(json.dumps(environment(), indent=2) + "\n")
    text = markdown(rows, spent)
    (folder / "table.md").write_text(text)
    print(text)
    return rows


def read(path: Path, quick: bool) -> dict[str, Any]:
    """Read a config; under ``quick`` its tables of that name stand in for others."""
    config = tomllib.loads(path.read_text())
    smaller = config.pop("quick", {})
    for name, settings in smaller.items() if quick else ():
        config[name] |= settings
    return config


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", type=Path, default=CONFIG)
    parser.add_argument("--quick", action="store_true", help="few repeats and small sizes")
    given = parser.parse_args()
    main(read(given.config, given.quick))
