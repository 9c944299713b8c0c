"""The noise of layers: how it is kept, what learning it costs, and who may ask for it."""

import io
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit.quantum_info import PauliLindbladMap

from qnlr.backends import DeviceSettings, IBMBackend
from qnlr.backends.ibm.layers import from_arrays, learning_circuit, to_arrays
from qnlr.backends.ibm.price import Price
from qnlr.backends.ibm.target import offline_target
from qnlr.circuits import angle, hardware_efficient, variational_circuit, z
from qnlr.errors import CheckpointError, InputError

PEC = {"resilience": {"pec_mitigation": True}}
PEA = {"resilience": {"zne_mitigation": True, "zne": {"amplifier": "pea"}}}
LEARNED = {"primitive": "estimator", "learn_layer_noise": True}
PER_LAYER = 9 * 6 * 32 * 128  # bases, depths, randomisations, shots: the learner's defaults

# Layers that were boxed before must not change what those of another circuit are called.
OTHER_PROCESS = """
import json, sys
sys.path.insert(0, sys.argv[1])
from test_ibm_layers import PEA, backend
backend(PEA, qubits=2)
print(json.dumps([list(backend(PEA, layers=2).learning.layers), backend(PEA).learning.key]))
"""


def backend(options, qubits=3, layers=1, **settings):
    model = variational_circuit(
        angle(qubits, qubits), hardware_efficient(qubits, layers), z(qubits)
    )
    own = DeviceSettings("ibm_manila", options=options, **{**LEARNED, **settings})
    return IBMBackend(model, own, offline_target(model, own))


words = st.integers(1, 4).flatmap(
    lambda qubits: st.tuples(
        st.just(qubits),
        st.lists(
            st.tuples(
                st.text("IXYZ", min_size=qubits, max_size=qubits),
                st.floats(-1, 1, allow_nan=False),
            ),
            max_size=6,
        ),
    )
)


@given(noise=st.dictionaries(st.text("0123456789abcdef", min_size=1), words, max_size=4))
def test_noise_comes_back_from_its_file_as_it_was(noise):
    maps = {
        digest: PauliLindbladMap.from_list(terms, num_qubits=qubits)
        for digest, (qubits, terms) in noise.items()
    }
    file = io.BytesIO()
    np.savez_compressed(file, **to_arrays(maps))
    file.seek(0)
    with np.load(file, allow_pickle=False) as kept:
        found = from_arrays(kept)
    assert found == maps
    assert list(found) == list(maps)


def test_layers_are_found_again_in_another_process():
    here = str(Path(__file__).parent)
    process = subprocess.run(
        [sys.executable, "-c", OTHER_PROCESS, here],
        env={**os.environ, "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    )
    found = [list(backend(PEA, layers=2).learning.layers), backend(PEA).learning.key]
    assert json.loads(process.stdout) == found
    assert len(set(found[0])) == len(found[0]) == 3


def test_layers_are_told_apart_by_qubits_and_order_of_a_gate():
    learning = backend(PEC, layers=2).learning
    gates = set()
    for layer in learning.layers.values():
        circuit = learning_circuit(layer, 1, learning.device)
        steps = [step for step in circuit if step.name == "cx"]
        assert len(steps) % 2 == 0
        where = [tuple(circuit.find_bit(qubit).index for qubit in step.qubits) for step in steps]
        qubits = tuple(sorted(circuit.find_bit(qubit).index for qubit in layer.qubits))
        gates.add((qubits, tuple(sorted(where))))
    assert len(gates) == len(learning.layers)


def test_price_is_that_of_the_defaults_of_the_learner():
    found = backend(PEC, qubits=2)
    learning = found.learning
    (layer,) = learning.layers.values()
    target = learning.device.target
    (gate,) = layer.operation.body
    inside = [layer.operation.body.find_bit(qubit).index for qubit in gate.qubits]
    places = [layer.qubits[place]._index for place in inside]
    cx = target["cx"][tuple(places)].duration
    sx, ends = (max(target[name][(q,)].duration for q in places) for name in ("sx", "measure"))
    reset = max(target["reset"][(q,)].duration for q in places)
    lengths = [
        (2 * depth + 1) * 2 * sx + 2 * depth * cx + ends + reset for depth in (0, 1, 2, 4, 16, 32)
    ]
    price = found.learning_price()
    assert price.executions == PER_LAYER
    assert price.jobs == 1
    each = found.timing.rep_delay + np.mean(lengths)
    assert price.seconds == pytest.approx(2 + PER_LAYER * each, rel=1e-3)
    (part,) = learning.split
    assert part == list(learning.layers)


def test_every_layer_is_paid_for():
    found = backend(PEC, layers=2)
    price = found.learning_price()
    assert len(found.learning.layers) == 3
    assert price.executions == 3 * PER_LAYER
    assert 2 + 3 * PER_LAYER * 250e-6 < price.seconds < 2 + 3 * PER_LAYER * 300e-6


def test_nothing_is_learned_and_paid_where_it_is_not_wanted():
    plain = backend({}, primitive="sampler", learn_layer_noise=False)
    assert plain.learning is None
    assert plain.learning_price() == Price(0, 0, 0.0)
    assert plain.knowing(plain.journal) is plain


def test_max_execution_time_splits_the_learning_into_jobs():
    whole = backend(PEC, layers=2).learning
    longest = max(whole.seconds.values())
    split = backend(PEC, layers=2, max_execution_time=math.ceil(1.25 * (longest + 2)))
    price = split.learning_price()
    assert price.jobs == 3
    assert price.executions == 3 * PER_LAYER
    assert price.seconds == pytest.approx(whole.price.seconds + 2 * 2)
    assert [digest for part in split.learning.split for digest in part] == list(whole.layers)


def test_max_execution_time_that_is_too_short_is_refused():
    least = max(backend(PEC).learning.seconds.values())
    found = backend(PEC, max_execution_time=60)
    with pytest.raises(InputError, match="max_execution_time = 60 ends a job") as refused:
        found.learning_price()
    assert f"at least {1.25 * (least + 2):.0f}," in str(refused.value)


@pytest.mark.parametrize(
    ("options", "factors"), [(PEC, 1), (PEA, 3)], ids=["PEC", "PEA at noise factors 1, 3, 5"]
)
def test_executions_are_counted_before_the_noise_is_known(options, factors):
    found = backend(options, shots=1000)
    twirled = 64 * math.ceil(1000 / 64)
    assert found.price(1).executions == (factors + 1) * twirled  # and one for the read-out
    assert found.price(5).executions == (5 * factors + 1) * twirled


@pytest.mark.parametrize(
    ("options", "settings", "words"),
    [
        (PEC, {"learn_layer_noise": False}, r"set learn_layer_noise = true in \[backend\]"),
        (PEA, {"learn_layer_noise": False}, r"set learn_layer_noise = true in \[backend\]"),
        ({}, {}, r"is of use to PEA and PEC alone; set options\.resilience\.pec_mitigation"),
        ({"resilience_level": 2}, {}, "is of use to PEA and PEC alone"),
        (PEC, {"qubits": 1}, "layers of two-qubit gates, of which the circuit has none"),
        (PEC, {"primitive": "sampler"}, 'set primitive = "estimator"'),
    ],
)
def test_one_without_the_other_is_refused(options, settings, words):
    with pytest.raises(InputError, match=words):
        backend(options, **settings)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"learn_layer_noise": True}, "the noise of layers is learned on hardware only"),
        ({}, r"PEA and PEC are not valid on fake_manila: .* learned on hardware only"),
    ],
)
def test_fake_devices_have_no_noise_to_learn(model, settings, words):
    with pytest.raises(InputError, match=words):
        IBMBackend(
            model,
            DeviceSettings("fake_manila", primitive="estimator", options=PEC, **settings),
        )


def test_noise_of_other_layers_is_refused():
    learning = backend(PEC, layers=2).learning
    maps = dict(learning.identities)
    maps.pop(next(iter(maps)))
    with pytest.raises(CheckpointError, match=r"the noise of 1 of 3 layers was not learned"):
        learning.known_to(backend(PEC, layers=2).options, maps)
