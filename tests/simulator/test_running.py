import pickle
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qnlr.errors import InputError
from qnlr.simulator import running
from qnlr.simulator.blocks import collect_blocks, unitaries
from qnlr.simulator.running import Threads, prepare, require_memory
from qnlr.simulator.tape import compile_tape


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 6), st.integers(0, 40))
def test_every_element_is_worked_on_once(number, elements):
    times = np.zeros(elements, dtype=int)

    def work(low, high):
        times[low:high] += 1

    Threads(number).share(work, elements)
    assert (times == 1).all()


def test_parts_run_side_by_side():
    meeting = threading.Barrier(3, timeout=10)
    Threads(3).share(lambda *_: meeting.wait(), 3)


@pytest.mark.parametrize("bad", [0, 1, 2])
def test_an_error_in_any_part_is_raised(bad):
    def work(low, high):
        if low <= bad < high:
            raise InputError("no")

    with pytest.raises(InputError, match="no"):
        Threads(3).share(work, 3)


@pytest.mark.parametrize("number", [0, -1, 1.5])
def test_a_number_of_threads_that_is_no_count_is_refused(number):
    with pytest.raises(InputError, match="threads"):
        Threads(number)


def test_threads_go_to_other_processes():
    threads = Threads(2)
    threads.share(lambda *_: None, 4)
    other = pickle.loads(pickle.dumps(threads))
    assert other.number == 2
    other.share(lambda *_: None, 4)


@pytest.mark.parametrize(("available", "fits"), [(2**30, True), (2**30 - 1, False)])
def test_what_does_not_fit_in_memory_is_refused(monkeypatch, available, fits):
    few = lambda: type("Memory", (), {"available": available})
    monkeypatch.setattr(running.psutil, "virtual_memory", few)
    if fits:
        require_memory("a thing", 2.0**30)
    else:
        with pytest.raises(InputError, match=r"a thing needs 1 GiB of memory, but 1 GiB are"):
            require_memory("a thing", 2.0**30)


def test_blocks_are_shared_where_elements_do_not_differ(make):
    circuit = make.circuit(1, opened=1, initialize=False)
    tape = compile_tape(circuit)
    blocks = collect_blocks(tape)
    values = make.values(circuit, 4)
    for rows, any_varies in ((values, True), (values[[0, 0, 0]], False), (values[:1], False)):
        angles = tape.angles.values(rows)
        found = prepare(blocks, angles, unitaries, blocks.unitaries, (8,))
        assert found.varies.any() == any_varies
        assert found.each.shape == (found.varies.sum(), 8, len(rows))
