"""Parameters that are equal, or drawn from the same random numbers, and those that should be equal and are not."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Hashable, Iterator
from typing import Any, Final

import numpy as np

from fanin.auditing.context import Context
from fanin.auditing.copies import whole_copies
from fanin.auditing.findings import Finding, Severity, names_text
from fanin.auditing.fingerprints import SIGNS_NEEDED, Fingerprint
from fanin.auditing.reading import SIGNS
from fanin.auditing.siblings import LAYER_NUMBER
from fanin.models.parameter import Parameter

__all__ = ["aliases", "equal_groups", "pairs"]

_EMBEDDING: Final = re.compile(r"emb|wte|tok", re.IGNORECASE)
_HEAD: Final = re.compile(r"head|out|decoder|classifier|logits", re.IGNORECASE)
_GROUPS: Final = 3
"""Groups of equal tensors that a text shows."""

_CLOSE: Final = 0.999


def aliases(prints: list[Fingerprint], names: Collection[str], context: Context) -> dict[str, str]:
    """Return which tensors are equal bit for bit to one of the others, as a tied weight that is stored twice is.

    Args:
        prints: All tensors.
        names: Names of those that may be such copies.
        context: The audit.
    """
    known = {one.digest: one.name for one in reversed(prints) if one.name not in names}
    enough = _bits_needed(prints, context)
    return {
        one.name: known[one.digest]
        for one in prints
        if one.name in names and one.digest is not None and one.digest in known and one.bits > enough
    }


def _bits_needed(prints: list[Fingerprint], context: Context) -> float:
    """Return how much information tensors hold that are not equal by chance."""
    return -math.log2(context.alpha) + 2 * math.log2(max(2, len(prints)))


def equal_groups(prints: list[Fingerprint], context: Context) -> list[list[Fingerprint]]:
    """Return the tensors that are equal bit for bit by no chance, group by group: small ones where they are one."""
    groups: dict[Hashable, list[Fingerprint]] = {}
    enough = _bits_needed(prints, context)
    for one in prints:
        if one.digest is not None and one.bits > enough:
            groups.setdefault(one.digest, []).append(one)
        elif one.memory is not None:
            groups.setdefault((one.memory, one.digest), []).append(one)
    return [group for group in groups.values() if len(group) > 1]


def pairs(prints: list[Fingerprint], trained: Collection[str], context: Context) -> Iterator[Finding]:
    """Yield what is wrong between tensors.

    Args:
        prints: All tensors.
        trained: Names of those that were trained: of them it counts alone which are one tensor in memory.
        context: The audit.
    """
    groups = equal_groups(prints, context)
    unexplained = [group for group in map(_unexplained, groups) if len(group) > 1]
    still = [group if _are_one(group) else [one for one in group if one.name not in trained] for group in unexplained]
    copied, rest = whole_copies([group for group in still if len(group) > 1], prints)
    yield from copied
    yield from _equal(rest, context)
    prints = [one for one in prints if one.name not in trained]
    taken = {one.name for group in groups for one in group}
    yield from _shared([one for one in prints if one.name not in taken], context)
    if context.has_scheme:
        yield from _untied(prints)


def _unexplained(group: list[Fingerprint]) -> list[Fingerprint]:
    """Return one tensor for each key of a scheme, and for each memory of those that no scheme knows."""
    found: dict[Hashable, Fingerprint] = {}
    for one in group:
        same = one.memory if one.memory is not None else one.name
        found.setdefault((same, one.key), one)
    by_key: dict[Hashable, Fingerprint] = {}
    for one in found.values():
        by_key.setdefault("table" if one.key is not None and one.is_table else one.key or one.name, one)
    return list(by_key.values())


def _equal(groups: list[list[Fingerprint]], context: Context) -> Iterator[Finding]:
    """Yield groups of equal tensors, those of the same layers together."""
    layers: dict[tuple[Any, ...], list[list[Fingerprint]]] = {}
    for group in groups:
        numbers: tuple[Any, ...] = tuple(tuple(LAYER_NUMBER.findall(one.name)) for one in group)
        which = numbers if len(set(numbers)) > 1 else tuple(one.name for one in group)
        layers.setdefault((which, any(one.is_table for one in group), _are_one(group)), []).append(group)
    for (_, table, are_one), alike in layers.items():
        names = tuple(one.name for group in alike for one in group)
        tied = all(map(_may_be_tied, alike))
        severity: Severity = "note" if tied or (table and not context.has_scheme) else "error"
        more = _groups_text(alike)
        why = ": copies, or drawn from one stream"
        if severity == "note":
            why = ": tied, perhaps" if tied else ": a table, perhaps"
        last = alike[0][-1].name
        line = f'weights["{last}"][...] = fanin.init({_shape(alike[0][-1])}, ..., name="{last}")  # a stream of its own'
        if severity == "note":
            line = ""
        if tied and context.has_scheme:
            first = alike[0][0].name
            why = ": tied, perhaps, and the scheme draws each from a stream of its own"
            line = f'scheme = fanin.Scheme({{**scheme, "{last}": scheme["{first}"].with_streams_of("{first}")}})'
        what = "are equal bit for bit"
        if are_one:
            what = "are one tensor in memory"
            if severity == "error":
                why = ": layers that are one object, and the scheme draws each from a stream of its own"
                line = f'weights["{last}"] = fanin.init({_shape(alike[0][-1])}, ..., name="{last}")  # of its own'
        yield Finding(
            severity,
            "equal parameters",
            names,
            f"{what}{more}{why}",
            {"groups": [[one.name for one in group] for group in alike]},
            line,
        )


def _groups_text(alike: list[list[Fingerprint]]) -> str:
    """Return which tensors are equal to which, where there are several groups of them."""
    if len(alike) < 2:
        return ""
    shown = [names_text(one.name for one in group) for group in alike[:_GROUPS]]
    if len(alike) > _GROUPS:
        shown.append(f"{len(alike) - _GROUPS} more")
    return f" within each of {len(alike)} groups, not across them ({'; '.join(shown)})"


def _are_one(group: list[Fingerprint]) -> bool:
    """Return whether all are in one memory."""
    return group[0].memory is not None and len({one.memory for one in group}) == 1


def _may_be_tied(group: list[Fingerprint]) -> bool:
    """Return whether two tensors are called as an embedding and the layer that is often tied to it."""
    return len(group) == 2 and any(_EMBEDDING.search(a.name) and _HEAD.search(b.name) for a, b in (group, group[::-1]))


def _shape(one: Fingerprint) -> Any:
    return one.digest[0] if isinstance(one.digest, tuple) else ...


def _shared(prints: list[Fingerprint], context: Context) -> Iterator[Finding]:
    """Yield tensors whose first weights are multiples of each other: one stream, at another scale or shape."""
    groups: dict[bytes, list[Fingerprint]] = {}
    for one in prints:
        if one.first.size >= SIGNS_NEEDED:
            groups.setdefault(np.packbits(one.first[:SIGNS_NEEDED] < 0).tobytes(), []).append(one)
    for group in groups.values():
        alike = [one for one in group if _proportional(group[0], one)]
        streams = {None if one.key is None else _streams(one.key) for one in alike}
        memories = {one.memory if one.memory is not None else one.name for one in alike}
        if len(alike) < 2 or len(memories) < 2 or (streams != {None} and len(streams) == 1):
            continue
        cause = "are multiples of each other: drawn from the same random numbers, as by a generator that was reseeded"
        names = tuple(one.name for one in alike)
        line = f'weights["{names[-1]}"][...] = fanin.init(..., name="{names[-1]}")  # a stream of its own'
        yield Finding("error", "shared stream", names, cause, {"signs": SIGNS_NEEDED}, line)


def _streams(parameter: Parameter) -> Hashable:
    return parameter.stream, tuple(_streams(part.parameter) for part in parameter.parts)


def _proportional(a: Fingerprint, b: Fingerprint) -> bool:
    size = min(a.first.size, b.first.size, SIGNS)
    x, y = np.abs(a.first[:size]), np.abs(b.first[:size])
    # A uniform and a normal of one stream are no multiples, but rise together.
    order = np.corrcoef(np.argsort(np.argsort(x)), np.argsort(np.argsort(y)))[0, 1]
    return bool(order > _CLOSE)


def _untied(prints: list[Fingerprint]) -> Iterator[Finding]:
    """Yield tensors that a scheme draws from one stream and one law, and that differ."""
    groups: dict[Parameter, list[Fingerprint]] = {}
    for one in prints:
        if one.key is not None and one.key.follows_laws and one.digest is not None:
            groups.setdefault(one.key, []).append(one)
    for group in groups.values():
        if len({one.digest for one in group if isinstance(one.digest, tuple)}) < 2:
            continue
        if len({one.digest[1] for one in group if isinstance(one.digest, tuple)}) > 1:  # stored in several dtypes
            continue
        names = tuple(one.name for one in group)
        cause = "differ, and the scheme draws them from one stream: tied weights that are not tied, or copies"
        line = f'model.get_parameter("{names[-1]}").data = model.get_parameter("{names[0]}").data'
        yield Finding("warning", "untied", names, cause, {}, line)
