"""Whether a rate that sets itself leaves a plateau sooner than SGD, and whether it ever climbs.

Runs ``configs/adaptive_plateau.toml``, and writes a table and a figure beside its runs: when the
loss of the training set, 1 on the plateau, is first seen below 0.9, the highest reading on the way,
and the last. It is read every tenth step, so that steps come in tens.
"""

import math
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

import qnlr
from qnlr.study.configs import default_configs
from qnlr.study.display import Progress
from qnlr.study.figures import curves, save
from qnlr.study.scripted import as_command
from qnlr.study.spec import load_study
from qnlr.study.stats import mean_interval

BELOW = 0.9
LOSS = "metric_train_loss"


def readings(study: Path) -> pd.DataFrame:
    """Return the losses of the training set that were read, a row for each step where one was."""
    history = qnlr.load_history(study)
    history["method"] = [
        label.removesuffix(setting).strip().replace("learning_rate=", "")
        for label, setting in zip(history["label"], history["setting"], strict=True)
    ]
    return history.dropna(subset=[LOSS]).rename(columns={"setting": "mode"})


def departures(read: pd.DataFrame) -> pd.DataFrame:
    """Return by mode and method when seeds left, and what was read at most and at the end."""
    rows = []
    for (mode, method), part in read.groupby(["mode", "method"], sort=False):
        seeds = part.groupby("spec_seed")
        left = seeds.apply(
            lambda one: one.loc[one[LOSS] < BELOW, "step"].min(), include_groups=False
        )
        final = mean_interval(seeds[LOSS].last())
        rows.append(
            {
                "mode": mode,
                "method": method,
                "left": f"{left.notna().sum()} of {len(left)}",
                "steps until left, median": left.fillna(math.inf).median() + 1,
                "least": left.min() + 1,
                "most": left.fillna(math.inf).max() + 1,
                "highest loss": part[LOSS].max(),
                "final loss": final.mean,
                "±": final.half_width,
            }
        )
    return pd.DataFrame(rows)


def main(
    results: Annotated[Path, typer.Option(help="Folder of all results.")] = Path("results"),
    jobs: Annotated[int, typer.Option(min=0, help="Processes that share the runs.")] = 0,
    config: Annotated[Path | None, typer.Option(help="Another config than its own.")] = None,
) -> None:
    """Run the study, print when each method left the plateau, and draw the losses."""
    file = config or default_configs() / "adaptive_plateau.toml"
    with as_command():
        name = load_study(file).name
        with Progress(name) as progress:
            ended = qnlr.run(file, results, observer=progress, jobs=jobs)
        folder = results / name
        for _, run in ended[ended["status"] != "finished"].iterrows():
            print(f"{run['label']}, seed {run['spec_seed']}: {run['sentence']}; read until then")
        read = readings(folder)
        table = departures(read)
        print(table.to_string(index=False, float_format="{:.3g}".format))
        table.to_csv(folder / "departures.csv", index=False, float_format="%.6g")
        drawn = read.drop(columns="metric_flipped").assign(step=read["step"] + 1)
        save(curves(drawn, LOSS, "training loss"), folder, "departures")
    print(f"results: {folder}")


if __name__ == "__main__":
    typer.run(main)
