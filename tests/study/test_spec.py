import pytest

import qnlr
from qnlr.errors import InputError
from qnlr.noise import from_rate, save
from qnlr.study import load_study, run_id
from qnlr.study.build import Builder, validate

TOML = """\
name = "small"
seeds = [3, 5]

[data]
name = "digits"
features = 4

[circuit]
qubits = 2
layers = 1

[backend]
name = "aer"
shots = 50
noise = { name = "rate", rate = 0.01 }

[training]
steps = 4
batch_size = 4

[[optimizer]]
name = "sgd"

[[optimizer]]
name = "nlr"
trigger = { name = "tolerance", tau = 0.2 }

[grid]
"circuit.layers" = [1, 2]
"""


@pytest.fixture
def load(tmp_path):
    def load_changed(old="", new=""):
        assert old in TOML
        file = tmp_path / "study.toml"
        file.write_text(TOML.replace(old, new))
        return load_study(file)

    return load_changed


def test_the_grid_is_the_product_of_its_axes_with_seeds_innermost(load):
    runs = load().runs
    assert len(runs) == 2 * 2 * 2
    assert [run.seed for run in runs] == [3, 5] * 4
    assert [run.circuit.layers for run in runs] == [1, 1, 2, 2] * 2
    assert [run.optimizer.name for run in runs] == ["sgd"] * 4 + ["nlr"] * 4


def test_defaults_are_those_of_the_classes_and_strings_stand_for_tables(load):
    nlr = load().runs[-1].model_dump(mode="json")
    assert nlr["optimizer"] == {
        "name": "nlr",
        "learning_rate": 0.01,
        "negative_rate": {"name": "ratio", "kappa": 2.0},
        "trigger": {"name": "tolerance", "tau": 0.2},
        "corrective": {"name": "reversal"},
        "direction": {"name": "plain"},
        "noise_scaling": True,
    }
    assert nlr["problem"] == {"loss": {"name": "squared_error"}, "head": {"name": "bare"}}
    assert nlr["circuit"]["encoding"] == {"name": "amplitude", "data_qubits": None}


def test_a_number_stands_for_a_negative_rate(load):
    study = load('name = "nlr"', 'name = "nlr"\nnegative_rate = 0.05')
    assert study.runs[-1].optimizer.negative_rate.build() == 0.05


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("steps", "stepz", 18, 'unknown key "stepz"; did you mean "steps"'),
        ('name = "nlr"', 'name = "nrl"', 25, 'optimizer "nrl" is not known; did you mean "nlr"'),
        ("tau", "tua", 26, 'in [optimizer.trigger]: unknown key "tua"; did you mean "tau"'),
        ('"tolerance"', '"toleranc"', 26, 'did you mean "tolerance"'),
        ("shots = 50", 'shots = "x"', 14, "backend.shots = 'x' is not valid"),
        ("shots = 50", "shots = true", 14, "backend.shots = True is not valid"),
        ("rate = 0.01", "rtae = 0.01", 15, 'did you mean "rate"'),
        ("[data]", "[dta]", 4, 'unknown key "dta"; did you mean "data"'),
        ("[data]", "[diagnostc]", 4, 'unknown key "diagnostc"; did you mean "diagnostic"? valid'),
        ("qubits = 2\n", "", 8, "circuit.qubits is missing"),
        ("[1, 2]", '[1, "a"]', 29, "circuit.layers = 'a' is not valid"),
        ('"circuit.layers"', '"circuit.layrs"', 29, 'did you mean "layers"'),
        ('name = "sgd"', "", 21, '[optimizer] needs a key "name"'),
        ("[3, 5]", "[3, 3]", 2, "holds a seed twice"),
        ("[3, 5]", "[]", 2, "seeds = [] is not valid"),
        ("[3, 5]", "0", 2, "seeds = 0 is not valid"),
        ("[3, 5]", "[-1]", 2, "seeds = [-1] is not valid"),
        ("steps = 4", "seed = 4\nsteps = 4", 18, 'unknown key "seed"'),
        ("[3, 5]", "1000000000", 2, "seeds = 1000000000 is not valid"),
        ('"circuit.layers"', '"crcuit.layers"', 29, 'did you mean "circuit"'),
        ('"circuit.layers"', "circuit.layers", 28, "a path is written in quotes"),
        (
            "shots = 50",
            "shots = 1.5",
            14,
            "shots = 1.5 is not valid; it must be an integer",
        ),
    ],
)
def test_mistakes_are_named_with_their_line(load, old, new, line, words):
    with pytest.raises(InputError) as raised:
        load(old, new)
    assert f"study.toml:{line}: " in str(raised.value)
    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('name = "small"', 'name = "../up"', "name = '../up' is not valid"),
        ('name = "small"', "", "name = None is not valid"),
        ("steps = 4", "steps = ", "is not valid TOML"),
        ("[1, 2]", "[1, 1]", "the same run twice"),
        ("[1, 2]", "3", "must be a list of values"),
        ('"circuit.layers"', '"circuit.layers.deep"', "leads through no table"),
        ("rate = 0.01 }", "rate = nan }", "finite"),
    ],
)
def test_other_mistakes_are_named(load, old, new, words):
    with pytest.raises(InputError, match=r"study\.toml") as raised:
        load(old, new)
    assert words in str(raised.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.toml cannot be read: No such file"):
        load_study(tmp_path / "nowhere.toml")


def test_identity_follows_content_alone(small):
    ids = [run_id(spec) for spec in load_study(small).runs]
    assert len(set(ids)) == 4
    renamed = load_study({**small, "name": "other"})
    assert [run_id(spec) for spec in renamed.runs] == ids
    small["backend"]["shots"] = 51
    assert not set(ids) & {run_id(spec) for spec in load_study(small).runs}


def test_how_often_checkpoints_are_written_is_no_part_of_the_identity(small):
    ids = [run_id(spec) for spec in load_study(small).runs]
    small["training"]["checkpoint_every"] = 1
    assert [run_id(spec) for spec in load_study(small).runs] == ids


def test_a_byte_order_mark_is_read_over(load, tmp_path):
    file = tmp_path / "marked.toml"
    file.write_text(TOML, encoding="utf-8-sig")
    assert load_study(file).runs == load().runs


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("shots = 50", "shots = 0", 14, "[backend] shots = 0 is not valid"),
        ("rate = 0.01 }", "rate = 1.5 }", 15, "[backend.noise] noise rate"),
        ("tau = 0.2", "tau = -1.0", 26, "[optimizer.trigger] tau = -1.0 is not valid"),
        ("[1, 2]", "[1, 0]", 29, "[circuit] layers = 0 is not valid"),
        (
            'name = "sgd"',
            'name = "sgd"\nlearning_rate = 0.0',
            23,
            "[optimizer] learning_rate = 0.0",
        ),
    ],
)
def test_values_that_cannot_be_built_are_named_with_their_line(load, old, new, line, words):
    study = load(old, new)
    with pytest.raises(InputError) as raised:
        validate(study, Builder(study.folder))
    assert f"study.toml:{line}: {words}" in str(raised.value)


def test_without_a_file_the_entry_of_an_array_is_named(small):
    small["optimizer"][1]["learning_rate"] = 0.0
    with pytest.raises(InputError, match=r"^\[optimizer\[1\]\] learning_rate = 0"):
        validate(load_study(small), Builder())
    small["optimizer"][1]["learning_rate"] = "fast"
    with pytest.raises(InputError, match=r"^optimizer\[1\]\.learning_rate = 'fast' is not valid"):
        load_study(small)


def test_the_longest_origin_names_the_place(small):
    small["grid"] = {"optimizer.learning_rate": [0.1, -0.1]}
    with pytest.raises(InputError, match=r"^\[optimizer\[0\]\] learning_rate = -0.1"):
        validate(load_study(small), Builder())


def test_identity_holds_the_content_of_a_noise_file(small, tmp_path):
    file = tmp_path / "noise.json"
    small["backend"]["noise"] = {"name": "file", "path": str(file)}
    with pytest.raises(InputError, match="no such file"):
        load_study(small)
    save(from_rate(0.01).model, file)
    before = run_id(load_study(small).runs[0])
    save(from_rate(0.02).model, file)
    assert run_id(load_study(small).runs[0]) != before


@pytest.mark.parametrize("config", [None, 3, ["small"]])
def test_what_is_no_config_is_refused(config):
    with pytest.raises(InputError, match="must be the path of a TOML file, or a dict"):
        qnlr.run(config)


def test_a_name_stands_for_a_table_whose_keys_may_be_missing(load):
    with pytest.raises(InputError, match=r"study\.toml:15: backend\.noise\.rate is missing"):
        load('{ name = "rate", rate = 0.01 }', '"rate"')
    with pytest.raises(InputError, match="cannot be read: it is not a file"):
        load('{ name = "rate", rate = 0.01 }', '{ name = "file", path = "." }')
