"""Parameter-shift gradients on any V2 primitive: one PUB for all shifts and samples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.primitives import BaseEstimatorV2, BaseSamplerV2, PubResult, StatevectorEstimator
from qiskit.providers import Options
from qiskit.transpiler import PassManager
from qiskit_machine_learning.gradients import (
    EstimatorGradientResult,
    SamplerGradientResult,
)

from qnlr.errors import InputError, is_number, require_count
from qnlr.models.broadcasting.circuits import ShiftCircuits
from qnlr.models.broadcasting.frequencies import frequencies, read_numbers, register_of
from qnlr.models.broadcasting.groups import (
    Group,
    groups,
    measured,
    measurement_key,
    observable_keys,
)
from qnlr.simulator.checked_gradients import (
    CheckedEstimatorGradient,
    CheckedSamplerGradient,
    option,
)
from qnlr.types import FloatArray

Slopes = tuple[list[dict[int, float]], list[dict[int, float]]]


class BroadcastEstimatorGradient(CheckedEstimatorGradient):
    r"""Gradients of expectation values on any EstimatorV2, by the parameter-shift rule.

    All go in one job. Circuits of the same content, with the same observable and parameters, are
    one PUB, whose parameter array holds the ±π/2 shifts of every rotation of every sample. Any
    parameter expression is differentiated; gates with parameters are translated to rotations.
    The metadata of each gradient has how many shifts it took as ``"shifts"``, and its standard
    errors as ``"stds"``, from those that the estimator gives; NaN where it gives none:

    .. math:: s_i^2 = \sum_j (\frac{∂φ_j}{∂p_i})^2 \frac{s_{j+}^2 + s_{j-}^2}{4}

    Args:
        estimator: The primitive.
        precision: Asked of it at every shift, at least 0; its own default if None.
            ``run(..., precision=...)`` goes first.
        pass_manager: Transpiles each circuit once, for primitives that take ISA circuits; None for
            others.

    Raises:
        InputError: If the primitive, the precision or the pass manager is not valid.

    Example:
        >>> from qiskit.circuit.library import real_amplitudes
        >>> from qiskit.primitives import StatevectorEstimator
        >>> from qiskit.quantum_info import SparsePauliOp
        >>> gradient = BroadcastEstimatorGradient(StatevectorEstimator())
        >>> circuit, observable = real_amplitudes(2, reps=1), SparsePauliOp("ZZ")
        >>> job = gradient.run([circuit], [observable], [[0.1, 0.2, 0.3, 0.4]])
        >>> job.result().gradients[0].round(4)
        array([ 0.1219, -0.5376, -0.2069, -0.5114])
    """

    def __init__(
        self,
        estimator: BaseEstimatorV2,
        precision: float | None = None,
        pass_manager: PassManager | None = None,
    ) -> None:
        if not isinstance(estimator, BaseEstimatorV2):
            raise InputError(f"estimator = {estimator!r} is not valid; it must be an EstimatorV2")
        super().__init__(estimator, pass_manager=pass_manager)
        self.precision = _require_precision(precision)
        self._made = ShiftCircuits(pass_manager)

    def _run(
        self,
        circuits: Sequence[QuantumCircuit],
        observables: Sequence[Any],
        parameter_values: Sequence[Sequence[float]] | np.ndarray,
        parameters: Sequence[Sequence[Parameter]],
        **options: Any,
    ) -> EstimatorGradientResult:
        precision = _require_precision(option(options, "precision", self.precision))
        keys = observable_keys(observables)
        asked = groups(circuits, parameter_values, parameters, keys, self._made)
        pubs = [_estimator_pub(one, observables[one.numbers[0]]) for one in asked]
        found: dict[int, tuple[FloatArray, FloatArray]] = {}
        spent: dict[int, dict[str, Any]] = {}
        for one, result in measured(self._estimator, asked, pubs, precision=precision):
            slopes = _slopes(one, self._estimator, result)
            found |= zip(one.numbers, zip(*slopes, strict=True), strict=True)
            about = {"shifts": 2 * one.slots.size, "precision": precision_of(result, precision)}
            spent |= dict.fromkeys(one.numbers, about)
        metadata = [
            {"parameters": asked, "stds": found[number][1], **spent[number]}
            for number, asked in enumerate(parameters)
        ]
        gradients = [found[number][0] for number in range(len(circuits))]
        return EstimatorGradientResult(gradients, metadata, Options(**options))


class BroadcastSamplerGradient(CheckedSamplerGradient):
    r"""Gradients of outcome probabilities on any SamplerV2, by the parameter-shift rule.

    All go in one job: circuits of the same content, with the same parameters, are one PUB, as in
    :class:`BroadcastEstimatorGradient`. Outcomes are read from the register ``meas`` or ``c``, or
    else the first, and are left out from 2^qubits on; of a circuit that was transpiled before it
    measured all of a device's qubits, the logical ones are read. The metadata of each gradient has
    its standard errors as ``"stds"``, with p the share of the N shots that had the outcome:

    .. math::
        s_i^2 = \sum_j (\frac{∂φ_j}{∂p_i})^2
        \frac{p_{j+}(1 - p_{j+}) + p_{j-}(1 - p_{j-})}{4(N - 1)}

    Args:
        sampler: The primitive; exact probabilities, as of qiskit-machine-learning's ``QMLSampler``,
            are taken as they are.
        shots: Asked of it at every shift; its own default if None. ``run(..., shots=...)`` goes
            first.
        pass_manager: Transpiles each circuit once, for primitives that take ISA circuits; None for
            others.

    Raises:
        InputError: If the primitive, the shots or the pass manager are not valid.

    Example:
        >>> from qiskit.circuit.library import real_amplitudes
        >>> from qiskit_machine_learning.primitives import QMLSampler
        >>> circuit = real_amplitudes(2, reps=1)
        >>> circuit.measure_all()
        >>> gradient = BroadcastSamplerGradient(QMLSampler())
        >>> first, *_ = gradient.run([circuit], [[0.1, 0.2, 0.3, 0.4]]).result().gradients[0]
        >>> {outcome: round(slope, 2) for outcome, slope in sorted(first.items())}
        {0: -0.03, 1: -0.01, 2: -0.05, 3: 0.09}
    """

    def __init__(
        self,
        sampler: BaseSamplerV2,
        shots: int | None = None,
        pass_manager: PassManager | None = None,
    ) -> None:
        if not isinstance(sampler, BaseSamplerV2):
            raise InputError(f"sampler = {sampler!r} is not valid; it must be a SamplerV2")
        super().__init__(sampler, pass_manager=pass_manager)
        self.shots = _require_shots(shots)
        self._made = ShiftCircuits(pass_manager)

    def _run(
        self,
        circuits: Sequence[QuantumCircuit],
        parameter_values: Sequence[Sequence[float]],
        parameters: Sequence[Sequence[Parameter]],
        **options: Any,
    ) -> SamplerGradientResult:
        shots = _require_shots(option(options, "shots", self.shots))
        keys = [measurement_key(circuit) for circuit in circuits]
        asked = groups(circuits, parameter_values, parameters, keys, self._made)
        pubs = [(one.made.circuit, one.bindings()) for one in asked]
        found: dict[int, Slopes] = {}
        spent: dict[int, dict[str, int | None]] = {}
        for one, result in measured(self._sampler, asked, pubs, shots=shots):
            for place, number in enumerate(one.numbers):
                found[number] = _outcome_slopes(one, result, place, circuits[number])
            drawn = None if result is None else register_of(result.data).num_shots
            about = {"shifts": 2 * one.slots.size, "shots": drawn}
            spent |= dict.fromkeys(one.numbers, about)
        metadata = [
            {"parameters": asked, "stds": found[number][1], **spent[number]}
            for number, asked in enumerate(parameters)
        ]
        gradients = [found[number][0] for number in range(len(circuits))]
        return SamplerGradientResult(gradients, metadata, Options(**options))


def _estimator_pub(one: Group, observable: Any) -> tuple[Any, ...]:
    circuit = one.made.circuit
    laid = observable if circuit.layout is None else observable.apply_layout(circuit.layout)
    return circuit, laid, one.bindings()


def _slopes(
    one: Group, estimator: BaseEstimatorV2, result: PubResult | None
) -> tuple[FloatArray, FloatArray]:
    """Return derivatives and standard errors, shape (E, k)."""
    if result is None:
        nothing = np.zeros((len(one.numbers), len(one.columns)))
        return nothing, nothing
    up, down = np.asarray(result.data.evs, dtype=float)
    variances = one.chain((standard_errors(estimator, result) ** 2).sum(axis=0) / 4, power=2)
    return one.chain((up - down) / 2), np.sqrt(variances)


def precision_of(result: PubResult | None, asked: float | None) -> float:
    """Return the precision that a result has: what it says, or else what was asked for.

    Args:
        result: Of a PUB, or None where nothing was run.
        asked: The precision that was asked for; None for none.

    Returns:
        The precision, 0 for exact values.
    """
    told = None if result is None else result.metadata.get("target_precision")
    return float((asked or 0.0) if told is None else told)


def standard_errors(estimator: BaseEstimatorV2, result: PubResult) -> FloatArray:
    """Return the standard errors of an estimator's values.

    Qiskit's ``StatevectorEstimator`` draws noise of a precision and says that it is 0.

    Args:
        estimator: What gave the result.
        result: Of a PUB.

    Returns:
        Of the shape of its values; NaN where the estimator gives none.

    Example:
        >>> from qiskit.primitives import StatevectorEstimator
        >>> estimator = StatevectorEstimator(seed=1, default_precision=0.1)
        >>> result = estimator.run([(QuantumCircuit(1), "Z", [[]])]).result()[0]
        >>> result.data.stds, standard_errors(estimator, result)
        (array([0.]), array([0.1]))
    """
    if isinstance(estimator, StatevectorEstimator):
        return np.full(result.data.evs.shape, float(result.metadata["target_precision"]))
    if "stds" not in result.data:
        return np.full(result.data.evs.shape, np.nan)
    return np.asarray(result.data.stds, dtype=float)


def _outcome_slopes(
    one: Group, result: PubResult | None, place: int, circuit: QuantumCircuit
) -> Slopes:
    """Return derivatives of the probabilities by each parameter, and standard errors."""
    if result is None:
        return [{} for _ in one.columns], [{} for _ in one.columns]
    seen = frequencies(register_of(result.data), place)
    seen = seen.read_as(read_numbers(seen.outcomes, circuit))
    slopes = one.chain_of(place, (seen.shares[0] - seen.shares[1]) / 2)
    variances = one.chain_of(place, seen.variances().sum(axis=0) / 4, power=2)
    return _by_outcome(seen.outcomes, slopes), _by_outcome(seen.outcomes, np.sqrt(variances))


def _by_outcome(outcomes: list[int], table: FloatArray) -> list[dict[int, float]]:
    """Return what of a table of shape (outcomes, k) is not 0, by outcome."""
    found = []
    for column in table.T:
        places = np.flatnonzero(column)
        values = column[places].tolist()
        found.append(dict(zip([outcomes[place] for place in places], values, strict=True)))
    return found


def _require_precision(precision: float | None) -> float | None:
    if precision is None:
        return None
    if not (is_number(precision) and math.isfinite(precision) and precision >= 0):
        raise InputError(
            f"precision = {precision!r} is not valid; it must be at least 0, or None for the "
            "estimator's own"
        )
    return float(precision)


def _require_shots(shots: int | None) -> int | None:
    return None if shots is None else require_count("shots", shots)
