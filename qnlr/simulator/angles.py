"""Rotation angles from parameter values: one matrix product where they are affine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from qiskit.circuit import Parameter, ParameterExpression
from scipy.sparse import csr_array

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
        angles = self.offset[:, None] + self._sparse @ values.T
        for number, function in self._functions.items():
            angles[number] = function(*values.T)
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
        found = np.ascontiguousarray((self._sparse.T.power(power) @ by_angle).T)
        for (number, column), function in self._slopes.items():
            if by_angle[number].any():  # those of parameters that are not wanted are 0
                found[:, column] += by_angle[number] * function(*values.T) ** power
        return found

    @cached_property
    def _sparse(self) -> Any:
        """C as a sparse matrix: most angles are a parameter, and its products use one thread."""
        return csr_array(self.slope)

    @cached_property
    def _functions(self) -> dict[int, Callable[..., Any]]:
        """The expressions that are not affine, as functions of arrays."""
        return {number: self._compiled(expression) for number, expression in self.others}

    @cached_property
    def _slopes(self) -> dict[tuple[int, int], Callable[..., Any]]:
        """Their derivatives by every parameter that they depend on."""
        return {
            (number, int(column)): self._compiled(expression, self.parameters[column])
            for number, expression in self.others
            for column in np.flatnonzero(self.needs[number])
        }

    def _compiled(
        self, expression: ParameterExpression, by: Parameter | None = None
    ) -> Callable[..., Any]:
        """Return an expression, or its derivative, as a function of arrays.

        The derivative is SymPy's: what ``gradient`` of Qiskit 2.6 returns can turn into another
        expression when it is handed to SymPy.
        """
        from sympy import Dummy, diff, lambdify  # slow to import, and seldom needed

        symbols = {one: Dummy(real=True) for one in self.parameters}
        found = expression.sympify().subs({one.sympify(): x for one, x in symbols.items()})
        if by is not None:
            found = diff(found, symbols[by])
        function: Callable[..., Any] = lambdify(list(symbols.values()), found, "numpy")
        return function

    def __getstate__(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}


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
        slopes = {parameter: _slope(expression, parameter) for parameter in known}
        if any(value is None for value in slopes.values()):
            others.append((number, expression))
            continue
        for parameter, value in slopes.items():
            slope[number, column[parameter]] = value
        offset[number] = float(expression.bind(dict.fromkeys(known, 0.0)))
    return Angles(offset, slope, tuple(others), tuple(parameters), needs)


def _slope(expression: ParameterExpression, parameter: Parameter) -> float | None:
    """Return the derivative where it is a number, or None."""
    try:
        slope = expression.gradient(parameter)
    except RuntimeError:  # Qiskit knows no derivative of some functions
        return None
    if isinstance(slope, ParameterExpression):
        if slope.parameters:
            return None
        slope = complex(slope)
    return float(np.real(slope))
