"""Tensors that an audit leaves out: those whose name matches a pattern."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from fanin.exceptions import FaninTypeError, FaninValueError
from fanin.models import Scheme
from fanin.models.names import plain_name
from fanin.weights import Weights
from fanin.weights.roles import is_random_state

__all__ = ["patterns_of", "without", "without_random_states"]


def patterns_of(ignore: object) -> tuple[str, ...]:
    """Return what `ignore` says: one pattern, or several.

    Raises:
        FaninTypeError: It is no text, and nothing that holds texts.
        FaninValueError: A pattern is empty.
    """
    found = (ignore,) if isinstance(ignore, str) else tuple(ignore) if isinstance(ignore, Iterable) else (ignore,)
    for one in found:
        if not isinstance(one, str):
            raise FaninTypeError(
                f'ignore must be patterns of names, such as "*.inv_freq". Received: {one!r} of type '
                f"{type(one).__name__}."
            )
        if not one:
            raise FaninValueError('ignore must be patterns of names, such as "*.inv_freq". Received: an empty one.')
    return tuple(str(one) for one in found)


def without(
    copies: Sequence[Weights], scheme: Scheme | None, patterns: tuple[str, ...]
) -> tuple[list[Weights], Scheme | None, list[str]]:
    """Return weights and a scheme without the names that match a pattern, and those names.

    Args:
        copies: The weights.
        scheme: The scheme, if there is one.
        patterns: What is left out: `*` stands for any text, `?` for a character, `[...]` for one of some.

    Raises:
        FaninValueError: A pattern matches no name, or all of them are left out.
    """
    known = dict.fromkeys([name for one in copies for name in one] + list(scheme or ()))
    for pattern in patterns:
        if not any(_matches(name, pattern) for name in known):
            raise FaninValueError(
                f"ignore: no tensor has a name that matches {pattern!r}. Such a name is {next(iter(known))!r}."
            )
    ignored = {name: None for name in known if any(_matches(name, pattern) for pattern in patterns)}
    left = [Weights([one[name] for name in one if name not in ignored], one.source) for one in copies]
    if not all(left):
        raise FaninValueError(f"ignore: every tensor is left out. Received: {', '.join(map(repr, patterns))}.")
    rest = None if scheme is None else Scheme({name: scheme[name] for name in scheme if name not in ignored})
    return left, rest, list(ignored)


def without_random_states(copies: Sequence[Weights], scheme: Scheme | None) -> tuple[list[Weights], list[str]]:
    """Return weights without the keys and counters of generators, which are no weights, and their names.

    Args:
        copies: The weights.
        scheme: The scheme, if there is one: what it has is kept.
    """
    states = {
        name: None
        for one in copies
        for name, tensor in one.items()
        if (tensor.role == "random state" or is_random_state(name, tensor.dtype)) and name not in (scheme or ())
    }
    left = [Weights([one[name] for name in one if name not in states], one.source) for one in copies]
    return (left, list(states)) if states and all(left) else (list(copies), [])


def _matches(name: str, pattern: str) -> bool:
    return fnmatchcase(name, pattern) or fnmatchcase(plain_name(name), pattern)
