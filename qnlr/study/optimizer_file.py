"""An optimizer from a file of one's own, on the interface of all others.

The file is executed, as any script that one runs; so it can do whatever a script can.
"""

from __future__ import annotations

import importlib.util
import inspect
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from qnlr.errors import InputError, unknown_name
from qnlr.optimizers import AskTell
from qnlr.rng import content_hash

NEEDED = ("start", "ask", "tell", "state_dict", "load_state_dict", "close")
GIVEN = ("maxiter", "seed")
"""Arguments that a run gives, to a class that takes them."""
VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
TRIED_ON = 3
"""Number of weights that a new optimizer is started with, to see that it can be."""


def optimizer_from_file(
    file: Path,
    name: str | None = None,
    settings: Mapping[str, Any] | None = None,
    *,
    learning_rate: float | None = None,
    maxiter: int = 100,
    seed: int | None = None,
) -> AskTell:
    """Execute a file, and build the optimizer that is in it.

    Args:
        file: A Python file, which is executed. Only use one that you would run as a script.
        name: Name of the class; None for the only class of the file that has ``ask`` and ``tell``.
        settings: Arguments of the class.
        learning_rate: Argument of that name, or None to leave it at the class's default.
        maxiter: Steps of the run, at least 1, for a class that takes them.
        seed: Seed of the run, for a class that takes one.

    Returns:
        The optimizer.

    Raises:
        InputError: If the file cannot be read or executed, has no such class, the class cannot be
            built with these settings, or is no optimizer; the message names file and reason.
    """
    made = optimizer_class(file, name)
    parameters = inspect.signature(made).parameters
    open_ended = any(one.kind is one.VAR_KEYWORD for one in parameters.values())
    context = {"maxiter": maxiter, "seed": seed}
    given = dict(settings or {})
    if learning_rate is not None:
        given["learning_rate"] = learning_rate
    names = _settings_of(made) if open_ended else [*parameters]
    unknown = [key for key in given if key not in names]
    mistaken = InputError(
        f"{file}: {unknown_name(f'setting of {made.__name__}', (unknown or [''])[0], names)}"
    )
    if unknown and not open_ended:
        raise mistaken
    given |= {key: context[key] for key in GIVEN if open_ended or key in parameters}
    try:
        optimizer = made(**given)
        optimizer.start(None, np.zeros(TRIED_ON))
        steps, (gradients, losses) = optimizer.state.nit, optimizer.evaluations_per_step
        whole = steps == 0 and gradients + losses >= 0 and not optimizer.ended
    except Exception as error:
        if unknown and isinstance(error, TypeError):  # else it may take what it does not name
            raise mistaken from error
        raise InputError(
            f"{file}: {made.__name__} cannot be used: {_reason(error, file)}"
        ) from error
    if not whole:
        raise InputError(
            f"{file}: {made.__name__} is not valid: after start() it must have made no step, so "
            f"state.nit must be 0 and not {steps!r}, and ended must be False"
        )
    found: AskTell = optimizer
    return found


def file_and_class(given: str | Path) -> tuple[Path, str | None]:
    """Return a file, and the class in it that is named behind a colon, if one is.

    Args:
        given: ``FILE`` or ``FILE:CLASS``.

    Example:
        >>> [(str(file), name) for file, name in map(file_and_class, ["own.py", "own.py:Mine"])]
        [('own.py', None), ('own.py', 'Mine')]
    """
    file, colon, name = str(given).rpartition(":")
    if file and colon and name.isidentifier() and not Path(given).is_file():
        return Path(file), name
    return Path(given), None


def optimizer_class(file: Path, name: str | None = None) -> type:
    """Execute a file, and return the class of optimizers that is in it.

    Args:
        file: A Python file, which is executed.
        name: Name of the class; None for the only one that has ``ask`` and ``tell``.

    Returns:
        The class.

    Raises:
        InputError: If the file cannot be read or executed, or has no such class.
    """
    module = _executed(file)
    classes = {
        key: value
        for key, value in vars(module).items()
        if inspect.isclass(value) and value.__module__ == module.__name__
    }
    if name is not None and name not in classes:
        raise InputError(f"{file}: {unknown_name('class', name, classes)}")
    named = classes if name is None else {name: classes[name]}
    chosen = {
        key: value
        for key, value in named.items()
        if name is not None or (hasattr(value, "ask") and hasattr(value, "tell"))
    }
    if not chosen:
        raise InputError(
            f"{file} has no optimizer: no class in it has the methods ask and tell; derive one "
            "from qnlr.optimizers.SignedRateOptimizer, or see qnlr.optimizers.AskTell"
        )
    if len(chosen) > 1:
        raise InputError(
            f'{file} has {len(chosen)} optimizers: {", ".join(chosen)}; say which with class = "…" '
            f"in a config, or with {file}:{next(iter(chosen))} on the command line"
        )
    found = next(iter(chosen.values()))
    lacking = [need for need in NEEDED if not callable(getattr(found, need, None))]
    if lacking:
        raise InputError(
            f"{file}: {found.__name__} is no optimizer: it lacks {', '.join(lacking)}; derive it "
            "from qnlr.optimizers.SignedRateOptimizer, or see qnlr.optimizers.AskTell"
        )
    return found


def _settings_of(made: type) -> list[str]:
    """Return the names of settings: of the class, and of its bases where it hands on others."""
    names: list[str] = []
    for one in made.__mro__:
        if "__init__" not in vars(one):
            continue
        parameters = [*inspect.signature(vars(one)["__init__"]).parameters.values()][1:]
        names += [each.name for each in parameters if each.kind not in VARIADIC]
        if not any(each.kind is each.VAR_KEYWORD for each in parameters):
            break
    return list(dict.fromkeys(names))


def _executed(file: Path) -> ModuleType:
    """Execute a file as a module of its own, which nothing else imports."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise InputError(f"optimizer file {file} cannot be read: {reason}") from error
    name = f"qnlr_optimizer_{content_hash(text)}"
    spec = importlib.util.spec_from_loader(name, loader=None, origin=str(file))
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    module.__file__ = str(file)
    sys.modules[name] = module  # dataclasses look their module up
    try:
        exec(compile(text, str(file), "exec"), module.__dict__)
    except (Exception, SystemExit) as error:
        sys.modules.pop(name, None)
        raise InputError(
            f"optimizer file {file} cannot be executed: {_reason(error, file)}"
        ) from error
    return module


def _reason(error: BaseException, file: Path) -> str:
    """Say what went wrong, and in which line of the file."""
    line = error.lineno if isinstance(error, SyntaxError) else None
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename == str(file):
            line = frame.lineno
    told = error.msg if isinstance(error, SyntaxError) else str(error)
    where = "" if line is None else f" (line {line})"
    return f"{type(error).__name__}: {told or 'no reason given'}{where}"
