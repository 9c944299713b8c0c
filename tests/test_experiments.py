"""Every script in experiments/ runs, on a small scale."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from qnlr.study.cluster import ONE_THREAD

EXPERIMENTS = Path(__file__).parent.parent / "experiments"


@pytest.mark.slow
def test_quickstart(tmp_path):
    main = runpy.run_path(str(EXPERIMENTS / "quickstart.py"))["main"]
    table = main(tmp_path, steps=2, seeds=2)
    assert len(table) == 4
    assert table["shows"].tolist()[0] == "baseline"
    assert {file.name for file in tmp_path.iterdir()} == {"loss.png", "gradient_norm.png"}


def test_quickstart_is_short_enough_to_be_read():
    lines = (EXPERIMENTS / "quickstart.py").read_text().splitlines()
    assert sum(bool(line.strip()) for line in lines) <= 40


@pytest.mark.slow
def test_a_slurm_job_has_a_worker_of_one_thread_on_each_core():
    script = [sys.executable, "-W", "error", str(EXPERIMENTS / "slurm_cluster.py")]
    options = ["--cores", "3", "--memory", "2", "--walltime", "00:30:00"]
    options += ["--partition", "short", "--account", "qml", "--print-job"]
    done = subprocess.run([*script, *options], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    job = done.stdout.splitlines()
    assert {"#SBATCH -p short", "#SBATCH -A qml", "#SBATCH -t 00:30:00"} <= set(job)
    assert {"#SBATCH --cpus-per-task=3", "#SBATCH --mem=6G"} <= set(job)
    exports = [line.removeprefix("export ") for line in job if line.startswith("export ")]
    assert dict(line.split("=") for line in exports) == ONE_THREAD
    worker = next(line for line in job if line.startswith(sys.executable))
    assert "--nworkers 3" in worker
    assert "--nthreads 1" in worker
    assert "--memory-limit 2.00GiB" in worker
