"""The service's own estimate of a job, beside that of the published formula."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from qiskit.providers.exceptions import QiskitBackendNotFoundError

from qnlr.backends import IBMBackend
from qnlr.backends.ibm.errors import Refused
from qnlr.backends.ibm.price import Price
from qnlr.backends.ibm.program import make_program
from qnlr.errors import InputError
from qnlr.study.build import Builder
from qnlr.study.devices import device_settings
from qnlr.study.estimate import on_device
from qnlr.study.parts import BuildError
from qnlr.study.purse import device_work
from qnlr.study.spec import Study


@dataclass(frozen=True)
class ServerEstimate:
    """What a service says of one job that it checked and did not run.

    Args:
        device: The device.
        phase: Name of the phase that the job belongs to.
        circuits: Circuits of the job.
        ours: Its price by the published formula.
        theirs: QPU seconds by the service, or None if it gives none.
        why_not: Why it gives none.
    """

    device: str
    phase: str
    circuits: int
    ours: Price
    theirs: float | None
    why_not: str = ""


def server_estimate(
    study: Study, *, device: str | None = None, builder: Builder | None = None
) -> ServerEstimate:
    """Ask the service what the first job of a study would take, without running it.

    The job is sent with ``dry_run``: the service checks it on a stand-in for the device, at weights
    of zero, and charges nothing.

    Args:
        study: The study.
        device: Device to ask for, whatever the backend of its runs; None for that of the config.
        builder: Builds the run; by default with the account of the environment, or a saved one.

    Returns:
        Both estimates.

    Raises:
        InputError: If no run is on a device of the service, or there is no account.
        Unreachable: If the service does not answer.
    """
    builder = builder or Builder(study.folder)
    own = study if device is None else on_device(study, device)
    number = next((n for n, spec in enumerate(own.runs) if device_settings(spec) is not None), None)
    if number is None:
        raise InputError(
            f"no run of study {study.name} is on a device; give one to ask for, such as "
            "--device ibm_fez"
        )
    spec = own.runs[number]
    try:
        training = builder.run(spec)
        training.optimizer.close()
        backend = builder.device(spec, training)
    except BuildError as error:
        raise own.misplaced(number, error) from error
    assert backend is not None
    if backend.target.service is None:
        raise InputError(
            f"{backend.device_name} runs on this machine, and no service estimates it; give a real "
            "device, such as --device ibm_fez, or leave --server out"
        )
    first = device_work(spec, training, backend).by_phase[0][0]
    circuits = min(first.circuits, backend.rows_per_job)
    theirs, why_not = _asked(backend, circuits)
    return ServerEstimate(
        backend.device_name, first.name, circuits, backend.price(circuits), theirs, why_not
    )


def _asked(backend: IBMBackend, circuits: int) -> tuple[float | None, str]:
    """Return what the service says of a job of so many circuits, or why it says nothing."""
    from qnlr.backends.ibm.runtime import submit, with_run

    settings, target, model = backend.settings, backend.target, backend.model
    program = make_program(
        settings.primitive,
        target.isa.circuit,
        target.device,
        model.observable,
        list(target.isa.qubits),
        model.parameters,
        settings.shots,
        settings.readout_correction,
    )
    options = with_run(backend.options, shots=settings.shots, tags=["qnlr"])
    pubs = program.pubs(np.zeros((circuits, len(model.parameters))))
    try:
        job = submit(settings.primitive, target.device, pubs, options, dry_run=True)
        theirs = job.usage_estimation()
    except (Refused, QiskitBackendNotFoundError) as error:
        return None, f"the service takes no dry run for {backend.device_name} ({error})"
    return theirs, "" if theirs is not None else "the service gives no estimate"
