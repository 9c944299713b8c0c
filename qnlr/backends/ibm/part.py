"""One part of a phase: rows of parameters that are one job."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qnlr.backends.ibm.program import EstimatorProgram, SamplerProgram
from qnlr.types import FloatArray


@dataclass(frozen=True, eq=False)
class RowsPart:
    """Rows of parameters, as one job.

    Args:
        program: What is run for every row.
        rows: The rows, shape (n, D + P).
        options: Options of the primitive.
        estimate: QPU seconds that it is expected to be charged.
        seed: Seeds a device that is simulated here; None for one that is not.
        about: Gives its provenance.
    """

    program: SamplerProgram | EstimatorProgram
    rows: FloatArray
    options: Any
    estimate: float
    seed: int | None
    about: Callable[[], dict[str, Any]]

    def submit(self, mode: Any, tags: Sequence[str], limit: int | None) -> Any:
        """Submit it to a device, session or batch, and return the job."""
        from qnlr.backends.ibm.runtime import submit, with_run

        options = with_run(
            self.options,
            shots=self.program.shots,
            tags=tags,
            seed=self.seed,
            max_execution_time=limit,
        )
        return submit(self.program.primitive, mode, self.program.pubs(self.rows), options)

    def decode(self, result: Any) -> Mapping[str, np.ndarray]:
        """Return of its result what is worth keeping."""
        return self.program.decode(result)


def part_seed(seed: int, number: int) -> int:
    """Return the seed of a part of a phase, from that of the phase.

    Example:
        >>> part_seed(7, 0) == part_seed(7, 1)
        False
    """
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0] >> 1)
