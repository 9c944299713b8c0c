"""What a config says about running on a device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from qnlr.errors import InputError, require_count, require_positive, unknown_name

MODES = ("auto", "job", "batch", "session")
PRIMITIVES = ("sampler", "estimator")
OWN = {
    "default_shots": "set shots in [backend]",
    "default_precision": "set shots in [backend]",
    "max_execution_time": "set max_execution_time in [backend]",
    "simulator": "local devices are seeded from the run's own random stream",
}
UNPAID = ("mode", "budget_seconds", "max_jobs", "max_execution_time", "instance", "account")


@dataclass(frozen=True)
class DeviceSettings:
    """How circuits are run on a device, what that may cost, and whose account pays.

    The last six say how a run is paid for, and are no part of its identity: a run that spent its
    budget goes on under the same identity with a larger one.

    Args:
        device: ``"ibm_fez"`` and the like, ``"least_busy"``, a fake device such as ``"fake_fez"``,
            or ``"aer_simulator"`` (without noise); the last two run on this machine.
        shots: Shots per circuit, at least 1.
        primitive: ``"sampler"``, which measures the observed qubits alone, or ``"estimator"``, for
            the resilience levels, TREX, ZNE, PEA and PEC.
        options: Options of that primitive, by the names of qiskit-ibm-runtime's ``SamplerOptions``
            or ``EstimatorOptions``, such as ``{"dynamical_decoupling": {"enable": True}}``; None
            for its defaults.
        readout_correction: Whether the sampler's counts are corrected for read-out errors, by two
            calibration circuits in every job.
        learn_layer_noise: Whether the noise of the circuit's layers is learned before the first
            phase, for PEA and PEC; hardware only.
        transpiler_seeds: Transpilations of which the one with the least expected error is run.
        mode: ``"job"``, ``"batch"``, ``"session"``, or ``"auto"``.
        budget_seconds: QPU seconds that the runs of a study may be charged together, above 0.
        max_jobs: Jobs that they may submit together, at least 1, or None.
        max_execution_time: QPU seconds after which the service ends a job, at least 1; None for
            half as much again as its estimate.
        instance: Name of the service instance, or None for the account's own. Its CRN belongs into
            the account file or ``QISKIT_IBM_INSTANCE``.
        account: Name of a saved account, or None for the default one.

    Raises:
        InputError: If a setting is not valid.

    Example:
        >>> settings = DeviceSettings("fake_fez", shots=200)
        >>> settings.is_local, settings.budget_seconds
        (True, 300.0)
    """

    device: str
    shots: int = 1000
    primitive: str = "sampler"
    options: dict[str, Any] | None = None
    readout_correction: bool = False
    learn_layer_noise: bool = False
    transpiler_seeds: int = 10
    mode: str = "auto"
    budget_seconds: float = 300.0
    max_jobs: int | None = None
    max_execution_time: int | None = None
    instance: str | None = None
    account: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.device, str) or not self.device:
            raise InputError(
                f"device = {self.device!r} is not valid; it must be the name of a device, such as "
                '"ibm_fez", "fake_fez", "aer_simulator" or "least_busy"'
            )
        require_count("shots", self.shots, high=10_000_000)
        require_count("transpiler_seeds", self.transpiler_seeds, high=1000)
        require_positive("budget_seconds", self.budget_seconds)
        for name in ("max_jobs", "max_execution_time"):
            if (value := getattr(self, name)) is not None:
                require_count(name, value)
        if self.mode not in MODES:
            raise unknown_name("mode", str(self.mode), MODES)
        if self.primitive not in PRIMITIVES:
            raise unknown_name("primitive", str(self.primitive), PRIMITIVES)
        for name in sorted(set(self.options or {}) & set(OWN)):
            raise InputError(f"options.{name} is not taken; {OWN[name]}")
        if self.primitive == "estimator" and self.readout_correction:
            raise InputError(
                "readout_correction = true belongs to the sampler; the estimator has "
                "options.resilience.measure_mitigation"
            )
        if self.primitive == "sampler" and self.learn_layer_noise:
            raise InputError(
                'learn_layer_noise = true belongs to PEA and PEC; set primitive = "estimator"'
            )
        if self.learn_layer_noise and self.is_local:
            raise InputError(
                f"learn_layer_noise = true is not valid on {self.device}: the noise of layers is "
                "learned on hardware only"
            )
        if self.instance is not None and self.instance.strip().lower().startswith("crn:"):
            raise InputError(
                "instance holds a CRN, which would be written into results; give the name of the "
                "instance, or put the CRN into the account file or QISKIT_IBM_INSTANCE"
            )

    @property
    def is_local(self) -> bool:
        """Whether the device is simulated on this machine."""
        return self.device.startswith("fake_") or self.device == "aer_simulator"
