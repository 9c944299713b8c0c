import pandas as pd
import pytest

from qnlr.diagnostics.probe_failure import lemma_1
from qnlr.errors import InputError

SMALL = {"qubits": 4, "layers": 2, "points": 80}


@pytest.fixture(scope="module")
def found():
    return lemma_1(rates=(1e-3, 0.3, 20.0), shots=(0, 20), **SMALL | {"points": 200})


def named(findings, start):
    return next(check for check in findings.checks if check.statement.startswith(start))


def test_every_probe_is_counted_once(found):
    assert len(found.frame) == 2 * 2 * 3 * 200
    rates = found.tables["rates"]
    cells = ["said_and_failed", "said_not_failed", "failed_unsaid", "neither"]
    assert (rates[cells].sum(axis=1) == 200).all()
    assert (rates["failed"] * 200 == rates["said_and_failed"] + rates["failed_unsaid"]).all()


def test_at_a_small_rate_the_condition_says_which_exact_probes_fail(found):
    small = found.frame[found.frame["rate"] == 1e-3]
    assert (small["condition"] == small["failed"]).mean() > 0.99
    assert small["failed"].any()
    assert named(found, "as η → 0 a probe").holds


def test_at_a_large_rate_it_does_not(found):
    large = found.frame[found.frame["rate"] == 20.0]
    assert (large["condition"] == large["failed"]).mean() < 0.9


def test_no_probe_fails_with_exact_gradients_at_a_small_rate(found):
    sharp = found.frame[(found.frame["shots"] == 0) & (found.frame["rate"] == 1e-3)]
    assert not sharp["failed"].any()
    assert named(found, "with an exact gradient").holds


def test_the_remainder_is_of_third_order():
    found = lemma_1(rates=(1e-3, 1e-2, 1e-1), shots=(20,), **SMALL)
    assert named(found, "what Eq. 11 leaves out").holds


def test_the_check_of_the_condition_fails_where_rates_are_large():
    found = lemma_1(rates=(20.0,), shots=(20,), **SMALL)
    assert not named(found, "as η → 0 a probe").holds


def test_noise_of_the_costs_decides_measured_probes(found):
    noisy = found.frame[(found.frame["shots"] == 20) & (found.frame["rate"] == 1e-3)]
    assert noisy["read_higher"].mean() == pytest.approx(noisy["probability"].mean(), abs=0.12)
    assert noisy["probability"].between(0.3, 0.55).all()
    assert not named(found, "Eq. 12 tells when a probe fails that").holds


def test_rates_do_not_change_the_weights_and_a_seed_changes_all():
    one, other = (lemma_1(rates=rates, shots=(0,), **SMALL) for rates in ((0.1,), (0.2, 0.1)))
    again = other.frame[other.frame["rate"] == 0.1].reset_index(drop=True)
    pd.testing.assert_frame_equal(one.frame, again)
    reseeded = lemma_1(rates=(0.1,), shots=(0,), seed=1, **SMALL)
    assert not (reseeded.frame["change"] == one.frame["change"]).any()


def test_progress_is_told():
    told = []
    lemma_1(
        qubits=2, layers=1, rates=(0.1,), shots=(0, 5), points=2, told=lambda *at: told.append(at)
    )
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"points": 1}, "points = 1"),
        ({"rates": ()}, "must not be empty"),
        ({"rates": (0.0,)}, "rates = 0.0"),
        ({"shots": (-1,)}, "shots = -1"),
        ({"qubits": 0}, "qubits = 0"),
    ],
)
def test_settings_are_checked(settings, said):
    with pytest.raises(InputError, match=said):
        lemma_1(**({"qubits": 2, "layers": 1} | settings))
