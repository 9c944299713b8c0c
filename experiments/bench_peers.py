"""The simulators that bench_simulator.py holds side by side.

A peer is a function of the work that imports what it needs and returns settings to try: by name, a
call that computes the derivatives ∂f/∂θ of the first samples, shape (samples, P), or, for VQC, the
weights after a step. Who takes fewer samples than the work has says so by that shape.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit.library import real_amplitudes, zz_feature_map
from qiskit.primitives import StatevectorEstimator, StatevectorSampler
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_aer import AerSimulator
from qiskit_aer.primitives import EstimatorV2, SamplerV2
from qiskit_machine_learning.algorithms import VQC

from qnlr import SGD
from qnlr.backends import EstimatorBackend, SimulatorBackend
from qnlr.backends.primitives import PrimitiveBackend
from qnlr.circuits import VariationalCircuit, amplitude, hardware_efficient, variational_circuit, z
from qnlr.noise import Noise, from_rate
from qnlr.simulator import BatchedSampler
from qnlr.simulator.gradients import BatchedSamplerGradient
from qnlr.types import Cost, Expectations

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
PARALLEL = tuple(sorted({1, CORES}))
LEARNING_RATE = 0.1
Settings = dict[str, Callable[[], np.ndarray]]


@dataclass(frozen=True, eq=False)
class Work:
    """A gradient to compute: a circuit, weights (P,), and samples as angles (B, D) and states."""

    model: VariationalCircuit
    weights: np.ndarray
    angles: np.ndarray
    states: np.ndarray
    layers: int
    observed: int
    shots: int
    noise: Noise
    rng: np.random.Generator
    samples: dict[str, int]
    vqc: dict[str, int]

    @classmethod
    def make(cls, config: dict[str, Any]) -> Work:
        """Draw weights and samples for the sizes of a config."""
        size, part = config["work"], config["fractions"]
        rng = np.random.default_rng(config["seed"])
        encoding = amplitude(size["features"], size["qubits"])
        ansatz = hardware_efficient(size["qubits"], size["layers"])
        observed = size.get("observed", 0)
        fixed = ansatz.parameters[size.get("weights", ansatz.num_parameters) :]
        ansatz = ansatz.assign_parameters(dict.fromkeys(fixed, 1.0))
        model = variational_circuit(encoding, ansatz, z(size["qubits"], observed))
        features = rng.normal(size=(size["batch"], size["features"]))
        states = np.zeros((size["batch"], 2 ** size["qubits"]))
        states[:, : size["features"]] = features / np.linalg.norm(features, axis=1, keepdims=True)
        return cls(
            model=model,
            weights=rng.uniform(-np.pi, np.pi, len(model.weights)),
            angles=encoding.angles_from(features),
            states=states,
            layers=size["layers"],
            observed=observed,
            shots=size["shots"],
            noise=from_rate(size["noise_rate"]),
            rng=rng,
            samples={name: max(1, round(size["batch"] * part[name])) for name in part},
            vqc=config["vqc"],
        )

    @property
    def qubits(self) -> int:
        """Number of qubits."""
        return self.model.circuit.num_qubits

    def gradient(self, backend: PrimitiveBackend, samples: int | None = None) -> np.ndarray:
        """Return the derivatives that a backend gives for the first samples, shape (·, P)."""
        return backend.jacobian(self.weights, self.angles[:samples], self.rng).derivatives


def qnlr(work: Work, shots: int | None = None, noise: Noise | None = None) -> Settings:
    def at(threads: int) -> Callable[[], np.ndarray]:
        backend = SimulatorBackend(work.model, shots, noise, threads)
        return lambda: work.gradient(backend)

    return {f"threads={number}": at(number) for number in PARALLEL}


# Exact gradients. PennyLane, TensorCircuit and JAX start from ready-made states, which spares them
# the encoding; their wire 0 is the highest bit of an index, in Qiskit the lowest.


def lightning(work: Work) -> Settings:
    import pennylane as qml

    devices = [qml.device("lightning.qubit", wires=work.qubits) for _ in range(CORES)]
    config = qml.devices.ExecutionConfig(gradient_method="adjoint")
    states = work.states.astype(complex)

    def tape(state: np.ndarray, theta: Any) -> Any:
        return qml.tape.QuantumScript(
            _operations(work, state, theta), [qml.expval(qml.PauliZ(work.observed))]
        )

    @qml.qnode(devices[0], diff_method="adjoint")
    def node(theta: Any, state: np.ndarray) -> Any:
        _operations(work, state, theta)
        return qml.expval(qml.PauliZ(work.observed))

    def one_by_one() -> np.ndarray:
        theta = qml.numpy.array(work.weights, requires_grad=True)
        slope = qml.grad(node, argnums=0)
        return np.array([slope(theta, state) for state in states])

    def derivatives(chosen: np.ndarray, device: Any) -> np.ndarray:
        tapes = [tape(state, work.weights) for state in chosen]
        for one in tapes:
            one.trainable_params = range(1, len(work.weights) + 1)
        return np.array(device.compute_derivatives(tapes, config)).reshape(len(chosen), -1)

    def in_threads() -> np.ndarray:
        with ThreadPoolExecutor(CORES) as pool:
            return np.vstack(list(pool.map(derivatives, np.array_split(states, CORES), devices)))

    return {
        "QNode, sample by sample": one_by_one,
        "compute_derivatives": lambda: derivatives(states, devices[0]),
        f"compute_derivatives, {CORES} threads": in_threads,
    }


def pennylane_jax(work: Work) -> Settings:
    jax, jnp = _jax()
    import pennylane as qml

    @qml.qnode(qml.device("default.qubit", wires=work.qubits), interface="jax")
    def node(theta: Any, states: Any) -> Any:
        _operations(work, states, theta.T)
        return qml.expval(qml.PauliZ(work.observed))

    slope = jax.jit(jax.grad(lambda theta, states: node(theta, states).sum()))
    theta = np.tile(work.weights, (len(work.states), 1))
    return {"jit, broadcast": lambda: np.asarray(slope(jnp.array(theta), work.states + 0j))}


def tensorcircuit_jax(work: Work) -> Settings:
    jax, _ = _jax()
    import tensorcircuit as tc

    tc.set_backend("jax")
    tc.set_dtype("complex128")

    def value(theta: Any, state: Any) -> Any:
        circuit, angle = tc.Circuit(work.qubits, inputs=state), iter(theta)
        for _ in range(work.layers):
            for wire in reversed(range(work.qubits)):
                circuit.rx(wire, theta=next(angle))
                circuit.ry(wire, theta=next(angle))
                circuit.rz(wire, theta=next(angle))
            for wire in range(work.qubits - 1, 0, -1):
                circuit.cnot(wire, wire - 1)
        return tc.backend.real(circuit.expectation_ps(z=[work.qubits - 1 - work.observed]))

    return {"jit(vmap(grad))": _mapped(jax, work, value)}


def jax_fused(work: Work) -> Settings:
    """Three rotations fused to one matrix, a layer's CX gates to one permutation."""
    jax, jnp = _jax()
    n = work.qubits
    source, signs = np.arange(2**n), 1.0 - 2.0 * (np.arange(2**n) >> work.observed & 1)
    for qubit in reversed(range(n - 1)):
        source = source ^ ((source >> qubit & 1) << (qubit + 1))

    def matrices(theta: Any) -> Any:
        """Return RZ RY RX of every layer and qubit, shape (L, n, 2, 2)."""
        a, b, c = jnp.moveaxis(theta.reshape(work.layers, n, 3), -1, 0) / 2
        p, q, r = jnp.cos(a) * jnp.cos(b), jnp.sin(a) * jnp.sin(b), jnp.sin(a) * jnp.cos(b)
        s, e = jnp.cos(a) * jnp.sin(b), jnp.exp(-1j * c)
        top = jnp.stack([e * (p + 1j * q), e * (-s - 1j * r)], axis=-1)
        low = jnp.stack([jnp.conj(e) * (s - 1j * r), jnp.conj(e) * (p - 1j * q)], axis=-1)
        return jnp.stack([top, low], axis=-2)

    def by_qubit(psi: Any, layer: Any) -> Any:
        for qubit in range(n):
            psi = jnp.einsum("ab,hbl->hal", layer[qubit], psi.reshape(-1, 2, 2**qubit))
        return psi.ravel()

    def by_half(psi: Any, layer: Any) -> Any:
        low = high = jnp.ones((1, 1))
        for qubit in range(n // 2):
            low = jnp.kron(layer[qubit], low)
        for qubit in range(n // 2, n):
            high = jnp.kron(layer[qubit], high)
        return (high @ psi.reshape(len(high), -1) @ low.T).ravel()

    def value(turn: Callable[[Any, Any], Any], theta: Any, state: Any) -> Any:
        for layer in matrices(theta):
            state = turn(state, layer)[source]
        return jnp.abs(state) ** 2 @ signs

    return {
        "2×2 per qubit": _mapped(jax, work, lambda *given: value(by_qubit, *given)),
        "matrix per half": _mapped(jax, work, lambda *given: value(by_half, *given)),
    }


def _jax() -> tuple[Any, Any]:
    import jax

    jax.config.update("jax_enable_x64", True)
    return jax, jax.numpy


def _mapped(jax: Any, work: Work, value: Callable[..., Any]) -> Callable[[], np.ndarray]:
    slopes = jax.jit(jax.vmap(jax.grad(value), in_axes=(None, 0)))
    states = work.states.astype(complex)
    return lambda: np.asarray(slopes(work.weights, states))


def _operations(work: Work, state: Any, theta: Any) -> list[Any]:
    """Return the circuit as PennyLane's operations; its wires are named as Qiskit's qubits."""
    import pennylane as qml

    n, angle = work.qubits, iter(theta)
    made = [qml.StatePrep(state, wires=range(n - 1, -1, -1))]
    for _ in range(work.layers):
        for qubit in range(n):
            made += [gate(next(angle), wires=qubit) for gate in (qml.RX, qml.RY, qml.RZ)]
        made += [qml.CNOT(wires=[qubit, qubit + 1]) for qubit in range(n - 1)]
    return made


# Parameter shift with shots.


class AerRun(PrimitiveBackend):
    """``AerSimulator.run`` with parameter_binds, and nothing more around it than there must be."""

    def __init__(self, work: Work, **options: Any) -> None:
        super().__init__(work.model, work.shots)
        self._aer = AerSimulator(**options)
        circuit = QuantumCircuit(work.qubits, 1).compose(work.model.circuit)
        circuit.measure(work.observed, 0)
        self._circuit = generate_preset_pass_manager(0, self._aer).run(circuit)

    def run(self, parameters: np.ndarray, rng: np.random.Generator) -> Expectations:
        """Run the circuit for every row."""
        columns = parameters.reshape(-1, parameters.shape[-1]).T.tolist()
        binds = dict(zip(self.model.parameters, columns, strict=True))
        options = {"shots": self.shots, "seed_simulator": int(rng.integers(2**31))}
        result = self._aer.run([self._circuit], parameter_binds=[binds], **options).result()
        zeros = np.array([entry.data.counts.get("0x0", 0) for entry in result.results])
        values = (2 * zeros / self.shots - 1).reshape(parameters.shape[:-1])
        return Expectations(values, np.sqrt((1 - values**2) / self.shots), Cost())


def _combined(**options: tuple[Any, ...]) -> dict[str, dict[str, Any]]:
    """Return every combination of options, by a name that tells it."""
    chosen = [dict(zip(options, values, strict=True)) for values in product(*options.values())]
    return {", ".join(f"{key}={value}" for key, value in one.items()): one for one in chosen}


def _aer_options(work: Work, density: bool) -> dict[str, dict[str, Any]]:
    always: dict[str, Any] = {"method": "statevector"}
    if density:
        always = {"method": "density_matrix", "noise_model": work.noise.model}
    tried = _combined(
        max_parallel_experiments=PARALLEL,
        runtime_parameter_bind_enable=(True, False),
        fusion_enable=(True, False),
    )
    return {name: {**always, **given} for name, given in tried.items()}


def aer_run(work: Work, density: bool = False) -> Settings:
    samples = work.samples["aer_density" if density else "aer_run"]
    return {
        name: partial(work.gradient, AerRun(work, **options), samples)
        for name, options in _aer_options(work, density).items()
    }


def aer_estimator(work: Work, density: bool = False, default: bool = False) -> Settings:
    samples, tried = work.samples["aer_density" if density else "aer_estimator"], {}
    noise = {"method": "density_matrix", "noise_model": work.noise.model} if density else {}
    for name, options in ({"default": noise} if default else _aer_options(work, density)).items():
        estimator = EstimatorV2(options={"backend_options": options})
        backend = EstimatorBackend(work.model, estimator, work.shots)
        tried[name] = partial(work.gradient, backend, samples)
    return tried


def reference_estimator(work: Work) -> Settings:
    # From a generator: with an integer seed the noise of both shifts would be the same.
    backend = EstimatorBackend(work.model, StatevectorEstimator(seed=work.rng), work.shots)
    return {"default": partial(work.gradient, backend, work.samples["reference"])}


# A step of VQC.fit.


def _step(work: Work, sampler: Any, batched: bool = False) -> Callable[[], np.ndarray]:
    size, rng = work.vqc, np.random.default_rng(0)
    ansatz = real_amplitudes(size["qubits"], reps=size["repetitions"])
    start = rng.uniform(-np.pi, np.pi, ansatz.num_parameters)
    x = rng.uniform(size=(size["samples"], size["qubits"]))
    y = np.arange(size["samples"]) % 2
    vqc = VQC(
        feature_map=zz_feature_map(size["qubits"]),
        ansatz=ansatz,
        optimizer=SGD(LEARNING_RATE, maxiter=1),
        initial_point=start,
        sampler=sampler,
    )
    if batched:
        vqc.neural_network.gradient = BatchedSamplerGradient(sampler)
    return lambda: np.asarray(vqc.fit(x, y).weights)


def vqc_qnlr(work: Work) -> Settings:
    return {
        f"threads={number}": _step(
            work,
            BatchedSampler(default_shots=work.vqc["shots"], seed=work.rng, threads=number),
            batched=True,
        )
        for number in PARALLEL
    }


def vqc_reference(work: Work) -> Settings:
    sampler = StatevectorSampler(default_shots=work.vqc["shots"], seed=work.rng)
    return {"default": _step(work, sampler)}


def vqc_aer(work: Work, default: bool = False) -> Settings:
    options = _combined(
        max_parallel_experiments=(CORES,), runtime_parameter_bind_enable=(True, False)
    )
    tried, shots = {"default": {}} if default else options, work.vqc["shots"]
    return {
        name: _step(work, SamplerV2(default_shots=shots, options={"backend_options": given}))
        for name, given in tried.items()
    }


class Peer(NamedTuple):
    """What is compared: a function of the work that returns settings to try, and what to note."""

    settings: Callable[[Work], Settings]
    note: str = ""


CACHED = "kernels were loaded from disk before; for a new process see process.csv"
STATES = "starts from ready-made states"
GAUSSIAN = "exact values plus Gaussian noise of constant width"
NO_READOUT = f"{GAUSSIAN}, no read-out errors"
PEERS: dict[str, dict[str, Peer]] = {
    "exact": {
        "qnlr": Peer(qnlr, CACHED),
        "PennyLane lightning.qubit, adjoint": Peer(lightning, STATES),
        "PennyLane default.qubit + JAX": Peer(pennylane_jax, STATES),
        "TensorCircuit-NG + JAX": Peer(tensorcircuit_jax, STATES),
        "JAX, hand-fused layers": Peer(jax_fused, f"{STATES}; written for this ansatz"),
    },
    "shots": {
        "qnlr": Peer(lambda work: qnlr(work, work.shots), CACHED),
        "Aer run with parameter_binds": Peer(aer_run),
        "Aer EstimatorV2, default": Peer(partial(aer_estimator, default=True), GAUSSIAN),
        "Aer EstimatorV2, best": Peer(aer_estimator, GAUSSIAN),
        "Qiskit StatevectorEstimator": Peer(reference_estimator, GAUSSIAN),
    },
    "noise": {
        "qnlr": Peer(lambda work: qnlr(work, work.shots, work.noise), CACHED),
        "Aer EstimatorV2, default": Peer(
            partial(aer_estimator, density=True, default=True), NO_READOUT
        ),
        "Aer EstimatorV2, best": Peer(partial(aer_estimator, density=True), NO_READOUT),
        "Aer run with parameter_binds": Peer(partial(aer_run, density=True)),
    },
    "vqc": {
        "qnlr BatchedSampler": Peer(vqc_qnlr),
        "Qiskit StatevectorSampler": Peer(vqc_reference),
        "Aer SamplerV2, default": Peer(partial(vqc_aer, default=True)),
        "Aer SamplerV2, best": Peer(vqc_aer),
    },
}
"""By mode; the first of each is qnlr."""
