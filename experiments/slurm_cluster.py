"""A Dask cluster out of a Slurm queue: one worker process with one thread on each core.

``pip install -e '.[cluster]'``, and start this where jobs are submitted, in a folder that all nodes
see: whoever runs a study and all workers write to the same results. Another queueing system is
another class of dask_jobqueue.
"""

import contextlib
import signal
from typing import Annotated

import typer
from dask_jobqueue import SLURMCluster

from qnlr.study.cluster import ONE_THREAD


def main(
    workers: Annotated[int, typer.Option(min=1, help="Workers of all jobs together.")] = 32,
    cores: Annotated[int, typer.Option(min=1, help="Cores of a job, and so its workers.")] = 16,
    memory: Annotated[int, typer.Option(min=1, help="Memory of a worker, in GiB.")] = 2,
    walltime: Annotated[str, typer.Option(help="How long a job may take.")] = "04:00:00",
    partition: Annotated[str | None, typer.Option(help="Partition to submit to.")] = None,
    account: Annotated[str | None, typer.Option(help="Account to charge.")] = None,
    interface: Annotated[str | None, typer.Option(help="Network of the nodes, as ib0.")] = None,
    print_job: Annotated[bool, typer.Option("--print-job", help="Print a job and exit.")] = False,
) -> None:
    """Start a Dask scheduler and jobs of workers, until Ctrl-C; all must see the results folder."""
    with SLURMCluster(
        cores=cores,
        processes=cores,
        memory=f"{cores * memory}GiB",
        walltime=walltime,
        queue=partition,
        account=account,
        interface=interface,
        job_script_prologue=[f"export {name}={value}" for name, value in ONE_THREAD.items()],
        scheduler_options={"dashboard_address": ":0"},
    ) as cluster:
        if print_job:
            print(cluster.job_script())
            return
        # Unlike scale, adapt submits a job anew when one has ended at its walltime
        cluster.adapt(minimum=workers, maximum=workers)
        print(f"Scheduler at {cluster.scheduler_address}, until Ctrl-C. In another terminal:")
        print(f"qnlr run configs/quickstart.toml --scheduler {cluster.scheduler_address}")
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()


if __name__ == "__main__":
    typer.run(main)
