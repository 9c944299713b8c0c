"""Two-stage convex-to-nonconvex refinement of a circuit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from qiskit.quantum_info import SparsePauliOp

from qnlr.backends import Meter, MeteredBackend
from qnlr.errors import InputError, require_positive
from qnlr.problems import Classification
from qnlr.strategies.refinement.schedule import Refinement, draw_phases, oscillation
from qnlr.strategies.strategy import Setting, start_at
from qnlr.training import Ended, Part, Plan, Seen, Stage, Start
from qnlr.types import FloatArray

State = dict[str, Any]


@dataclass(frozen=True)
class TwoStage(Refinement):
    r"""Descend a convex loss of local observables first, then a blend that fades to the task's.

    .. math::

        L_\mathrm{convex} = \sum_{i ∈ R} \big(⟨O_i⟩ - b_i\big)^2, \qquad
        L_\mathrm{refine} = (1 - λ_t) L_\mathrm{task} + λ_t L_\mathrm{convex} + β_t R_\mathrm{osc}

    It is convex in the expectation values, not in θ. For a Hamiltonian H = Σ c_i P_i the local
    observables are the terms of H on the fewest qubits, and b_i = −sign(c_i), where each of them
    alone is lowest. For samples they are Z on each qubit, b_i is the sample's label, and the square
    is the run's own loss of a sample, with its head, which by default is the squared error. It is a
    mean over the observables, which keeps λ's meaning for any number of qubits. Each observable is
    measured apart, although a device could measure commuting ones together: the cost counts that.

    With ``ridge`` the weights begin at the solution of Eq. 2, with the features that the circuit
    has to first order: Φ = ∂o/∂θ at the drawn θ₀, one row for each training sample, and y what its
    output o lacks there, so that θ = θ₀ + w*. Weights of a head stay as they were drawn. It costs
    one gradient on all training samples, by the parameter-shift rule.

    See :class:`~qnlr.strategies.refinement.schedule.Refinement` for when the first stage ends, and
    why that is not as Eq. 3 and Algorithm 1 have it.

    Source: Boabang and Gyamerah, Overcoming Barren Plateaus in Variational Quantum Circuits using a
    Two-Step Least Squares Approach, Eqs. 1 to 7 and Algorithm 1.

    Args:
        convex_weight: λ₀, 0 to 1.
        oscillation_weight: β₀, at least 0.
        convex_decay: Factor on λ after each step of stage 2.
        oscillation_decay: Factor on β after each step of stage 2.
        frequency: ω > 0.
        switch: What ends stage 1: ``"below"``, ``"above"`` or ``"steps"``.
        threshold: τ_g > 0.
        most_steps: The most steps of stage 1; 0 leaves it out.
        ridge: λ of Eq. 2, above 0, or None for no ridge initialisation.

    Raises:
        InputError: If a setting lies outside its range.

    Example:
        >>> TwoStage(ridge=1.0).convex_weight
        0.9
    """

    ridge: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.ridge is not None:
            require_positive("ridge", self.ridge)

    def plan(self, setting: Setting) -> Plan:
        """Return the two stages."""
        own = setting.part
        observed = local_observables(setting)
        each = 1.0 / len(observed)
        local = [setting.instance(observable=o, target=b) for o, b in observed]
        start = start_at(setting.weights) if self.ridge is None else self._ridge(setting)
        stages = []
        if self.most_steps:
            convex = tuple(Part(one.problem, one.backend, lambda step: each) for one in local)
            first = min(self.most_steps, max(1, setting.steps - 1))
            stages.append(Stage("convex", convex, start, first, until=Switch(self), judged=own))
        blend = (
            Part(own.problem, own.backend, lambda step: 1 - self.convex_weight_at(step)),
            *(
                Part(one.problem, one.backend, lambda step: each * self.convex_weight_at(step))
                for one in local
            ),
        )
        wave = Oscillation(self, draw_phases(setting.weights.size, setting.seed))
        stages.append(
            Stage("refinement", blend, _last(start), setting.steps, penalties=(wave,), judged=own)
        )
        return Plan(tuple(stages))

    def _ridge(self, setting: Setting) -> Start:
        problem = setting.part.problem
        if not isinstance(problem, Classification):
            raise InputError(
                "ridge initialisation fits samples, and a Hamiltonian has none; leave ridge out"
            )

        def start(ended: object, rng: np.random.Generator, meter: Meter) -> FloatArray:
            weights = setting.weights.copy()
            own, head = np.split(weights, [problem.num_circuit_weights])
            backend = MeteredBackend(setting.part.backend, meter)
            found = backend.jacobian(own, problem.train.angles, rng)
            features = problem.head.slope(head) * found.derivatives
            missing = problem.train.labels - problem.head.value(found.values, head)
            gram = features.T @ features + self._strength * np.eye(own.size)
            return np.concatenate([own + np.linalg.solve(gram, features.T @ missing), head])

        return start

    @property
    def _strength(self) -> float:
        assert self.ridge is not None
        return self.ridge


@dataclass(frozen=True)
class Switch:
    """Ends the convex stage, one step later than Algorithm 1 and at the earliest after the first.

    It sees the gradient that a step was made with, as that of the weights reached would cost more.

    Args:
        settings: When.
    """

    settings: TwoStage

    def initial_state(self) -> State:
        """Return an empty state."""
        return {}

    def __call__(self, seen: Seen, state: State) -> tuple[bool, State]:
        """Return whether the gradient of the step says so; without one, steps alone do."""
        gradient = seen.gradient
        return gradient is not None and self.settings.switches(seen.step, gradient), state


@dataclass(frozen=True, eq=False)
class Oscillation:
    """The oscillatory regulariser, annealed.

    Args:
        settings: Its frequency, weight and decay.
        phases: φ, shape (P,).
    """

    settings: TwoStage
    phases: FloatArray

    def value(self, weights: FloatArray, step: int) -> float:
        """Return β_t R."""
        found = oscillation(weights, self.settings.frequency, self.phases)
        return self.settings.oscillation_weight_at(step) * found.value

    def gradient(self, weights: FloatArray, step: int) -> FloatArray:
        """Return β_t ∂R/∂θ."""
        found = oscillation(weights, self.settings.frequency, self.phases)
        return self.settings.oscillation_weight_at(step) * found.gradient


def local_observables(setting: Setting) -> list[tuple[SparsePauliOp, float | None]]:
    """Return the local observables of a run, with what they are to become.

    Args:
        setting: The run.

    Returns:
        Pairs of O_i and b_i, of which the latter is None where labels are the targets.
    """
    if setting.has_data:
        return [
            (SparsePauliOp.from_sparse_list([("Z", [qubit], 1.0)], setting.qubits), None)
            for qubit in range(setting.qubits)
        ]
    simple = setting.observable.simplify()
    width = (simple.paulis.x | simple.paulis.z).sum(axis=1)
    chosen = np.flatnonzero(width == width[width > 0].min())
    return [
        (SparsePauliOp(simple.paulis[number]), -float(np.sign(simple.coeffs[number].real)))
        for number in chosen
    ]


def _last(first: Start) -> Start:
    """Return a start where the stage before ended, or where the first would, if there is none."""

    def start(ended: Sequence[Ended], rng: np.random.Generator, meter: Meter) -> FloatArray:
        return ended[-1].weights if ended else first(ended, rng, meter)

    return start
