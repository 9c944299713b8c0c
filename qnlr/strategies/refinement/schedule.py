"""The two-stage method's settings and formulas, the same for a network and for a circuit.

Stage 1 descends a convex loss; stage 2 a blend of it with the task's loss and an oscillation, from
which both additions are annealed away.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from qnlr.errors import InputError, require_count, require_positive, require_within, unknown_name
from qnlr.rng import stream
from qnlr.types import FloatArray

SWITCHES = ("below", "above", "steps")


class Sloped(NamedTuple):
    """A value with its gradient.

    Args:
        value: The value.
        gradient: Its gradient, shape (P,).
    """

    value: float
    gradient: FloatArray


@dataclass(frozen=True)
class Refinement:
    r"""The settings of two-stage convex-to-nonconvex refinement.

    .. math::

        λ_{t+1} = \max(0, 0.98 λ_t), \qquad β_{t+1} = 0.99 β_t

    When stage 1 ends. Eq. 3 switches when ‖∇L_convex‖/dim(θ) > τ_g, and Algorithm 1 stays while it
    is < τ_g: but for equality the two say the same. What they contradict is the sentence before
    Eq. 3, "when gradient norms stabilise", and stage 1 itself, which is a descent. Along the
    gradient flow of a convex loss the gradient norm never grows, d‖g‖²/dt = −2 gᵀHg ≤ 0, so that
    "above τ_g" holds before the first step or, but for noise and steps that overshoot, never: the
    loop is skipped or does not end. It can act as meant only where L_convex is not convex in θ, as
    for a circuit that climbs out of a plateau. The default is therefore ``"below"``: stage 1 ends
    when the gradient has stabilised, that is when it has fallen to τ_g. ``"above"`` is Eq. 3 and
    Algorithm 1 to the letter. ``"steps"`` looks at no gradient, as the curve fit of the paper,
    which switches "after 100 iterations". ``most_steps`` ends stage 1 in any case.

    A small gradient does not tell a minimum from a plateau: on a plateau ``"below"`` leaves stage 1
    before its first step, where ``"above"`` stays; take ``"steps"`` where that may be.

    As norm/dim of a gradient with P independent components goes as 1/√P, one τ_g does not carry
    over to a model of another size.

    Source: Boabang and Gyamerah, Overcoming Barren Plateaus in Variational Quantum Circuits using a
    Two-Step Least Squares Approach, Eqs. 3 to 7, Algorithm 1 and section IV-B.

    Args:
        convex_weight: λ₀, from 0 to 1.
        oscillation_weight: β₀, at least 0.
        convex_decay: Factor on λ after each step of stage 2, from 0 to 1.
        oscillation_decay: Factor on β after each step of stage 2, from 0 to 1.
        frequency: ω > 0 of the oscillation; the paper does not give it.
        switch: What ends stage 1: ``"below"``, ``"above"`` or ``"steps"``.
        threshold: τ_g > 0, on the gradient norm over the number of weights; the paper does not give
            it.
        most_steps: The most steps of stage 1, at least 0; 0 leaves it out.

    Raises:
        InputError: If a setting lies outside its range.

    Example:
        >>> settings = Refinement()
        >>> [round(settings.convex_weight_at(t), 3) for t in (0, 1, 100)]
        [0.9, 0.882, 0.119]
        >>> round(settings.oscillation_weight_at(100), 4)
        0.0183
    """

    convex_weight: float = 0.9
    oscillation_weight: float = 0.05
    convex_decay: float = 0.98
    oscillation_decay: float = 0.99
    frequency: float = 1.0
    switch: str = "below"
    threshold: float = 1e-4
    most_steps: int = 100

    def __post_init__(self) -> None:
        require_within("convex_weight", self.convex_weight, 0.0, 1.0)
        require_within("oscillation_weight", self.oscillation_weight, 0.0, math.inf)
        require_within("convex_decay", self.convex_decay, 0.0, 1.0)
        require_within("oscillation_decay", self.oscillation_decay, 0.0, 1.0)
        require_positive("frequency", self.frequency)
        require_positive("threshold", self.threshold)
        require_count("most_steps", self.most_steps, low=0)
        if self.switch not in SWITCHES:
            raise unknown_name("switch", self.switch, SWITCHES)

    def convex_weight_at(self, step: int) -> float:
        """Return λ_t, t steps into stage 2; its maximum with 0 never acts, as no factor is < 0."""
        return annealed(self.convex_weight, self.convex_decay, step)

    def oscillation_weight_at(self, step: int) -> float:
        """Return β_t, t steps into stage 2."""
        return annealed(self.oscillation_weight, self.oscillation_decay, step)

    def switches(self, step: int, gradient: ArrayLike) -> bool:
        """Return whether stage 1 has ended.

        Args:
            step: Steps made in stage 1.
            gradient: ∇L_convex at the weights reached, shape (P,).

        Returns:
            True as soon as the condition holds or ``most_steps`` steps are made; with ``"above"``
            this may be before the first step.

        Example:
            >>> literal = Refinement(switch="above", threshold=0.1)
            >>> literal.switches(0, [0.6, 0.8]), literal.switches(0, [0.06, 0.08])
            (True, False)
        """
        if step >= self.most_steps:
            return True
        if self.switch == "steps":
            return False
        density = gradient_density(gradient)
        return density <= self.threshold if self.switch == "below" else density >= self.threshold


def annealed(start: float, decay: float, step: int) -> float:
    """Return a weight after so many steps of geometric annealing.

    Args:
        start: Weight at step 0.
        decay: Factor of each step.
        step: Steps made.

    Returns:
        start · decayᵗ.

    Example:
        >>> annealed(0.8, 0.5, 2)
        0.2
    """
    return float(start * decay**step)


def gradient_density(gradient: ArrayLike) -> float:
    r"""Return the gradient norm over the number of weights, the left side of Eq. 3.

    .. math:: ‖∇_θ L‖_2 / \dim(θ)

    Args:
        gradient: Shape (P,), with at least one weight.

    Returns:
        The ratio.

    Raises:
        InputError: If there are no weights.

    Example:
        >>> gradient_density([3.0, 4.0])
        2.5
    """
    g = np.asarray(gradient, dtype=float)
    if not g.size:
        raise InputError("the gradient has no components; a model needs at least one weight")
    return float(np.linalg.norm(g) / g.size)


def draw_phases(count: int, seed: int) -> FloatArray:
    """Draw the phases φ_j of the oscillation, once for a whole run.

    Args:
        count: Number of weights P.
        seed: Seed of the run.

    Returns:
        Phases, uniform in [0, 2π), shape (P,).

    Example:
        >>> phases = draw_phases(4, seed=0)
        >>> phases.shape, bool((phases == draw_phases(4, seed=0)).all())
        ((4,), True)
    """
    return stream("oscillation", seed).uniform(0.0, 2.0 * np.pi, count)


def oscillation(weights: ArrayLike, frequency: float, phases: ArrayLike) -> Sloped:
    r"""Return the oscillatory regulariser and its gradient.

    .. math:: R(θ) = \frac{1}{P} \sum_j \sin(ω θ_j + φ_j), \qquad
              \frac{∂R}{∂θ_j} = \frac{ω}{P} \cos(ω θ_j + φ_j)

    The mean over j makes its pull on one weight at most ω/P: the larger the model, the weaker.

    Args:
        weights: θ, shape (P,).
        frequency: ω.
        phases: φ, shape (P,).

    Returns:
        R, in [−1, 1], and its gradient.

    Source:
        Eq. 5, the expectation over j read as the mean over all weights.

    Example:
        >>> value, gradient = oscillation([0.0, 0.0], 2.0, [0.0, np.pi / 2])
        >>> value, gradient.round(6)
        (0.5, array([1., 0.]))
    """
    angles = frequency * np.asarray(weights, dtype=float) + np.asarray(phases, dtype=float)
    return Sloped(float(np.sin(angles).mean()), frequency * np.cos(angles) / angles.size)


def blended(
    task: Sloped,
    convex: Sloped,
    oscillating: Sloped,
    convex_weight: float,
    oscillation_weight: float,
) -> Sloped:
    r"""Return the loss of stage 2 and its gradient.

    .. math:: L_\mathrm{refine} = (1 - λ) L_\mathrm{task} + λ L_\mathrm{convex} + β R_\mathrm{osc}

    Args:
        task: What is wanted in the end: the energy ⟨H⟩, or a model's loss.
        convex: The loss of stage 1.
        oscillating: The regulariser, see :func:`oscillation`.
        convex_weight: λ.
        oscillation_weight: β.

    Returns:
        The blend.

    Source:
        Eq. 4.

    Example:
        >>> flat = np.zeros(1)
        >>> blended(Sloped(1.0, flat), Sloped(3.0, flat), Sloped(-1.0, flat), 0.5, 0.1).value
        1.9
    """
    return Sloped(
        (1 - convex_weight) * task.value
        + convex_weight * convex.value
        + oscillation_weight * oscillating.value,
        (1 - convex_weight) * task.gradient
        + convex_weight * convex.gradient
        + oscillation_weight * oscillating.gradient,
    )
