"""What a device that is simulated here would measure without shot noise."""

import numpy as np
from qiskit.circuit import Parameter, ParameterExpression
from qiskit_aer.noise import NoiseModel

from qnlr.backends import SimulatorBackend
from qnlr.backends.primitives import parameter_array
from qnlr.circuits import VariationalCircuit
from qnlr.noise import Noise


def exact_values(backend, weights, angles):
    """Exact values of a backend's ISA circuit by the fast simulator, with the device's noise.

    It takes bare parameters only, so every gate gets one, at the angle that its expression has.
    """
    program = backend._program
    circuit, expressions = program.circuit.copy_empty_like(), []
    for instruction in program.circuit.data:
        operation = instruction.operation.to_mutable()
        for place, value in enumerate(operation.params):
            if isinstance(value, ParameterExpression):
                expressions.append(value)
                operation.params[place] = Parameter(f"gate[{len(expressions):04d}]")
        circuit.append(operation, instruction.qubits)
    names = [parameter.name for parameter in backend.model.parameters]
    found = []
    rows = parameter_array(np.asarray(weights), np.asarray(angles))
    for row in rows.reshape(-1, len(names)):
        known = dict(zip(names, row, strict=True))
        found.append([float(one.bind({p: known[p.name] for p in one.parameters}))
                      for one in expressions])  # fmt: skip
    parameters = tuple(sorted(circuit.parameters, key=lambda one: one.name))
    model = VariationalCircuit(circuit, parameters, (), program.observable, 1)
    noise = Noise(NoiseModel.from_backend(program.device), "that of a part of a device")
    simulator = SimulatorBackend(model, noise=noise)
    values = simulator.values(np.zeros(0), np.array(found), np.random.default_rng(0)).values
    return values.reshape(rows.shape[:-1])
