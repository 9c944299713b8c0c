"""Rotation angles from parameter values: one matrix product where they are affine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from qiskit.circuit import Parameter, ParameterExpression

from qnlr.types import FloatArray


@dataclass(frozen=True, eq=False)
class Angles:
    r"""The angles φ of a circuit's rotations as functions of its parameters p.

    .. math:: φ = φ_0 + C p \quad \text{(affine ones)}, \qquad φ_j = e_j(p) \quad \text{(others)}

    Args:
        offset: φ₀, shape (S,).
        slope: C, shape (S, D).
        others: Number of the angle and expression where it is not affine.
        parameters: p, in the order of the circuit.
        needs: Which parameters every angle depends on, shape (S, D).
    """

    offset: FloatArray
    slope: FloatArray
    others: tuple[tuple[int, ParameterExpression], ...]
    parameters: tuple[Parameter, ...]
    needs: np.ndarray

    def reached(self, wanted: np.ndarray) -> np.ndarray:
        """Return which angles depend on a wanted parameter.

        Args:
            wanted: Whether each parameter is wanted, shape (D,).

        Returns:
            Shape (S,).
        """
        return np.asarray(self.needs[:, wanted].any(axis=1))

    def values(self, values: FloatArray) -> FloatArray:
        """Return angles for parameter values.

        Args:
            values: p, shape (E, D).

        Returns:
            φ, shape (S, E).
        """
        angles = self.offset[:, None] + self.slope @ values.T
        for number, expression in self.others:
            angles[number] = [self._bound(expression, row) for row in values]
        return np.ascontiguousarray(angles)

    def chain(self, values: FloatArray, by_angle: FloatArray, power: int = 1) -> FloatArray:
        r"""Return derivatives by parameters from those by angles, or their variances.

        .. math:: \frac{∂f}{∂p_i} = \sum_j \frac{∂f}{∂φ_j} \frac{∂φ_j}{∂p_i}

        Args:
            values: p, shape (E, D).
            by_angle: ∂f/∂φ, shape (S, E), or variances of it.
            power: 1, or 2 for variances.

        Returns:
            ∂f/∂p, shape (E, D), or its variances.
        """
        found = by_angle.T @ self.slope**power
        for number, expression in self.others:
            for column in np.flatnonzero(self.needs[number]):
                slope = expression.gradient(self.parameters[column])
                slopes = [self._bound(slope, row) for row in values]
                found[:, column] += by_angle[number] * np.array(slopes) ** power
        return found

    def _bound(self, expression: ParameterExpression | complex, row: FloatArray) -> float:
        if not isinstance(expression, ParameterExpression):
            return float(np.real(expression))
        known = expression.parameters
        pairs = zip(self.parameters, row, strict=True)
        bound = expression.bind({one: value for one, value in pairs if one in known})
        return float(bound)


def compile_angles(
    expressions: Sequence[ParameterExpression], parameters: Sequence[Parameter]
) -> Angles:
    """Split expressions into affine and other ones.

    Args:
        expressions: One for every rotation.
        parameters: Parameters of the circuit, in order.

    Returns:
        The angles.

    Example:
        >>> a, b = Parameter("a"), Parameter("b")
        >>> angles = compile_angles([2 * a + 1, a * b], [a, b])
        >>> angles.values(np.array([[3.0, 4.0]])).ravel()
        array([ 7., 12.])
    """
    column = {parameter: number for number, parameter in enumerate(parameters)}
    size = (len(expressions), len(parameters))
    offset, slope, needs = np.zeros(size[0]), np.zeros(size), np.zeros(size, dtype=bool)
    others = []
    for number, expression in enumerate(expressions):
        known = expression.parameters
        for parameter in known:
            needs[number, column[parameter]] = True
        if isinstance(expression, Parameter):
            slope[number, column[expression]] = 1.0
            continue
        slopes = {parameter: _constant(expression.gradient(parameter)) for parameter in known}
        if any(value is None for value in slopes.values()):
            others.append((number, expression))
            continue
        for parameter, value in slopes.items():
            slope[number, column[parameter]] = value
        offset[number] = float(expression.bind(dict.fromkeys(known, 0.0)))
    return Angles(offset, slope, tuple(others), tuple(parameters), needs)


def _constant(slope: ParameterExpression | complex) -> float | None:
    if isinstance(slope, ParameterExpression):
        if slope.parameters:
            return None
        slope = complex(slope)
    return float(np.real(slope))
