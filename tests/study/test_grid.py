import pytest
from hypothesis import given
from hypothesis import strategies as st

from qnlr.errors import InputError
from qnlr.study import load_study, run_id
from qnlr.study.grid import merged

BASE = """\
name = "base"
seeds = 2

[data]
name = "digits"
features = 4

[circuit]
qubits = 2
layers = 1

[[backend]]
name = "simulator"

[[backend]]
name = "simulator"
shots = 100
noise = { name = "rate", rate = 0.01 }

[training]
steps = 3
batch_size = 4

[[optimizer]]
name = "sgd"

[[optimizer]]
name = "nlr"
"""
keys = st.sampled_from(["a", "b", "name"])
tables = st.recursive(
    st.dictionaries(keys, st.integers(0, 2), max_size=3),
    lambda inner: st.dictionaries(keys, st.integers(0, 2) | inner, max_size=3),
    max_leaves=6,
)


@pytest.fixture
def extend(tmp_path):
    (tmp_path / "base.toml").write_text(BASE)
    (tmp_path / "bad.toml").write_text(BASE.replace("features = 4", "feature = 4"))

    def load(text, base="base.toml"):
        file = tmp_path / "own.toml"
        file.write_text(f'extends = "{base}"\nname = "own"\n{text}')
        return load_study(file)

    return load


@given(tables, tables)
def test_what_is_laid_over_is_there_and_nothing_is_changed_in_place(base, over):
    before = repr((base, over))
    result = merged(base, over)
    assert repr((base, over)) == before
    for key, value in over.items():
        if not isinstance(value, dict):
            assert result[key] == value
    assert set(result) == {*base, *over}


@given(tables)
def test_nothing_laid_over_and_itself_laid_over_change_nothing(table):
    assert merged(table, {}) == table == merged({}, table) == merged(table, table)


def test_a_config_extends_another_and_its_runs_are_the_same_runs(extend, tmp_path):
    own = extend("seeds = 3\n")
    base = load_study(tmp_path / "base.toml")
    assert own.name == "own"
    assert {run_id(spec) for spec in base.runs} < {run_id(spec) for spec in own.runs}
    assert len(own.runs) == 2 * 2 * 3


def test_an_array_of_tables_replaces_the_one_below(extend):
    own = extend('[[optimizer]]\nname = "adam"\n')
    assert {spec.optimizer.name for spec in own.runs} == {"adam"}


def test_configs_that_extend_each_other_are_an_error(extend, tmp_path):
    with pytest.raises(InputError, match="extends itself"):
        extend("", base="own.toml")
    with pytest.raises(InputError, match=r"nowhere\.toml cannot be read"):
        extend("", base="nowhere.toml")
    (tmp_path / "wrong.toml").write_text("extends = 3\nname = 'x'")
    with pytest.raises(InputError, match="extends = 3 is not valid"):
        load_study(tmp_path / "wrong.toml")


def test_an_error_names_the_file_that_the_value_is_in(extend):
    with pytest.raises(InputError, match=r"own\.toml:4: data\.features = 'many'"):
        extend('[data]\nfeatures = "many"\n')
    with pytest.raises(InputError, match=r"bad\.toml:6: .*\[data\].*unknown key"):
        extend("[[variant]]\ncircuit = { layers = 2 }\n", base="bad.toml")


def test_variants_set_several_things_at_once(extend):
    own = extend(
        "[[variant]]\ndata = { features = 4 }\ncircuit = { layers = 2 }\n"
        '[[variant]]\ndata = { name = "gaussian", features = 3 }\n'
    )
    settings = {(s.data.name, s.data.features, s.circuit.layers) for s in own.runs}
    assert settings == {("digits", 4, 2), ("gaussian", 3, 1)}
    assert len(own.runs) == 2 * 2 * 2 * 2


def test_a_mistake_in_a_variant_is_named_with_its_line(extend):
    with pytest.raises(InputError, match=r"own\.toml:4: data\.features = 'many'"):
        extend('[[variant]]\ndata = { features = "many" }\n')
    with pytest.raises(InputError, match='unknown key "date"; did you mean "data"'):
        extend("[[variant]]\ndate = { features = 4 }\n")
    with pytest.raises(InputError, match="must be an array of tables"):
        extend("variant = 3\n")


def test_skip_leaves_out_the_runs_that_have_all_of_it(extend):
    own = extend('[[skip]]\noptimizer = "nlr"\n"backend.noise" = false\n')
    kept = {(spec.optimizer.name, spec.backend.noise is None) for spec in own.runs}
    assert kept == {("sgd", True), ("sgd", False), ("nlr", False)}


def test_false_does_not_stand_for_a_key_that_a_table_does_not_have(extend):
    own = extend(
        '[[optimizer]]\nname = "sgd"\n[[optimizer]]\nname = "nlr"\nnoise_scaling = false\n'
        '[[skip]]\n"optimizer.noise_scaling" = false\n"backend.noise" = false\n'
    )
    kept = {(spec.optimizer.name, spec.backend.noise is None) for spec in own.runs}
    assert kept == {("sgd", True), ("sgd", False), ("nlr", False)}


def test_a_skip_that_leaves_nothing_out_or_everything_is_an_error(extend):
    with pytest.raises(InputError, match="leaves no run out"):
        extend('[[skip]]\noptimizer = "nrl"\n')
    with pytest.raises(InputError, match="leaves no run at all"):
        extend('[[skip]]\n"data.name" = "digits"\n')
