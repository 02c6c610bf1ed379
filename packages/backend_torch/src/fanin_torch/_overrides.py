"""Initializers for some parameters of a module: by name, by pattern of names, by type of layer, or by a predicate."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final, TypeAlias

from torch import Tensor, nn

from fanin.exceptions import FaninError, FaninTypeError, FaninValueError
from fanin.initializers import Initializer
from fanin.initializers.names import get_initializer
from fanin_torch._names import Named

__all__ = ["Key", "Override", "Overrides", "Value", "is_bias"]

Key: TypeAlias = str | type[nn.Module] | Callable[[str, Tensor], bool]
"""What an override is for: a name or a pattern of names, a type of layer, or a function of (name, parameter)."""

Value: TypeAlias = str | Initializer | Mapping[str, Any] | None
"""What it says: an initializer, arguments of `init_`, or None for a parameter that stays as it is."""

_SETTINGS: Final = ("layout", "groups", "transposed", "stride")
_EXAMPLE: Final = '{"*.embedding.weight": fanin.normal(std=0.02), Conv1D: {"initialization": "he", "layout": "IO"}}'


@dataclass
class Override:
    """One override.

    Attributes:
        key: What it is for.
        law: The initializer; None if it states none.
        settings: What it says of the axes: layout, groups, transposed, stride.
        leaves: Whether the parameter stays as it is.
        fits: The parameters that it is for, each with the override that counts there.
    """

    key: Key
    law: Initializer | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    leaves: bool = False
    fits: list[tuple[str, Override]] = field(default_factory=list)

    def __str__(self) -> str:
        return f"overrides[{self._key}]"

    @property
    def _key(self) -> str:
        return getattr(self.key, "__qualname__", repr(self.key)) if callable(self.key) else repr(self.key)

    def is_for(self, one: Named, names: Iterable[str]) -> bool:
        """Return whether it is for a parameter, or for a piece of it.

        Args:
            one: The parameter, as it is registered.
            names: The names of the parameter or of the piece.
        """
        if isinstance(self.key, str):
            return any(fnmatchcase(name, self.key) for name in names)
        if isinstance(self.key, type):
            return self.is_of_its_type(one) and (self.leaves or not is_bias(one))
        return any(self.key(name, one.tensor) for name in one.names)

    def is_of_its_type(self, one: Named) -> bool:
        """Return whether it is for a type of layer, and the parameter belongs to one."""
        return isinstance(self.key, type) and any(isinstance(owner, self.key) for owner, _ in one.places)

    @property
    def fault(self) -> str | None:
        """Why it has no effect, or None."""
        if not self.fits:
            return f"{self._key} is for no parameter of the module."
        if all(counts is not self for _, counts in self.fits):
            name, counts = self.fits[0]
            return f"{self._key} matches {name}, but {counts._key} matches it earlier. Put {self._key} first."
        return None


def is_bias(one: Named) -> bool:
    """Return whether a parameter is a bias, by its name and its number of axes."""
    return one.tensor.ndim == 1 and "bias" in one.names[0].rpartition(".")[2]


class Overrides:
    """Overrides in their order, of which the first one for a parameter counts.

    Raises:
        FaninTypeError: It is not a mapping, or a key is neither text nor a type nor a function.
        FaninValueError: An initializer or an argument is unknown.
    """

    def __init__(self, given: object) -> None:
        if given is not None and not isinstance(given, Mapping):
            raise FaninTypeError(
                f"overrides must be a mapping from names of parameters to initializers. Received: {given!r} of type "
                f"{type(given).__name__}. Pass, for example, {_EXAMPLE}."
            )
        self._overrides = [_override(key, value) for key, value in (given or {}).items()]

    def first(self, one: Named, names: Iterable[str]) -> Override | None:
        """Return the first override for a parameter, or for the piece of it that has these names; None if none is."""
        every = list(names)
        fitting = [override for override in self._overrides if override.is_for(one, every)]
        for override in fitting:
            override.fits.append((every[0], fitting[0]))
        return fitting[0] if fitting else None

    def know(self, one: Named) -> bool:
        """Return whether one is for the type of layer that a parameter belongs to, which makes its biases known."""
        return any(override.is_of_its_type(one) for override in self._overrides)

    def refuse_idle(self, names: Iterable[str]) -> None:
        """Check, after all parameters have been looked up, that each override was the first one for some parameter.

        Raises:
            FaninValueError: One is for no parameter, or only for parameters that an earlier one is for.
        """
        faults, every = [], list(names)
        for override in self._overrides:
            if (fault := override.fault) is None:
                continue
            if not override.fits and isinstance(override.key, str):
                close = difflib.get_close_matches(override.key, every, n=1)
                fault = f"{override.key!r} matches no parameter's name."
                fault += f" Did you mean {close[0]!r}?" if close else ""
            faults.append(fault)
        if faults:
            raise FaninValueError(f"overrides that have no effect: {' '.join(faults)}")


def _is_predicate(key: object) -> bool:
    """Return whether a key can be called with a name and a parameter, which a layer cannot."""
    if isinstance(key, nn.Module) or not callable(key):
        return False
    try:
        inspect.signature(key).bind("name", None)
    except TypeError:
        return False
    except ValueError:  # some functions that are written in C say nothing of their arguments
        return True
    return True


def _override(key: object, value: object) -> Override:
    if not (isinstance(key, str) or (issubclass(key, nn.Module) if isinstance(key, type) else _is_predicate(key))):
        raise FaninTypeError(
            f"a key of overrides must be the name of a parameter or a pattern of names, a subclass of "
            f"torch.nn.Module, or a function of two arguments, (name, parameter). Received: {key!r} of type "
            f"{type(key).__name__}. "
            f"Pass, for example, {_EXAMPLE}."
        )
    override = Override(key)  # type: ignore[arg-type]
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
