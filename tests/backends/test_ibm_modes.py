import pytest

from qnlr.backends.ibm.modes import Modes, choose_mode
from qnlr.errors import InputError


@pytest.mark.parametrize(
    ("plan", "runs", "phases", "phase_seconds", "expected"),
    [
        ("premium", 1, 3, 7.1, "session"),
        ("premium", 4, 3, 7.1, "session"),
        ("premium", 1, 2, 100.0, "job"),
        ("premium", 1, 50, 6.9, "job"),
        ("premium", 2, 50, 6.9, "batch"),
        ("open", 1, 50, 100.0, "job"),
        ("open", 2, 50, 100.0, "batch"),
        (None, 1, 50, 100.0, "job"),
        (None, 3, 1, 0.0, "batch"),
    ],
)
def test_auto_takes_a_session_only_where_there_is_one_and_it_pays(
    plan, runs, phases, phase_seconds, expected
):
    assert choose_mode("auto", plan, runs, phases, phase_seconds) == expected


@pytest.mark.parametrize("wanted", ["job", "batch", "session"])
def test_what_is_wanted_is_taken(wanted):
    assert choose_mode(wanted, "premium", runs=1, phases=1, phase_seconds=0.1) == wanted


def test_a_session_on_the_open_plan_is_refused_in_one_sentence():
    with pytest.raises(InputError, match=r'the open plan.*; set mode = "auto", "batch" or "job"'):
        choose_mode("session", "open", runs=1, phases=50, phase_seconds=100.0)


def test_single_jobs_go_to_the_device_itself():
    device = object()
    modes = Modes(device)
    assert modes.current() is device
    assert modes.named(device) == {"mode": "job", "mode_id": None}
    assert modes.active_seconds() is None
    assert modes.waits == 0.0
    modes.closed(device)
    modes.close()
    assert modes.current() is device
