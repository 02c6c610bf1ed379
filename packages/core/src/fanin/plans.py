"""The plan: everything a backend needs to draw one tensor, as Python numbers.

A plan is made from an initializer, a tensor's geometry, a dtype, a seed and a name. Whatever can be wrong is refused
here, so that a backend only draws. A backend knows nothing of fans, gains or names.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal

from fanin._checks import whole_number
from fanin.dtypes import DTYPES, DType, dtype_of
from fanin.exceptions import FaninTypeError, FaninValueError
from fanin.initializers import Initializer
from fanin.keys import named_key, seed_words
from fanin.layout import Axis, Geometry
from fanin.matrices import MatrixInitializer
from fanin.pieces import merge
from fanin.presets import get_initializer
from fanin.rules import Draw, Fill, Rule, rule_of
from fanin.threefry import Words

__all__ = ["SPEC_VERSION", "Draw", "Fill", "Name", "Plan", "Slices", "plan"]

SPEC_VERSION: Final = 1
"""The version of docs/spec.md that this core and its backends implement."""

Name = str | None | Sequence[str]
"""A parameter's name; for a stack, the names of its slices."""

Slices = slice | Sequence[slice | None] | None
"""Which part of the stored tensor to draw: a slice an axis, None (or nothing, at the end) for a whole axis."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to draw. The first group of attributes is what a backend reads; the second says where it came from.

    Attributes:
        spec_version: The version of the specification.
        shape: Shape of the array to return, in stored order.
        dtype: Name of its dtype.
        rule: How each element's value is computed.
        offset: What the start of the part adds to every logical index; an element's is this plus each axis's offset.
        axes: How the logical index moves along each stored axis.
        keys: Key words of the stream; with a stack axis, one key for each drawn position of it.
        stack_axis: Which stored axis selects the key, or None.
        consecutive: Whether the logical indices are offset, offset + 1, ... in stored order, of one stream.

        initializer: The initializer.
        geometry: The whole tensor, of which `shape` is a part.
        slices: The part drawn, one (start, stop) for each stored axis.
        seed: The seed.
        name: The parameter's name, or the names of the whole stack.
    """

    spec_version: int
    shape: tuple[int, ...]
    dtype: str
    rule: Rule
    offset: int
    axes: tuple[Axis, ...]
    keys: tuple[Words, ...]
    stack_axis: int | None
    consecutive: bool

    initializer: Initializer
    geometry: Geometry
    slices: tuple[tuple[int, int], ...]
    seed: int
    name: str | tuple[str, ...] | None

    @property
    def size(self) -> int:
        """Number of elements to draw."""
        return math.prod(self.shape)

    @property
    def compute(self) -> Literal["float32", "float64"]:
        """The format in which weights are computed before they are rounded to the dtype."""
        return DTYPES[self.dtype].compute

    @property
    def index_bound(self) -> int:
        """A number that every logical index of the part is below: the elements of the whole tensor (of one slice)."""
        sizes = [size for k, size in enumerate(self.geometry.shape) if k != self.stack_axis]
        return math.prod(sizes)

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as plain data, ready for JSON."""
        return {
            **dataclasses.asdict(self),
            "rule": {"kind": self.rule.kind, **dataclasses.asdict(self.rule)},
            "initializer": self.initializer.to_dict(),
        }


def plan(
    shape: Sequence[int] | int,
    initialization: str | Initializer = "he",
    *,
    layout: str | None = None,
    seed: int = 0,
    name: Name = None,
    dtype: object = "float32",
    slices: Slices = None,
    groups: int = 1,
    transposed: bool = False,
    stride: int | Sequence[int] | None = None,
) -> Plan:
    """Return what `fanin.init` would do with these arguments, as data; nothing is drawn, and no array library is used.

    The arguments are those of `fanin.init`.

    Raises:
        FaninValueError: An argument's value means nothing here.
        FaninTypeError: An argument has the wrong type.

    Example:
        >>> plan((256, 64), "he", layout="OI", name="fc.weight").rule.factor * 2.0**28
        0.1767766922712326
    """
    initializer = get_initializer(initialization)
    geometry = Geometry.of(shape, layout, groups, transposed, stride)
    number_format = dtype_of(dtype)
    parts = _check_slices(slices, geometry.shape)
    names, keys = _keys(seed, name, initializer, geometry, parts)
    rule, drawn_shape, offset, axes, consecutive = _structure(initializer, geometry, number_format.name, parts)
    if math.prod(drawn_shape) * number_format.itemsize >= 2**63:
        raise FaninValueError(
            f"an array has fewer than 2**63 bytes. Received: shape {drawn_shape} of {number_format.name}. Draw a part "
            f"of it, for example slices=(slice(0, 16),)."
        )
    return Plan(
        spec_version=SPEC_VERSION,
        shape=drawn_shape,
        dtype=number_format.name,
        rule=rule,
        offset=offset,
        axes=axes,
        keys=keys,
        stack_axis=geometry.stack_axis,
        consecutive=consecutive,
        initializer=initializer,
        geometry=geometry,
        slices=parts,
        seed=int(seed),
        name=names,
    )


@lru_cache(maxsize=4096)
def _structure(
    initializer: Initializer, geometry: Geometry, dtype: str, parts: tuple[tuple[int, int], ...]
) -> tuple[Rule, tuple[int, ...], int, tuple[Axis, ...], bool]:
    """Return all of a plan that does not depend on the seed and the name."""
    rule = _rule(initializer, geometry, DTYPES[dtype])
    pieces = [axis.part(*part) for axis, part in zip(geometry.axes(), parts, strict=True)]
    axes = tuple(axis for _, axis in pieces)
    merged = merge(axes)
    return (
        rule,
        tuple(stop - start for start, stop in parts),
        sum(offset for offset, _ in pieces),
        axes,
        geometry.stack_axis is None and (not merged or (len(merged) == 1 and merged[0] == Axis(merged[0].size, 1))),
    )


def _rule(initializer: Initializer, geometry: Geometry, dtype: DType) -> Rule:
    if isinstance(initializer, MatrixInitializer):
        return initializer.rule(geometry, dtype)
    return rule_of(initializer.law(initializer.fans(geometry) if initializer.needs_fans else None), dtype)


def _check_slices(slices: object, shape: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """Return (start, stop) for each axis; refuse steps, negative indices and anything beyond the axis."""
    if slices is None:
        return tuple((0, size) for size in shape)
    given = [slices] if isinstance(slices, slice) else slices
    if isinstance(given, (str, bytes)) or not isinstance(given, Sequence):
        raise FaninTypeError(
            f"slices must be None or a sequence with one slice for each axis. Received: {slices!r} of type "
            f"{type(slices).__name__}. For example slices=(slice(0, 16), slice(None))."
        )
    if len(given) > len(shape):
        raise FaninValueError(
            f"slices has {len(given)} entries and shape {shape} has {len(shape)} axes. Pass at most one an axis."
        )
    parts = [(0, size) for size in shape]
    for k, part in enumerate(given):
        if part is None:
            continue
        if not isinstance(part, slice):
            raise FaninTypeError(
                f"slices[{k}] must be a slice or None, so that the part keeps every axis. Received: {part!r} of type "
                f"{type(part).__name__}. For one position i use slice(i, i + 1)."
            )
        if part.step is not None and whole_number(part.step, f"the step of slices[{k}]", 1) != 1:
            raise FaninValueError(f"slices[{k}] must have step 1, since a shard is contiguous. Received: {part}.")
        start = 0 if part.start is None else whole_number(part.start, f"the start of slices[{k}]", 0)
        stop = shape[k] if part.stop is None else whole_number(part.stop, f"the stop of slices[{k}]", 0)
        if not start <= stop <= shape[k]:
            raise FaninValueError(
                f"slices[{k}] must satisfy 0 <= start <= stop <= {shape[k]}, the size of that axis of shape {shape}. "
                f"Received: start={start}, stop={stop}."
            )
        parts[k] = (start, stop)
    return tuple(parts)


def _keys(
    seed: object,
    name: object,
    initializer: Initializer,
    geometry: Geometry,
    parts: tuple[tuple[int, int], ...],
) -> tuple[str | tuple[str, ...] | None, tuple[Words, ...]]:
    """Return the checked name, or names, and the key of each drawn stream."""
    axis = geometry.stack_axis
    if axis is None:
        if name is not None and not isinstance(name, str):
            raise FaninTypeError(
                f"name must be a string or None. Received: {name!r} of type {type(name).__name__}. A list of names "
                f'belongs to a stack: mark its axis with S in the layout, for example layout="SOI".'
            )
        return name, (named_key(seed, name),)
    size = geometry.shape[axis]
    seed_words(seed)
    if name is None and not initializer.is_random:
        return None, ()
    if isinstance(name, (str, bytes)) or not isinstance(name, Sequence):
        raise FaninTypeError(
            f"layout {geometry.layout!r} has a stack axis S, whose {size} slices are separate streams. Received: "
            f"name={name!r}. Pass a list of {size} names, for example "
            f'name=[f"layers.{{i}}.weight" for i in range({size})].'
        )
    if len(name) != size:
        raise FaninValueError(
            f"layout {geometry.layout!r} stacks {size} slices. Received: {len(name)} names. Pass one name a slice."
        )
    for text in name:
        if not isinstance(text, str):
            raise FaninTypeError(
                f"each name of a stack must be a string. Received: {text!r} of type {type(text).__name__}."
            )
    if len(set(name)) != len(name):
        twice = next(text for text in name if list(name).count(text) > 1)
        raise FaninValueError(
            f"the names of a stack must differ, since equal names give equal weights. Received {twice!r} more than "
            f"once. Number them."
        )
    start, stop = parts[axis]
    return tuple(name), tuple(named_key(seed, text) for text in name[start:stop])
