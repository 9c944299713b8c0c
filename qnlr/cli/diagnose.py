"""The verbs of ``qnlr diagnose``, which follow from the signatures of the diagnostics."""

from __future__ import annotations

import inspect
import shlex
from collections.abc import Callable
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import typer
from typer.core import TyperCommand, TyperGroup

from qnlr.cli.app import RESULTS, Results, app
from qnlr.diagnostics import DIAGNOSTICS
from qnlr.diagnostics.docstrings import Described, described_function, summary_of
from qnlr.errors import InputError, unknown_name

Name = Annotated[
    str | None,
    typer.Option(help="Name of the results folder, by default that of the diagnostic."),
]
RUN = typer.Argument(
    metavar="RUN",
    help="Identity of a run whose results are kept, or its first digits, or its folder; or a "
    "config, for the beginning of its first run.",
)


class Verbs(TyperGroup):
    """Verbs that are imported when they are called, and not before."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the verbs in the order of the registry."""
        return list(DIAGNOSTICS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return what help lists of a verb."""
        return TyperCommand(cmd_name, help=summary_of(DIAGNOSTICS[cmd_name]))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command of the verb that is called.

        Raises:
            InputError: If there is no such verb.
        """
        verb = args[0]
        if verb not in DIAGNOSTICS:
            raise unknown_name("diagnostic", verb, DIAGNOSTICS)
        return verb, _command(verb), args[1:]


diagnose = typer.Typer(
    cls=Verbs,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    help=(
        "Look at a landscape: whether it is a plateau, and whether theory holds on it.\n\n"
        "Written to `results/NAME`: everything measured as CSV, figures, and one page. A config "
        "with a table `[diagnostic]`, whose `name` is the verb and whose other keys are its "
        "settings, does the same with `qnlr run`."
    ),
)
app.add_typer(diagnose, name="diagnose")


@diagnose.callback()
def _diagnose() -> None:
    """Exist, so that verbs are a group; what help says stands above."""


def _command(verb: str) -> Any:
    """Return the command of a verb: its arguments and options are those of its function."""
    from qnlr.diagnostics.verbs import diagnostic

    function = diagnostic(verb)
    said = described_function(function)
    hints = get_type_hints(function)
    parameters = [
        made
        for parameter in inspect.signature(function).parameters.values()
        if (made := _parameter(parameter, hints[parameter.name], said)) is not None
    ]
    parameters += [
        _own("results", Results, RESULTS),
        _own("name", Name, None),
    ]
    perform = _performing(verb, function)
    perform.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        sorted(parameters, key=lambda parameter: parameter.default is not inspect.Parameter.empty)
    )
    perform.__annotations__ = {one.name: one.annotation for one in parameters}
    alone = typer.Typer(add_completion=False, rich_markup_mode="markdown")
    alone.command(
        verb,
        help=_help(verb, function, said),
        context_settings={"help_option_names": ["-h", "--help"]},
    )(perform)
    return typer.main.get_command(alone)


def _performing(verb: str, function: Callable[..., Any]) -> Callable[..., None]:
    parameters, hints = inspect.signature(function).parameters, get_type_hints(function)

    def perform(
        results: Path, name: str | None, recorded: str | None = None, **settings: Any
    ) -> None:
        from qnlr.study.diagnosis import order, perform_and_show

        given = {}
        for key, value in settings.items():
            kind = _kind(hints[key])
            if get_origin(kind) is tuple and isinstance(value, str):
                value = _several(key, value, get_args(kind)[0])
            if value != parameters[key].default:
                given[key] = value
        command = _command_line(verb, given, recorded, name)
        perform_and_show(order(verb, given, command, name, recorded), results)

    return perform


def _kind(hint: Any) -> Any:
    """Return what a value is if it is not None."""
    options = get_args(hint)
    return next(kind for kind in options if kind is not NoneType) if NoneType in options else hint


def _command_line(verb: str, given: dict[str, Any], recorded: str | None, name: str | None) -> str:
    """Return what repeats a call, without saying where on a machine a file is."""
    from qnlr.study.listing import named

    words = ["qnlr", "diagnose", verb]
    words += [named(value) for value in given.values() if isinstance(value, Path)]
    if recorded is not None:
        words.append(named(Path(recorded)))
    for key, value in given.items():
        option = key.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{option}" if value else f"--no-{option}")
        elif not isinstance(value, Path):
            text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
            words += [f"--{option}", text]
    return shlex.join([*words, *(["--name", name] if name is not None else [])])


def _own(name: str, hint: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=hint, default=default)


def _parameter(parameter: inspect.Parameter, hint: Any, said: Described) -> Any:
    """Return an argument of a diagnostic as one of a command, or None for what no user gives."""
    name, default = parameter.name, parameter.default
    if name == "told":
        return None
    if name == "recorded":
        return _own(name, Annotated[str, RUN], inspect.Parameter.empty)
    text = said.arguments.get(name, "")
    kind = _kind(hint)
    if kind is Path:
        argument = typer.Argument(metavar=name.upper(), help=text, show_default=False)
        return _own(name, Annotated[hint, argument], default)
    option = f"--{name.replace('_', '-')}"
    if get_origin(kind) is tuple:
        shown = None if default is None else ",".join(map(str, default))
        item = get_args(kind)[0].__name__
        several = typer.Option(option, metavar=f"<{item},…>", help=text)
        return _own(name, Annotated[str | None, several], shown)
    flags = f"{option}/--no-{option[2:]}" if kind is bool else option
    return _own(name, Annotated[hint, typer.Option(flags, help=text)], default)


def _several(name: str, text: str, kind: Callable[[str], Any]) -> tuple[Any, ...]:
    """Read a list with commas."""
    try:
        return tuple(kind(word.strip()) for word in text.split(",") if word.strip())
    except ValueError as error:
        what = {int: "integers", float: "numbers"}.get(kind, "words")  # type: ignore[call-overload]
        raise InputError(
            f"{name} = {text!r} is not valid; it must be {what} with commas between them"
        ) from error


def _help(verb: str, function: Callable[..., Any], said: Described) -> str:
    words = ["qnlr", "diagnose", verb]
    for name, hint in get_type_hints(function).items():
        words += ["05aa5c307642"] * (name == "recorded") + ["circuit.qasm"] * (_kind(hint) is Path)
    example = f"**Example**: `{' '.join(words)}`"
    python = f"\n\n**In Python**\n\n```\n{said.example}\n```" if said.example else ""
    return f"{said.text}\n\n{example}{python}"
