import numpy as np
import pytest
from qiskit.circuit.library import HGate, SdgGate, UnitaryGate
from qiskit.quantum_info import Operator, SparsePauliOp, Statevector
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel

from qnlr.backends import DeviceSettings, IBMBackend, SimulatorBackend
from qnlr.backends.ibm.compact import compacted
from qnlr.backends.ibm.devices import local_device
from qnlr.backends.ibm.target import local_target
from qnlr.circuits import angle, hardware_efficient, variational_circuit, z
from qnlr.errors import InputError
from qnlr.noise import noise_rate
from qnlr.noise.rate import readout_confusion
from qnlr.types import Cost

WEIGHTS = np.array([0.7, -0.4, 1.1, 0.5, 0.9, -0.3])
ANGLES = np.array([[0.2, 0.9], [1.3, -0.4], [2.2, 0.1], [-0.5, 2.9]])
SUM = SparsePauliOp(["ZZ", "IX", "YX", "II"], [0.5, 0.4, -0.3, 0.2])
TURNS = {"X": [HGate()], "Y": [SdgGate(), HGate()], "Z": []}
DEVICES = ["fake_lagos", "fake_kolkata", "fake_fez"]


@pytest.fixture(scope="module")
def on():
    """Make a backend; those of one device and observable share their ISA circuit."""
    targets = {}

    def make(device="fake_lagos", observable=None, **settings):
        observable = z(2, 1) if observable is None else observable
        model = variational_circuit(angle(2, 2), hardware_efficient(2, 1), observable)
        chosen = DeviceSettings(device, **{"transpiler_seeds": 2, **settings})
        key = device, str(observable)
        if key not in targets:
            targets[key] = local_target(model, chosen)
        return IBMBackend(model, chosen, targets[key])

    return make


def density_matrix_values(backend, rows):
    """⟨O⟩ by Aer's density matrix with the device's noise, read-out errors and all.

    Small devices are simulated whole. Bases are turned without noise: a few gates of 0.03 %.
    """
    whole = backend.isa.circuit
    device, qubits = backend.target.device, range(whole.num_qubits)
    if len(qubits) > 27:
        small = compacted(whole, device)
        whole, device, qubits = small.circuit, small.device, small.qubits
    where = [list(qubits).index(qubit) for qubit in backend.isa.qubits]
    noise = None if isinstance(device, AerSimulator) else NoiseModel.from_backend(device)
    simulator = AerSimulator(method="density_matrix", noise_model=noise)
    values = np.zeros(len(rows))
    order = {parameter.name: n for n, parameter in enumerate(backend.model.parameters)}
    for word, on, weight in backend.model.observable.to_sparse_list():
        circuit = whole.copy()
        for letter, qubit in zip(word, on, strict=True):
            for gate in TURNS[letter]:
                circuit.append(UnitaryGate(Operator(gate)), [where[qubit]])
        circuit.save_probabilities([where[qubit] for qubit in on]) if on else None
        signs = np.ones(1)
        for qubit in on:  # the first qubit is the lowest bit
            known = np.eye(2) if noise is None else readout_confusion(noise, where[qubit])
            signs = np.kron(known @ [1, -1], signs)
        for place, row in enumerate(rows):
            bound = {one: row[order[one.name]] for one in circuit.parameters}
            if on:
                found = simulator.run(circuit.assign_parameters(bound)).result().data()
                values[place] += weight.real * (signs @ found["probabilities"])
            else:
                values[place] += weight.real
    return values


def repeated(backend, angles, times, weights=WEIGHTS):
    """Measure every row of angles many times in one phase; shape (times, B)."""
    tiled = np.tile(angles, (times, 1))
    found = backend.values(weights, tiled, np.random.default_rng(0))
    return (part.reshape(times, -1) for part in (found.values, found.stds))


@pytest.mark.parametrize("device", DEVICES)
def test_values_agree_with_a_density_matrix_of_the_same_noise(on, device, fits_variance):
    backend, weights, angles = on(device, shots=400), 0.3 * WEIGHTS, 0.3 * ANGLES
    expected = density_matrix_values(backend, np.hstack([angles, np.tile(weights, (4, 1))]))
    values, stds = repeated(backend, angles, 100, weights)
    assert fits_variance(values - expected, (1 - expected**2) / 400)
    assert np.abs(values.mean(axis=0) - expected).max() < 4.5 / np.sqrt(400 * 100)
    assert fits_variance(values - expected, np.mean(stds**2, axis=0))
    ideal = SimulatorBackend(backend.model).values(weights, angles, np.random.default_rng(0))
    assert not fits_variance(values.mean(axis=0) - ideal.values, (1 - expected**2) / 40_000)


@pytest.mark.parametrize("device", ["aer_simulator", "fake_lagos"])
@pytest.mark.parametrize("word", ["IX", "YI", "ZZ", "XY", "sum"])
def test_every_observable_agrees_with_the_density_matrix(on, device, word, fits_variance):
    observable = SUM if word == "sum" else SparsePauliOp(word)
    backend = on(device, observable, shots=500)
    angles = ANGLES[:2]
    rows = np.hstack([angles, np.tile(WEIGHTS, (2, 1))])
    expected = density_matrix_values(backend, rows)
    values, stds = repeated(backend, angles, 60)
    assert backend.circuits_per_value == (2 if word == "sum" else 1)
    assert fits_variance(values - expected, np.mean(stds**2, axis=0))
    assert np.abs(values.mean(axis=0) - expected).max() < 4.5 / np.sqrt(500 * 60) + 0.002


def test_the_same_generator_gives_the_same_bits_and_another_one_others(on):
    backend = on(shots=50)
    angles = np.tile(ANGLES, (10, 1))
    first = backend.values(WEIGHTS, angles, np.random.default_rng(5))
    again = on(shots=50).values(WEIGHTS, angles, np.random.default_rng(5))
    other = backend.values(WEIGHTS, angles, np.random.default_rng(6))
    assert np.array_equal(first.values, again.values)
    assert np.array_equal(first.stds, again.stds)
    assert not np.array_equal(first.values, other.values)
    rng = np.random.default_rng(5)
    assert np.array_equal(first.values, backend.values(WEIGHTS, angles, rng).values)
    assert not np.array_equal(first.values, backend.values(WEIGHTS, angles, rng).values)


@pytest.mark.parametrize("primitive", ["sampler", "estimator"])
def test_rows_of_a_phase_have_noise_of_their_own(on, primitive):
    times = 600 if primitive == "sampler" else 200
    backend = on(shots=40, primitive=primitive)
    found = backend.values(WEIGHTS, np.tile(ANGLES[1], (times, 1)), np.random.default_rng(3)).values
    for lag in (1, 2, 3, 7):
        assert abs(np.corrcoef(found[:-lag], found[lag:])[0, 1]) < 4 / np.sqrt(times - lag)
    both = backend.values(
        np.stack([WEIGHTS, WEIGHTS]), np.tile(ANGLES[1], (times, 1)), np.random.default_rng(4)
    ).values
    assert both.shape == (2, times)
    assert abs(np.corrcoef(both)[0, 1]) < 4 / np.sqrt(times)


def test_both_shifts_of_a_weight_draw_noise_of_their_own(on, fits_variance):
    backend = on("aer_simulator", shots=100)
    found = backend.jacobian(WEIGHTS, np.tile(ANGLES[0], (40, 1)), np.random.default_rng(0))
    assert found.cost == Cost(circuits=520, shots=52_000, jobs=1)
    mean = found.derivatives.mean(axis=0)
    assert fits_variance(found.derivatives - mean, np.mean(found.derivative_stds**2, axis=0))
    exact = parameter_shift_of_states(backend.model)
    assert np.abs(mean - exact).max() < 5 * np.sqrt(0.5 / 40 / 100)


def parameter_shift_of_states(model):
    def value(weights):
        row = dict(zip(model.parameters, [*ANGLES[0], *weights], strict=True))
        state = Statevector(model.circuit.assign_parameters(row))
        return state.expectation_value(model.observable).real

    shifts = np.pi / 2 * np.eye(6)
    return np.array([(value(WEIGHTS + s) - value(WEIGHTS - s)) / 2 for s in shifts])


def test_a_phase_is_split_into_jobs_where_their_time_is_limited(on, fits_variance):
    whole, split = on(shots=300), on(shots=300, max_execution_time=5)
    angles = np.tile(ANGLES[:1], (100, 1))
    rows = split.rows_per_job
    assert 10 <= rows < 50
    found = split.values(WEIGHTS, angles, np.random.default_rng(1))
    jobs = -(-100 // rows)
    assert found.cost == Cost(circuits=100, shots=30_000, jobs=jobs)
    assert split.price(100).jobs == jobs
    (phase,) = split.journal.phases.values()
    assert sum(phase["parts"]) == 100
    assert max(phase["parts"]) - min(phase["parts"]) <= 1
    parts = np.split(found.values, np.cumsum(phase["parts"])[:-1])
    size = min(map(len, parts))
    assert len({tuple(part[:size]) for part in parts}) == jobs  # every one has its own seed
    expected = whole.values(WEIGHTS, angles, np.random.default_rng(2)).values.mean()
    assert fits_variance(found.values - expected, np.mean(found.stds**2))
    again = on(shots=300, max_execution_time=5).values(WEIGHTS, angles, np.random.default_rng(1))
    assert np.array_equal(found.values, again.values)


def test_a_phase_of_a_run_folder_is_measured_once(on, tmp_path):
    first = on(shots=60).opened(tmp_path, "run")
    found = first.values(WEIGHTS, ANGLES, np.random.default_rng(1))
    journal = (tmp_path / "journal.jsonl").read_bytes()
    again = on(shots=60).opened(tmp_path, "run").values(WEIGHTS, ANGLES, np.random.default_rng(1))
    assert np.array_equal(found.values, again.values)
    assert np.array_equal(found.stds, again.stds)
    assert (tmp_path / "journal.jsonl").read_bytes() == journal
    on(shots=60).opened(tmp_path, "run").values(WEIGHTS, ANGLES, np.random.default_rng(2))
    assert len((tmp_path / "journal.jsonl").read_bytes()) > len(journal)
    assert len(list((tmp_path / "phases").glob("qnlr-*.npz"))) == 2


def test_a_phase_keeps_the_jobs_that_it_was_begun_with(on, tmp_path):
    angles = np.tile(ANGLES[:1], (60, 1))
    first = on(shots=300, max_execution_time=5).opened(tmp_path, "run")
    found = first.values(WEIGHTS, angles, np.random.default_rng(1))
    assert found.cost.jobs > 1
    again = on(shots=300).opened(tmp_path, "run")
    assert again.price(60).jobs == 1
    assert np.array_equal(
        again.values(WEIGHTS, angles, np.random.default_rng(1)).values, found.values
    )
    assert again.journal.submitted == found.cost.jobs


def test_a_run_folder_of_another_device_or_circuit_is_refused(on, tmp_path):
    on(shots=60).opened(tmp_path, "run")
    with pytest.raises(InputError, match=r"a run on fake_lagos, and not on fake_kolkata; .*fresh"):
        on("fake_kolkata", shots=60).opened(tmp_path, "run")
    model = variational_circuit(angle(2, 2), hardware_efficient(2, 2), z(2, 1))
    other = IBMBackend(model, DeviceSettings("fake_lagos", shots=60, transpiler_seeds=1))
    with pytest.raises(InputError, match=r"holds another circuit .*fresh"):
        other.opened(tmp_path, "run")


@pytest.mark.parametrize("device", DEVICES)
def test_the_noise_rate_is_that_of_the_whole_device(on, device):
    assert on(device).noise_rate == noise_rate(local_device(device)) > 0


def test_a_device_of_the_service_is_not_used_without_a_run_folder(on):
    target = on("fake_lagos").target
    backend = IBMBackend(on().model, DeviceSettings("ibm_lagos"), target)
    with pytest.raises(InputError, match=r"paid for by the second.*use qnlr run"):
        backend.values(WEIGHTS, ANGLES, np.random.default_rng(0))


def test_too_few_qubits_are_told():
    model = variational_circuit(angle(8, 8), hardware_efficient(8, 1), z(8))
    with pytest.raises(InputError, match="8 qubits do not fit the device fake_lagos, which has 7"):
        IBMBackend(model, DeviceSettings("fake_lagos"))
