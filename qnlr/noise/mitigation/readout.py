"""Read-out mitigation around any EstimatorV2."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.primitives import (
    BaseEstimatorV2,
    DataBin,
    PrimitiveJob,
    PrimitiveResult,
    PubResult,
)
from qiskit.primitives.containers import ObservablesArray
from qiskit.primitives.containers.estimator_pub import EstimatorPub, EstimatorPubLike
from qiskit.quantum_info import SparsePauliOp

from qnlr.errors import InputError, require_positive
from qnlr.noise.mitigation.calibration import Calibration
from qnlr.noise.mitigation.pubs import (
    circuits_per_value,
    observables_of,
    require_estimator,
    spent,
    split_constant,
)
from qnlr.types import FloatArray

MAX_WEIGHT = 12
Key = tuple[int, tuple[int, ...], float | None]


@dataclass(frozen=True, eq=False)
class _Corrected:
    """A PUB: what corrected observables are, then their slopes, along an axis in front."""

    pub: EstimatorPub
    constants: FloatArray
    errors: FloatArray
    calibration: Calibration | None


class ReadoutMitigatedEstimator(BaseEstimatorV2):  # type: ignore[misc]
    r"""Expectation values with the read-out errors of every qubit undone.

    Z of a qubit reads as a + bZ; a and b are measured in the states |0…0⟩ and |1…1⟩ of all qubits
    that a PUB observes. Instead of a string, the sum of strings is observed that reads as it would
    without errors:

    .. math:: \Big\langle \prod_i P_i \Big\rangle = \Big\langle \prod_i \frac{M_i - a_i}{b_i}
              \Big\rangle, \qquad s^2 = s_M^2 + \sum_j \Big(\frac{∂f}{∂m_j} s_j\Big)^2

    with M_i what is read of P_i in its own basis, s_M the wrapped estimator's standard error, and
    m_j the 2m averages of the calibration, with their standard errors s_j. Strings that commute
    qubit by qubit still share circuits. Errors that qubits make together are not undone, and the
    error of the X gates that prepare |1…1⟩ counts as one of read-out.

    The first job on a set of qubits waits for its calibration, a job of its own;
    ``calibrations`` keeps it for the next ones, until ``calibrations.clear()``. All values that
    share a calibration share its error.

    The metadata of a PUB tell ``readout``: the qubits with their a and b. Those of a result tell
    ``circuits`` and ``jobs``, all that was run, and ``calibration_circuits`` among them.

    Source: Bravyi et al., Phys. Rev. A 103, 042605 (2021), the tensored model.

    Args:
        estimator: Any EstimatorV2, also a mitigated one, of ISA circuits if it runs on a device.
        calibration_precision: Precision of the calibration, above 0; None for that of the PUB that
            needs it.

    Raises:
        InputError: If a setting is not valid.

    Example:
        >>> from qiskit.circuit.library import real_amplitudes
        >>> from qnlr.noise import from_rate
        >>> from qnlr.simulator import BatchedEstimator
        >>> noisy = BatchedEstimator(noise_model=from_rate(0.0, readout=0.1).model)
        >>> pub = (real_amplitudes(2, reps=1), "ZZ", [0.1, 0.2, 0.3, 0.4])
        >>> for estimator in (BatchedEstimator(), noisy, ReadoutMitigatedEstimator(noisy)):
        ...     print(estimator.run([pub]).result()[0].data.evs.round(4))
        0.8003
        0.5122
        0.8003
    """

    def __init__(
        self, estimator: BaseEstimatorV2, calibration_precision: float | None = None
    ) -> None:
        self.estimator = require_estimator(estimator)
        self.calibration_precision = (
            None
            if calibration_precision is None
            else require_positive("calibration_precision", calibration_precision)
        )
        self.calibrations: dict[Key, Calibration] = {}

    def circuits_per_value(self, circuit: QuantumCircuit, observable: SparsePauliOp) -> int:
        """Return how many circuits one expectation value takes, once read-out is calibrated.

        A calibration takes two circuits more, for each set of qubits once.

        Args:
            circuit: The circuit.
            observable: The observable.

        Returns:
            The circuits.
        """
        return circuits_per_value(self.estimator, circuit, _substrings(observable))

    def run(
        self, pubs: Iterable[EstimatorPubLike], *, precision: float | None = None
    ) -> PrimitiveJob[PrimitiveResult[PubResult]]:
        """Estimate expectation values without read-out errors.

        Args:
            pubs: (circuit, observables[, parameter values[, precision]]) each.
            precision: For PUBs that give none.

        Returns:
            A job; its result has ``evs`` and ``stds`` for every PUB.

        Raises:
            InputError: If a qubit reads nearly the same in both states, or a string acts on more
                than 12 qubits.
            ValueError: If a PUB is not valid.
        """
        coerced = [EstimatorPub.coerce(pub, precision) for pub in pubs]
        keys = [self._key(pub, observables_of(pub)) for pub in coerced]
        circuits, jobs = self.calibrate([key for key in keys if key[1]])
        corrected = [self._corrected(pub, key) for pub, key in zip(coerced, keys, strict=True)]
        inner = self.estimator.run([one.pub for one in corrected], precision=precision)
        job: PrimitiveJob[Any] = PrimitiveJob(self._finished, corrected, inner, circuits, jobs)
        job._submit()
        return job

    def calibrate(self, keys: Iterable[Key]) -> tuple[int, int]:
        """Calibrate read-out where it is not yet known.

        Args:
            keys: Qubits of the circuits, those to calibrate, and the precision (None for that of
                the wrapped estimator).

        Returns:
            Circuits and jobs that it took.

        Raises:
            InputError: If a qubit reads nearly the same in both states.
        """
        missing = [key for key in dict.fromkeys(keys) if key not in self.calibrations]
        if not missing:
            return 0, 0
        pubs = [_preparation(key, one) for key in missing for one in (False, True)]
        result = self.estimator.run(pubs).result()
        for place, key in enumerate(missing):
            zero, one = (result[2 * place + state].data for state in (0, 1))
            read = (zero.evs, one.evs, zero.stds, one.stds)
            self.calibrations[key] = Calibration(
                key[1], *(np.array(part, dtype=float) for part in read)
            )
        return spent(result.metadata, pubs)

    def _key(self, pub: EstimatorPub, observables: Sequence[SparsePauliOp]) -> Key:
        precision = self.calibration_precision
        return (
            pub.circuit.num_qubits,
            _support(observables),
            pub.precision if precision is None else precision,
        )

    def _corrected(self, pub: EstimatorPub, key: Key) -> _Corrected:
        if not key[1]:
            return _Corrected(pub, np.zeros(()), np.zeros(0), None)
        known = self.calibrations[key]
        observables = observables_of(pub)
        slopes = [known.slopes(one) for one in observables]
        rows = [[known.corrected(one) for one in observables]]
        rows += [[one for _, one in part] for part in zip(*slopes, strict=True)]
        errors = np.array([std for std, _ in slopes[0]])
        asked, constants = zip(*(split_constant(one) for row in rows for one in row), strict=True)
        shape: tuple[int, ...] = pub.observables.shape
        if errors.size:
            shape = (len(rows), *(1,) * (pub.ndim - len(shape)), *shape)
        turned = EstimatorPub(
            pub.circuit,
            ObservablesArray(list(asked)).reshape(shape),
            pub.parameter_values,
            pub.precision,
            validate=False,
        )
        return _Corrected(turned, np.reshape(constants, shape), errors, known)

    def _finished(
        self, corrected: list[_Corrected], inner: PrimitiveJob[Any], circuits: int, jobs: int
    ) -> PrimitiveResult[PubResult]:
        result = inner.result()
        run, number = spent(result.metadata, [one.pub for one in corrected])
        about = {
            "circuits": circuits + run,
            "jobs": jobs + number,
            "calibration_circuits": circuits,
        }
        found = [_pub_result(one, part) for one, part in zip(corrected, result, strict=True)]
        return PrimitiveResult(found, metadata={**result.metadata, **about})


def _pub_result(corrected: _Corrected, result: Any) -> PubResult:
    values = np.asarray(result.data.evs, dtype=float) + corrected.constants
    stds = np.asarray(result.data.stds, dtype=float)
    if corrected.errors.size:
        errors = corrected.errors.reshape((-1,) + (1,) * (values.ndim - 1))
        shared = ((values[1:] * errors) ** 2).sum(axis=0)
        values, stds = values[0], np.sqrt(stds[0] ** 2 + shared)
    about = dict(result.metadata)
    if corrected.calibration is not None:
        about["readout"] = {
            "qubits": corrected.calibration.qubits,
            "offsets": corrected.calibration.offsets,
            "scales": corrected.calibration.scales,
        }
    return PubResult(DataBin(evs=values, stds=stds, shape=values.shape), metadata=about)


def _preparation(key: Key, ones: bool) -> EstimatorPub:
    """Return Z of every qubit, in |1…1⟩ or |0…0⟩."""
    size, qubits, precision = key
    circuit = QuantumCircuit(size)
    if ones:
        circuit.x(qubits)
    observables = [SparsePauliOp.from_sparse_list([("Z", [q], 1.0)], size) for q in qubits]
    return EstimatorPub.coerce((circuit, observables, None, precision))


def _substrings(observable: SparsePauliOp) -> SparsePauliOp:
    """Return all strings that a corrected observable may ask for."""
    _support([observable])
    found = {
        some
        for word, where, _ in observable.simplify().to_sparse_list()
        for size in range(len(where) + 1)
        for some in combinations(zip(where, word, strict=True), size)
    }
    terms = [
        ("".join(letter for _, letter in some), [qubit for qubit, _ in some], 1.0)
        for some in sorted(found)
    ]
    return SparsePauliOp.from_sparse_list(terms, num_qubits=observable.num_qubits)


def _support(observables: Sequence[SparsePauliOp]) -> tuple[int, ...]:
    """Return the qubits that observables act on, if no string acts on too many of them."""
    acts = np.vstack([one.paulis.x | one.paulis.z for one in observables])
    if (weight := acts.sum(axis=1).max()) > MAX_WEIGHT:
        raise InputError(
            f"an observable acts on {weight} qubits at once, of which the read-out cannot be "
            f"corrected; at most {MAX_WEIGHT}"
        )
    return tuple(np.flatnonzero(acts.any(axis=0)).tolist())
