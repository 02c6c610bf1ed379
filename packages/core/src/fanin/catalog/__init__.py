"""The catalog: every initializer in words and numbers, for `fanin list`, `fanin explain` and the documentation.

This is the one place that describes them: formula, level, source, when to use it, and how functions of the same name
differ in other frameworks. The numbers for a tensor are computed from the distributions themselves.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import fanin
from fanin._checks import closest
from fanin.catalog.texts import TEXTS, Text
from fanin.exceptions import FaninValueError
from fanin.initializers import Initializer
from fanin.initializers.names import get_initializer, initializer_names
from fanin.plans.facts import Facts, facts
from fanin.profiles import PROFILES, Profile, get_profile

__all__ = ["Entry", "Facts", "counterpart", "entries", "facts", "find", "namesakes"]


@dataclass(frozen=True)
class Entry:
    """The description of one initializer.

    Attributes:
        name: Its name, as text and as a function.
        aliases: Other names for it.
        call: The function with its settings and their defaults.
        formula: The distribution, in one line.
        level: "exact" if every backend gives the same bits, "close" if they agree to a tolerance.
        when: When to use it.
        source: Where it comes from, with the equation; for a profile, the function that it reproduces.
        elsewhere: How functions of the same name differ in other frameworks; for a profile, what is special about it.
        example: The initializer with its defaults, or with example settings if it needs some.
    """

    name: str
    aliases: tuple[str, ...]
    call: str
    formula: str
    level: Literal["exact", "close"]
    when: str
    source: str
    elsewhere: str
    example: Initializer


def entries() -> tuple[Entry, ...]:
    """Return fanin's own initializers, in the order of the documentation."""
    return tuple(map(_own, TEXTS))


def find(name: str) -> Entry:
    """Return the entry of a name, an alias or a profile.

    Raises:
        FaninValueError: The name is unknown.

    Example:
        >>> find("kaiming").name, find("torch:linear_default").formula
        ('he_normal', 'U(-b, b), b = 1 / sqrt(fan_in)')
    """
    if ":" in name:
        return _of_profile(get_profile(name))
    known = {other: entry for entry in entries() for other in (entry.name, *entry.aliases)}
    if name not in known:
        raise FaninValueError(
            f"unknown initializer {name!r}.{closest(name, known)} Accepted: {', '.join(known)}, and the "
            f"profiles that fanin list shows."
        )
    return known[name]


def namesakes(entry: Entry) -> tuple[Entry, ...]:
    """Return the profiles that have the name of an entry, or an alias of it, in their framework.

    Flax's initializers are JAX's and are not repeated.

    Example:
        >>> [other.name for other in namesakes(find("glorot_uniform"))]
        ['torch:xavier_uniform', 'jax:glorot_uniform', 'keras:glorot_uniform']
    """
    own = (entry.name, *entry.aliases)
    family = {_plain(name) for name in own}
    seen = {PROFILES[name].make for name in own if name in PROFILES}
    found: list[Profile] = []
    for name, record in PROFILES.items():
        if _plain(name) in family and record.make not in seen:
            seen.add(record.make)
            found.append(record)
    return tuple(map(_of_profile, found))


_SYNONYMS: Final = (
    ("negative_slope", "a"),
    ("activation", "nonlinearity"),
    ("std", "stddev"),
    ("low", "a", "minval"),
    ("high", "b", "maxval"),
    ("lower", "a"),
    ("upper", "b"),
    ("value", "val"),
    ("gain", "scale"),
)
"""The names of one setting in different frameworks, one setting per line. No function has two names from one line."""


def counterpart(settings: Mapping[str, object], name: str) -> dict[str, object]:
    """Return the settings of an initializer under the names that a profile uses, with their values unchanged.

    Raises:
        FaninValueError: The profile does not take one of the settings.

    Example:
        >>> counterpart({"negative_slope": 0.2, "mode": "fan_out"}, "torch:kaiming_normal")
        {'a': 0.2, 'mode': 'fan_out'}
    """
    known = inspect.signature(PROFILES[name].make).parameters
    found = {}
    for setting, value in settings.items():
        names = [setting, *(other for synonyms in _SYNONYMS if setting in synonyms for other in synonyms)]
        there = next((other for other in names if other in known), None)
        if there is None:
            raise FaninValueError(f"takes no {setting}")
        found[there] = value
    return found


_FIRST_NAMES: Final = {"kaiming": "he", "xavier": "glorot", "trunc": "truncated", "random": "", "eye": "identity"}


def _plain(name: str) -> str:
    """Return a name without its framework, with the surname by which the paper is cited."""
    words = name.rpartition(":")[2].removesuffix("_tf").split("_")
    return "_".join(filter(None, (_FIRST_NAMES.get(word, word) for word in words))) or name


def _own(text: Text) -> Entry:
    make: Callable[..., Initializer] = getattr(fanin, text.name)
    example = make(**text.settings)
    own = {other.name for other in TEXTS}
    aliases = [
        name
        for name in initializer_names()
        if not text.settings and name not in own and get_initializer(name) == example
    ]
    settings = [
        str(parameter.replace(annotation=inspect.Parameter.empty))
        for parameter in inspect.signature(make).parameters.values()
    ]
    return Entry(
        text.name,
        tuple(aliases),
        f"fanin.{text.name}({', '.join(settings)})",
        text.formula,
        text.level,
        text.when,
        text.source,
        text.elsewhere,
        example,
    )


_EXAMPLE: Final[dict[str, Any]] = {
    "val": 0.5,
    "value": 0.5,
    "fan_in": 64,
    "hidden_size": 64,
    "sparsity": 0.9,
    "scale": 2.0,
    "mode": "fan_in",
    "distribution": "normal",
}


def _of_profile(record: Profile) -> Entry:
    example = record(**(record.only_known(_EXAMPLE) if record.needs_settings else {}))
    settings = f", {record.settings}" if record.settings else ""
    aliases = [name for name, other in PROFILES.items() if other.make is record.make and other.of == record.of]
    return Entry(
        record.name,
        tuple(name for name in aliases if name != record.name),
        f'fanin.profile("{record.name}"{settings})',
        record.formula,
        "close" if "orthogonal" in record.name else "exact",
        "",
        record.of,
        record.note,
        example,
    )
