"""Parts of a config: the schema of a table follows from the signature of what it builds.

A registry maps names to factories. ``name = "..."`` in a table picks the factory, the other keys
are its arguments, with its own defaults: no schema repeats a default or a name.
"""

from __future__ import annotations

import contextlib
import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from keyword import iskeyword
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, ClassVar, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, create_model, model_validator
from pydantic_core import PydanticCustomError

from qnlr.errors import InputError, QnlrError, nearest

Registry = Mapping[str, Callable[..., Any]]


class BuildError(InputError):
    """A value is not valid, which showed when something was built from it.

    Args:
        message: What is not valid, and what would be.
        table: Keys that lead to the table that the value is in.
        key: Its key there, if it is known.
    """

    def __init__(self, message: str, table: tuple[str, ...] = (), key: str | None = None) -> None:
        super().__init__(message)
        self.table = table
        self.key = key


@contextlib.contextmanager
def within(*table: str) -> Iterator[None]:
    """Say of every error where in the config it was: in this table.

    Whatever a library raises at a value it cannot use is such an error, too.

    Args:
        *table: Keys that lead to the table.

    Raises:
        BuildError: In place of any other exception but those of the machine.

    Example:
        >>> try:
        ...     with within("circuit", "encoding"):
        ...         raise InputError("features = 9 is not valid")
        ... except BuildError as error:
        ...     print(error.table, error.key, error)
        ('circuit', 'encoding') features features = 9 is not valid
    """
    try:
        yield
    except BuildError as error:
        error.table = (*table, *error.table)
        raise
    except InputError as error:
        key = re.match(r"(\w+) (?:= |\")", str(error))
        raise BuildError(str(error), table, key[1] if key else None) from error
    except (ImportError, OSError, QnlrError):  # this machine's fault, or a service's
        raise
    except Exception as error:
        reason = str(error) or "no reason given"
        raise BuildError(
            f"it could not be built: {type(error).__name__}: {reason}", table
        ) from error


class Table(BaseModel):
    """A table of a config: frozen, and strict about its keys."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        validate_default=True,
        protected_namespaces=(),
    )

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, given: Any) -> Any:
        for key in given if isinstance(given, dict) else ():
            if key not in cls.model_fields:
                close = nearest(str(key), cls.model_fields)
                raise PydanticCustomError(
                    "unknown_key",
                    'unknown key "{key}";{hint} valid keys: {valid}',
                    {
                        "key": key,
                        "hint": f' did you mean "{close}"?' if close else "",
                        "valid": ", ".join(cls.model_fields),
                    },
                )
        return given


class Part(Table):
    """A table that builds one object: ``name`` says what, the other keys are its arguments."""

    factory: ClassVar[Callable[..., Any]]
    name: str

    def build(self, **context: Any) -> Any:
        """Build the object.

        Args:
            **context: Arguments that no config gives, such as a random generator; nested parts are
                given those that their factories take.

        Returns:
            What the factory returns.

        Raises:
            InputError: If a value is not valid; a :class:`BuildError` if it is a nested part's.
        """
        arguments = {}
        for key, value in self:
            if isinstance(value, Part):
                with within(key):
                    value = value.build(**context)
            if key != "name":
                arguments[f"{key}_" if iskeyword(key) else key] = value
        taken = inspect.signature(self.factory).parameters
        return type(self).factory(
            **arguments, **{key: value for key, value in context.items() if key in taken}
        )


def part(
    registry: Registry,
    *,
    omit: Sequence[str] = (),
    nested: Mapping[Any, Any] | None = None,
    number: str | None = None,
) -> Any:
    """Return the field type of a table that picks from a registry.

    A plain string stands for a table with nothing but a name.

    Args:
        registry: Names and factories.
        omit: Arguments of the factories that are given when building, not in a config.
        nested: Types of arguments that are parts themselves, and their field types.
        number: Key ``name.argument`` that a plain number stands for, or None.

    Returns:
        A type for a Pydantic field.

    Example:
        >>> from pydantic import TypeAdapter
        >>> from qnlr.optimizers import TRIGGERS
        >>> TypeAdapter(part(TRIGGERS)).validate_python({"name": "tolerance", "tau": 0.2}).build()
        Tolerance(tau=0.2)
    """
    models = [_model(name, factory, set(omit), nested or {}) for name, factory in registry.items()]

    def expand(given: Any) -> Any:
        if isinstance(given, str):
            return {"name": given}
        if number and isinstance(given, (int, float)) and not isinstance(given, bool):
            name, argument = number.split(".")
            return {"name": name, argument: given}
        return given

    return Annotated[
        Annotated[Union[tuple(models)], Field(discriminator="name")],  # noqa: UP007
        BeforeValidator(expand),
    ]


def settings_table(name: str, factory: Callable[..., Any], omit: Sequence[str] = ()) -> type[Table]:
    """Return the table whose keys are the arguments of one factory.

    Args:
        name: Name of the table's class.
        factory: The factory.
        omit: Arguments of the factory that no config gives.

    Returns:
        The table.
    """
    return create_model(name, __base__=Table, **_fields(factory, set(omit), {}))


def _model(
    name: str, factory: Callable[..., Any], omit: set[str], nested: Mapping[Any, Any]
) -> type[Part]:
    fields = _fields(factory, omit, nested)
    named: Any = (Literal[name], name)
    model = create_model(f"{name}_part", __base__=Part, name=named, **fields)
    model.factory = staticmethod(factory)
    return model


def _fields(
    factory: Callable[..., Any], omit: set[str], nested: Mapping[Any, Any]
) -> dict[str, Any]:
    hints = get_type_hints(factory.__init__ if inspect.isclass(factory) else factory)
    fields: dict[str, Any] = {}
    for argument in inspect.signature(factory).parameters.values():
        if argument.name in omit or argument.kind is argument.VAR_KEYWORD:
            continue
        default = ... if argument.default is argument.empty else argument.default
        key = argument.name.removesuffix("_")  # as in class_, for what Python keeps to itself
        fields[key] = (_field_type(hints[argument.name], nested), default)
    return fields


def _field_type(hint: Any, nested: Mapping[Any, Any]) -> Any:
    if hint in nested:
        return nested[hint]
    if get_origin(hint) in (Union, UnionType):
        options = [_field_type(option, nested) for option in get_args(hint)]
        return Union[tuple(NoneType if option is None else option for option in options)]  # noqa: UP007
    if get_origin(hint) is tuple or hint is Path:  # which TOML has as a list, or as a string
        return Annotated[hint, Field(strict=False)]
    return hint
