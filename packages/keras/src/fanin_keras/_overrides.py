"""Initializers for some variables of a model: by name, by pattern of names, by type of layer, or by a predicate."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final, TypeAlias

import keras

from fanin.exceptions import FaninError, FaninTypeError, FaninValueError
from fanin.initializers import Initializer
from fanin.initializers.names import get_initializer
from fanin_keras._layers import is_bias
from fanin_keras._names import Named

__all__ = ["Key", "Override", "Overrides", "Value"]

Key: TypeAlias = str | type[Any] | Callable[[str, Any], bool]
"""What an override is for: a name or a pattern of names, a type of layer, or a function of (name, variable)."""

Value: TypeAlias = str | Initializer | Mapping[str, Any] | None
"""What it says: an initializer, arguments of `fanin.init`, or None for a variable that stays as it is."""

_SETTINGS: Final = ("layout", "groups", "transposed", "stride")
_EXAMPLE: Final = '{"*/embeddings": fanin.normal(std=0.02), MyDense: {"initialization": "he", "layout": "OI"}}'


@dataclass
class Override:
    """One override.

    Attributes:
        key: What it is for.
        law: The initializer; None if it states none.
        settings: What it says of the axes: layout, groups, transposed, stride.
        leaves: Whether the variable stays as it is.
        fits: The names that it is for, each with the override that counts there.
    """

    key: Any
    law: Initializer | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    leaves: bool = False
    fits: list[tuple[str, Override]] = field(default_factory=list)

    def __str__(self) -> str:
        return f"overrides[{self.label}]"

    @property
    def label(self) -> str:
        """The key as text."""
        return getattr(self.key, "__qualname__", repr(self.key)) if callable(self.key) else repr(self.key)

    def is_for(self, one: Named, name: str) -> bool:
        """Return whether it is for a variable, or for the piece of it that has this name."""
        if isinstance(self.key, str):
            return fnmatchcase(name, self.key) or fnmatchcase(one.name, self.key)
        if isinstance(self.key, type):
            return self.is_of_its_type(one) and (self.leaves or not is_bias(one.key))
        return bool(self.key(one.name, one.variable))

    def is_of_its_type(self, one: Named) -> bool:
        """Return whether it is for a type of layer, and the variable belongs to one."""
        return isinstance(self.key, type) and isinstance(one.layer, self.key)

    @property
    def fault(self) -> str | None:
        """Why it has no effect, or None."""
        if not self.fits:
            return f"{self.label} is for no variable of the model."
        if all(counts is not self for _, counts in self.fits):
            name, counts = self.fits[0]
            return f"{self.label} matches {name}, but {counts.label} matches it earlier. Put {self.label} first."
        return None


class Overrides:
    """Overrides in their order, of which the first one for a variable counts.

    Raises:
        FaninTypeError: It is not a mapping, or a key is neither text nor a type of layer nor a function.
        FaninValueError: An initializer or an argument is unknown.
    """

    def __init__(self, given: object) -> None:
        if given is not None and not isinstance(given, Mapping):
            raise FaninTypeError(
                f"overrides must be a mapping from names of variables to initializers. Received: {given!r} of type "
                f"{type(given).__name__}. Pass, for example, {_EXAMPLE}."
            )
        self._overrides = [_override(key, value) for key, value in (given or {}).items()]

    def first(self, one: Named, name: str) -> Override | None:
        """Return the first override for a variable, or for the piece of it that has this name; None if none is."""
        fitting = [override for override in self._overrides if override.is_for(one, name)]
        for override in fitting:
            override.fits.append((name, fitting[0]))
        return fitting[0] if fitting else None

    def know(self, one: Named) -> bool:
        """Return whether one is for the type of layer that a variable belongs to, which makes its biases known."""
        return any(override.is_of_its_type(one) for override in self._overrides)

    def refuse_idle(self, names: Iterable[str]) -> None:
        """Check, after all variables have been looked up, that each override was the first one for some variable.

        Raises:
            FaninValueError: One is for no variable, or only for variables that an earlier one is for.
        """
        faults, every = [], list(names)
        for override in self._overrides:
            if (fault := override.fault) is None:
                continue
            if not override.fits and isinstance(override.key, str):
                close = difflib.get_close_matches(override.key, every, n=1)
                fault = f"{override.key!r} matches no variable's name."
                fault += f" Did you mean {close[0]!r}?" if close else ""
            faults.append(fault)
        if faults:
            raise FaninValueError(f"overrides that have no effect: {' '.join(faults)}")


def _override(key: object, value: object) -> Override:
    is_layer = isinstance(key, type) and issubclass(key, keras.layers.Layer)
    if not (isinstance(key, str) or is_layer or (callable(key) and not isinstance(key, type))):
        raise FaninTypeError(
            f"a key of overrides must be the name of a variable or a pattern of names, a subclass of "
            f"keras.layers.Layer, or a function of (name, variable). Received: {key!r} of type {type(key).__name__}. "
            f"Pass, for example, {_EXAMPLE}."
        )
    override = Override(key)
    if value is None:
        override.leaves = True
        return override
    arguments = dict(value) if isinstance(value, Mapping) else {"initialization": value}
    if unknown := [name for name in arguments if name not in ("initialization", *_SETTINGS)]:
        raise FaninValueError(
            f"{override}: unknown argument {unknown[0]!r}. Accepted: initialization, {', '.join(_SETTINGS)}."
        )
    override.settings = {name: argument for name, argument in arguments.items() if name in _SETTINGS}
    try:
        override.law = get_initializer(arguments["initialization"]) if "initialization" in arguments else None
    except FaninError as error:
        raise type(error)(f"{override}: {error}") from error
    return override
