"""How many executions and jobs a phase takes on a device, and what they cost."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from qnlr.backends.ibm.limits import rows_per_job
from qnlr.backends.ibm.price import Price, Timing, qpu_seconds
from qnlr.backends.ibm.program import EstimatorProgram, SamplerProgram


@dataclass(frozen=True, eq=False)
class Counting:
    """Counts what phases of a program are made of: twirling and calibration included.

    Args:
        program: What is run for every row of parameters.
        options: Options of its primitive.
        timing: How long one execution takes on the device.
        max_seconds: QPU seconds that a job may take, or None for the service's own limit.
    """

    program: SamplerProgram | EstimatorProgram
    options: Any
    timing: Timing
    max_seconds: float | None = None

    @cached_property
    def _each_and_once(self) -> tuple[int, int]:
        """Executions for every row of a job, and for every job: they are linear in the rows."""
        from qnlr.backends.ibm.runtime import executions, with_run

        program = self.program
        options = with_run(self.options, shots=program.shots)
        one, two = (
            executions(
                program.primitive,
                program.device,
                program.pubs(np.zeros((rows, len(program.parameters)))),
                options,
            )
            for rows in (1, 2)
        )
        return two - one, 2 * one - two

    @cached_property
    def rows_per_job(self) -> int:
        """The most rows that one job takes."""
        return rows_per_job(*self._each_and_once, self.timing, self.max_seconds)

    def executions(self, rows: int) -> int:
        """Return the executions of one job."""
        each, once = self._each_and_once
        return rows * each + once

    def seconds(self, rows: int) -> float:
        """Return the QPU seconds of one job."""
        return qpu_seconds(self.executions(rows), 1, self.timing)

    def split(self, rows: int) -> list[int]:
        """Return the rows of the jobs of a phase, as even as can be."""
        number = -(-rows // self.rows_per_job)
        return [rows // number + (place < rows % number) for place in range(number)]

    def price(self, rows: int) -> Price:
        """Return what a phase costs."""
        sizes = self.split(rows)
        executions = sum(self.executions(size) for size in sizes)
        return Price.of(executions, len(sizes), self.timing)
