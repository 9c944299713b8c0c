"""``[problem]``: a classifier's, a Hamiltonian's or a graph's, and what does not go with it."""

import numpy as np
import pytest

from qnlr.circuits import GRAPHS, HAMILTONIANS, ring, transverse_ising
from qnlr.errors import InputError
from qnlr.problems import Classification, Cut, Energy
from qnlr.study import load_study
from qnlr.study.build import Builder, validate
from qnlr.study.schema import RunSpec
from qnlr.study.spec import run_id

VQE = {
    "name": "tiny",
    "circuit": {"qubits": 4, "layers": 2},
    "problem": {"name": "vqe", "hamiltonian": "transverse_ising"},
    "training": {"steps": 3},
    "optimizer": "sgd",
}
QAOA = {
    **VQE,
    "circuit": {"qubits": 4, "layers": 2, "ansatz": "qaoa"},
    "problem": {"name": "qaoa", "graph": "ring"},
}
CONFIG = """name = "tiny"
[circuit]
qubits = 4
layers = 3
[problem]
name = "vqe"
hamiltonian = "transverse_ising"
[training]
steps = 3
[optimizer]
name = "sgd"
"""


def checked(file):
    validate(load_study(file), Builder())


def first_of(config):
    return load_study(config).runs[0]


@pytest.mark.parametrize(("config", "kind"), [(VQE, Energy), (QAOA, Cut)])
def test_a_problem_without_data_is_built(config, kind):
    spec = first_of(config)
    training = Builder().run(spec)
    assert type(training.problem) is kind
    assert not spec.has_data
    assert spec.training.batch_size == 1
    assert (len(training.problem.train), len(training.problem.test)) == (1, 0)
    found = training.metrics(training.run())
    assert np.isfinite(found["metric_train_loss"])
    assert np.isnan(found["metric_test_loss"])


def test_energies_are_above_the_ground_and_cuts_below_the_largest():
    training = Builder().run(first_of(VQE))
    found = training.metrics(training.run())
    ground = np.linalg.eigvalsh(transverse_ising(4).to_matrix())[0]
    assert found["metric_energy"] == pytest.approx(found["metric_train_loss"])
    assert found["metric_energy_error"] == pytest.approx(found["metric_energy"] - ground)
    training = Builder().run(first_of(QAOA))
    found = training.metrics(training.run())
    assert found["metric_cut_ratio"] == pytest.approx(found["metric_cut"] / 4)
    assert 0 < found["metric_cut_ratio"] <= 1
    assert training.problem.graph == ring(4)


@pytest.mark.parametrize("config", [VQE, QAOA])
def test_plain_data_have_nothing_that_reads_samples(config):
    spec = first_of(config)
    plain = spec.model_dump(mode="json")
    assert "data" not in plain
    assert not {"encoding", "observable"} & set(plain["circuit"])
    assert plain["problem"]["name"] == spec.problem.name
    assert run_id(RunSpec.model_validate(plain)) == run_id(spec)


def test_a_classifier_needs_no_name(small):
    spec = first_of(small)
    named = first_of({**small, "problem": {"name": "classification"}})
    assert run_id(named) == run_id(spec)
    assert "name" not in spec.model_dump(mode="json")["problem"]
    assert isinstance(Builder().run(spec).problem, Classification)


@pytest.mark.parametrize("name", HAMILTONIANS)
def test_every_hamiltonian_has_a_table(name):
    problem = {"name": "vqe", "hamiltonian": name}
    training = Builder().run(first_of({**VQE, "problem": problem}))
    training.step()
    assert training.problem.num_weights == 24


@pytest.mark.parametrize("name", GRAPHS)
def test_every_graph_has_a_table(name):
    table = {"name": name, **({"edges": [[0, 1, 1.0], [2, 3, 0.5]]} if name == "listed" else {})}
    training = Builder().run(first_of({**QAOA, "problem": {"name": "qaoa", "graph": table}}))
    training.step()
    assert training.problem.num_weights == 4


@pytest.mark.parametrize(
    ("changes", "line", "words"),
    [
        ({"append": '[data]\nname = "digits"\nfeatures = 4\n'}, 12, "[data] is not valid with"),
        ({"layers = 3": 'layers = 3\nencoding = "angle"'}, 5, "circuit.encoding is not valid"),
        ({"layers = 3": 'layers = 3\nobservable = "z"'}, 5, "circuit.observable is not valid"),
        ({'"vqe"': '"vqee"'}, 6, 'problem "vqee" is not known; did you mean "vqe"?'),
        ({'hamiltonian = "transverse_ising"\n': ""}, 5, "problem.hamiltonian is missing"),
        ({'"transverse_ising"': '"ising"'}, 7, '"ising" is not known'),
        ({'"vqe"\nhamiltonian = "transverse_ising"': '"qaoa"'}, 5, "problem.graph is missing"),
        ({"steps = 3": "steps = 3\nbatch_size = 5"}, 10, "there are 1 training samples"),
        ({'name = "vqe"\nhamiltonian = "transverse_ising"\n': ""}, None, "data is missing"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_line(changes, line, words, tmp_path):
    text = CONFIG
    for old, new in changes.items():
        text = text + new if old == "append" else text.replace(old, new)
    file = tmp_path / "tiny.toml"
    file.write_text(text)
    with pytest.raises(InputError) as caught:
        checked(file)
    message = str(caught.value)
    assert message.startswith(f"{file}:{line}: " if line else f"{file}: ")
    assert words in message
    assert "{" not in message
    assert "\n" not in message


def test_a_misfit_in_an_axis_is_found_there(small):
    small["problem"] = [{"loss": "squared_error"}, VQE["problem"]]
    with pytest.raises(InputError, match=r"^\[data\] is not valid with problem vqe"):
        load_study(small)
