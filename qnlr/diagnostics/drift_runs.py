r"""Where the drift of :mod:`qnlr.diagnostics.drift` ends: short runs at the paper's setting.

On its way down NLR meets smaller gradients, until p = η/(η + η'): there the drift turns, at

.. math:: ‖∇C‖^2 = \frac{\sqrt{2} s}{η} \, Φ^{-1}\Big(\frac{η'}{η + η'}\Big).

Near a minimum it is driven back up to that slope. Near a maximum it is driven on to the top.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pandas as pd
from qiskit_machine_learning.optimizers import TellData
from scipy import stats

from qnlr.diagnostics.classifier_problem import BatchLoss, classifier
from qnlr.diagnostics.findings import Check, Lines
from qnlr.diagnostics.plateau_problems import random_weights
from qnlr.diagnostics.verdicts import above, covers
from qnlr.intervals import mean_interval
from qnlr.optimizers import NLR, AnyIncrease, Ratio, StandardErrors
from qnlr.optimizers.triggers import Trigger
from qnlr.rng import stream

ETA, SHOTS, BATCH, EVERY = 0.01, 1000, 32, 20


def runs(kappa: float, z: float, count: int, steps: int, seed: int) -> pd.DataFrame:
    """Train the paper's classifier with either trigger, from the same weights.

    Args:
        kappa: η'/η.
        z: Standard errors of the careful trigger.
        count: Runs for each trigger.
        steps: Steps of each.
        seed: Seed of data, weights, mini-batches and shots.

    Returns:
        A row for every twenty steps, with the exact loss and gradient norm over all training
        samples there, and the share of probes that read higher since.
    """
    whole = classifier(SHOTS, None, seed)
    careful = f"{z:g} standard errors"
    triggers: dict[str, Trigger] = {"any increase": AnyIncrease(), careful: StandardErrors(z)}
    rows = []
    for run in range(count):
        start = random_weights(whole, stream("init", seed, run))
        for name, trigger in triggers.items():
            rows += [
                {"run": run, "trigger": name} | row
                for row in _run(whole, start, trigger, kappa, steps, seed, run)
            ]
    return pd.DataFrame(rows)


def run_checks(frame: pd.DataFrame, kappa: float) -> tuple[Check, ...]:
    """Test where NLR ends up.

    Args:
        frame: What :func:`runs` returned.
        kappa: η'/η.
    """
    if frame["run"].nunique() < 2:
        return ()
    paper = frame[frame["trigger"] == "any increase"]
    last = frame[frame["step"] == frame["step"].max()].set_index("run")
    mine = last[last["trigger"] == "any increase"]
    other = last[last["trigger"] != "any increase"]
    worse = mean_interval(mine["loss"] - other["loss"])
    late = paper[paper["step"] > paper["step"].max() / 2].groupby("run")["higher"].mean()
    share, norm = mean_interval(late), mean_interval(mine["gradient_norm"])
    spread = float(paper["std"].median())
    turn = math.sqrt(math.sqrt(2) * spread / ETA * float(stats.norm.ppf(kappa / (1 + kappa))))
    return (
        Check(
            "at the paper's setting NLR ends above where it ends with the careful trigger",
            f"yes: its drift turns uphill below a mini-batch gradient of norm {turn:.2f}",
            f"exact loss {mine['loss'].mean():.3f} against {other['loss'].mean():.3f}, difference "
            f"{worse.text()}; ‖∇C‖ {norm.text(2)} of all samples at the end",
            holds=above(worse, 0.0),
            remark=f"{worse.count} pairs of runs of {int(frame['step'].max())} steps",
        ),
        Check(
            "above a minimum it stalls where probes read higher with p = η/(η + η')",
            f"{1 / (1 + kappa):.3f} in the second half",
            share.text(),
            holds=covers(share, 1 / (1 + kappa)),
            remark="probes of its own mini-batches",
        ),
    )


def run_drawing(frame: pd.DataFrame) -> Lines:
    """Return the losses of the runs, as means with intervals over runs.

    Args:
        frame: What :func:`runs` returned.
    """
    rows = []
    for (name, step), part in frame.groupby(["trigger", "step"]):
        loss = mean_interval(part["loss"])
        rows.append(
            {
                "trigger": name,
                "step": step,
                "loss": loss.mean,
                "low": loss.low,
                "high": loss.high,
            }
        )
    return Lines(
        pd.DataFrame(rows),
        x="step",
        y="loss",
        low="low",
        high="high",
        by="trigger",
        band=True,
        xlabel="step",
        ylabel="exact loss over the training samples",
        name="runs",
        title="NLR at the paper's setting, with either trigger",
        caption=f"Means over {frame['run'].nunique()} runs with 95 % intervals (Student's t).",
    )


def _run(
    whole: BatchLoss,
    weights: np.ndarray,
    trigger: Trigger,
    kappa: float,
    steps: int,
    seed: int,
    run: int,
) -> list[dict[str, float]]:
    batches, shots = stream("batches", seed, run), stream("shots", seed, [run, repr(trigger)])
    optimizer = NLR(ETA, Ratio(kappa), trigger)
    optimizer.start(None, weights)
    rows, fired, std = [], 0, math.nan
    for step in range(steps + 1):
        weights = optimizer.state.x
        if step % EVERY == 0:
            rows.append(
                {
                    "step": step,
                    "loss": float(whole.exact(weights)),
                    "gradient_norm": float(np.linalg.norm(whole.gradient(weights))),
                    "higher": fired / EVERY if step else math.nan,
                    "std": std,
                }
            )
            fired = 0
        taken = batches.choice(len(whole.batch), BATCH, replace=False)
        batch = dataclasses.replace(whole, batch=whole.batch.take(taken))
        found = batch.problem.loss_and_gradient(weights, batch.batch, batch.measured, shots)
        optimizer.tell(optimizer.ask(), TellData(eval_fun=found.loss, eval_jac=found.gradient))
        asked = optimizer.ask()
        after = batch.measured_loss(np.asarray(asked.x_fun), shots)
        optimizer.tell(asked, TellData(eval_fun=after))
        fired += after > found.loss
        std = found.loss.std
    return rows
