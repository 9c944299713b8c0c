"""What is asked for: a diagnostic by its verb, and settings that its signature allows."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError, create_model

from qnlr.diagnostics import DIAGNOSTICS
from qnlr.diagnostics.verbs import Diagnostic, diagnostic
from qnlr.errors import InputError, nearest
from qnlr.study.grid import DIAGNOSIS
from qnlr.study.messages import Place, explain
from qnlr.study.parts import Table, settings_table
from qnlr.study.spec import has_table, is_name, read_config

GIVEN = ("told", "recorded")
"""Arguments of diagnostics that are no settings."""
TABLE = DIAGNOSIS
TOP = ("name", "extends", TABLE)
NOWHERE = Place(None, "")


@dataclass(frozen=True)
class Order:
    """A diagnostic that is asked for.

    Args:
        verb: Its name in the registry.
        settings: All of its settings, those left at their defaults, too.
        name: Name of the results folder.
        command: What repeats it.
        run: The run that it looks at, or None if it looks at none.
        folder: Folder that paths among its settings are relative to.
        place: The config, for messages.
    """

    verb: str
    settings: Mapping[str, Any]
    name: str
    command: str
    run: str | None = None
    folder: Path = Path()
    place: Place = field(default=NOWHERE)

    def misplaced(self, error: InputError) -> InputError:
        """Return an error of the diagnostic with its place in the config, if there is one.

        Args:
            error: What it raised.
        """
        if self.place.path is None:
            return error
        key = re.match(r"(\w+) (?:= |\")", str(error))
        path = (TABLE, key[1]) if key else (TABLE,)
        return InputError(f"{self.place.at(*path)}[{TABLE}] {error}")


def needs_run(function: Diagnostic) -> bool:
    """Return whether a diagnostic looks at a recorded run.

    Args:
        function: The diagnostic.
    """
    return "recorded" in inspect.signature(function).parameters


def order(
    verb: str,
    settings: Mapping[str, Any],
    command: str,
    name: str | None = None,
    run: str | None = None,
) -> Order:
    """Check what was asked for on a command line.

    Args:
        verb: Name of the diagnostic.
        settings: Settings that differ from their defaults.
        command: What repeats it.
        name: Name of the results folder; by default that of the diagnostic.
        run: The run that it looks at, or None.

    Returns:
        The order.

    Raises:
        InputError: If a name, setting or value is not valid.
    """
    function = diagnostic(verb)
    name = verb if name is None else name
    if not is_name(name):
        raise InputError(
            f"name = {name!r} is not valid; it names a results folder, so it must be letters, "
            "digits, '.', '_' and '-'"
        )
    table = settings_table(verb, function, GIVEN)
    try:
        checked = table.model_validate(dict(settings))
    except ValidationError as error:
        raise InputError(explain(error, dict(settings), {}, NOWHERE)) from error
    return Order(verb, dict(checked), name, command, run)


def is_diagnosis(config: Path) -> bool:
    """Return whether a config asks for a diagnostic instead of runs.

    Args:
        config: A TOML file; if it cannot be read, it does not.
    """
    return has_table(config, TABLE)


def load_order(config: Path) -> Order:
    """Read what a config asks for.

    Args:
        config: A TOML file with ``name`` and a table ``[diagnostic]``: ``name`` says which, ``run``
            which run it looks at if it looks at one, all other keys are its settings. ``extends``
            names another config that it is laid over.

    Returns:
        The order.

    Raises:
        InputError: If a key or value is not valid; the message names the place.
    """
    from qnlr.study.listing import named

    place, raw, folder = read_config(config)
    for key in raw:
        if key not in TOP:
            close = nearest(key, TOP)
            hint = f'did you mean "{close}"? ' if close else ""
            raise InputError(
                f'{place.at(key)}unknown key "{key}" beside [{TABLE}]; {hint}settings stand below '
                f"[{TABLE}]"
            )
    name = raw.get("name", config.stem)
    if not is_name(name):
        raise InputError(
            f"{place.at('name')}name = {name!r} is not valid; a diagnosis needs a name of letters, "
            "digits, '.', '_' and '-', which names its results folder"
        )
    table = raw.get(TABLE)
    if not isinstance(table, dict) or not isinstance(table.get("name"), str):
        raise InputError(
            f'{place.at(TABLE, "name")}[{TABLE}] needs a key "name" that says which; '
            f"valid: {', '.join(sorted(DIAGNOSTICS))}"
        )
    settings = {key: value for key, value in table.items() if key not in ("name", "run")}
    verb, run = table["name"], table.get("run")
    try:
        function = diagnostic(verb)
    except InputError as error:
        raise InputError(f"{place.at(TABLE, 'name')}{error}") from error
    _require_run(function, verb, run, place)
    checked = _validated(verb, function, settings, place)
    return Order(verb, checked, name, f"qnlr run {named(config)}", run, folder, place)


def _require_run(function: Diagnostic, verb: str, run: Any, place: Place) -> None:
    where = place.at(TABLE, "run")
    if not needs_run(function):
        if run is not None:
            raise InputError(f"{where}{verb} looks at no run; leave run = {run!r} out")
    elif not isinstance(run, str):
        raise InputError(
            f'{where}[{TABLE}] needs a key "run": the identity of a run whose results are kept, or '
            "the path of a config for the beginning of its first run"
        )


def _validated(
    verb: str, function: Diagnostic, settings: dict[str, Any], place: Place
) -> dict[str, Any]:
    table = settings_table(verb, function, GIVEN)
    whole: dict[str, Any] = {TABLE: (table, ...)}
    model = create_model("diagnosis", __base__=Table, **whole)
    try:
        return dict(getattr(model.model_validate({TABLE: settings}), TABLE))
    except ValidationError as error:
        raise InputError(explain(error, {TABLE: settings}, {}, place)) from error
