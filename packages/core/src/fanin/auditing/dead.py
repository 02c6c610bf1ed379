"""Outputs and inputs of zeros, by the layout that a scheme states: wherever their axes are in the array."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from fanin.auditing import reading
from fanin.auditing.context import Context
from fanin.auditing.findings import Finding
from fanin.auditing.hashing import words_of
from fanin.auditing.reading import Reading
from fanin.auditing.slices import numbered, stack_of
from fanin.models.parameter import Parameter
from fanin.weights.tensor import index_of

__all__ = ["dead_units", "is_dead", "layout_of"]

_SHOWN: Final = 4
_LISTED: Final = 1000

_PAGE: Final = 1024
"""Zeros one after another in memory that may be a page of it."""


Places: TypeAlias = tuple[npt.NDArray[np.intp], ...]
"""Positions along each of some axes."""


class _Role(NamedTuple):
    """What a position along some axes stands for.

    Attributes:
        kind: Its kind of finding.
        one: Its name.
        many: The name of several of it.
        meaning: What zeros mean.
        axes: The axes. With groups the first one tells the group, and the second one the position in it.
        groups: How many groups.
    """

    kind: str
    one: str
    many: str
    meaning: str
    axes: tuple[int, ...]
    groups: int = 1

    def shape(self, sizes: tuple[int, ...]) -> tuple[int, ...]:
        """Return how many positions there are along each axis; of groups, in all."""
        if self.groups > 1:
            return (self.groups * sizes[self.axes[1]],)
        return tuple(sizes[axis] for axis in self.axes)

    def position(self, places: Places, sizes: tuple[int, ...]) -> Places:
        """Return the positions of some elements of a tensor, whose places are given along each of its axes."""
        if self.groups > 1:
            first, second = self.axes
            return (places[first] // (sizes[first] // self.groups) * sizes[second] + places[second],)
        return tuple(places[axis] for axis in self.axes)


@dataclass(frozen=True)
class _Dead:
    """Which positions along the axes of a role are zeros, and should not be."""

    role: _Role
    places: npt.NDArray[np.bool_]


def layout_of(found: Reading) -> str | None:
    """Return the layout of a tensor, the scheme's own or the one of all its random parts, if it has both O and I."""
    if found.parameter is None:
        return None
    stated = {found.parameter.layout}
    if found.parameter.layout is None:
        stated = {unit.parameter.layout for unit in found.units if unit.parameter is not None and unit.is_random}
    layout = stated.pop() if len(stated) == 1 else None
    return layout if layout is not None and {"O", "I"} <= set(layout) else None


def dead_units(found: Reading, context: Context) -> Iterator[Finding]:
    """Yield the outputs, inputs and slices of zeros; the units of the tensor are told.

    Args:
        found: The tensor, all of which can be read, with a layout.
        context: The audit.
    """
    for one in _dead(found, context):
        for unit in found.units:
            unit.dead = True
        role, flat = one.role, np.flatnonzero(one.places)
        count = flat.size
        numbers, last = (_numbers(some, one.places.shape) for some in (flat[:_LISTED], flat[-1:]))
        is_together = int(flat[-1] - flat[0]) == count - 1
        why = role.meaning
        if is_together and found.zero_run[1] >= _PAGE:
            why += ", or memory that nothing was written to"
        shown = f"number {', '.join(map(str, numbers[:_SHOWN]))}" + (", ..." if count > _SHOWN else "")
        where = f"{numbers[0]} to {last[0]}" if is_together and count > 1 else shown
        cause = f"has {f'{count:,} {role.many}' if count > 1 else role.one} of zeros, {where}: {why}"
        if role.groups > 1 and count == 1:
            each = one.places.size // role.groups
            cause = (
                f"has {role.one} of zeros, {where}, which is {numbers[0] % each} of group {numbers[0] // each}: {why}"
            )
        if (stack := stack_of(found)) is not None and role.axes == (stack.axis,):
            cause = f"is zeros in {numbered(numbers, stack)}: {why}"
        evidence = {role.kind.removeprefix("dead "): numbers}
        yield Finding("warning", role.kind, (found.name,), cause, evidence, context.line(found.units[0]))


def is_dead(found: Reading, start: int, length: int, context: Context) -> bool:
    """Return whether consecutive elements are all of dead outputs, inputs or slices.

    Args:
        found: The tensor, all of which can be read.
        start: The place of the first one, in the order of memory.
        length: How many.
        context: The audit.
    """
    dead = list(_dead(found, context))
    for first in range(start, start + length, reading.PIECE) if dead else ():
        index = np.unravel_index(np.arange(first, min(first + reading.PIECE, start + length)), found.shape)
        if not np.any([one.places[one.role.position(index, found.shape)] for one in dead], axis=0).all():
            return False
    return bool(dead)


def _dead(found: Reading, context: Context) -> Iterator[_Dead]:
    """Yield what is zeros by role, where a law draws enough weights of it that this is no chance."""
    layout = layout_of(found)
    if layout is None:
        return
    roles = [role for role in _roles(layout, found.parameter) if math.prod(role.shape(found.shape)) > 1]
    zeros = sum(unit.summary.zeros for unit in found.units)
    slices: _Dead | None = None
    for role in roles:
        count = math.prod(role.shape(found.shape))
        enough = -math.log2(context.alpha) + math.log2(count) + math.log2(len(roles))
        each = found.tensor.size // count
        if zeros < each or found.bits * each <= enough:
            continue
        places = (found.bits * _random(found, role) > enough) & ~_used(found, role)
        if slices is not None:  # an output of a slice that is zeros is no fault of its own
            whole = [size if axis in slices.role.axes else 1 for axis, size in enumerate(found.shape)]
            places &= ~slices.places.reshape([whole[axis] for axis in role.axes])
        if places.any():
            one = _Dead(role, places)
            slices = one if role.axes == (layout.find("S"),) else slices
            yield one


def _roles(layout: str, parameter: Parameter | None) -> Iterator[_Role]:
    """Yield what a layout has: the slices of a stack first, then positions of a kernel, outputs and inputs.

    Of a grouped kernel one of the two axes counts the positions within a group, and the other one tells the group.
    """
    groups = 1 if parameter is None else parameter.groups
    within = ("O" if parameter is not None and parameter.transposed else "I") if groups > 1 else ""
    for axis, letter in enumerate(layout):
        if letter == "S":
            yield _Role("dead slices", "a slice", "slices", "layers or experts that pass nothing on", (axis,))
    for axis, letter in enumerate(layout):
        if letter in "DHW":
            what = f"along axis {axis}"
            yield _Role(
                "dead slices", f"a slice {what}", f"slices {what}", "places that a kernel does not see", (axis,)
            )
    for letter, kind, word, meaning in (
        ("O", "dead outputs", "output", "units that pass nothing on"),
        ("I", "dead inputs", "input", "inputs that are never read"),
    ):
        axes = tuple(axis for axis, other in enumerate(layout) if other in (letter, "S"))
        if letter == "I" and _is_depthwise(layout, parameter):
            continue  # an input of zeros is an output of zeros
        if letter == within and len(layout) == len(set(layout)) and "S" not in layout:
            axes = layout.index("I" if letter == "O" else "O"), *axes
            yield _Role(kind, f"an {word}", f"{word}s", meaning, axes, groups)
        else:
            yield _Role(kind, f"an {word}", f"{word}s", meaning, axes)


def _is_depthwise(layout: str, parameter: Parameter | None) -> bool:
    """Return whether each group has one output and one input."""
    if parameter is None or parameter.groups == 1 or "S" in layout:
        return False
    sizes = sorted(parameter.shape[layout.index(letter)] for letter in "OI")
    return sizes == [1, parameter.groups]


def _used(found: Reading, role: _Role) -> npt.NDArray[np.bool_]:
    """Return which positions have an element that is not 0.

    Rows and columns of the pass over the tensor say it, unless its first axis is one of several: then the tensor is
    read again, by pieces.
    """
    assert found.hashes is not None
    shape, axes = found.shape, tuple(sorted(role.axes))
    if axes == (0,):
        return found.hashes.row_used
    if 0 not in axes:
        others = tuple(axis - 1 for axis in range(1, len(shape)) if axis not in axes)
        used = np.asarray(found.hashes.column_used.reshape(shape[1:]).any(others), np.bool_)
        return _by_group(used, role).any(1).reshape(-1) if role.groups > 1 else used
    others = tuple(axis for axis in range(len(shape)) if axis not in axes)
    used = np.zeros([shape[axis] for axis in axes], np.bool_)
    for region in found.tensor.pieces(reading.PIECE):
        bits = found.tensor.read(region)
        is_used = (words_of(bits) << np.uint64(65 - 8 * bits.itemsize)) != 0  # neither 0 nor -0
        used[index_of(tuple(region[axis] for axis in axes))] |= is_used.reshape(bits.shape).any(others)
    return _by_group(used, role).any(1).reshape(-1) if role.groups > 1 else used


def _random(found: Reading, role: _Role) -> npt.NDArray[np.int64]:
    """Return how many elements of each position are drawn at random, at least."""
    axes = tuple(sorted(role.axes))
    sizes = [found.shape[axis] for axis in axes]
    each = found.tensor.size // math.prod(sizes)
    count = np.full(sizes, each, np.int64)
    for unit in found.units:  # a later one has the elements of an earlier one
        held = math.prod(stop - start for axis, (start, stop) in enumerate(unit.region) if axis not in axes)
        part = count[index_of(tuple(unit.region[axis] for axis in axes))]
        part += held if unit.is_random else -held
        np.clip(part, 0, each, out=part)
    return np.asarray(_by_group(count, role).sum(1).reshape(-1)) if role.groups > 1 else count


def _by_group(places: npt.NDArray[Any], role: _Role) -> npt.NDArray[Any]:
    """Return what is said of two axes as groups, what is in each, and the positions in it."""
    first, second = role.axes
    ordered = places if first < second else places.T
    return ordered.reshape(role.groups, -1, ordered.shape[1])


def _numbers(places: npt.NDArray[np.intp], shape: tuple[int, ...]) -> list[Any]:
    """Return flat positions as whole numbers along one axis, and as lists of them along several."""
    found: list[Any] = np.stack(np.unravel_index(places, shape), 1).tolist()
    return [one[0] for one in found] if len(shape) == 1 else found
