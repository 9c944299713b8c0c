from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qnlr.backends.ibm.caps import Budget, Caps
from qnlr.backends.ibm.journal import JobRecord

SECONDS = st.floats(0.1, 100.0)


def job(tag, estimate, **about):
    return JobRecord(tag, "phase", 0, 0, estimate, **{"job_id": f"id-{tag}", **about})


def settled(tag, estimate, charge, state="done"):
    return job(tag, estimate, state=state, charge=charge)


@given(st.lists(st.tuples(SECONDS, SECONDS), min_size=1, max_size=8))
def test_the_correction_is_what_settled_jobs_cost_beside_their_estimates(pairs):
    jobs = [settled(str(n), estimate, charge) for n, (estimate, charge) in enumerate(pairs)]
    budget = Budget(Caps(1e6), jobs)
    estimated, charged = (sum(part) for part in zip(*pairs, strict=True))
    assert budget.correction == pytest.approx(charged / estimated)
    assert budget.spent == pytest.approx(charged)
    budget.count(job("under way", 10.0, state="submitted"))
    assert budget.spent == pytest.approx(charged + 10.0 * charged / estimated)
    assert budget.left == pytest.approx(1e6 - budget.spent)


def test_jobs_without_a_result_or_a_charge_say_nothing_of_the_correction():
    jobs = [
        settled("failed", 10.0, 1.0, state="failed"),
        job("open", 4.0, state="submitted"),
        job("unsettled", 3.0, state="done"),
        settled("local", 0.0, 0.5),
    ]
    budget = Budget(Caps(100.0), jobs)
    assert budget.correction == 1.0
    assert budget.spent == pytest.approx(1.0 + 4.0 + 3.0 + 0.5)
    assert Budget(Caps(100.0), [settled("free", 5.0, 0.0)]).correction == 1.0


def test_planned_and_dead_jobs_cost_nothing_until_they_are_charged():
    planned = job("planned", 9.0, job_id=None)
    budget = Budget(Caps(10.0), [planned, job("dead", 9.0, state="cancelled")])
    assert budget.spent == 0.0
    assert budget.jobs == 1
    budget.count(settled("dead", 9.0, 2.5, state="cancelled"))
    assert (budget.spent, budget.jobs) == (2.5, 1)


def test_a_reservation_holds_until_it_is_released_or_becomes_a_job():
    budget = Budget(Caps(10.0, max_jobs=3))
    assert budget.reserve({"a": 4.0, "b": 5.0}) is None
    assert (budget.spent, budget.jobs, budget.left) == (9.0, 2, 1.0)
    assert "9.0 of 10 QPU seconds spent; the next phase would take about 2.0" in (
        budget.reserve({"c": 2.0})
    )
    assert budget.jobs == 2
    budget.release("b")
    budget.release("b")
    budget.count(job("a", 4.0, state="submitted"))
    assert (budget.spent, budget.jobs) == (4.0, 1)
    assert budget.reserve({"d": 1.0, "e": 1.0, "f": 1.0}) == (
        "1 of 3 jobs submitted; the next phase needs 3"
    )
    assert budget.reserve({"d": 6.0}) is None
    assert budget.left == 0.0


def test_a_new_price_is_corrected_by_what_was_charged():
    budget = Budget(Caps(100.0), [settled("a", 10.0, 30.0)])
    assert budget.refusal([23.0]) is None
    assert budget.refusal([24.0]).endswith("the next phase would take about 72.0")


def test_runs_side_by_side_never_reserve_more_than_there_is():
    budget = Budget(Caps(50.0, max_jobs=1000))

    def take(number):
        refusal = budget.reserve({str(number): 1.0})
        if refusal is None and number % 3 == 0:
            budget.count(settled(str(number), 1.0, 1.0))
        return refusal is None

    with ThreadPoolExecutor(8) as pool:
        taken = sum(pool.map(take, range(400)))
    assert taken == budget.jobs == 50
    assert budget.spent == pytest.approx(50.0)
