"""Strategies that change the circuit: shallow, layerwise, identity blocks, warm start, local."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.quantum_info import Operator, SparsePauliOp, Statevector
from settings_of_runs import BARE, CLASSIFIER, ISING, RUNS, TIED, built, setting_of

from qnlr.backends import Meter
from qnlr.circuits import (
    efficient_su2,
    hamiltonian_variational,
    hardware_efficient,
    mean_z,
    transverse_ising,
)
from qnlr.errors import InputError
from qnlr.strategies import IdentityBlocks, Layerwise, LocalCost, Shallow, WarmStart
from qnlr.strategies.warm_start import weights_from
from qnlr.training import Ended, Outcome, Status

RNG = np.random.default_rng


def begun(stage, *ended):
    """Return the weights that a stage begins with."""
    return stage.start([Ended("", np.asarray(one), 0.0) for one in ended], RNG(0), Meter())


def deeper(run, layers):
    return {**run, "circuit": {**run["circuit"], "layers": layers}}


def state_of(part, weights):
    """Return the state of a problem without data."""
    problem = part.problem
    bound = problem.model.circuit.assign_parameters(
        dict(zip(problem.model.weights, problem.gate_angles(weights), strict=True))
    )
    return Statevector(bound)


@pytest.mark.parametrize("run", RUNS)
def test_a_shallow_circuit_is_the_ansatz_of_fewer_layers(run):
    setting = setting_of(deeper(RUNS[run], 3))
    (stage,) = Shallow(layers=2).plan(setting).stages
    fewer = setting_of(deeper(RUNS[run], 2))
    assert stage.first.problem.num_weights == fewer.part.problem.num_weights
    found = begun(stage)
    head = 2 if run == "classifier" else 0
    own = found.size - head
    assert np.array_equal(found[:own], setting.weights[:own])
    assert np.array_equal(found[own:], setting.weights[setting.weights.size - head :])


def test_the_same_layers_are_the_same_circuit():
    setting = setting_of(ISING)
    (stage,) = Shallow(layers=2).plan(setting).stages
    first, own = stage.first, setting.part
    assert state_of(first, begun(stage)).equiv(state_of(own, setting.weights))
    with pytest.raises(InputError, match="layers = 3 is not valid; the circuit has 2"):
        Shallow(layers=3).plan(setting)


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("each", [1, 2, 3, 9])
def test_layerwise_trains_new_layers_and_the_head_alone(run, each):
    layers = 5
    setting = setting_of(deeper(RUNS[run], layers))
    head = 2 if run == "classifier" else 0
    a_layer = (setting.weights.size - head) // layers
    *growing, sweep = Layerwise(layers_per_stage=each).plan(setting).stages
    ends = [min(layers, each * (n + 1)) for n in range(-(-layers // each))]
    assert len(growing) == len(ends)
    before = 0
    for stage, end in zip(growing, ends, strict=True):
        size = end * a_layer + head
        assert stage.first.problem.num_weights == size
        mask = np.ones(size, bool) if stage.trainable is None else stage.trainable
        assert mask[: before * a_layer].sum() == 0
        assert mask[before * a_layer :].all()
        before = end
    assert sweep.trainable is None
    assert sweep.first is setting.part


@pytest.mark.parametrize("run", RUNS)
def test_layerwise_keeps_what_was_trained(run):
    setting = setting_of(deeper(RUNS[run], 3))
    head = 2 if run == "classifier" else 0
    for new in ("zero", "drawn"):
        one, two, three, sweep = Layerwise(new=new).plan(setting).stages
        first = begun(one)
        a_layer = first.size - head
        trained = first + 0.25
        grown = begun(two, trained)
        assert np.array_equal(grown[:a_layer], trained[:a_layer])
        assert np.array_equal(grown[2 * a_layer :], trained[a_layer:])
        added = setting.weights[a_layer : 2 * a_layer] if new == "drawn" else 0.0
        assert np.array_equal(grown[a_layer : 2 * a_layer], np.broadcast_to(added, a_layer))
        again = begun(three, trained, grown)
        assert np.array_equal(again[: 2 * a_layer], grown[: 2 * a_layer])
        assert np.array_equal(begun(sweep, trained, grown, again), again)


def test_new_layers_at_zero_are_their_entangling_gates_alone():
    """Of evolutions they are the identity; a CX chain is not."""
    setting = setting_of(deeper(TIED, 2))
    one, two, _ = Layerwise().plan(setting).stages
    before, after = begun(one), begun(two, begun(one))
    assert state_of(one.first, before).equiv(state_of(two.first, after))

    setting = setting_of(deeper(ISING, 2))
    one, two, _ = Layerwise().plan(setting).stages
    before, after = begun(one), begun(two, begun(one))
    state = state_of(one.first, before)
    grown = state_of(two.first, after)
    assert not state.equiv(grown)
    idle = hardware_efficient(3, 1)
    chain = Operator(idle.assign_parameters(np.zeros(idle.num_parameters)))
    assert state.evolve(chain).equiv(grown)


def test_layerwise_freezes_in_a_training_and_saves_shifts():
    training = built(deeper(BARE, 2), {"name": "layerwise", "sweep": 0.5})
    seen = []
    training.run(on_step=lambda one: seen.append((one.course.number, one.course.weights)))
    by_stage = [[weights for number, weights in seen if number == stage] for stage in range(3)]
    trained = by_stage[0][-1]
    assert all(np.array_equal(weights[:6], trained) for weights in by_stage[1])
    assert not np.array_equal(by_stage[1][-1][6:], np.zeros(6))
    assert not np.array_equal(by_stage[2][-1][:6], trained)
    circuits = np.diff([0, *training.history.columns["cost_circuits"]])
    assert circuits.tolist() == [4 * 13] * 4 + [4 * 25] * 4


@pytest.mark.parametrize(("asked", "has", "built_of"), [(None, 5, 4), (None, 1, 2), (6, 2, 6)])
@pytest.mark.parametrize("run", RUNS)
def test_identity_blocks_begin_as_the_identity(run, asked, has, built_of):
    setting = setting_of(deeper(RUNS[run], has))
    (stage,) = IdentityBlocks(layers=asked).plan(setting).stages
    problem, weights = stage.first.problem, begun(stage)
    qubits = setting.qubits
    head = 2 if run == "classifier" else 0
    assert weights.size - head == 3 * qubits * built_of
    assert np.array_equal(weights[weights.size - head :], setting.weights[-head or None :][:head])
    rows = problem.train.take(np.arange(1))
    found = stage.first.backend.values(weights[: weights.size - head], rows.angles, RNG(0)).values
    still = np.zeros(weights.size - head)
    assert found == pytest.approx(stage.first.backend.values(still, rows.angles, RNG(0)).values)
    if run != "classifier":
        assert state_of(stage.first, weights).equiv(Statevector.from_label("0" * qubits))
    assert np.abs(weights[: weights.size - head]).max() > 1


@pytest.mark.parametrize("layers", [3, 1, 0, 10**6])
def test_identity_blocks_need_an_even_number_of_layers(layers):
    with pytest.raises(InputError, match=f"layers = {layers} is not valid"):
        IdentityBlocks(layers=layers)


@settings(max_examples=30)
@given(small=st.integers(1, 6), more=st.integers(0, 6), layers=st.integers(1, 3))
def test_a_warm_start_copies_gates_of_the_same_kind_and_layer(small, more, layers):
    large = small + more
    for ansatz, gates in ((hardware_efficient, 3), (efficient_su2, 2)):
        few, many = ansatz(small, layers), ansatz(large, layers)
        source = weights_from(few, many)
        assert source.shape == (many.num_parameters,)
        names = [_gates(circuit) for circuit in (few, many)]
        for number, place in enumerate(source):
            gate, qubit, turn = names[1][number]
            assert names[0][place] == (gate, qubit * small // large, turn)
        if small == large:
            assert np.array_equal(source, np.arange(many.num_parameters))
        assert gates


def _gates(circuit):
    """Return gate, qubit and how often it came there, for each weight."""
    number = {parameter: place for place, parameter in enumerate(circuit.parameters)}
    found, seen = {}, {}
    for step in circuit.data:
        for value in step.operation.params:
            key = step.operation.name, circuit.find_bit(step.qubits[0]).index
            seen[key] = seen.get(key, -1) + 1
            found[number[value]] = (*key, seen[key])
    return found


def test_couplings_are_copied_from_the_nearest():
    few, many = (
        hamiltonian_variational(n, 2, hamiltonian=transverse_ising(n), tied=False) for n in (2, 4)
    )
    source = weights_from(few, many)
    small, large = _gates(few), _gates(many)
    for number, place in enumerate(source):
        gate, qubit, turn = large[number]
        expected = 0 if gate == "rzz" else qubit // 2
        assert small[place] == (gate, expected, turn)


def test_weights_of_many_gates_are_copied_once():
    from qiskit import QuantumCircuit
    from qiskit.circuit import ParameterVector

    def tied(qubits):
        theta = ParameterVector("θ", qubits)
        circuit = QuantumCircuit(qubits)
        for _ in range(2):
            for qubit in range(qubits):
                circuit.rx(theta[qubit], qubit)
        return circuit

    assert weights_from(tied(2), tied(4)).tolist() == [0, 0, 1, 1]
    other = QuantumCircuit(2)
    other.ry(ParameterVector("θ", 1)[0], 0)
    with pytest.raises(InputError, match="no counterpart"):
        weights_from(other, tied(4))


def test_a_warm_start_of_as_many_weights_takes_them_as_they_are():
    setting = setting_of({**TIED, "circuit": {**TIED["circuit"], "qubits": 4}})
    small, whole = WarmStart(qubits=2).plan(setting).stages
    trained = np.arange(4.0)
    assert np.array_equal(begun(whole, trained), trained)
    assert small.first.problem.model.circuit.num_qubits == 2


def test_a_warm_start_goes_through_a_training():
    run = {**CLASSIFIER, "data": {"name": "digits", "features": 2}}
    table = {"name": "warm_start", "qubits": 1, "small": 0.5}
    training = built(run, table, optimizer="adam")
    seen = []
    training.run(on_step=lambda one: seen.append(one.course.weights))
    (small,) = training.course.ended
    assert small.weights.size == 6 + 2
    assert np.array_equal(small.weights, seen[3])
    source = weights_from(hardware_efficient(1, 2), hardware_efficient(2, 2))
    fresh = built(run, table, optimizer="adam")
    begin = fresh.course.stages[1].start([small], RNG(0), Meter())
    assert np.array_equal(begin, [*small.weights[:6][source], *small.weights[6:]])
    assert np.abs(seen[4] - begin).max() == pytest.approx(0.01, rel=0.01)


def test_the_target_is_not_looked_for_on_the_smaller_instance():
    run = {
        **ISING,
        "circuit": {"qubits": 4, "layers": 1},
        "training": {"steps": 6, "evaluate_every": 1, "target_loss": 100.0},
    }
    for strategy, steps in (("none", 1), ("warm_start", 4)):
        training = built(run, strategy)
        training.run()
        assert training.steps_done == steps


def test_numbers_of_a_training_that_stays_small_are_of_the_smaller_instance():
    run = {**ISING, "circuit": {"qubits": 4, "layers": 1}}
    training = built(run, {"name": "warm_start", "qubits": 2, "small": 1.0}, shots=None)
    while training.steps_done < training.total_steps - 1:
        training.step()
    found = training.metrics(Outcome(Status.BUDGET_SPENT, ""))
    ground = np.linalg.eigvalsh(transverse_ising(2, field=0.7).to_matrix())[0]
    assert found["metric_energy_error"] == pytest.approx(found["metric_energy"] - ground)
    assert found["metric_energy_error"] > 0


def test_a_warm_start_has_no_more_qubits():
    with pytest.raises(InputError, match="qubits = 4 is not valid; the circuit has 3"):
        WarmStart(qubits=4).plan(setting_of(ISING))
    with pytest.raises(InputError, match="features"):
        WarmStart(qubits=1).plan(setting_of(BARE))


def test_a_local_cost_hands_over_and_the_global_one_is_judged():
    setting = setting_of(ISING)
    first, last = LocalCost(local=0.25).plan(setting).stages
    terms = dict(first.first.problem.model.observable.to_list())
    assert terms == {"IIX": -0.7, "IXI": -0.7, "XII": -0.7}
    assert first.judged is setting.part
    assert last.first is setting.part
    assert (first.steps, last.steps) == (2, 8)
    assert np.array_equal(begun(last, setting.weights + 1), setting.weights + 1)

    setting = setting_of(BARE)
    first, _ = LocalCost().plan(setting).stages
    assert first.first.problem.model.observable == mean_z(2)

    training = built(ISING, {"name": "local_cost"}, shots=None)
    seen = []
    training.run(on_step=lambda one: seen.append(one.course.weights))
    hamiltonian = transverse_ising(3, field=0.7)
    part = training.course.stages[-1].first
    for step in (3, 7):
        energy = state_of(part, seen[step]).expectation_value(hamiltonian).real
        assert training.history.columns["metric_train_loss"][step] == pytest.approx(energy)
    local = SparsePauliOp(["XII", "IXI", "IIX"], [-0.7] * 3)
    drawn = state_of(part, setting_of(ISING).weights)
    losses = training.history.columns["metric_loss"]
    assert losses[0] == pytest.approx(drawn.expectation_value(local).real)
    assert losses[4] == pytest.approx(state_of(part, seen[3]).expectation_value(hamiltonian).real)


def test_a_hamiltonian_without_local_terms_is_refused():
    run = {**ISING, "problem": {"name": "qaoa", "graph": "ring"}}
    with pytest.raises(InputError, match="acts on 2 qubits or more: set it to at least 2"):
        LocalCost().plan(setting_of(run))
    first, _ = LocalCost(locality=2).plan(setting_of(run)).stages
    assert len(first.first.problem.model.observable) == 3
