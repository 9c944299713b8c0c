"""Wave functions of weights sink to ground states, in potentials that are the loss itself."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qnlr.errors import InputError
from qnlr.strategies.refinement.energy_evolution import EnergyEvolution, Packets
from qnlr.strategies.refinement.perceptron import Perceptron
from qnlr.strategies.refinement.potentials import potentials

FINE = Packets(time_step=0.02, mass=40.0, points=151)


def evolve(packets, potential, steps):
    psi, kinetic = packets.start[None], packets.kinetic_step
    energies = [packets.energy(psi, potential[None])[0]]
    for _ in range(steps):
        psi = packets.evolved(psi, potential[None], kinetic)
        energies.append(packets.energy(psi, potential[None])[0])
    return psi, np.array(energies)


@given(
    st.integers(1, 3),
    st.integers(1, 4),
    st.integers(1, 3),
    st.sampled_from(["squared", "cross_entropy"]),
    st.integers(0, 1000),
)
@settings(max_examples=30, deadline=None)
def test_potentials_are_the_loss_with_one_weight_moved(inputs, hidden, outputs, loss, seed):
    network, rng = Perceptron((inputs, hidden, outputs), loss), np.random.default_rng(seed)
    x = rng.normal(size=(5, inputs))
    y = np.eye(outputs)[rng.integers(outputs, size=5)]
    weights, which = rng.normal(size=network.size), rng.permutation(network.size)
    moves = rng.normal(size=(network.size, 3))
    found = potentials(network, weights, which, moves, x, y)
    one_hot = np.eye(network.size)
    brute = [
        [network.value(weights + u * one_hot[i], x, y) for u in row]
        for i, row in zip(which, moves, strict=True)
    ]
    expected = np.array(brute) - network.value(weights, x, y)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_a_packet_sinks_to_the_ground_state_of_a_harmonic_well():
    stiffness, centre = 60.0, 0.3
    potential = stiffness / 2 * (FINE.grid - centre) ** 2
    psi, energies = evolve(FINE, potential, 400)
    assert FINE.mean(psi)[0] == pytest.approx(centre, abs=1e-3)
    width = (2 * np.sqrt(FINE.mass * stiffness)) ** -0.5
    assert FINE.spread(psi)[0] == pytest.approx(width, rel=0.01)
    assert energies[-1] == pytest.approx(np.sqrt(stiffness / FINE.mass) / 2, rel=0.01)
    assert (np.diff(energies) < 1e-9).all()
    assert np.linalg.norm(psi) == pytest.approx(1.0)


def test_a_light_packet_tunnels_and_a_heavy_one_stays():
    """Two wells, the further one deeper: which is found in a given time depends on the mass."""
    means = []
    for mass in (20.0, 2000.0):
        packets = Packets(time_step=0.05, mass=mass, points=61, width=0.05)
        u = packets.grid
        near, far = np.exp(-((u / 0.15) ** 2)), np.exp(-(((u - 0.6) / 0.15) ** 2))
        psi, _ = evolve(packets, -1.0 * near - 2.0 * far, 300)
        means.append(packets.mean(psi)[0])
    assert means[0] > 0.5
    assert abs(means[1]) < 0.05


def test_in_real_time_the_energy_stays():
    real = Packets(time_step=0.01, mass=40.0, points=61, imaginary=False)
    potential = 30.0 * (real.grid - 0.2) ** 2
    psi, energies = evolve(real, potential, 200)
    assert np.ptp(energies) < 0.01 * energies[0]
    assert np.linalg.norm(psi) == pytest.approx(1.0)


def test_in_a_linear_potential_the_drift_is_a_gradient_step():
    packets = Packets(time_step=0.01, mass=1e6, points=61)
    slope = 0.5
    psi, _ = evolve(packets, slope * packets.grid, 1)
    expected = -2 * packets.width**2 * slope * packets.time_step
    assert packets.mean(psi)[0] == pytest.approx(expected, rel=0.01)


def test_a_deep_potential_does_not_lose_the_packet():
    packets = Packets(time_step=1e6)
    psi, _ = evolve(packets, np.arange(packets.points, dtype=float), 20)
    assert np.isfinite(psi).all()
    assert packets.mean(psi)[0] < -0.5


def test_only_so_many_weights_move_and_half_of_them_in_the_last_layer():
    network = Perceptron((2, 30, 3), "cross_entropy")
    start = network.initial(np.random.default_rng(0))
    training = EnergyEvolution(network, start, weights_per_step=20)
    x = np.random.default_rng(1).normal(size=(10, 2))
    training.step(x, np.eye(3)[np.arange(10) % 3])
    moved = training.weights != start
    assert moved.sum() == 20
    assert moved[network.last].sum() == 10


def test_weights_stay_within_their_walls_however_long_the_step():
    network = Perceptron((1, 5, 1))
    start = network.initial(np.random.default_rng(0))
    training = EnergyEvolution(network, start, Packets(time_step=1e3, reach=0.5))
    for _ in range(10):
        training.step(np.ones((1, 1)), np.full((1, 1), 50.0))
    assert np.abs(training.weights - start).max() < 0.5


def test_what_is_not_valid_is_named():
    with pytest.raises(InputError, match="points"):
        Packets(points=16)
    with pytest.raises(InputError, match="mass"):
        Packets(mass=0.0)
    with pytest.raises(InputError, match="weights_per_step"):
        EnergyEvolution(Perceptron((1, 2, 1)), np.zeros(7), weights_per_step=0)
    deep = Perceptron((1, 2, 2, 1))
    x = np.ones((1, 1))
    with pytest.raises(InputError, match="hidden layer"):
        potentials(deep, np.zeros(deep.size), np.arange(2), np.zeros((2, 3)), x, x)
