import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterVector
from qiskit.quantum_info import PauliList

from qnlr.simulator.angles import compile_angles
from qnlr.simulator.compiled import Simulator

A, B, C = Parameter("a"), Parameter("b"), Parameter("c")
EXPRESSIONS = {
    "a": (A, lambda a, b: a),
    "2a + b": (2 * A + B, lambda a, b: 2 * a + b),
    "affine in brackets": ((A - 2 * B) / 4 + 0.5, lambda a, b: (a - 2 * b) / 4 + 0.5),
    "zero": (A - A + B, lambda a, b: b),
    "product": (A * B, lambda a, b: a * b),
    "quotient": (A / (B + 9), lambda a, b: a / (b + 9)),
    "square": (A**2 + B, lambda a, b: a**2 + b),
    "sine": (A.sin() * B, lambda a, b: math.sin(a) * b),
    "cosine": ((A + B).cos(), lambda a, b: math.cos(a + b)),
    "arcus tangens": (A.arctan() + A, lambda a, b: math.atan(a) + a),
    "exponential": ((A / 5).exp() - B, lambda a, b: math.exp(a / 5) - b),
}
AFFINE = {"a", "2a + b", "affine in brackets", "zero"}
VALUES = np.random.default_rng(1).uniform(-3, 3, (5, 3))


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_angles_are_the_values_of_their_expressions(name):
    expression, function = EXPRESSIONS[name]
    angles = compile_angles([C, expression, expression + C], [A, B, C])
    expected = np.array([function(a, b) for a, b, _ in VALUES])
    found = angles.values(VALUES)
    np.testing.assert_allclose(
        found, [VALUES[:, 2], expected, expected + VALUES[:, 2]], rtol=0, atol=1e-13
    )
    assert [number for number, _ in angles.others] == ([] if name in AFFINE else [1, 2])


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_chained_derivatives_are_finite_differences(name):
    expression, _ = EXPRESSIONS[name]
    angles = compile_angles([expression, A], [A, B, C])
    by_angle = np.random.default_rng(2).normal(size=(2, 5))
    found = angles.chain(VALUES, by_angle)
    squares = angles.chain(VALUES, by_angle**2, power=2)
    for column in range(3):
        step = 1e-5 * np.eye(3)[column]
        slopes = (angles.values(VALUES + step) - angles.values(VALUES - step)) / 2e-5
        np.testing.assert_allclose(found[:, column], (by_angle * slopes).sum(axis=0), atol=1e-7)
        expected = ((by_angle * slopes) ** 2).sum(axis=0)
        np.testing.assert_allclose(squares[:, column], expected, rtol=1e-6, atol=1e-7)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-10, 10), min_size=3, max_size=3), st.floats(-10, 10))
def test_affine_expressions_are_one_matrix_product(coefficients, offset):
    p = ParameterVector("p", 3)
    expression = sum((c * one for c, one in zip(coefficients, p, strict=True)), offset + 0 * p[0])
    angles = compile_angles([expression], list(p))
    assert not angles.others
    expected = VALUES @ coefficients + offset
    np.testing.assert_allclose(angles.values(VALUES)[0], expected, rtol=0, atol=1e-12)


def test_angles_know_what_they_depend_on():
    angles = compile_angles([A, B.sin(), A * C], [A, B, C])
    wanted = np.array([True, False, False])
    assert angles.reached(wanted).tolist() == [True, False, True]
    assert angles.reached(~wanted).tolist() == [False, True, True]
    assert not angles.reached(np.zeros(3, dtype=bool)).any()


def test_no_parameters_make_no_angles():
    angles = compile_angles([], [])
    assert angles.values(np.zeros((4, 0))).shape == (0, 4)
    assert angles.chain(np.zeros((4, 0)), np.zeros((0, 4))).shape == (4, 0)


def test_parameters_come_in_the_order_of_the_circuit():
    p = ParameterVector("p", 12)
    circuit = QuantumCircuit(1)
    for one in reversed(p):
        circuit.rx(one, 0)
    program = Simulator(threads=1).program(circuit)
    row = np.arange(12.0)[None]
    assert program.angles(row)[:, 0].tolist() == list(range(11, -1, -1))


@pytest.mark.parametrize("expression", [A.abs(), A.sign()])
def test_expressions_with_a_kink_have_values(expression):
    circuit = QuantumCircuit(1)
    circuit.ry(expression, 0)
    program = Simulator(threads=1).program(circuit)
    found = program.expectations(program.angles(np.array([[-0.5]])), PauliList(["X"]))
    expected = math.sin(float(expression.bind({A: -0.5})))
    assert found[0, 0] == pytest.approx(expected, abs=1e-12)


def test_a_kink_has_slopes_beside_it():
    angles = compile_angles([A.abs() + B], [A, B])
    found = angles.chain(np.array([[-0.5, 0.1], [0.7, 0.1]]), np.ones((1, 2)))
    np.testing.assert_allclose(found, [[-1, 1], [1, 1]], rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "name", ["sin", "cos", "lambda", "pi", "E", "I", "θ[0]", "a b", "1", "x.y"]
)
def test_parameters_may_have_any_name(name):
    one = Parameter(name)
    angles = compile_angles([one.sin() * A + one.cos()], [one, A])
    values = np.array([[0.4, 0.7], [1.1, -0.3]])
    expected = np.sin(values[:, 0]) * values[:, 1] + np.cos(values[:, 0])
    np.testing.assert_allclose(angles.values(values)[0], expected, rtol=0, atol=1e-14)
    slopes = np.cos(values[:, 0]) * values[:, 1] - np.sin(values[:, 0])
    found = angles.chain(values, np.ones((1, 2)))
    np.testing.assert_allclose(found[:, 0], slopes, rtol=0, atol=1e-14)
