r"""Energy evolution: training where each weight is a wave function that sinks to its ground state.

After J. M. Sellier, On a quantum inspired approach to train machine learning models, Applied AI
Letters 4, e89 (2023). It is rebuilt from how the two-stage paper describes it, as the article's own
text was not at hand: "an energy-minimization process governed by the time-dependent Schrödinger
equation", in which "each model parameter evolves as a quantum wavefunction toward its lowest-energy
configuration", with "density functional theory-inspired coupling potentials" and tunnelling,
without gradients. Taken from there: one wave function a weight, the loss as potential, the
time-dependent equation, the coupling of one-particle equations through an effective potential.

Ours, as the description does not say it:

- Time is imaginary, τ = it. In real time the energy is conserved and nothing sinks; ``imaginary =
  False`` shows that.
- The effective potential of a weight is the loss along it with all others at their means, as in
  Hartree's method without the fluctuations of the others.
- A weight's wave function lives on a grid around its initial value, between hard walls, and starts
  as a Gaussian there; a weight's value is its mean ⟨x⟩. Starts are thus the same as for all other
  methods, as the comparison of the two-stage paper wants.
- The mass, the time step, the grid and the initial width. The time step is the rate of learning: as
  long as a potential is nearly linear over the packet, d⟨x⟩/dτ = −2 Var(x) V'.
- The potential is measured on the step's mini-batch, for a random part of the weights if
  ``weights_per_step`` says so, half of them from the last layer: drawn from all alike, the weights
  of a wide last layer would hardly ever move.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigvalsh, expm

from qnlr.errors import InputError, require_count, require_positive
from qnlr.strategies.refinement.perceptron import Perceptron
from qnlr.strategies.refinement.potentials import potentials
from qnlr.types import FloatArray


@dataclass(frozen=True)
class Packets:
    r"""How wave functions of single weights are represented, and how they move.

    .. math:: -\frac{∂ψ}{∂τ} = \left(-\frac{1}{2m} \frac{∂^2}{∂x^2} + V(x)\right) ψ

    in units with ħ = 1, by the split-operator step e^{−V Δτ/2} e^{−T Δτ} e^{−V Δτ/2}, whose error a
    step is of the third order in Δτ.

    Args:
        time_step: Δτ > 0, in units of one over the loss.
        mass: m > 0; a lighter weight tunnels more and is known less sharply.
        reach: Distance of the hard walls from a weight's initial value, > 0.
        points: Points of the grid between the walls, odd, at least 5.
        width: Standard deviation of |ψ|² at the start, > 0.
        imaginary: Whether time is imaginary; in real time the energy stays as it is.

    Raises:
        InputError: If a setting lies outside its range.

    Example:
        >>> packets = Packets()
        >>> packets.grid[[0, 7, 14]], round(float(packets.spread(packets.start)), 2)
        (array([-0.875,  0.   ,  0.875]), 0.2)
    """

    time_step: float = 1.0
    mass: float = 1000.0
    reach: float = 1.0
    points: int = 15
    width: float = 0.2
    imaginary: bool = True

    def __post_init__(self) -> None:
        for name in ("time_step", "mass", "reach", "width"):
            require_positive(name, getattr(self, name))
        if require_count("points", self.points, low=5) % 2 == 0:
            raise InputError(
                f"points = {self.points} is not valid; it must be odd, so that a weight starts at "
                "its initial value"
            )

    @property
    def grid(self) -> FloatArray:
        """Distances from the initial value, shape (G,)."""
        return np.linspace(-self.reach, self.reach, self.points + 2)[1:-1]

    @property
    def start(self) -> NDArray[np.inexact]:
        """The initial wave function, Gaussian and normalised, shape (G,)."""
        psi = np.exp(-((self.grid / (2.0 * self.width)) ** 2))
        psi /= np.linalg.norm(psi)
        return psi if self.imaginary else psi.astype(complex)

    @property
    def kinetic_energy(self) -> FloatArray:
        """T by second differences between hard walls, shape (G, G)."""
        spacing = 2.0 * self.reach / (self.points + 1)
        second = np.diag(np.full(self.points, -2.0))
        second += np.diag(np.ones(self.points - 1), 1) + np.diag(np.ones(self.points - 1), -1)
        return -second / (2.0 * self.mass * spacing**2)

    @property
    def kinetic_step(self) -> NDArray[np.inexact]:
        """The free evolution over Δτ, shape (G, G), counted from the lowest kinetic energy."""
        time = self.time_step if self.imaginary else 1j * self.time_step
        lowest = eigvalsh(self.kinetic_energy, subset_by_index=(0, 0)) * np.eye(self.points)
        step: NDArray[np.inexact] = expm(-time * (self.kinetic_energy - lowest))
        return step

    def evolved(
        self,
        psi: NDArray[np.inexact],
        potential: FloatArray,
        kinetic_step: NDArray[np.inexact],
    ) -> NDArray[np.inexact]:
        """Return wave functions one time step later, normalised.

        Args:
            psi: Shape (M, G).
            potential: V on the grid, shape (M, G); a constant added to it changes nothing seen.
            kinetic_step: The property of this name, made once.

        Returns:
            Shape (M, G).
        """
        phase = 0.5 * self.time_step * (potential - potential.min(axis=-1, keepdims=True))
        # what decays by e^-100 is gone in any case, and a packet must not underflow as a whole
        half = np.exp(-np.minimum(phase, 100.0)) if self.imaginary else np.exp(-1j * phase)
        moved = half * ((half * psi) @ kinetic_step)
        evolved: NDArray[np.inexact] = moved / np.linalg.norm(moved, axis=-1, keepdims=True)
        return evolved

    def mean(self, psi: NDArray[np.inexact]) -> FloatArray:
        """Return ⟨x⟩ from the initial value for wave functions (..., G), shape (...)."""
        mean: FloatArray = np.abs(psi) ** 2 @ self.grid
        return mean

    def spread(self, psi: NDArray[np.inexact]) -> FloatArray:
        """Return the standard deviation of x for wave functions (..., G), shape (...)."""
        variance = np.abs(psi) ** 2 @ self.grid**2 - self.mean(psi) ** 2
        spread: FloatArray = np.sqrt(np.maximum(variance, 0.0))
        return spread

    def energy(self, psi: NDArray[np.inexact], potential: FloatArray) -> FloatArray:
        """Return ⟨T + V⟩ for wave functions and potentials (M, G), shape (M,)."""
        kinetic = np.sum(psi.conj() * (psi @ self.kinetic_energy), axis=-1).real
        energy: FloatArray = kinetic + np.sum(np.abs(psi) ** 2 * potential, axis=-1)
        return energy


class EnergyEvolution:
    """Train a perceptron by the evolution of its weights' wave functions.

    Args:
        network: A network with one hidden layer.
        weights: Initial weights, shape (P,), the packets' centres.
        packets: How they are represented and moved.
        weights_per_step: How many weights, drawn anew each step, feel the step's potential and
            move, half of them of the last layer; None for all.
        seed: Seed of that draw.

    Raises:
        InputError: If ``weights_per_step`` is below 1.

    Example:
        >>> network = Perceptron((1, 4, 1))
        >>> x = np.linspace(0, 1, 20)[:, None]
        >>> training = EnergyEvolution(network, network.initial(np.random.default_rng(0)))
        >>> before = network.value(training.weights, x, x**2)
        >>> for _ in range(50):
        ...     training.step(x, x**2)
        >>> network.value(training.weights, x, x**2) < before / 10
        True
    """

    def __init__(
        self,
        network: Perceptron,
        weights: FloatArray,
        packets: Packets | None = None,
        weights_per_step: int | None = None,
        seed: int = 0,
    ) -> None:
        if weights_per_step is not None:
            require_count("weights_per_step", weights_per_step)
        self.network = network
        self.packets = Packets() if packets is None else packets
        self.weights = weights.copy()
        self.psi = np.tile(self.packets.start, (network.size, 1))
        self._centres = weights.copy()
        self._grid, self._kinetic_step = self.packets.grid, self.packets.kinetic_step
        self._count = min(weights_per_step or math.inf, network.size)
        self._rng = np.random.default_rng(seed)

    def step(self, inputs: FloatArray, targets: FloatArray) -> None:
        """Evolve wave functions by one time step in the potential of a mini-batch.

        Args:
            inputs: Shape (N, d).
            targets: Shape (N, K).
        """
        which = self._moving()
        moves = self._centres[which, None] + self._grid - self.weights[which, None]
        potential = potentials(self.network, self.weights, which, moves, inputs, targets)
        self.psi[which] = self.packets.evolved(self.psi[which], potential, self._kinetic_step)
        self.weights[which] = self._centres[which] + self.packets.mean(self.psi[which])

    def _moving(self) -> NDArray[np.intp]:
        if self._count >= self.network.size:
            return np.arange(self.network.size)
        first, whole = self.network.last.start, self.network.size
        of_last = min(int(self._count) // 2, whole - first)
        of_hidden = min(int(self._count) - of_last, first)
        draw = self._rng.choice
        return np.concatenate(
            [draw(first, of_hidden, replace=False), first + draw(whole - first, of_last, False)]
        )
