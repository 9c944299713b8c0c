"""``[problem]``: what is minimised, a classifier's loss or a Hamiltonian's energy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from pydantic import Discriminator, Field, Tag

from qnlr.circuits import GRAPHS, HAMILTONIANS
from qnlr.problems import HEADS, LOSSES
from qnlr.study.parts import Part, Table, part

CLASSIFICATION = "classification"

if TYPE_CHECKING:
    Loss: TypeAlias = Part
    Head: TypeAlias = Part
    Hamiltonian: TypeAlias = Part
    GraphPart: TypeAlias = Part
else:
    Loss = part(LOSSES)
    Head = part(HEADS)
    Hamiltonian = part(HAMILTONIANS, omit=("qubits",))
    GraphPart = part(GRAPHS, omit=("nodes",))


def called(name: str) -> Any:
    """Return the default of a part: the one of that name, with its own defaults."""
    return Field(default=name)


class ClassificationTable(Table):
    """``[problem]`` with data: the head of the model, and the loss of a sample."""

    name: Literal["classification"] = Field(default="classification", exclude=True)
    loss: Loss = called("squared_error")
    head: Head = called("bare")


class VQETable(Table):
    """``[problem]`` without data: the Hamiltonian whose ground state is sought."""

    name: Literal["vqe"]
    hamiltonian: Hamiltonian


class QAOATable(Table):
    """``[problem]`` without data: the graph whose largest cut is sought."""

    name: Literal["qaoa"]
    graph: GraphPart


def _name(given: Any) -> str:
    found = given.get("name") if isinstance(given, Mapping) else getattr(given, "name", None)
    return CLASSIFICATION if found is None else str(found)


ProblemTable = Annotated[
    Annotated[ClassificationTable, Tag(CLASSIFICATION)]
    | Annotated[VQETable, Tag("vqe")]
    | Annotated[QAOATable, Tag("qaoa")],
    Discriminator(_name),
]
