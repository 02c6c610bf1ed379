"""Moving, joining and overwriting what follows laws: which box of the result has which law."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from fanin_jax._record.laws import Law
from fanin_jax._record.ref import Ref
from fanin_jax._record.tape import Operation
from fanin_jax._record.values import Filled, Piece, Region, Value, array_of, number_of, pieces_of

__all__ = ["joined", "moved", "overwritten", "padded"]

_MOST: Final = 1 << 26
"""Elements of an array on which it is tried what a scatter writes."""


def moved(operation: Operation, inputs: Sequence[Value], avals: Sequence[Any]) -> Filled | None:
    """Return what an operation makes that only moves elements."""
    name, params, value = operation.name, operation.params, inputs[0] if inputs else None
    if not isinstance(value, Filled):
        return None
    old, shape = avals[operation.inputs[0]].shape, avals[operation.outputs[0]].shape
    if name in ("reshape", "squeeze", "expand_dims"):
        return value.reshaped(old, shape)
    if name == "transpose":
        axes = params["permutation"]
        return value.changed(lambda ref: ref.transposed(axes), lambda box: tuple(box[k] for k in axes))
    if name == "slice":
        return value.cut(params["start_indices"], params["limit_indices"], params["strides"] or (1,) * len(shape))
    if name == "dynamic_slice":
        starts = [number_of(one) for one in inputs[1:]]
        if None in starts:
            return None
        first = [min(max(int(start or 0), 0), a - b) for start, a, b in zip(starts, old, shape, strict=True)]
        return value.cut(first, [a + b for a, b in zip(first, shape, strict=True)], (1,) * len(shape))
    if name == "rev":
        return value.changed(lambda ref: ref.reversed(params["dimensions"]), lambda box: None)
    if name == "gather" and value.law is not None:
        return _gathered(operation, value, array_of(inputs[1], avals[operation.inputs[1]]))
    if name == "broadcast_in_dim":
        axes = tuple(int(axis) for axis in params["broadcast_dimensions"])

        def box(region: Region) -> Region | None:
            made = [(0, size) for size in shape]
            for axis, ends in zip(axes, region, strict=True):
                made[axis] = ends
            grown = any(old[k] != shape[axis] for k, axis in enumerate(axes))
            return None if grown else tuple(made)

        return (
            value.changed(lambda ref: ref.broadcast(shape, axes), box)
            if value.law
            else _spread(value, shape, axes, box)
        )
    return None


def _gathered(operation: Operation, value: Filled, places: NDArray[Any] | None) -> Filled | None:
    """Return what is picked from an array, where it is picked at equal distances: tried on numbers."""

    def picked(ref: Ref) -> Ref | None:
        if places is None or not ref.size or ref.size > _MOST:
            return None
        found = np.asarray(operation.run([jnp.asarray(ref.numbers, jnp.int32), jnp.asarray(places)])[0])
        if not found.size or found.size > _MOST:
            return None
        corner = (0,) * found.ndim
        seconds = [(*corner[:k], min(1, size - 1), *corner[k + 1 :]) for k, size in enumerate(found.shape)]
        made = Ref(found.shape, tuple(int(found[one] - found[corner]) for one in seconds), int(found[corner]))
        return made if np.array_equal(made.numbers, found) else None

    return value.changed(picked, lambda box: None)


def _spread(
    value: Filled, shape: tuple[int, ...], axes: tuple[int, ...], box: Callable[[Region], Region | None]
) -> Filled | None:
    """Return what has boxes with new axes of one position."""
    if any(shape[k] != 1 for k in range(len(shape)) if k not in axes):
        return None

    def ref(one: Ref) -> Ref:
        sizes = [1] * len(shape)
        for axis, size in zip(axes, one.shape, strict=True):
            sizes[axis] = size
        return one.broadcast(sizes, axes)

    return value.changed(ref, box)


def joined(operation: Operation, inputs: Sequence[Value], avals: Sequence[Any]) -> Filled | None:
    """Return what concatenation or stacking makes: the boxes of each array, one after the other."""
    stacks = operation.name == "stack"
    axis, start = operation.params["axis" if stacks else "dimension"], 0
    made: list[Piece] = []
    for value, number in zip(inputs, operation.inputs, strict=True):
        shape = avals[number].shape
        pieces = pieces_of(value, shape)
        if pieces is None:
            return None
        for region, law in pieces:
            box = (*region[:axis], (0, 1), *region[axis:]) if stacks else region
            if stacks and isinstance(law, Law):
                sizes = tuple(b - a for a, b in box)
                ref = law.ref.reshaped(sizes)
                if ref is None:
                    return None
                law = replace(law, ref=ref)
            ends = (box[axis][0] + start, box[axis][1] + start)
            made.append(((*box[:axis], ends, *box[axis + 1 :]), law))
        start += 1 if stacks else shape[axis]
    filled = [(box, law) for box, law in made if all(a < b for a, b in box)]
    return Filled(filled[0][1]) if len(filled) == 1 else Filled(None, tuple(filled))


def overwritten(operation: Operation, inputs: Sequence[Value], avals: Sequence[Any]) -> Filled | None:
    """Return an array of which a box was written anew."""
    shape = avals[operation.outputs[0]].shape
    is_slice = operation.name == "dynamic_update_slice"
    order = (0, 1, *range(2, len(inputs))) if is_slice else (0, 2, 1)
    update_shape = avals[operation.inputs[order[1]]].shape
    base, update = pieces_of(inputs[0], shape), pieces_of(inputs[order[1]], update_shape)
    places = [array_of(inputs[k], avals[operation.inputs[k]]) for k in order[2:]]
    if base is None or update is None or len(update) != 1:
        return None
    known = [place for place in places if place is not None]
    if len(known) < len(places):
        return None
    region = _sliced(known, shape, update_shape) if is_slice else _written(operation, shape, update_shape, known[0])
    if region is None:
        return None
    law = update[0][1]
    if isinstance(law, Law):
        ref = law.ref.reshaped(tuple(stop - start for start, stop in region))
        if ref is None:
            return None
        law = replace(law, ref=ref)
    first, *others = base
    if first[0] == tuple((0, size) for size in shape):
        return Filled(first[1], (*others, (region, law)))
    return Filled(None, (*base, (region, law)))


def padded(operation: Operation, inputs: Sequence[Value], avals: Sequence[Any]) -> Filled | None:
    """Return an array with a margin of one number."""
    config, number = operation.params["padding_config"], number_of(inputs[1])
    pieces = pieces_of(inputs[0], avals[operation.inputs[0]].shape)
    if number is None or pieces is None or any(low < 0 or high < 0 or inner for low, high, inner in config):
        return None
    made = (
        (tuple((a + low, b + low) for (a, b), (low, _, _) in zip(region, config, strict=True)), law)
        for region, law in pieces
    )
    return Filled(float(number), tuple(made))


def _sliced(places: Sequence[NDArray[Any]], shape: Sequence[int], update: Sequence[int]) -> Region:
    """Return the box that a slice is written to."""
    starts = [min(max(int(place), 0), size - length) for place, size, length in zip(places, shape, update, strict=True)]
    return tuple((start, start + length) for start, length in zip(starts, update, strict=True))


def _written(
    operation: Operation, shape: tuple[int, ...], update: tuple[int, ...], places: NDArray[Any]
) -> Region | None:
    """Return the box that a scatter writes, in C order: tried on numbers."""
    size = math.prod(update)
    if not size or math.prod(shape) > _MOST:
        return None
    numbers = jnp.arange(1, size + 1, dtype=jnp.int32).reshape(update)
    found = np.asarray(operation.run([jnp.zeros(shape, jnp.int32), jnp.asarray(places), numbers])[0])
    axes = range(len(shape))
    hits = [np.flatnonzero(found.any(axis=tuple(k for k in axes if k != axis))) for axis in axes]
    if not all(hit.size for hit in hits):
        return None
    region = tuple((int(hit[0]), int(hit[-1]) + 1) for hit in hits)
    box = found[tuple(slice(*ends) for ends in region)]
    return region if np.array_equal(box.reshape(-1), np.arange(1, size + 1)) else None
