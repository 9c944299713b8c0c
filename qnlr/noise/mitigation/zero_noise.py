"""Zero-noise extrapolation around any EstimatorV2."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from qiskit import QuantumCircuit
from qiskit.primitives import (
    BaseEstimatorV2,
    DataBin,
    PrimitiveJob,
    PrimitiveResult,
    PubResult,
)
from qiskit.primitives.containers.estimator_pub import EstimatorPub, EstimatorPubLike
from qiskit.quantum_info import SparsePauliOp

from qnlr.errors import InputError, unknown_name
from qnlr.noise.mitigation.extrapolation import EXTRAPOLATIONS, Extrapolated
from qnlr.noise.mitigation.folding import fold, reached_factor, require_factor
from qnlr.noise.mitigation.pubs import circuits_per_value, require_estimator, spent

Folding = Callable[[QuantumCircuit, float], QuantumCircuit]
Method = Literal["linear", "exponential", "richardson"]


@dataclass(frozen=True)
class ZeroNoise:
    """How values are extrapolated to zero noise: from which factors, along which curve.

    Args:
        factors: Noise factors λ, each at least 1, two or more and all different.
        extrapolation: ``"linear"``, ``"exponential"`` or ``"richardson"``: see
            :mod:`qnlr.noise.mitigation.extrapolation`.

    Raises:
        InputError: If a setting is not valid.

    Example:
        >>> ZeroNoise([1, 3]).factors
        (1.0, 3.0)
    """

    factors: Sequence[float] = (1.0, 3.0, 5.0)
    extrapolation: Method = "linear"

    def __post_init__(self) -> None:
        if not isinstance(self.factors, Iterable):
            raise InputError(f"factors = {self.factors!r} is not valid; give a list such as [1, 3]")
        factors = tuple(require_factor(factor) for factor in self.factors)
        if len(factors) < 2 or len(set(factors)) < len(factors):
            raise InputError(
                f"factors = {list(self.factors)} is not valid; to extrapolate takes two or more, "
                "all different, such as [1, 3, 5]"
            )
        if self.extrapolation not in EXTRAPOLATIONS:
            raise unknown_name("extrapolation", str(self.extrapolation), EXTRAPOLATIONS)
        object.__setattr__(self, "factors", factors)

    def around(self, estimator: BaseEstimatorV2) -> ZeroNoiseEstimator:
        """Return an estimator that extrapolates the values of another one.

        Args:
            estimator: The other one.

        Returns:
            The estimator.
        """
        return ZeroNoiseEstimator(estimator, self.factors, self.extrapolation)


@dataclass(frozen=True)
class _Folded:
    """A PUB at every factor; at a single one if no gates of it have noise to amplify."""

    factors: tuple[float, ...]
    pubs: list[EstimatorPub]


class ZeroNoiseEstimator(BaseEstimatorV2):  # type: ignore[misc]
    """Expectation values extrapolated to zero noise.

    Every PUB is run once for each noise factor, all in one job of the wrapped estimator, with the
    precision asked for at each. Its values and standard errors are those of the extrapolation, with
    larger errors; ``evs_noise_factors`` and ``stds_noise_factors`` hold the values that went into
    it, the factors along the last axis.

    The metadata of a PUB tell under ``zero_noise`` the factors, the extrapolation, the number of
    PUBs that were run, and of how many elements the extrapolation fell back to a linear one; those
    of a result tell ``circuits`` and ``jobs``, all that was run.

    Source: Temme, Bravyi and Gambetta, Phys. Rev. Lett. 119, 180509 (2017); Giurgica-Tiron et al.,
    arXiv:2005.10921.

    Args:
        estimator: Any EstimatorV2, also a mitigated one. If it transpiles, then in no way that
            drops barriers, or it would cancel what was folded.
        factors: Noise factors λ, each at least 1, two or more and all different.
        extrapolation: ``"linear"``, ``"exponential"`` or ``"richardson"``.
        folding: Amplifies the noise of a circuit by a factor; one other than :func:`fold` is taken
            to meet every factor exactly.

    Raises:
        InputError: If a setting is not valid.

    Example:
        >>> from qiskit.circuit.library import real_amplitudes
        >>> from qnlr.noise import from_rate
        >>> from qnlr.simulator import BatchedEstimator
        >>> noisy = BatchedEstimator(noise_model=from_rate(0.01).model)
        >>> pub = (real_amplitudes(2, reps=1), "ZZ", [0.1, 0.2, 0.3, 0.4])
        >>> for estimator in (BatchedEstimator(), noisy, ZeroNoiseEstimator(noisy, (1, 3))):
        ...     print(estimator.run([pub]).result()[0].data.evs.round(3))
        0.8
        0.735
        0.754
    """

    def __init__(
        self,
        estimator: BaseEstimatorV2,
        factors: Sequence[float] = (1.0, 3.0, 5.0),
        extrapolation: Method = "linear",
        folding: Folding = fold,
    ) -> None:
        self.estimator = require_estimator(estimator)
        self.settings = ZeroNoise(factors, extrapolation)
        self.folding = folding

    def circuits_per_value(self, circuit: QuantumCircuit, observable: SparsePauliOp) -> int:
        """Return how many circuits one expectation value takes, at all factors together.

        Args:
            circuit: The circuit.
            observable: The observable.

        Returns:
            The circuits.
        """
        return len(self._factors(circuit)) * circuits_per_value(self.estimator, circuit, observable)

    def run(
        self, pubs: Iterable[EstimatorPubLike], *, precision: float | None = None
    ) -> PrimitiveJob[PrimitiveResult[PubResult]]:
        """Estimate expectation values at zero noise.

        Args:
            pubs: (circuit, observables[, parameter values[, precision]]) each.
            precision: Of the values at every factor, for PUBs that give none.

        Returns:
            A job; its result has ``evs`` and ``stds`` for every PUB.

        Raises:
            InputError: If a circuit cannot be folded, or has so few gates that two factors are the
                same on it.
            ValueError: If a PUB is not valid.
        """
        folded = [self._folded(EstimatorPub.coerce(pub, precision)) for pub in pubs]
        inner = self.estimator.run([pub for one in folded for pub in one.pubs], precision=precision)
        job: PrimitiveJob[Any] = PrimitiveJob(self._extrapolated, folded, inner)
        job._submit()
        return job

    def _factors(self, circuit: QuantumCircuit) -> tuple[float, ...]:
        asked = tuple(self.settings.factors)
        if self.folding is not fold:
            return asked
        reached = tuple(reached_factor(circuit, factor) for factor in asked)
        if set(reached) == {1.0} and reached_factor(circuit, 3.0) == 1.0:
            return (1.0,)
        if len(set(reached)) < len(reached):
            raise InputError(
                f"factors = {list(asked)} are not all different on a circuit of so few gates, "
                f"which reaches {[round(factor, 4) for factor in reached]}; take factors further "
                "apart, such as odd integers"
            )
        return reached

    def _folded(self, pub: EstimatorPub) -> _Folded:
        factors = self._factors(pub.circuit)
        asked = self.settings.factors if len(factors) > 1 else factors
        return _Folded(
            factors,
            [
                EstimatorPub(
                    self.folding(pub.circuit, factor),
                    pub.observables,
                    pub.parameter_values,
                    pub.precision,
                    validate=False,
                )
                for factor in asked
            ],
        )

    def _extrapolated(
        self, folded: list[_Folded], inner: PrimitiveJob[Any]
    ) -> PrimitiveResult[PubResult]:
        result = inner.result()
        circuits, jobs = spent(result.metadata, [pub for one in folded for pub in one.pubs])
        rest = iter(result)
        found = [self._pub_result(one, [next(rest) for _ in one.pubs]) for one in folded]
        return PrimitiveResult(
            found, metadata={**result.metadata, "circuits": circuits, "jobs": jobs}
        )

    def _pub_result(self, folded: _Folded, results: list[Any]) -> PubResult:
        values = np.array([one.data.evs for one in results], dtype=float)
        stds = np.array([one.data.stds for one in results], dtype=float)
        if len(results) == 1:
            found = Extrapolated(values[0], stds[0])
        else:
            found = EXTRAPOLATIONS[self.settings.extrapolation](
                np.array(folded.factors), values, stds
            )
        data = DataBin(
            evs=found.values,
            stds=found.stds,
            evs_noise_factors=np.moveaxis(values, 0, -1),
            stds_noise_factors=np.moveaxis(stds, 0, -1),
            shape=found.values.shape,
        )
        about = {
            "factors": folded.factors,
            "extrapolation": self.settings.extrapolation,
            "pubs": len(results),
            "fallbacks": found.fallbacks,
        }
        return PubResult(data, metadata={**results[0].metadata, "zero_noise": about})
