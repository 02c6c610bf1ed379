"""Drawing a parameter of a scheme: its own law, then its parts, each from its own stream."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

from fanin.api import draw
from fanin.contract import Backend
from fanin.initializers import Constant
from fanin.models.parameter import OTHER_DTYPES, Parameter, Region, part_name

__all__ = ["common_region", "counted_from", "draw_parameter"]


def draw_parameter(
    parameter: Parameter,
    name: str,
    seed: int,
    backend: Backend,
    device: object = None,
    region: Region | None = None,
) -> Any:
    """Return a new array of one parameter's weights.

    Args:
        parameter: A parameter that follows laws.
        name: Its name, which is its stream's unless it says another.
        seed: An integer in [0, 2^64).
        backend: What draws.
        device: Where the array shall live, in the backend's own terms.
        region: Which part of it, (start, stop) per axis; None for the whole.
    """
    if parameter.dtype in OTHER_DTYPES:  # a constant, which no array library draws as a weight
        wide = replace(parameter, dtype="float64", parts=())
        return _cast(draw(wide.plan(name, slices=region), backend=backend, device=device), parameter.dtype)
    if parameter.initializer is not None:
        whole = draw(parameter.plan(name, seed, region), backend=backend, device=device)
    else:
        empty = Parameter(parameter.shape, parameter.dtype, Constant(0.0))
        whole = draw(empty.plan(name, slices=region), backend=backend, device=device)
    drawn = tuple((0, size) for size in parameter.shape) if region is None else region
    for k, part in enumerate(parameter.parts):
        common = common_region(drawn, part.region)
        if common is None:
            continue
        inner = counted_from(part.region, common)
        piece = draw_parameter(part.parameter, part_name(name, k), seed, backend, device, inner)
        place = tuple(slice(start, stop) for start, stop in counted_from(drawn, common))
        if hasattr(whole, "at"):  # an array that cannot be written, as JAX's
            whole = whole.at[place].set(piece)
        else:
            whole[place] = piece
    return whole


def common_region(first: Region, second: Region) -> Region | None:
    """Return what two regions have in common; None if there is nothing."""
    common = tuple((max(a, c), min(b, d)) for (a, b), (c, d) in zip(first, second, strict=True))
    return None if any(start >= stop for start, stop in common) else common


def counted_from(outer: Region, inner: Region) -> Region:
    """Return a region within another one, counted from the start of that."""
    return tuple((start - first, stop - first) for (start, stop), (first, _) in zip(inner, outer, strict=True))


def _cast(array: Any, dtype: str) -> Any:
    """Return an array of any library in another dtype."""
    return array.astype(dtype) if hasattr(array, "astype") else array.to(getattr(sys.modules["torch"], dtype))
