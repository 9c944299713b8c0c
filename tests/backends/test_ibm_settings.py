import pytest

from qnlr.backends.ibm.runtime import checked_options
from qnlr.backends.ibm.settings import DeviceSettings
from qnlr.errors import InputError

CRN = "crn:v1:bluemix:public:quantum-computing:us-east:a/0123::"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"device": ""}, "device = '' is not valid; it must be the name of a device"),
        ({"device": None}, 'device = None is not valid; .* such as "ibm_fez"'),
        ({"shots": 0}, "shots = 0 is not valid; it must be an integer from 1 to 10000000"),
        ({"shots": 1.5}, "shots = 1.5 is not valid; it must be an integer"),
        ({"shots": None}, "shots = None is not valid; it must be an integer"),
        ({"shots": 10_000_001}, "shots = 10000001 is not valid; .* from 1 to 10000000"),
        ({"transpiler_seeds": 0}, "transpiler_seeds = 0 is not valid; .* from 1 to 1000"),
        ({"budget_seconds": 0}, "budget_seconds = 0 is not valid; .* a finite number above 0"),
        ({"budget_seconds": float("inf")}, "budget_seconds = inf is not valid; .* above 0"),
        ({"budget_seconds": "300"}, "budget_seconds = '300' is not valid; .* above 0"),
        ({"max_jobs": 0}, "max_jobs = 0 is not valid; it must be an integer of at least 1"),
        ({"max_jobs": True}, "max_jobs = True is not valid; it must be an integer"),
        ({"max_execution_time": -1}, "max_execution_time = -1 is not valid; .* of at least 1"),
        ({"mode": "sesion"}, 'mode "sesion" is not known; did you mean "session"'),
        ({"mode": None}, "None.*auto, batch, job, session"),
        ({"primitive": "sampler2"}, "sampler2.*estimator, sampler"),
        ({"options": {"default_shots": 10}}, r"options.default_shots is not taken; set shots in"),
        ({"options": {"simulator": {}}}, "options.simulator is not taken; .* random stream"),
        ({"options": {"max_execution_time": 3}}, r"not taken; set max_execution_time in \[backend"),
        (
            {"primitive": "estimator", "readout_correction": True},
            "readout_correction = true belongs to the sampler; .*measure_mitigation",
        ),
        ({"learn_layer_noise": True}, 'belongs to PEA and PEC; set primitive = "estimator"'),
        (
            {"primitive": "estimator", "learn_layer_noise": True},
            "learn_layer_noise = true is not valid on fake_manila: .* hardware only",
        ),
        ({"instance": CRN}, "instance holds a CRN, .*; give the name .* or QISKIT_IBM_INSTANCE"),
    ],
)
def test_what_is_not_valid_is_named_with_what_is(settings, said):
    with pytest.raises(InputError, match=said) as caught:
        DeviceSettings(**{"device": "fake_manila", **settings})
    message = str(caught.value)
    assert "\n" not in message
    assert CRN not in message


@pytest.mark.parametrize(
    ("device", "is_local"),
    [("fake_fez", True), ("aer_simulator", True), ("ibm_fez", False), ("least_busy", False)],
)
def test_devices_on_this_machine_are_known_by_name(device, is_local):
    assert DeviceSettings(device).is_local is is_local


@pytest.mark.parametrize(
    ("primitive", "options", "said"),
    [
        ("sampler", {"twirlin": {}}, r"options.twirlin is not valid for the sampler: .*twirling"),
        ("sampler", {"twirling": {"enable": True}}, "options.twirling.enable is not valid"),
        ("estimator", {"resilience": {"zn": {}}}, "options.resilience.zn is not valid"),
        ("sampler", {"resilience_level": 1}, 'resilience_level.*; set primitive = "estimator"'),
        ("sampler", {"resilience": {}}, 'options.resilience.*; set primitive = "estimator"'),
        ("estimator", {"resilience_level": 3}, "options.resilience_level is not valid"),
        (
            "estimator",
            {"resilience": {"zne": {"noise_factors": [1]}}},
            "options.resilience.zne.* at least two noise factors",
        ),
        ("sampler", {"dynamical_decoupling": {"sequence_type": "YY"}}, "sequence_type"),
        ("estimator", {"twirling": "on"}, "options.twirling is not valid"),
    ],
)
def test_options_are_checked_by_the_model_of_their_primitive(primitive, options, said):
    with pytest.raises(InputError, match=said) as caught:
        checked_options(primitive, options)
    assert "valid names: " in str(caught.value)
    assert "\n" not in str(caught.value)


def test_options_arrive_where_they_belong():
    found = checked_options("estimator", {"resilience": {"zne": {"noise_factors": [1, 2]}}})
    assert list(found.resilience.zne.noise_factors) == [1, 2]
    found = checked_options("sampler", {"dynamical_decoupling": {"enable": True}})
    assert found.dynamical_decoupling.enable is True
