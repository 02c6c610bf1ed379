"""What is known of a value on the tape: keys, numbers, laws, or only whether it has random numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from fanin_jax._record.keys import Keys
from fanin_jax._record.laws import Law
from fanin_jax._record.ref import Ref

__all__ = [
    "FEW",
    "Computed",
    "Even",
    "Filled",
    "Known",
    "Piece",
    "Region",
    "Source",
    "Triangle",
    "Unfolded",
    "Value",
    "array_of",
    "known",
    "number_of",
    "pieces_of",
]

FEW: Final = 1 << 14
"""Elements of an array that are computed while the tape is read."""

Region = tuple[tuple[int, int], ...]
"""A hyper-rectangle of an array: (start, stop) for each axis."""

Piece = tuple[Region, Law | float]
"""A box, and the law or the constant that fills it."""


@dataclass(frozen=True, slots=True)
class Even:
    """An array of which every element is one number, of no axes."""

    number: NDArray[Any]


@dataclass(frozen=True, slots=True)
class Known:
    """A small array whose numbers are known."""

    array: NDArray[Any]


@dataclass(frozen=True, slots=True)
class Computed:
    """An array without random numbers."""


@dataclass(frozen=True, slots=True)
class Unfolded:
    """An array that has random numbers and follows no law."""


@dataclass(frozen=True, slots=True)
class Triangle:
    """The second factor of a QR decomposition, or what was computed from it alone.

    Attributes:
        number: The number of that factor.
    """

    number: int


@dataclass(frozen=True, slots=True)
class Filled:
    """What fills an array.

    Attributes:
        base: The law, or the constant, of the elements that no region has; None where regions have all.
        regions: Boxes with a law, or a constant, of their own, the latest last.
    """

    base: Law | float | None
    regions: tuple[Piece, ...] = ()

    @property
    def law(self) -> Law | None:
        """The law of all elements, or None."""
        return self.base if isinstance(self.base, Law) and not self.regions else None

    def mapped(self, function: Callable[[Law | float], Law | float | None]) -> Filled | None:
        """Return what a function of each element makes of it, or None where some law does not survive."""
        base = None if self.base is None else function(self.base)
        regions = [(region, function(law)) for region, law in self.regions]
        if (self.base is not None and base is None) or any(law is None for _, law in regions):
            return None
        return Filled(base, tuple((region, law) for region, law in regions if law is not None))

    def broadcast(self, shape: Sequence[int]) -> Filled | None:
        """Return it in a shape that its own axes of one position may have grown to: operations on elements do that."""
        base = self.base
        if not isinstance(base, Law) or base.ref.shape == tuple(shape):
            return self
        if self.regions or len(base.ref.shape) != len(shape):
            return None
        return Filled(replace(base, ref=base.ref.broadcast(shape, range(len(shape)))))

    def changed(self, refs: Callable[[Ref], Ref | None], boxes: Callable[[Region], Region | None]) -> Filled | None:
        """Return it with its elements in other places; None where its boxes are none there.

        Args:
            refs: What becomes of the elements of a law.
            boxes: What becomes of a box.
        """
        base = self.base
        if isinstance(base, Law):
            ref = refs(base.ref)
            if ref is None:
                return None
            base = replace(base, ref=ref)
        made: list[Piece] = []
        for region, law in self.regions:
            box = boxes(region)
            if box is None:
                return None
            ref = refs(law.ref) if isinstance(law, Law) else None
            if isinstance(law, Law):
                if ref is None:
                    return None
                law = replace(law, ref=ref)
            made.append((box, law))
        return Filled(base, tuple(made))

    def cut(self, starts: Sequence[int], stops: Sequence[int], steps: Sequence[int]) -> Filled | None:
        """Return a part of it."""
        base = self.base
        if isinstance(base, Law):
            base = replace(base, ref=base.ref.sliced(starts, stops, steps))
        if self.regions and any(step != 1 for step in steps):
            return None
        window = tuple(zip(starts, stops, strict=True))
        whole = tuple((0, stop - start) for start, stop in window)
        made: list[Piece] = []
        for box, law in self.regions:
            common = tuple((max(a, c), min(b, d)) for (a, b), (c, d) in zip(box, window, strict=True))
            if any(a >= b for a, b in common):
                continue
            inner = law
            if isinstance(inner, Law):
                first = [a - c for (a, _), (c, _) in zip(common, box, strict=True)]
                last = [b - c for (_, b), (c, _) in zip(common, box, strict=True)]
                inner = replace(inner, ref=inner.ref.sliced(first, last, [1] * len(first)))
            region = tuple((a - c, b - c) for (a, b), (c, _) in zip(common, window, strict=True))
            if region == whole:  # nothing below it is seen
                base, made = inner, []
            else:
                made.append((region, inner))
        return Filled(base, tuple(made))

    def reshaped(self, old: Sequence[int], shape: Sequence[int]) -> Filled | None:
        """Return it in another shape, where its boxes are boxes there."""
        base = self.base
        if isinstance(base, Law):
            ref = base.ref.reshaped(shape)
            if ref is None:
                return None
            base = replace(base, ref=ref)
        made: list[Piece] = []
        for region, law in self.regions:
            box = _reshaped(region, old, shape)
            if box is None:
                return None
            if isinstance(law, Law):
                ref = law.ref.reshaped(tuple(b - a for a, b in box))
                if ref is None:
                    return None
                law = replace(law, ref=ref)
            made.append((box, law))
        return Filled(base, tuple(made))


Value = Keys | Even | Known | Computed | Unfolded | Triangle | Filled


@dataclass(frozen=True, slots=True)
class Source:
    """Random numbers that were drawn at once: for each of some keys, an array.

    Attributes:
        keys: The key of each slice.
        shape: The shape of a slice.
        kind: What was drawn of it.
    """

    keys: tuple[int, ...]
    shape: tuple[int, ...]
    kind: object

    @property
    def size(self) -> int:
        """The number of elements of a slice."""
        return math.prod(self.shape)

    def slice(self, number: int) -> object:
        """Return what identifies a slice: two sources may have one in common."""
        return self.keys[number], self.shape, self.kind


def _reshaped(region: Region, old: Sequence[int], shape: Sequence[int]) -> Region | None:
    """Return a box in another shape, where only the outermost of the axes that are joined or split was cut."""
    made: list[tuple[int, int]] = []
    for mine, theirs in _runs(old, shape):
        new = [shape[k] for k in theirs]
        long = [k for k in mine if old[k] != 1]
        if all(region[k] == (0, old[k]) for k in long):
            made += [(0, size) for size in new]
            continue
        place = next((j for j, size in enumerate(new) if size != 1), None)
        if place is None or any(region[k] != (0, old[k]) for k in long[1:]):
            return None
        inner, step = math.prod(old[k] for k in long[1:]), math.prod(new[place + 1 :])
        start, stop = (end * inner for end in region[long[0]])
        if start % step or stop % step:
            return None
        made += [(0, 1)] * place + [(start // step, stop // step)] + [(0, size) for size in new[place + 1 :]]
    return tuple(made)


def _runs(old: Sequence[int], new: Sequence[int]) -> list[tuple[list[int], list[int]]]:
    """Return which axes become which in a reshape: the smallest runs of equal product."""
    runs: list[tuple[list[int], list[int]]] = []
    i = j = 0
    while i < len(old) or j < len(new):
        mine, theirs = list(range(i, min(i + 1, len(old)))), list(range(j, min(j + 1, len(new))))
        while (a := math.prod(old[k] for k in mine)) != (b := math.prod(new[k] for k in theirs)):
            if a < b:
                mine.append(i + len(mine))
            else:
                theirs.append(j + len(theirs))
        runs.append((mine, theirs))
        i, j = i + len(mine), j + len(theirs)
    return runs


def known(array: NDArray[Any]) -> Value:
    """Return what is known of an array of numbers."""
    flat = array.reshape(-1)
    same = (
        flat.size > 0 and all(flat[k].tobytes() == flat[0].tobytes() for k in (0, -1)) and bool((flat == flat[0]).all())
    )
    return Even(flat[0].reshape(())) if same else Known(array)


def array_of(value: Value, aval: Any) -> NDArray[Any] | None:
    """Return the numbers of a value, where they are known and not many."""
    if isinstance(value, Known):
        return value.array
    if isinstance(value, Even) and math.prod(aval.shape) <= FEW:
        return np.broadcast_to(value.number, aval.shape)
    return None


def number_of(value: Value) -> float | None:
    """Return the number that every element of a value is, or None: also for a complex one."""
    if not isinstance(value, Even):
        return None
    real = jnp.issubdtype(value.number.dtype, jnp.floating) or value.number.dtype.kind in "iub"
    return value.number.item() if real else None


def pieces_of(value: Value, shape: Sequence[int]) -> list[Piece] | None:
    """Return the laws of a value, each with the box that follows it, the latest last; None where it has others."""
    whole = tuple((0, size) for size in shape)
    if isinstance(value, Even):
        number = number_of(value)
        return None if number is None or not math.isfinite(number) else [(whole, float(number))]
    if not isinstance(value, Filled):
        return None
    return ([] if value.base is None else [(whole, value.base)]) + list(value.regions)
