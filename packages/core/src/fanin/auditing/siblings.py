"""One layer unlike the others of its kind: the same name but for numbers, the same shapes, and other weights."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from fanin.auditing.context import Context
from fanin.auditing.digits import told_apart
from fanin.auditing.families import FAMILIES
from fanin.auditing.findings import Finding, names_text
from fanin.testing.limits import Limits
from fanin.weights.roles import Role

__all__ = ["LAYER_NUMBER", "Sibling", "minority", "siblings"]

LAYER_NUMBER: Final = re.compile(r"(?<![A-Za-z])\d+(?=[./])")
"""A number that stands for a layer: in "layers.0.norm1.weight" and "layers_0/norm1" the first one alone."""

_FEWEST: Final = 3
_MINORITY: Final = 0.25


@dataclass(frozen=True)
class Sibling:
    """What is compared of a layer.

    Attributes:
        name: Its name.
        shape: Its shape.
        count: How many weights.
        mean: Their mean.
        std: Their standard deviation; 0 of a constant.
        line: The line that repairs it.
        role: What it is to the module that has it, where that is known.
    """

    name: str
    shape: tuple[int, ...]
    count: int
    mean: float
    std: float
    line: str
    role: Role = ""


def siblings(layers: Iterable[Sibling], context: Context) -> Iterator[Finding]:
    """Yield the layers that differ from all others of their kind, where those are alike."""
    layers = list(layers)
    within: dict[str, set[tuple[str, tuple[int, ...]]]] = {}
    for one in layers:
        layer, rest = _layer(one.name)
        within.setdefault(layer, set()).add((rest, one.shape))
    kinds: dict[tuple[object, ...], list[Sibling]] = {}
    for one in layers:
        alike = frozenset(within[_layer(one.name)[0]])
        kinds.setdefault((LAYER_NUMBER.sub("*", one.name), one.shape, alike), []).append(one)
    for kind in kinds.values():
        if len(kind) < _FEWEST:
            continue
        unlike = minority(kind, context)
        rest = names_text(one.name for one in kind if one.name not in unlike)
        for one, typical, own, theirs in unlike.values():
            cause = f"is unlike {rest}: {own}, and {theirs}"
            numbers = {"std": one.std, "mean": one.mean, "std of the others": typical.std}
            yield Finding("warning", "sibling", (one.name,), cause, numbers, one.line)


def minority(kind: list[Sibling], context: Context) -> dict[str, tuple[Sibling, Sibling, str, str]]:
    """Return those of some layers that differ from all others, by name; nothing where those are not alike.

    Each comes with one of the others, and with what it has, and a sentence of what they have.
    """
    typical = _typical(kind, context)
    unlike = [one for one in kind if not _alike(one, typical, context)]
    if len(unlike) > max(1, _MINORITY * len(kind)):
        return {}
    return {one.name: (one, typical, *_words(one, typical, context)) for one in unlike}


def _layer(name: str) -> tuple[str, str]:
    """Return the layer of a tensor, and what the tensor is called in it: "layers.0" and "norm.weight"."""
    end = max((found.end() for found in LAYER_NUMBER.finditer(name)), default=0)
    return name[:end], name[end:]


def _typical(kind: list[Sibling], context: Context) -> Sibling:
    """Return the layer in the middle, of standard deviations or of means; a constant one where most are constants."""
    constants = [one for one in kind if one.std == 0]
    if 2 * len(constants) > len(kind):
        value = statistics.mode(one.mean for one in constants)
        return next(one for one in constants if one.mean == value)
    rest = [one for one in kind if one.std > 0]
    middle = [sorted(rest, key=by)[len(rest) // 2] for by in (lambda one: one.std, lambda one: one.mean)]
    return max(middle, key=lambda typical: sum(_alike(one, typical, context) for one in rest))


def _alike(one: Sibling, typical: Sibling, context: Context) -> bool:
    """Return whether two layers may have one law, whose weights vary no more than a normal's."""
    if one.std == 0 or typical.std == 0:
        return one.std == typical.std and one.mean == typical.mean
    low, high = Limits(one.count, FAMILIES["normal"], context.alpha).squares
    ratio = (one.std / typical.std) ** 2
    return low / high <= ratio <= high / low and not _is_elsewhere(one, typical, context)


def _is_elsewhere(one: Sibling, typical: Sibling, context: Context) -> bool:
    """Return whether the means of two random layers differ by more than chance."""
    most = Limits(one.count, FAMILIES["normal"], context.alpha).mean
    return abs(one.mean - typical.mean) > 2 * most * max(one.std, typical.std)


def _words(one: Sibling, typical: Sibling, context: Context) -> tuple[str, str]:
    """Return what a layer has, and a sentence of what the others have, in words that differ."""
    both = one, typical
    means = told_apart([each.mean for each in both], [3, 3])
    if not one.std and not typical.std:
        means = told_apart([each.mean for each in both], [4, 4])
    stds = told_apart([each.std for each in both], [3, 3])
    random = bool(one.std and typical.std)
    elsewhere = random and _is_elsewhere(one, typical, context)
    words = []
    for each, mean, std in zip(both, means, stds, strict=True):
        around = f" around {mean}" if elsewhere or abs(each.mean) > 0.5 * each.std else ""
        words.append(f"std {std}{around}" if each.std else f"every weight is {mean}")
    return words[0], f"they have {words[1]}" if typical.std else f"each of theirs is {means[1]}"
