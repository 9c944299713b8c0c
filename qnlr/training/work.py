"""What a run has still to measure: the phases of its steps and of its evaluations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from qnlr.training.loop import Training


@dataclass(frozen=True)
class Phase:
    """One call of a backend.

    Args:
        name: ``"gradient"``, ``"loss"``, ``"train"`` or ``"test"``: the last two are evaluations.
        circuits: Weight vectors times samples, before bases.
    """

    name: str
    circuits: int


@dataclass(frozen=True)
class Planned:
    """The phases that a run has still to make.

    Args:
        step: Phases of one step.
        steps: Steps left.
        evaluation: Phases of one evaluation.
        evaluations: Evaluations left.

    Example:
        >>> step = (Phase("gradient", 181 * 32), Phase("loss", 32))
        >>> left = Planned(step, 500, (Phase("train", 400), Phase("test", 100)), 1)
        >>> left.phases, left.circuits
        (1002, 2912500)
    """

    step: tuple[Phase, ...]
    steps: int
    evaluation: tuple[Phase, ...]
    evaluations: int

    @property
    def by_phase(self) -> tuple[tuple[Phase, int], ...]:
        """Each phase, and how often it is made."""
        return (
            *((phase, self.steps) for phase in self.step),
            *((phase, self.evaluations) for phase in self.evaluation),
        )

    @property
    def phases(self) -> int:
        """Phases in all."""
        return sum(number for _, number in self.by_phase)

    @property
    def circuits(self) -> int:
        """Circuits in all, before bases."""
        return sum(phase.circuits * number for phase, number in self.by_phase)


def planned(training: Training, executions: Callable[[int], int] | None = None) -> Planned:
    """Return what a run has still to measure, from where it now stands.

    A run that diverges, reaches its target, or whose optimizer ends by itself measures less.

    Args:
        training: The run.
        executions: Gives the executions of a phase of so many circuits; by default circuits ×
            bases × shots. It decides where ``max_shots`` ends the run.

    Returns:
        The phases, in the order in which a step or an evaluation makes them.
    """
    problem, settings = training.problem, training.settings
    gradients, losses = training.optimizer.evaluations_per_step
    rows = training.gradient.rows(problem.num_circuit_weights)
    step = (
        *(Phase("gradient", rows * settings.batch_size) for _ in range(gradients)),
        *(Phase("loss", settings.batch_size) for _ in range(losses)),
    )
    done = training.steps_done
    steps = _steps(training, step, executions or _plain(training))
    samples = {"train": len(problem.train), "test": len(problem.test)}
    evaluation = tuple(Phase(name, number) for name, number in samples.items() if number)
    return Planned(step, steps, evaluation, _evaluations(training, done, done + steps))


def _plain(training: Training) -> Callable[[int], int]:
    backend = training.backend
    each = backend.circuits_per_value * (backend.shots or 0)
    return lambda circuits: circuits * each


def _steps(training: Training, step: tuple[Phase, ...], executions: Callable[[int], int]) -> int:
    """Return the steps until all are made, or the next would pass the budget of shots."""
    left = max(0, training.total_steps - training.steps_done)
    most = training.settings.max_shots
    if training.optimizer.ended:
        return 0
    if most is None:
        return left
    # The training asks for the shots alone before a step, and is charged for all executions.
    asked = sum(_plain(training)(phase.circuits) for phase in step)
    charged = sum(executions(phase.circuits) for phase in step)
    spare = most - training.meter.cost.shots - asked
    return min(left, spare // charged + 1) if spare >= 0 else 0


def _evaluations(training: Training, done: int, last: int) -> int:
    """Return how many evaluations come after step ``done``, with that of the last weights."""
    every = training.settings.evaluate_every
    on_the_way = last // every - done // every if every else 0
    kept = training.state_dict()["evaluations"]
    known = kept is not None and kept["step"] == last
    evaluated = known or (last > done and every > 0 and last % every == 0)
    return on_the_way + (not evaluated)
