"""Which axis of a product counts the units of its layer, and where operations put it: `vmap` moves axes about."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

__all__ = ["kernel_units_of", "unit_axis_after", "units_of"]

Shape: TypeAlias = tuple[int, ...]


def units_of(equation: Any, weight: int, shapes: Sequence[Shape]) -> tuple[int | None, int | None, str]:
    """Return the axis of a product that counts the units, the fan-in, and the kind of the layer.

    Args:
        equation: The operation: `dot_general`, `conv_general_dilated` or `gather`.
        weight: Which of its two arguments is the weight.
        shapes: The shapes of both.
    """
    params = equation.params
    if equation.primitive.name == "gather":
        offset = params["dimension_numbers"].offset_dims
        return (offset[-1] if offset else None), None, "embedding"
    if equation.primitive.name == "conv_general_dilated":
        numbers, kernel = params["dimension_numbers"], shapes[1]
        fan_in = math.prod(kernel) // kernel[numbers.rhs_spec[0]]
        return numbers.out_spec[1], max(fan_in // math.prod(params["lhs_dilation"]), 1), "convolution"
    contracted, batched = params["dimension_numbers"]
    free = [
        [axis for axis in range(len(shape)) if axis not in (*contracted[k], *batched[k])]
        for k, shape in enumerate(shapes)
    ]
    fan_in = math.prod(shapes[weight][axis] for axis in contracted[weight])
    if not free[weight]:
        return None, fan_in, "dense"
    ends = len(batched[0]) + len(free[0]) + (len(free[1]) if weight == 1 else 0)
    return ends - 1, fan_in, "dense"


def kernel_units_of(equation: Any, weight: int, shapes: Sequence[Shape]) -> tuple[int, ...]:
    """Return the axes of a weight that count its layer's units; none where groups or steps have units of their own."""
    params = equation.params
    if equation.primitive.name == "conv_general_dilated":
        numbers = params["dimension_numbers"]
        return (numbers.rhs_spec[0],) if params["feature_group_count"] == params["batch_group_count"] == 1 else ()
    if equation.primitive.name != "dot_general":
        return ()
    contracted, batched = params["dimension_numbers"]
    if batched[weight]:
        return ()
    return tuple(axis for axis in range(len(shapes[weight])) if axis not in contracted[weight])


def unit_axis_after(equation: Any, axis: int | None, shape: Shape) -> int | None:
    """Return where an axis is after an operation that moves axes; None where it is no axis of its own any more."""
    name, params = equation.primitive.name, equation.params
    if axis is None:
        return None
    if name == "transpose":
        return int(tuple(params["permutation"]).index(axis))
    if name == "broadcast_in_dim":
        return int(params["broadcast_dimensions"][axis])
    if name == "squeeze":
        gone = params["dimensions"]
        return None if axis in gone else axis - sum(other < axis for other in gone)
    if name == "reshape":
        before = math.prod(shape[:axis])
        sizes = tuple(params["new_sizes"])
        kept = (k for k, size in enumerate(sizes) if size == shape[axis] and math.prod(sizes[:k]) == before)
        return next(kept, None)
    return axis
