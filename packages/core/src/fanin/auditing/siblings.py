"""One layer unlike the others of its kind: the same name but for numbers, the same shapes, and other weights."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from fanin.auditing.context import Context
from fanin.auditing.families import FAMILIES
from fanin.auditing.findings import Finding, names_text
from fanin.testing.limits import Limits

__all__ = ["LAYER_NUMBER", "Sibling", "siblings"]

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
    """

    name: str
    shape: tuple[int, ...]
    count: int
    mean: float
    std: float
    line: str


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
        typical = _typical(kind)
        unlike = [one for one in kind if not _alike(one, typical, context)]
        if not unlike or len(unlike) > max(1, _MINORITY * len(kind)):
            continue
        rest = names_text(one.name for one in kind if one not in unlike)
        for one in unlike:
            cause = f"is unlike {rest}: {_words(one)}, and they have {_words(typical)}"
            numbers = {"std": one.std, "mean": one.mean, "std of the others": typical.std}
            yield Finding("warning", "sibling", (one.name,), cause, numbers, one.line)


def _layer(name: str) -> tuple[str, str]:
    """Return the layer of a tensor, and what the tensor is called in it: "layers.0" and "norm.weight"."""
    end = max((found.end() for found in LAYER_NUMBER.finditer(name)), default=0)
    return name[:end], name[end:]


def _typical(kind: list[Sibling]) -> Sibling:
    """Return the layer in the middle; a constant one where most are constants."""
    constants = [one for one in kind if one.std == 0]
    if 2 * len(constants) > len(kind):
        value = statistics.mode(one.mean for one in constants)
        return next(one for one in constants if one.mean == value)
    rest = sorted((one for one in kind if one.std > 0), key=lambda one: one.std)
    return rest[len(rest) // 2]


def _alike(one: Sibling, typical: Sibling, context: Context) -> bool:
    """Return whether two layers may have one law, whose weights vary no more than a normal's."""
    if one.std == 0 or typical.std == 0:
        return one.std == typical.std and one.mean == typical.mean
    limits = Limits(one.count, FAMILIES["normal"], context.alpha)
    low, high = limits.squares
    ratio = (one.std / typical.std) ** 2
    if not low / high <= ratio <= high / low:
        return False
    return abs(one.mean - typical.mean) <= 2 * limits.mean * max(one.std, typical.std)


def _words(one: Sibling) -> str:
    if one.std == 0:
        return f"every weight is {one.mean:.4g}"
    return f"std {one.std:.3g}" + (f" around {one.mean:.3g}" if abs(one.mean) > 0.5 * one.std else "")
