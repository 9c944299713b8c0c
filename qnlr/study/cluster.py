"""Runs side by side, on this machine or a cluster; the only place that imports Dask.

Every worker is a process with one thread. It writes into the folders of its runs, so workers and
whoever started the study must see the same files. A worker that dies loses nothing but the steps
since the last checkpoints of its run: the run is given to another one, which resumes it.
"""

from __future__ import annotations

import contextlib
import queue
import signal
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from distributed import (
    Client,
    Future,
    KilledWorker,
    LocalCluster,
    Worker,
    WorkerPlugin,
    get_worker,
)

from qnlr.backends.ibm.secrets import redacted_error
from qnlr.errors import InputError
from qnlr.rng import content_hash
from qnlr.study.build import Builder
from qnlr.study.observer import Observer, RunProgress
from qnlr.study.runner import Task, execute_run
from qnlr.study.schema import RunSpec
from qnlr.study.store import RunFolder
from qnlr.training import Outcome, Status

SECONDS_BETWEEN_TELLINGS = 0.2
ONE_THREAD = {
    "NUMBA_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}


class BuilderPlugin(WorkerPlugin):
    """Keeps a builder on every worker, so that its runs share datasets and circuits.

    Args:
        name: Name of the call that the runs are of, as others may use the same workers.
        folder: Folder that paths in the config are relative to.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.folder = folder
        self.builder = Builder(folder)

    def setup(self, worker: Worker) -> None:
        """Make the builder, and leave Ctrl-C to the process that started the study."""
        self.builder = Builder(self.folder)
        with contextlib.suppress(ValueError):
            signal.signal(signal.SIGINT, signal.SIG_IGN)


def execute_on_cluster(
    tasks: Sequence[Task],
    folder: Path,
    stop: Path,
    watch: Observer,
    caught: list[int],
    *,
    jobs: int,
    scheduler: str | None = None,
) -> list[Outcome]:
    """Execute runs side by side.

    Args:
        tasks: The runs.
        folder: Folder that paths in the config are relative to.
        stop: A file that is made to tell all workers to stop after the step in hand.
        watch: Told how it goes on.
        caught: Signals that were caught; the first one stops the runs.
        jobs: Workers on this machine, at least 1; not used with a scheduler.
        scheduler: Address of a Dask scheduler, or None for a cluster of this machine's own.

    Returns:
        How the runs ended that did.

    Raises:
        InputError: If the scheduler cannot be reached.
    """
    stop.unlink(missing_ok=True)
    call = f"qnlr-{uuid.uuid4()}"
    with _client(jobs, scheduler) as client:
        client.register_plugin(BuilderPlugin(call, folder.absolute()))
        told: queue.Queue[tuple[str, RunProgress]] = queue.Queue()
        client.subscribe_topic(call, lambda event: told.put((event[1][0], _progress(event[1][1]))))
        futures: dict[Future[Any], Task] = {}
        for task in tasks:
            path = str(task.folder.path.absolute())
            future = client.submit(
                _work,
                call,
                task.spec.model_dump(mode="json"),
                path,
                task.label,
                str(stop.absolute()),
                key=f"{task.folder.run_id}-{content_hash(path)}",
            )
            futures[future] = task
        try:
            return _follow(futures, told, watch, caught, stop)
        finally:
            stop.unlink(missing_ok=True)
            with contextlib.suppress(Exception):  # whatever it meets, the runs have ended
                client.unregister_worker_plugin(call)


@contextlib.contextmanager
def _client(jobs: int, scheduler: str | None) -> Iterator[Client]:
    if scheduler is None:
        with (
            LocalCluster(
                n_workers=jobs,
                threads_per_worker=1,
                processes=True,
                dashboard_address=":0",
                env=ONE_THREAD,
                silence_logs=50,
            ) as cluster,
            Client(cluster) as client,
        ):
            yield client
        return
    try:
        client = Client(scheduler, timeout=10)
    except (OSError, ValueError, TimeoutError) as error:
        raise InputError(
            f"scheduler {scheduler!r} cannot be reached ({error}); start one with dask scheduler "
            "and give its address, such as tcp://localhost:8786"
        ) from error
    with client:
        yield client


def _follow(
    futures: dict[Future[Any], Task],
    told: queue.Queue[tuple[str, RunProgress]],
    watch: Observer,
    caught: list[int],
    stop: Path,
) -> list[Outcome]:
    """Wait for the runs, tell what is heard of them, and stop them if a signal was caught."""
    # Not distributed.wait: with a timeout it leaves a task for every future behind, each time.
    done: queue.Queue[Future[Any]] = queue.Queue()
    for future in futures:
        future.add_done_callback(done.put)
    outcomes = []
    for _ in futures:
        future = _next(done, told, watch, caught, stop)
        progress, outcome = _result(future, futures[future])
        _tell(told, watch)
        if progress is not None:
            watch.end_run(progress, outcome)
            outcomes.append(outcome)
    return outcomes


def _next(
    done: queue.Queue[Future[Any]],
    told: queue.Queue[tuple[str, RunProgress]],
    watch: Observer,
    caught: list[int],
    stop: Path,
) -> Future[Any]:
    """Return the next future that is done, and tell what is heard meanwhile."""
    while True:
        if caught and not stop.exists():
            stop.touch()
        _tell(told, watch)
        with contextlib.suppress(queue.Empty):
            return done.get(timeout=0.1)


def _result(future: Future[Any], task: Task) -> tuple[RunProgress | None, Outcome]:
    try:
        progress, status, sentence = future.result()
    except Exception as error:  # of the worker or its disk: those of the run are its ending
        lost = RunProgress(task.folder.run_id, task.label, task.spec.seed, 0, 0)
        sentence = redacted_error(error)
        if isinstance(error, KilledWorker):
            sentence = "several workers died on it; it may need more memory than they have"
        return lost, Outcome(Status.FAILED, sentence)
    return (None if progress is None else _progress(progress)), Outcome(Status(status), sentence)


def _tell(told: queue.Queue[tuple[str, RunProgress]], watch: Observer) -> None:
    with contextlib.suppress(queue.Empty):
        while True:
            what, progress = told.get_nowait()
            (watch.begin_run if what == "begin" else watch.step)(progress)


def _work(
    call: str, spec: dict[str, Any], path: str, label: str, stop: str
) -> tuple[dict[str, Any] | None, str, str]:
    """Execute a run in a worker; return where it ended, its status and the sentence."""
    stopped = Path(stop)
    if stopped.exists():
        return None, Status.INTERRUPTED, "not begun"
    worker = get_worker()
    plugin = worker.plugins[call]
    assert isinstance(plugin, BuilderPlugin)
    task = Task(RunSpec.model_validate(spec), RunFolder(Path(path)), label)
    last = [0.0]

    def step(progress: RunProgress) -> None:
        if time.monotonic() - last[0] > SECONDS_BETWEEN_TELLINGS:
            last[0] = time.monotonic()
            worker.log_event(call, ("step", vars(progress)))

    progress, outcome = execute_run(
        task,
        plugin.builder,
        begin=lambda progress: worker.log_event(call, ("begin", vars(progress))),
        step=step,
        interrupted=stopped.exists,
    )
    return vars(progress), str(outcome.status), outcome.sentence


def _progress(plain: dict[str, Any]) -> RunProgress:
    return RunProgress(**plain)
