"""Initializers for single parameters of a module, by name or by a pattern of names."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

from fanin.exceptions import FaninError, FaninTypeError, FaninValueError
from fanin.initializers import Initializer
from fanin.initializers.names import get_initializer

__all__ = ["Overrides"]


class Overrides:
    """Initializers by patterns of names; None for a parameter that stays unchanged.

    Raises:
        FaninTypeError: It is not a mapping, or a key is not a string.
        FaninValueError: An initializer is unknown.
    """

    def __init__(self, given: object) -> None:
        if given is not None and not isinstance(given, Mapping):
            raise FaninTypeError(
                f"overrides must be a mapping from names of parameters to initializers. Received: {given!r} of type "
                f'{type(given).__name__}. Pass, for example, {{"*.embedding.weight": fanin.normal(std=0.02)}}.'
            )
        self._laws = {_checked(name): _law(name, law) for name, law in (given or {}).items()}
        self._fits: dict[str, list[tuple[str, str]]] = {name: [] for name in self._laws}

    def first(self, names: Iterable[str]) -> str | None:
        """Return the first pattern that matches one of a parameter's names, or None."""
        fitting = [(pattern, name) for pattern in self._laws for name in names if fnmatchcase(name, pattern)]
        for pattern, name in fitting:
            self._fits[pattern].append((name, fitting[0][0]))
        return fitting[0][0] if fitting else None

    def __getitem__(self, pattern: str) -> Initializer | None:
        """Return the initializer of a pattern, or None."""
        return self._laws[pattern]

    def refuse_idle(self, names: Iterable[str]) -> None:
        """Check, after all parameters have been looked up, that each pattern was the first match of one.

        Raises:
            FaninValueError: A pattern matches no parameter, or only parameters that an earlier one matches.
        """
        faults, every = [], list(names)
        for pattern, fits in self._fits.items():
            if not fits:
                close = difflib.get_close_matches(pattern, every, n=1)
                hint = f" Did you mean {close[0]!r}?" if close else ""
                faults.append(f"{pattern!r} matches no parameter's name.{hint}")
            elif all(first != pattern for _, first in fits):
                name, first = fits[0]
                faults.append(f"{pattern!r} matches {name}, but {first!r} matches it earlier. Put {pattern!r} first.")
        if faults:
            raise FaninValueError(f"overrides that have no effect: {' '.join(faults)}")


def _checked(name: object) -> str:
    if isinstance(name, str):
        return name
    kind = ""
    if isinstance(name, type):
        kind = (
            f' For all layers of a class, use {{f"{{name}}.*": ... for name, layer in module.named_modules() if '
            f"isinstance(layer, {name.__name__})}}."
        )
    raise FaninTypeError(
        f'a key of overrides must be the name of a parameter, or a pattern of names such as "*.embedding.weight". '
        f"Received: {name!r} of type {type(name).__name__}.{kind}"
    )


def _law(name: str, law: object) -> Initializer | None:
    try:
        return None if law is None else get_initializer(law)
    except FaninError as error:
        raise type(error)(f"overrides[{name!r}]: {error}") from error
