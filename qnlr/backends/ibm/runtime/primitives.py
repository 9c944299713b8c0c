"""The primitives: their options, what is submitted to them, and how results are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from pydantic import ValidationError
from qiskit.primitives import PrimitiveResult
from qiskit.providers import BackendV2
from qiskit_ibm_runtime.exceptions import IBMInputValueError
from qiskit_ibm_runtime.executor_estimator import Estimator
from qiskit_ibm_runtime.executor_estimator.prepare import prepare as prepare_estimator
from qiskit_ibm_runtime.executor_sampler import Sampler
from qiskit_ibm_runtime.executor_sampler.prepare import prepare as prepare_sampler
from qiskit_ibm_runtime.options_models import EstimatorOptions, SamplerOptions
from qiskit_ibm_runtime.options_models.zne import DEFAULT_NOISE_FACTORS

from qnlr.backends.ibm.runtime.jobs import Job, program_executions
from qnlr.backends.ibm.runtime.trouble import said, translated
from qnlr.errors import InputError

Options: TypeAlias = Any  # SamplerOptions or EstimatorOptions
Pub = tuple[Any, ...]


def checked_options(primitive: str, options: Mapping[str, Any]) -> Options:
    """Return the options of a primitive as its own model.

    Args:
        primitive: ``"sampler"`` or ``"estimator"``.
        options: Its options by name.

    Raises:
        InputError: If a name or a value is not valid.
    """
    model = SamplerOptions if primitive == "sampler" else EstimatorOptions
    try:
        return model(**options)
    except (ValidationError, ValueError) as error:
        first = error.errors()[0] if isinstance(error, ValidationError) else None
        where = ".".join(map(str, ("options", *first["loc"]))) if first else "options"
        said = first["msg"] if first else str(error)
        known = primitive == "sampler" and str(first and first["loc"][0]) in (
            EstimatorOptions.model_fields
        )
        hint = '; set primitive = "estimator"' if known else ""
        raise InputError(
            f"{where} is not valid for the {primitive}: {said}{hint}; valid names: "
            f"{', '.join(sorted(model.model_fields))}"
        ) from error


def with_run(
    options: Options,
    *,
    shots: int,
    tags: Sequence[str] = (),
    seed: int | None = None,
    max_execution_time: int | None = None,
) -> Options:
    """Return a copy of options with what belongs to one job."""
    own = options.model_copy(deep=True)
    own.default_shots = shots
    own.environment.job_tags = [*own.environment.job_tags, *tags]
    own.simulator.seed_simulator = seed
    own.max_execution_time = max_execution_time
    return own


def resolved(primitive: str, device: BackendV2, options: Options) -> dict[str, Any]:
    """Return the options as the primitive resolves them, as plain data."""
    final = primitive_of(primitive, device, options).finalize_options()
    exclude = {"resilience": {"layer_noise_model"}, "simulator": {"layer_noise_model"}}
    plain: dict[str, Any] = final.model_dump(mode="json", exclude=exclude)
    return plain


def submit(
    primitive: str, mode: Any, pubs: Sequence[Pub], options: Options, *, dry_run: bool = False
) -> Job:
    """Submit one job.

    Args:
        primitive: ``"sampler"`` or ``"estimator"``.
        mode: A device, a session or a batch.
        pubs: ISA circuits with what belongs to them.
        options: See :func:`with_run`.
        dry_run: Whether the service only checks it, and estimates its usage.

    Raises:
        Refused: If the service did not take it.
        SessionClosed: If the session or batch takes no more jobs.
        Unreachable: If nobody knows whether it was taken.
    """
    with translated():
        inner = primitive_of(primitive, mode, options).run(list(pubs), dry_run=dry_run)
    return Job(inner)


def executions(primitive: str, device: BackendV2, pubs: Sequence[Pub], options: Options) -> int:
    """Count the circuit executions that a job is made of, twirling and calibration included."""
    prepare: Any = prepare_sampler if primitive == "sampler" else prepare_estimator
    try:
        program, _ = prepare(list(pubs), options, add_tags=True, backend=device)
    except IBMInputValueError as error:
        raise InputError(f"options are not valid: {said(error)}") from error
    return program_executions(program)


def primitive_of(primitive: str, mode: Any, options: Options) -> Any:
    """Return a primitive, bound to a device, session or batch."""
    return (Sampler if primitive == "sampler" else Estimator)(mode=mode, options=options)


def outcome_counts(bits: Any) -> np.ndarray:
    """Count the outcomes of a measured register.

    Args:
        bits: A ``BitArray`` of m ≤ 16 bits.

    Returns:
        How often each outcome was seen, shape (number of circuits, 2^m).
    """
    size = 2**bits.num_bits
    packed = bits.array.reshape(-1, bits.num_shots, bits.array.shape[-1]).astype(np.int64)
    weights = 256 ** np.arange(packed.shape[-1])[::-1]
    outcomes = packed @ weights
    rows = np.arange(len(outcomes))[:, None] * size
    return np.bincount((outcomes + rows).ravel(), minlength=len(outcomes) * size).reshape(-1, size)


def noise_factors(result: PrimitiveResult[Any]) -> np.ndarray | None:
    """Return the noise factors that the Estimator extrapolated from, or None if it did not."""
    if "evs_noise_factors" not in result[0].data:
        return None
    chosen = result.metadata["options"]["resilience"]["zne"]["noise_factors"]
    return np.array(DEFAULT_NOISE_FACTORS if chosen == "auto" else chosen, dtype=float)
