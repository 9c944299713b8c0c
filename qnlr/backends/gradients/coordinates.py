"""The shift rule in some coordinates, with more shots for those that are measured less well."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from qnlr.backends.gradients.gradient import State
from qnlr.backends.gradients.shift_rule import central_differences
from qnlr.errors import InputError, is_number, require_count
from qnlr.types import Backend, FloatArray, Jacobian

ALLOCATIONS = ("uniform", "variance")


@dataclass(frozen=True)
class Coordinates:
    r"""Parameter-shift derivatives of M random weights, the others 0: 2E + 1 circuits a sample.

    .. math::

        \frac{∂f}{∂θ_k} ≈ \frac{s}{n_k} \sum_{r=1}^{n_k} \frac{1}{2}
            [f_r(θ + \frac{π}{2} e_k) - f_r(θ - \frac{π}{2} e_k)], \qquad \sum_k n_k = E

    The M weights are drawn anew for every gradient, each set equally likely. With s = 1 a step is
    one of block coordinate descent: right in the weights it changes, and shorter than the gradient.
    With ``unbiased``, s = P/M, so that its mean over the draws is the gradient, and its variance
    that much larger.

    Both shifts of weight k are measured n_k ≥ 1 times, by as many executions of ``shots`` shots,
    and averaged. ``"uniform"`` spreads the E evaluations evenly. ``"variance"`` spreads them so
    that the variances of all derivatives together are smallest, n_k ∝ σ_k as near as integers come
    (:func:`neyman_allocation`), with σ_k² the variance of one evaluation, averaged over the batch
    and, exponentially, over the gradients that measured weight k; until it has been measured, σ_k²
    is the mean of the others'. On a plateau all σ_k are alike, and there is little to be gained.

    Standard errors are those of the shots; which weights are drawn is not part of them.

    Source: coordinates at random: Nesterov, SIAM J. Optim. 22, 341 (2012). Allocation: Neyman, J.
    R. Stat. Soc. 97, 558 (1934). Shots spread over derivatives by running variances: Kübler et al.,
    arXiv:1909.09083, which weighs them by the derivatives as well and lets their number grow;
    Arrasmith et al., arXiv:2004.06252, which also draws the terms of the observable that they go
    to. Here the number of shots of a step is fixed, so that methods can be compared at equal cost.

    Args:
        coordinates: M, 1 to P, or None for all P.
        unbiased: Whether derivatives are scaled by P/M.
        allocation: How evaluations are spread, ``"uniform"`` or ``"variance"``.
        evaluations: E, at least M, or None for M: one for each.
        decay: Weight of the past in the running variances, 0 ≤ decay < 1, in each gradient that
            measures the weight.

    Raises:
        InputError: If a setting lies outside its range.

    Example:
        >>> Coordinates(coordinates=10).rows(90), Coordinates(evaluations=120).rows(90)
        (21, 241)
    """

    coordinates: int | None = None
    unbiased: bool = False
    allocation: Literal["uniform", "variance"] = "uniform"
    evaluations: int | None = None
    decay: float = 0.9

    def __post_init__(self) -> None:
        for name in ("coordinates", "evaluations"):
            value = getattr(self, name)
            if value is not None:
                require_count(name, value)
        if not isinstance(self.unbiased, bool):
            raise InputError(f"unbiased = {self.unbiased!r} is not valid; it must be true or false")
        if self.allocation not in ALLOCATIONS:
            raise InputError(
                f"allocation = {self.allocation!r} is not valid; it must be one of "
                f"{', '.join(ALLOCATIONS)}"
            )
        if not (is_number(self.decay) and 0 <= self.decay < 1):
            raise InputError(f"decay = {self.decay!r} is not valid; it must lie in [0, 1)")

    def require_fit(self, weights: int, shots: int | None) -> None:
        """Refuse settings that do not fit the circuit, or what the backend measures.

        Args:
            weights: P.
            shots: Shots per circuit, or None where values are exact.

        Raises:
            InputError: If there are more coordinates than weights or fewer evaluations than
                coordinates, or if evaluations cannot be repeated or spread to any use.
        """
        chosen, evaluations = self._sizes(weights)
        if chosen > weights:
            raise InputError(
                f"coordinates = {chosen} is not valid; it must be an integer from 1 to {weights}, "
                "the number of weights of the circuit"
            )
        if evaluations < chosen:
            raise InputError(
                f"evaluations = {evaluations} is not valid; it must be at least {chosen}, one for "
                "each of the coordinates"
            )
        if evaluations > chosen and shots is None:
            raise InputError(
                f"evaluations = {evaluations} is not valid for exact values, which are the same "
                f"each time; leave it out, or set shots in [backend]"
            )
        if self.allocation == "variance" and evaluations == chosen:
            raise InputError(
                'allocation = "variance" has nothing to spread: each of the '
                f"{chosen} coordinates takes one of the {chosen} evaluations; set evaluations to "
                "more than that"
            )
        if self.allocation == "variance" and shots == 1:
            raise InputError(
                'allocation = "variance" needs values with a standard error, and one shot has '
                "none; set shots to at least 2 in [backend]"
            )

    def rows(self, weights: int) -> int:
        """Return 2E + 1: the weights themselves, and two shifts for each evaluation."""
        return 2 * self._sizes(weights)[1] + 1

    def initial_state(self, weights: int) -> State:
        """Return running variances of nothing, if they are needed."""
        if self.allocation == "uniform":
            return {}
        return {"variances": np.zeros(weights), "shares": np.zeros(weights)}

    def jacobian(
        self,
        backend: Backend,
        weights: FloatArray,
        angles: FloatArray,
        rng: np.random.Generator,
        choices: np.random.Generator,
        state: State,
    ) -> tuple[Jacobian, State]:
        """Measure the derivatives of coordinates that are drawn for it.

        Args:
            backend: Gives the values; called once, with weights of shape (2E + 1, P).
            weights: θ, shape (P,), each occurring once in a gate exp(−iθG/2) with G² = 1.
            angles: Encoding angles, shape (B, D).
            rng: Draws the shot noise.
            choices: Draws the coordinates.
            state: Running variances.

        Returns:
            Values, shape (B,), and derivatives, shape (B, P), with standard errors; running
            variances with these in them.
        """
        size = weights.size
        number, evaluations = self._sizes(size)
        # In random order, so that no weight is favoured where evaluations do not divide evenly.
        chosen = choices.permutation(size)[:number]
        counts = neyman_allocation(_deviations(state, chosen), evaluations)
        shifts = math.pi / 2 * np.eye(size)[np.repeat(chosen, counts)]
        there, halves = central_differences(backend, weights, shifts, angles, rng)
        first, each = np.cumsum(counts) - counts, counts[:, None]
        scale = size / number if self.unbiased else 1.0
        sums = np.add.reduceat(halves.stds**2, first, axis=0)
        derivatives, stds = np.zeros((2, len(angles), size))
        derivatives[:, chosen] = scale * (np.add.reduceat(halves.values, first, axis=0) / each).T
        stds[:, chosen] = scale * (np.sqrt(sums) / each).T
        jacobian = Jacobian(there.values, there.stds, derivatives, stds, there.cost)
        return jacobian, self._updated(state, chosen, (sums / each).mean(axis=1))

    def _sizes(self, weights: int) -> tuple[int, int]:
        """Return M and E."""
        chosen = weights if self.coordinates is None else self.coordinates
        return chosen, chosen if self.evaluations is None else self.evaluations

    def _updated(self, state: State, chosen: NDArray[np.intp], variances: FloatArray) -> State:
        if not state:
            return state
        new = {name: array.copy() for name, array in state.items()}
        for name, seen in (("variances", variances), ("shares", 1.0)):
            new[name][chosen] = self.decay * new[name][chosen] + (1 - self.decay) * seen
        return new


def neyman_allocation(deviations: FloatArray, evaluations: int) -> NDArray[np.intp]:
    r"""Spread evaluations over quantities so that their means have the least summed variance.

    .. math:: \min_n \sum_k \frac{σ_k^2}{n_k}, \qquad \sum_k n_k = E, \quad n_k ≥ 1

    One evaluation after another goes to where it lowers the sum most, by σ²/(n(n + 1)); that is
    optimal among integers. Ties go to the first.

    Source: Neyman, J. R. Stat. Soc. 97, 558 (1934); for integers Wright, Am. Stat. 66, 217 (2012).

    Args:
        deviations: Standard deviations σ of one evaluation, shape (M,), at least 0; where all are
            0 they count as equal.
        evaluations: E, at least M.

    Returns:
        n, shape (M,).

    Example:
        >>> neyman_allocation(np.array([3.0, 1.0, 0.0]), 9)
        array([6, 2, 1])
    """
    variances = deviations**2 if deviations.any() else np.ones_like(deviations)
    counts = np.ones(len(deviations), dtype=np.intp)
    for _ in range(evaluations - len(counts)):
        counts[np.argmax(variances / (counts * (counts + 1)))] += 1
    return counts


def _deviations(state: State, chosen: NDArray[np.intp]) -> FloatArray:
    """Return the standard deviations that evaluations are spread by; alike where unknown."""
    known = state["shares"] > 0 if state else np.zeros(1, dtype=bool)
    if not known.any():
        return np.ones(len(chosen))
    variances = state["variances"][known] / state["shares"][known]
    expected = np.full(len(known), variances.mean())
    expected[known] = variances
    return np.asarray(np.sqrt(expected[chosen]))
