"""What an optimizer is described, copied and changed by: its settings.

``repr`` shows them, and scikit-learn reads and sets them as parameters, as in a grid over
``{"optimizer__learning_rate": [0.03, 0.1]}``.
"""

from __future__ import annotations

import copy
import inspect
from abc import ABC, abstractmethod
from typing import Any, Self

from qnlr.errors import InputError


class Configured(ABC):
    """Base of what its settings rebuild: ``type(one)(**one.settings)``.

    Example:
        >>> from qnlr.optimizers import NLR, StandardErrors
        >>> optimizer = NLR(0.1, trigger=StandardErrors(2.0), callback=print)
        >>> optimizer
        NLR(learning_rate=0.1, trigger=StandardErrors(z=2.0))
        >>> optimizer.set_params(learning_rate=0.3, maxiter=50)
        NLR(learning_rate=0.3, trigger=StandardErrors(z=2.0), maxiter=50)
        >>> optimizer.get_params()["callback"] is print
        True
    """

    @property
    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """The arguments that rebuild this object."""

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={_shown(value)}" for name, value in _changed(self).items())
        return f"{type(self).__name__}({shown})"

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the settings, as scikit-learn asks for them.

        Args:
            deep: Not used: parts, such as a trigger, are set as a whole.

        Returns:
            The settings by name.
        """
        return dict(self.settings)

    def set_params(self, **changes: Any) -> Self:
        """Change settings, as scikit-learn does; a minimisation that was begun is forgotten.

        Args:
            **changes: New values by name.

        Returns:
            The object itself.

        Raises:
            InputError: If a name is not known or a value not valid; nothing is changed then.
        """
        settings = self.settings
        for name in changes:
            if name not in settings:
                raise InputError(
                    f"{name} is no setting of {type(self).__name__}; valid: {', '.join(settings)}"
                )
        vars(self).update(vars(type(self)(**{**settings, **changes})))
        return self

    def __sklearn_clone__(self) -> Self:
        # Not from the parameters: a class of the user's own may take others than its settings.
        return copy.deepcopy(self)


def _changed(one: Configured) -> dict[str, Any]:
    """Return the settings that the constructor must be given for this object, but no callback."""
    settings = {name: value for name, value in one.settings.items() if name != "callback"}
    arguments = inspect.signature(type(one)).parameters.values()
    required = {
        argument.name: settings[argument.name]
        for argument in arguments
        if argument.name in settings and argument.default is argument.empty
    }
    try:
        plain = type(one)(**required).settings
        return {
            name: value
            for name, value in settings.items()
            if name in required or name not in plain or value != plain[name]
        }
    except Exception:  # of a class of the user's own, which takes or compares as it likes
        return settings


def _shown(value: Any) -> str:
    return getattr(value, "__qualname__", None) or repr(value)
