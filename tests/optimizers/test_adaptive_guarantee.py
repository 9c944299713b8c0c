"""What the adaptive rate guarantees, counted on losses that are measured with real shots."""

import math
from dataclasses import dataclass, field
from statistics import NormalDist

import numpy as np
import pytest
from qiskit.quantum_info import SparsePauliOp
from scipy.optimize import brentq

from qnlr.backends import SimulatorBackend
from qnlr.circuits import angle, hardware_efficient, transverse_ising, variational_circuit, z
from qnlr.data import gaussian
from qnlr.optimizers import AdaptiveRate, Feedback, Probe, SignedRateOptimizer, Told
from qnlr.problems import Classification
from qnlr.problems.energy import energy_problem
from qnlr.types import Estimate

pytestmark = pytest.mark.slow
RULE = AdaptiveRate(search=1)
PLACES, DRAWS = 6, 3000
BOUND = RULE.level + 3 * math.sqrt(RULE.level * (1 - RULE.level) / DRAWS)


@dataclass
class Landscape:
    """Losses of a problem on one mini-batch, exact and measured."""

    problem: object
    batch: object
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(5))
    backends: dict = field(default_factory=dict)

    def loss(self, weights, shots=None):
        return self.problem.loss(weights, self.batch, self._backend(shots), self.rng)

    def gradient(self, weights, shots=None):
        backend = self._backend(shots)
        return self.problem.loss_and_gradient(weights, self.batch, backend, self.rng)

    def _backend(self, shots):
        if shots not in self.backends:
            self.backends[shots] = SimulatorBackend(self.problem.model, shots)
        return self.backends[shots]

    def error(self, *points, shots):
        """Return the standard error of a difference, from one of many more shots."""
        found = [self.loss(one, 20_000).std ** 2 for one in points]
        return math.sqrt(sum(found) * 20_000 / shots)

    def places(self, shots, rise):
        """Return pairs of weights, the second higher by ``rise`` standard errors."""
        while True:
            here, way = self.rng.normal(size=(2, self.problem.num_weights)) * [[2.0], [1.0]]
            error = self.error(here, here + 0.5 * way, shots=shots) if rise else 0.0
            level = self.loss(here) + rise * error

            def above(rate, here=here, way=way, level=level):
                return float(self.loss(here + rate * way) - level)

            found = np.array([above(rate) for rate in np.linspace(0.05, 1.5, 30)])
            signs = np.flatnonzero(found[:-1] * found[1:] < 0)
            if len(signs):
                low, high = np.linspace(0.05, 1.5, 30)[[signs[0], signs[0] + 1]]
                there = here + brentq(above, low, high, xtol=1e-13) * way
                if not rise or rise * self.error(here, there, shots=shots) <= 1.02 * rise * error:
                    yield here, there


def classifier(samples):
    encoding = angle(features=2, qubits=2)
    model = variational_circuit(encoding, hardware_efficient(2, 1), z(2, qubit=1))
    rng = np.random.default_rng
    problem = Classification(
        model, encoding, gaussian(rng(0), rng(1), features=2, samples=2 * samples)
    )
    return Landscape(problem, problem.train.take(np.arange(samples)))


def energy(hamiltonian):
    problem = energy_problem(hamiltonian, hardware_efficient(hamiltonian.num_qubits, 1))
    return Landscape(problem, problem.train)


LANDSCAPES = {
    "32 samples": lambda: classifier(32),
    "8 samples": lambda: classifier(8),
    "one Pauli": lambda: energy(SparsePauliOp("ZZ")),
    "Ising": lambda: energy(transverse_ising(3)),
}


def counted(landscape, shots, rise=0.0):
    """Return how often, over many draws, a move was reversed, a rate halved, and a probe taken.

    The probe is truly higher by ``rise`` standard errors, and lies up the direction for the first.
    """
    reversed_, halved, taken = 0, 0, 0
    every = DRAWS // PLACES
    for _, (here, there) in zip(range(PLACES), landscape.places(shots, rise), strict=False):
        state = RULE.initial_state()
        for draw in range(every + 1):
            loss, probe = landscape.loss(here, shots), landscape.loss(there, shots)
            up = Feedback(0, loss, probe, 1.0, slope=-1.0, probes=(Probe(-0.1, probe),))
            down = Feedback(0, loss, probe, 1.0, slope=1.0, probes=(Probe(0.1, probe),))
            another = RULE.next_probe(down, state)
            stays = RULE(down, state)[0]
            assert stays == (0.1 if another is None else 0.0)
            signed, following = RULE(up, state)
            state = {**state, "variance": following["variance"]}
            if draw:  # there is no pooled error before the first
                reversed_ += signed < 0
                halved += another == 0.05
                taken += stays > 0
    return reversed_ / DRAWS, halved / DRAWS, taken / DRAWS


@pytest.mark.parametrize("shots", [10, 20, 100, 1000])
@pytest.mark.parametrize("name", LANDSCAPES)
def test_what_is_not_lower_is_seldom_taken_and_what_is_not_higher_seldom_refused(name, shots):
    reversed_, halved, _ = counted(LANDSCAPES[name](), shots)
    assert 0 < reversed_ <= BOUND
    assert 0 < halved <= BOUND


@pytest.mark.parametrize(("shots", "most"), [(5, 0.035), (2, 0.12)])
@pytest.mark.parametrize("name", LANDSCAPES)
def test_fewer_shots_have_standard_errors_that_are_too_small(name, shots, most):
    """As the documentation of the module says."""
    assert max(counted(LANDSCAPES[name](), shots)[:2]) <= most


@pytest.mark.parametrize("name", ["32 samples", "Ising"])
def test_a_rise_makes_a_reversal_rarer(name):
    reversed_, _, _ = counted(LANDSCAPES[name](), 100, rise=0.5)
    assert reversed_ <= 0.5 * BOUND  # 1 - Φ(1.96 + 0.5) is 0.007


@pytest.mark.parametrize(("shots", "most"), [(20, 0.045), (100, BOUND), (1000, BOUND)])
@pytest.mark.parametrize("name", LANDSCAPES)
def test_a_probe_that_rises_by_twice_z_standard_errors_is_seldom_taken(name, shots, most):
    _, _, taken = counted(LANDSCAPES[name](), shots, rise=2 * RULE.z)
    assert taken <= most


@pytest.mark.parametrize("ratio", [0.5, 1.0, 1.4, 3.0])
def test_a_pooled_error_bounds_what_is_taken_by_the_error_that_is_reckoned_with(ratio):
    """Of losses with standard errors of 1, beside a pooled one."""
    rng, taken, turned = np.random.default_rng(0), 0, 0
    error = max(1.0, ratio)
    state = {**RULE.initial_state(), "variance": ratio**2}
    for drawn in rng.normal(size=DRAWS):
        for rise, sign in ((2 * RULE.z * error, 1.0), (0.0, -1.0)):
            here, there = Estimate(0.0, std=0.0), Estimate(rise + drawn, std=1.0)
            told = {"slope": sign, "direction_norm": 1.0}
            one = Feedback(0, here, there, 1.0, probes=(Probe(sign * 0.1, there),), **told)
            rate = RULE(one, state)[0]
            taken += rate > 0
            turned += rate < 0
    assert taken <= DRAWS * BOUND
    assert turned <= DRAWS * BOUND
    assert ratio > 1.0 or (taken > 0 and turned > 0)


@pytest.mark.parametrize(("search", "probes"), [(1, 4), (8, 8)])
def test_a_step_whose_probes_all_rise_is_seldom_made(search, probes):
    """By as much as the module says, for all of its probes together."""
    rule = AdaptiveRate(search=search)
    rng, made, alone = np.random.default_rng(0), 0, NormalDist().inv_cdf(1 - rule.level / probes)
    for _ in range(DRAWS):
        here, tried, rate = Estimate(rng.normal(), std=1.0), [], rule.initial_rate
        while rate is not None and rate > 0:
            rise = (rule.z + alone) * math.sqrt(2)
            tried.append(Probe(rate, Estimate(rise + rng.normal(), std=1.0)))
            told = {"slope": 1.0, "direction_norm": 1.0, "probes": tuple(tried)}
            one = Feedback(0, here, tried[-1].loss, 1.0, **told)
            rate = rule.next_probe(one, rule.initial_state())
        made += rule(one, rule.initial_state())[0] > 0
        assert len(tried) <= probes
    assert 0 < made <= DRAWS * BOUND


@dataclass(frozen=True)
class Wandering:
    """Directions at random, up as often as down."""

    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(3))

    def initial_state(self, size):
        return {}

    def __call__(self, gradient, state):
        return self.rng.normal(size=gradient.size), state


@dataclass(frozen=True)
class Held(AdaptiveRate):
    """The rule at one rate for ever: steps at random would let it shrink to nothing."""

    def __call__(self, feedback, state):
        rate, following = super().__call__(feedback, state)
        return rate, {**following, "rate": self.initial_rate}


@pytest.mark.parametrize("shots", [10, 100])
@pytest.mark.parametrize("name", ["8 samples", "Ising"])
def test_in_a_whole_training_few_reversals_do_not_lower_the_loss(name, shots):
    landscape, wrong, right, tried = LANDSCAPES[name](), 0, 0, 0
    optimizer = SignedRateOptimizer(Wandering(), Held(0.4, search=1))
    optimizer.start(None, landscape.rng.normal(size=landscape.problem.num_weights))
    while optimizer.state.nit < 2000:
        asked = optimizer.ask()
        if asked.x_jac is not None:
            here, both = asked.x_jac, landscape.gradient(asked.x_jac, shots)
            optimizer.tell(asked, Told(both.loss, both.gradient, both.stds))
            continue
        turned = optimizer.state.pending.probe_rate < 0
        optimizer.tell(asked, Told(landscape.loss(asked.x_fun, shots)))
        if turned:
            lower = landscape.loss(asked.x_fun) < landscape.loss(here)
            tried += not lower
            right += lower and optimizer.state.record.flipped
            wrong += optimizer.state.record.flipped and not lower
    assert optimizer.state.flips == right + wrong > 0
    assert tried > 10
    assert wrong <= RULE.level * tried + 3 * math.sqrt(RULE.level * tried)
