"""The suite's simulator behind error mitigation: what a device with it would give."""

from __future__ import annotations

import copy
from typing import Self

import numpy as np
from numpy.typing import NDArray
from qiskit.primitives import BaseEstimatorV2

from qnlr.backends.gradients import parameter_shift
from qnlr.backends.simulator import SimulatorBackend
from qnlr.circuits import VariationalCircuit
from qnlr.errors import InputError
from qnlr.noise import Noise, ReadoutMitigatedEstimator, ZeroNoise
from qnlr.noise.mitigation import split_constant
from qnlr.simulator import BatchedEstimator
from qnlr.types import Cost, Expectations, FloatArray, Jacobian


class MitigatedBackend(SimulatorBackend):
    """Batched simulation whose values are mitigated: read-out errors, or gate errors, or both.

    Values and errors are those of :class:`~qnlr.noise.ReadoutMitigatedEstimator` and, around it,
    :class:`~qnlr.noise.ZeroNoiseEstimator`. Read-out is calibrated anew in every call, with
    ``shots`` for each of its two circuits, so that a run holds no state; the cost counts them, and
    the circuits at every noise factor. With neither, it is the simulator backend.

    Jacobians follow the parameter-shift rule on mitigated values. Under gate noise that is the rule
    as a device would have it, and no longer the exact derivative: a folded circuit holds a weight
    several times, and only the noise-free one is a single sine in it. For an observable on one
    qubit, read-out mitigation alone takes the fast Jacobian of the simulator.

    Args:
        model: The circuit, its parameters and its observable.
        shots: Shots per circuit, at least 1, or None for exact expectation values.
        noise: Gate and read-out errors, or None.
        zero_noise: How values are extrapolated to zero noise, or None.
        readout: Whether read-out errors are corrected.
        threads: Threads that share a batch; None for ``NUMBA_NUM_THREADS``, or all cores.

    Raises:
        InputError: If a setting is not valid, or the noise model holds what is not supported.

    Example:
        >>> from qnlr.circuits import angle, hardware_efficient, variational_circuit, z
        >>> from qnlr.noise import from_rate
        >>> model = variational_circuit(angle(2, 2), hardware_efficient(2, 1), z(2))
        >>> noise = from_rate(0.01)
        >>> weights, angles, rng = np.zeros(6), np.zeros((1, 2)), np.random.default_rng(0)
        >>> for mitigation in ({}, {"readout": True}, {"readout": True, "zero_noise": ZeroNoise()}):
        ...     backend = MitigatedBackend(model, noise=noise, **mitigation)
        ...     found = backend.values(weights, angles, rng)
        ...     print(found.values.round(4), found.cost)
        [0.9421] Cost(circuits=1, shots=0, jobs=1)
        [0.9697] Cost(circuits=3, shots=0, jobs=2)
        [0.9972] Cost(circuits=5, shots=0, jobs=2)
    """

    def __init__(
        self,
        model: VariationalCircuit,
        shots: int | None = None,
        noise: Noise | None = None,
        zero_noise: ZeroNoise | None = None,
        readout: bool = False,
        threads: int | None = None,
    ) -> None:
        super().__init__(model, shots, noise, threads)
        if zero_noise is not None and not isinstance(zero_noise, ZeroNoise):
            raise InputError(
                f"zero_noise = {zero_noise!r} is not valid; it must be None, or such as "
                'qnlr.noise.ZeroNoise(factors=(1, 3, 5), extrapolation="linear")'
            )
        if not isinstance(readout, bool):
            raise InputError(f"readout = {readout!r} is not valid; it must be true or false")
        self.zero_noise = zero_noise
        self.readout = readout
        self._circuit = self._program.circuit
        self._raw = BatchedEstimator(
            default_precision=0.0 if self.shots is None else self.shots**-0.5,
            noise_model=None if noise is None else noise.model,
            threads=threads,
        )
        if self._mitigates:
            # Once, before anything runs: it also refuses factors that the circuit cannot tell apart
            self.circuits_per_value = self._estimator(np.random.default_rng(0)).circuits_per_value(
                self._circuit, self._observable
            )

    @property
    def _mitigates(self) -> bool:
        return self.readout or self.zero_noise is not None

    def run(self, parameters: FloatArray, rng: np.random.Generator) -> Expectations:
        """Measure ⟨O⟩ for every row of a parameter array of shape (..., D + P), mitigated."""
        if not self._mitigates:
            return super().run(parameters, rng)
        pub = (self._circuit, self._observable, self._bindings(parameters))
        result = self._estimator(rng).run([pub]).result()
        data = result[0].data
        spent = result.metadata["circuits"], result.metadata["jobs"]
        return Expectations(data.evs, data.stds, self._total(*spent))

    def jacobian(
        self, weights: FloatArray, angles: FloatArray, rng: np.random.Generator
    ) -> Jacobian:
        """Measure ⟨O⟩ and its derivatives by the weights, mitigated.

        Args:
            weights: Shape (P,).
            angles: Encoding angles, shape (B, D).
            rng: Draws the shot noise.

        Returns:
            Values, shape (B,), and derivatives, shape (B, P), with standard errors.
        """
        if not self._mitigates:
            return super().jacobian(weights, angles, rng)
        observed = np.flatnonzero((self._observable.paulis.x | self._observable.paulis.z).any(0))
        if self.zero_noise is None and len(observed) == 1:
            return self._corrected_jacobian(int(observed[0]), weights, angles, rng)
        return parameter_shift(self, np.asarray(weights, dtype=float), angles, rng)

    def partial_jacobian(
        self,
        weights: FloatArray,
        angles: FloatArray,
        rng: np.random.Generator,
        trained: NDArray[np.bool_],
    ) -> Jacobian | None:
        """Return the simulator's Jacobian by some weights; None where it is to be mitigated.

        Args:
            weights: Shape (P,).
            angles: Encoding angles, shape (B, D).
            rng: Draws the shot noise.
            trained: Which weights, shape (P,).
        """
        return None if self._mitigates else super().partial_jacobian(weights, angles, rng, trained)

    def allocated_jacobian(
        self,
        weights: FloatArray,
        angles: FloatArray,
        rng: np.random.Generator,
        shots: NDArray[np.int64],
    ) -> Jacobian | None:
        """Return the simulator's Jacobian with shots by weight; None where it is to be mitigated.

        Args:
            weights: Shape (P,).
            angles: Encoding angles, shape (B, D).
            rng: Draws the shot noise.
            shots: Shots of each of the two shifts of a weight, shape (P,).
        """
        return None if self._mitigates else super().allocated_jacobian(weights, angles, rng, shots)

    def with_shots(self, shots: int) -> Self:
        """Refuse other shots: calibration and extrapolation are set up for those it has.

        Raises:
            InputError: Unless nothing is mitigated.
        """
        if not self._mitigates:
            return super().with_shots(shots)
        raise InputError(
            "the optimizer chooses its shots, and a mitigated backend has those it was made with; "
            "leave out readout and zero_noise, or take another optimizer"
        )

    def _corrected_jacobian(
        self, qubit: int, weights: FloatArray, angles: FloatArray, rng: np.random.Generator
    ) -> Jacobian:
        r"""Correct the simulator's Jacobian of an observable on one qubit, c + Σ_k c_k P_k.

        .. math:: f = c + \frac{g - a \sum_k c_k}{b}, \qquad
                  \frac{∂f}{∂a} = -\frac{\sum_k c_k}{b}, \quad
                  \frac{∂f}{∂b} = -\frac{f - c}{b}, \quad \frac{∂J}{∂b} = -\frac{J}{b}

        with g what is read of Σ_k c_k P_k.
        """
        estimator = ReadoutMitigatedEstimator(self._drawing(rng))
        key = (self._circuit.num_qubits, (qubit,), self._raw.default_precision)
        spent = estimator.calibrate([key])
        known = estimator.calibrations[key]
        observed, c = split_constant(self._observable)
        raw = copy.copy(self)
        raw.readout = False
        raw._observable, constant = split_constant(known.corrected(self._observable))
        raw._groups = None  # those of another observable
        found = raw.jacobian(weights, angles, rng)
        values, by_a = found.values + constant, -float(observed.coeffs.real.sum()) / known.scales[0]
        by_b, slopes_by_b = ((c - values) / known.scales[0], -found.derivatives / known.scales[0])
        (s_0,), (s_1,) = known.zero_stds, known.one_stds
        shared = ((by_a + by_b) / 2 * s_0) ** 2 + ((by_a - by_b) / 2 * s_1) ** 2
        return Jacobian(
            values=values,
            stds=np.sqrt(found.stds**2 + shared),
            derivatives=found.derivatives,
            derivative_stds=np.hypot(found.derivative_stds, slopes_by_b / 2 * np.hypot(s_0, s_1)),
            cost=found.cost + self._total(*spent),
        )

    def _drawing(self, rng: np.random.Generator) -> BatchedEstimator:
        """Return the estimator without mitigation, drawing from a generator; programs are kept."""
        drawing = copy.copy(self._raw)
        drawing.rng = rng
        return drawing

    def _estimator(self, rng: np.random.Generator) -> BaseEstimatorV2:
        estimator: BaseEstimatorV2 = self._drawing(rng)
        if self.readout:
            estimator = ReadoutMitigatedEstimator(estimator)
        return estimator if self.zero_noise is None else self.zero_noise.around(estimator)

    def _total(self, circuits: int, jobs: int) -> Cost:
        return Cost(circuits, circuits * (self.shots or 0), jobs)
