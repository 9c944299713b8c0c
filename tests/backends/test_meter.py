import json

import numpy as np

from qnlr.backends import Meter, MeteredBackend, statevector
from qnlr.types import Cost

ANGLES = np.array([[0.2, 0.9], [1.3, -0.4], [2.2, 0.1]])


def test_every_job_is_counted(model, weights):
    metered = MeteredBackend(statevector(model, shots=10), Meter())
    assert metered.shots == 10
    metered.values(weights, ANGLES, np.random.default_rng(0))
    assert metered.meter.cost == Cost(circuits=3, shots=30, jobs=1)
    first = metered.meter.seconds
    metered.jacobian(weights, ANGLES, np.random.default_rng(0))
    assert metered.meter.cost == Cost(circuits=3 + 39, shots=30 + 390, jobs=2)
    assert 0 < first < metered.meter.seconds


def test_exact_values_cost_no_shots(model, weights):
    metered = MeteredBackend(statevector(model), Meter())
    assert metered.shots is None
    metered.jacobian(weights, ANGLES, np.random.default_rng(0))
    assert metered.meter.cost == Cost(circuits=39, shots=0, jobs=1)


def test_the_measurement_is_passed_on_unchanged(model, weights):
    backend = statevector(model, shots=10)
    metered = MeteredBackend(backend, Meter())
    for name in ("values", "jacobian"):
        found = getattr(metered, name)(weights, ANGLES, np.random.default_rng(6))
        expected = getattr(backend, name)(weights, ANGLES, np.random.default_rng(6))
        np.testing.assert_equal(vars(found), vars(expected))


def test_one_meter_may_serve_two_backends(model, weights):
    meter = Meter()
    for shots in (None, 5):
        backend = MeteredBackend(statevector(model, shots), meter)
        backend.values(weights, ANGLES, np.random.default_rng(0))
    assert meter.cost == Cost(circuits=6, shots=15, jobs=2)


def test_state_round_trip():
    meter = Meter()
    meter.add(Cost(2, 200, 1), seconds=0.25)
    meter.add(Cost(3, 10**12, 1), seconds=0.5)
    plain = json.loads(json.dumps(meter.state_dict()))
    again = Meter.from_state(plain)
    assert again == meter
    again.add(Cost(1, 1, 1), seconds=1.0)
    assert again.cost == Cost(6, 10**12 + 201, 3)
    assert again.seconds == 1.75
    assert meter.cost.jobs == 2
