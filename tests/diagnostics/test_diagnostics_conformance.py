"""What every diagnostic in the registry must be, so that help, configs and pages follow from it."""

import inspect
from typing import get_type_hints

import pandas as pd
import pytest
from qiskit import QuantumCircuit, qasm3
from qiskit.circuit import Parameter
from recorded_runs import record

from qnlr.diagnostics import DIAGNOSTICS
from qnlr.diagnostics.docstrings import described
from qnlr.diagnostics.findings import Findings, Map
from qnlr.diagnostics.verbs import diagnostic
from qnlr.study.diagnosis import order
from qnlr.study.figures import draw

SMALL = {
    "bounds": {},
    "cave": {"points": 21},
    "circuit": {"samples": 20},
    "drift": {
        "shots": (100,), "batch_sizes": (4,), "rates": (0.1,), "plateau_qubits": 4, "points": 10,
        "runs": 2, "steps": 20,
    },
    "fisher": {"qubits": (2,), "layers": (1, 2), "draws": 2, "samples": 3},
    "landscape": {"points": 5},
    "lemma_1": {"qubits": 3, "layers": 1, "rates": (0.1, 3.0), "shots": (0, 100), "points": 10},
    "lemma_2": {
        "qubits": 3, "layers": 1, "rates": (0.3, 3.0), "shots": (100,), "decreases": (0.01,),
        "points": 20,
    },
    "magnitudes": {"points": 3},
    "noise": {
        "qubits": (2,), "layers": (1, 2, 4, 8, 10), "noise_rates": (0.0, 0.01), "samples": 20,
        "fitted_from": 4,
    },
    "norms": {},
    "remark_1": {
        "qubits": 3, "layers": 1, "radii": (0.3, 0.5), "trajectories": 3, "steps": 10,
        "restarts": 100,
    },
    "theorem_1": {"qubits": 3, "layers": 1, "trajectories": 3, "steps": 10},
    "theorem_2": {
        "qubits": 2, "rates": (0.1, 1.0), "points": 5, "repeats": 3, "powers": (1.0,),
        "decay_steps": 50, "floor_rates": (0.1, 0.2), "floor_steps": 20, "trajectories": 3,
    },
    "two_stage": {
        "tasks": ("curve",), "seeds": 2, "tuning_seeds": 1, "steps": 20, "every": 10,
        "ablations": False, "rates": (0.01,), "adam_rates": (0.01,), "time_steps": (1.0,),
        "convex_steps": 5,
    },
    "variance": {"qubits": (2, 3, 4), "layers": ("1",), "samples": 20},
}  # fmt: skip
"""Settings with which each takes no more than a few seconds."""

GIVEN = ("told", "recorded")


def settings(function):
    parameters = inspect.signature(function).parameters.values()
    return [one for one in parameters if one.name not in (*GIVEN, "file")]


@pytest.fixture
def found(verb, tmp_path):
    function = diagnostic(verb)
    arguments, names = dict(SMALL[verb]), inspect.signature(function).parameters
    if "recorded" in names:
        arguments["recorded"] = record()
    if "file" in names:
        circuit = QuantumCircuit(2)
        circuit.ry(Parameter("a"), 0)
        circuit.cx(0, 1)
        circuit.ry(Parameter("b"), 1)
        arguments["file"] = tmp_path / "circuit.qasm"
        arguments["file"].write_text(qasm3.dumps(circuit))
    return function(**arguments)


def test_every_verb_is_tried():
    assert set(SMALL) == set(DIAGNOSTICS)


@pytest.mark.parametrize("verb", DIAGNOSTICS)
def test_its_signature_and_docstring_make_help_and_configs(verb):
    function = diagnostic(verb)
    said, hints = described(function.__doc__), get_type_hints(function)
    assert said.summary.endswith(".")
    assert hints["return"] is Findings
    names = inspect.signature(function).parameters
    assert ">>> " in said.example or "recorded" in names or "file" in names
    assert not {"name", "run", "results"} & set(names)  # which configs and commands have already
    for one in settings(function):
        assert one.default is not inspect.Parameter.empty, one.name
        assert said.arguments.get(one.name), one.name
    given = {**SMALL[verb], **({"file": "circuit.qasm"} if "file" in names else {})}
    checked = order(verb, given, "again").settings
    assert set(checked) == set(names) - set(GIVEN)


@pytest.mark.slow
@pytest.mark.parametrize("verb", DIAGNOSTICS)
def test_what_it_finds_is_labelled_and_can_be_drawn(verb, found):
    assert isinstance(found, Findings)
    assert found.title
    assert isinstance(found.frame, pd.DataFrame)
    assert not found.frame.empty
    for check in found.checks:
        assert check.statement
        assert check.predicted
        assert check.measured
    for drawing in found.drawings:
        labels = [drawing.xlabel, drawing.ylabel]
        labels += [drawing.label] if isinstance(drawing, Map) else []
        assert all(label.strip() for label in labels)
        assert draw(drawing).axes
