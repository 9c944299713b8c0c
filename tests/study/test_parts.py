import pytest
from pydantic import TypeAdapter, ValidationError

from qnlr.optimizers import CORRECTIVES, DIRECTIONS, TRIGGERS
from qnlr.study.parts import part, settings_table
from qnlr.training import TrainingSettings


@pytest.mark.parametrize("registry", [TRIGGERS, CORRECTIVES, DIRECTIONS])
def test_every_name_builds_its_class_with_its_own_defaults(registry):
    adapter = TypeAdapter(part(registry))
    for name, kind in registry.items():
        assert adapter.validate_python(name).build() == kind()
        assert adapter.validate_python({"name": name}).build() == kind()


def list_of_nothing():
    return []


def test_context_reaches_nested_parts_that_take_it():
    def inner(own, *, shared):
        return own, shared

    def outer(nested: inner, other: int = 0, *, unused=None):
        return nested, other

    inner.__annotations__ = {"own": int, "shared": int}
    nested = part({"inner": inner, "else": list_of_nothing}, omit=("shared",))
    table = TypeAdapter(
        part({"outer": outer, "else": list_of_nothing}, omit=("unused",), nested={inner: nested})
    )
    outer.__annotations__["nested"] = inner
    built = table.validate_python({"name": "outer", "nested": {"name": "inner", "own": 1}})
    assert built.build(shared=7, something=8) == ((1, 7), 0)


def test_tables_are_strict_and_frozen():
    table = settings_table("training", TrainingSettings)
    assert table(steps=5).model_dump() == vars(TrainingSettings(steps=5))
    with pytest.raises(ValidationError, match="valid integer"):
        table(steps="5")
    with pytest.raises(ValidationError, match="did you mean"):
        table(step=5)
    with pytest.raises(ValidationError, match="frozen"):
        table(steps=5).steps = 6
