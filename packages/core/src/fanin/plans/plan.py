"""The plan: everything a backend needs to draw one tensor, as Python numbers.

A plan is made from an initializer, a tensor's geometry, a dtype, a seed and a name. All invalid input is rejected here,
so that a backend only draws. A backend knows nothing about fans, gains or names.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal

from fanin._checks import whole_number
from fanin.dtypes import DTYPES, dtype_of
from fanin.exceptions import FaninTypeError, FaninValueError
from fanin.initializers import Initializer
from fanin.initializers.names import get_initializer
from fanin.layout import Axis, Geometry
from fanin.plans.columns import Columns, whole_columns
from fanin.plans.pieces import merge
from fanin.plans.rule_of import rule_of
from fanin.plans.rules import Masked, Rule
from fanin.stream.keys import seed_words, text_words
from fanin.stream.threefry import Words, threefry2x32

__all__ = ["SPEC_VERSION", "Name", "Plan", "Slices", "plan"]

SPEC_VERSION: Final = 1
"""The version of docs/spec.md that this core and its backends implement."""

Name = str | None | Sequence[str]
"""A parameter's name; for a stack, the names of its slices."""

Slices = slice | Sequence[slice | None] | None
"""The part of the stored tensor to draw: one slice per axis, None for a whole axis. The last axes may be omitted."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to draw. A backend reads only the first group of attributes; the second records where the plan came from.

    Attributes:
        spec_version: The version of the specification.
        shape: Shape of the array to return, in stored order.
        dtype: Name of its dtype.
        rule: How each element's value is computed.
        offset: Logical index at the start of the part. The index of an element is this plus the offset of each axis.
        axes: How the logical index moves along each stored axis.
        keys: Key words of the stream; with a stack axis, one key per drawn position of it.
        counters: The counter that each name selects: the key is the block of this counter under the seed's words. None
            without a name; the seed's words are the key then.
        stack_axis: The stored axis that selects the key, or None.
        index_bound: A bound that every logical index is below: the number of elements of the whole tensor, or of one
            slice of a stack.
        consecutive: Whether the logical indices in stored order are offset, offset + 1, ..., all in one stream.
        columns: The whole columns that the part touches, if the rule is `Masked`.

        initializer: The initializer.
        geometry: The whole tensor, of which `shape` is a part.
        slices: The drawn part, one (start, stop) per stored axis.
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
    counters: tuple[Words, ...] | None
    stack_axis: int | None
    index_bound: int
    consecutive: bool
    columns: Columns | None

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

    @classmethod
    def of(
        cls,
        initialization: str | Initializer,
        geometry: Geometry,
        *,
        seed: int = 0,
        name: Name = None,
        dtype: object = "float32",
        slices: Slices = None,
    ) -> Plan:
        """Return the plan of a tensor with a known geometry; `plan` takes the parts of the geometry as arguments.

        Raises:
            FaninValueError: An argument has an invalid value.
            FaninTypeError: An argument has the wrong type.
        """
        initializer = get_initializer(initialization)
        number_format = dtype_of(dtype)
        parts = _check_slices(slices, geometry.shape)
        words = seed_words(seed)
        names = _check_names(name, initializer, geometry)
        structure = _structure(initializer, geometry, number_format.name, parts)
        return cls._of_stream(structure, words, names)

    @classmethod
    def _of_stream(cls, structure: dict[str, Any], words: Words, names: str | tuple[str, ...] | None) -> Plan:
        """Return the plan with this structure, the words of a seed, and names that were checked."""
        counters = _counters(names, structure["geometry"], structure["slices"])
        keys: tuple[Words, ...] = () if counters is None and structure["stack_axis"] is not None else (words,)
        if counters is not None:
            keys = tuple([threefry2x32(words, counter) for counter in counters])
        return cls(**structure, keys=keys, counters=counters, seed=words[0] << 32 | words[1], name=names)

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
    """Return what `fanin.init` would do with these arguments, as data. Nothing is drawn; no array library is used.

    The arguments are those of `fanin.init`.

    Raises:
        FaninValueError: An argument has an invalid value.
        FaninTypeError: An argument has the wrong type.

    Example:
        >>> plan((256, 64), "he", layout="OI", name="fc.weight").rule.factor * 2.0**28
        0.1767766922712326
    """
    if slices is None and stride is None and isinstance(shape, tuple) and set(map(type, shape)) <= _INT:
        try:
            structure = _whole(shape, initialization, layout, dtype, groups, transposed)
        except TypeError:
            pass  # an argument of another type, which may not be hashable: refused below
        else:
            names = _check_names(name, structure["initializer"], structure["geometry"])
            return Plan._of_stream(structure, seed_words(seed), names)
    geometry = Geometry.of(shape, layout, groups, transposed, stride)
    return Plan.of(initialization, geometry, seed=seed, name=name, dtype=dtype, slices=slices)


_INT: Final = {int}
"""True and numbers of other libraries equal those of Python, and so would be found in a cache."""


@lru_cache(maxsize=4096, typed=True)
def _whole(
    shape: tuple[int, ...],
    initialization: str | Initializer,
    layout: str | None,
    dtype: object,
    groups: int,
    transposed: bool,
) -> dict[str, Any]:
    """Return the attributes of the plan of a whole tensor that do not depend on the seed and the name."""
    geometry = Geometry.of(shape, layout, groups, transposed)
    parts = _check_slices(None, geometry.shape)
    return _structure(get_initializer(initialization), geometry, dtype_of(dtype).name, parts)


@lru_cache(maxsize=4096)
def _structure(
    initializer: Initializer, geometry: Geometry, dtype: str, parts: tuple[tuple[int, int], ...]
) -> dict[str, Any]:
    """Return the attributes of a plan that do not depend on the seed and the name."""
    shape = tuple(stop - start for start, stop in parts)
    if math.prod(shape) * DTYPES[dtype].itemsize >= 2**63:
        raise FaninValueError(
            f"an array must have fewer than 2**63 bytes. Received: shape {shape} of {dtype}. Draw a part of it, for "
            f"example slices=(slice(0, 16),)."
        )
    rule = rule_of(initializer, geometry, DTYPES[dtype])
    pieces = [axis.part(*part) for axis, part in zip(geometry.axes(), parts, strict=True)]
    axes = tuple(axis for _, axis in pieces)
    merged = merge(axes)
    stack = geometry.stack_axis
    return {
        "spec_version": SPEC_VERSION,
        "shape": shape,
        "dtype": dtype,
        "rule": rule,
        "offset": sum(offset for offset, _ in pieces),
        "axes": axes,
        "stack_axis": stack,
        "index_bound": math.prod(size for k, size in enumerate(geometry.shape) if k != stack),
        "consecutive": stack is None and (not merged or (len(merged) == 1 and merged[0] == Axis(merged[0].size, 1))),
        "columns": whole_columns(geometry, parts) if isinstance(rule, Masked) else None,
        "initializer": initializer,
        "geometry": geometry,
        "slices": parts,
    }


def _check_slices(slices: object, shape: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """Return (start, stop) for each axis. Reject steps, negative indices and positions beyond the end of the axis."""
    if slices is None:
        return tuple((0, size) for size in shape)
    given = [slices] if isinstance(slices, slice) else slices
    if isinstance(given, (str, bytes)) or not isinstance(given, Sequence):
        raise FaninTypeError(
            f"slices must be None or a sequence with one slice per axis. Received: {slices!r} of type "
            f"{type(slices).__name__}. Pass, for example, slices=(slice(0, 16), slice(None))."
        )
    if len(given) > len(shape):
        raise FaninValueError(
            f"slices has {len(given)} entries, but shape {shape} has {len(shape)} axes. Pass at most one per axis."
        )
    parts = [(0, size) for size in shape]
    for k, part in enumerate(given):
        if part is None:
            continue
        if not isinstance(part, slice):
            raise FaninTypeError(
                f"slices[{k}] must be a slice or None, so that the part keeps every axis. Received: {part!r} of type "
                f"{type(part).__name__}. For one position i, use slice(i, i + 1)."
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


def _check_names(name: object, initializer: Initializer, geometry: Geometry) -> str | tuple[str, ...] | None:
    """Return the name, or the names of a stack's slices."""
    axis = geometry.stack_axis
    if axis is None:
        if name is not None and not isinstance(name, str):
            raise FaninTypeError(
                f"name must be a string or None. Received: {name!r} of type {type(name).__name__}. A list of names is "
                f'for a stack: mark the stack axis with S in the layout, for example layout="SOI".'
            )
        return name
    size = geometry.shape[axis]
    if name is None and not initializer.is_random:
        return None
    if isinstance(name, (str, bytes)) or not isinstance(name, Sequence):
        raise FaninTypeError(
            f"layout {geometry.layout!r} has a stack axis S with {size} slices, each a separate stream. Received: "
            f"name={name!r}. Pass a list of {size} names, for example "
            f'name=[f"layers.{{i}}.weight" for i in range({size})].'
        )
    if len(name) != size:
        raise FaninValueError(
            f"layout {geometry.layout!r} stacks {size} slices. Received: {len(name)} names. Pass one name per slice."
        )
    for text in name:
        if not isinstance(text, str):
            raise FaninTypeError(
                f"each name of a stack must be a string. Received: {text!r} of type {type(text).__name__}."
            )
    if len(set(name)) != len(name):
        twice = next(text for text in name if list(name).count(text) > 1)
        raise FaninValueError(
            f"the names of a stack must differ, since equal names give equal weights. Received: {twice!r} more than "
            f"once. Number the names."
        )
    return tuple(name)


def _counters(
    names: str | tuple[str, ...] | None, geometry: Geometry, parts: tuple[tuple[int, int], ...]
) -> tuple[Words, ...] | None:
    """Return the counter that the name of each drawn slice selects."""
    if names is None:
        return None
    if isinstance(names, str):
        return (text_words(names),)
    assert geometry.stack_axis is not None
    return tuple(text_words(text) for text in names[slice(*parts[geometry.stack_axis])])
