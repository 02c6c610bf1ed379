"""Drawing a parameter of a scheme: its own law, then its parts, each from its own stream."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

from fanin.api import draw
from fanin.contract import Backend
from fanin.initializers import Constant
from fanin.models.parameter import OTHER_DTYPES, Parameter, part_name

__all__ = ["draw_parameter"]


def draw_parameter(parameter: Parameter, name: str, seed: int, backend: Backend, device: object) -> Any:
    """Return a new array of one parameter's weights.

    Args:
        parameter: A parameter that follows laws.
        name: Its name, which is its stream's unless it says another.
        seed: An integer in [0, 2^64).
        backend: What draws.
        device: Where the array shall live, in the backend's own terms.
    """
    if parameter.dtype in OTHER_DTYPES:  # a constant, which no array library draws as a weight
        wide = replace(parameter, dtype="float64", parts=())
        return _cast(draw(wide.plan(name), backend=backend, device=device), parameter.dtype)
    if parameter.initializer is not None:
        whole = draw(parameter.plan(name, seed), backend=backend, device=device)
    else:
        empty = Parameter(parameter.shape, parameter.dtype, Constant(0.0))
        whole = draw(empty.plan(name), backend=backend, device=device)
    for k, part in enumerate(parameter.parts):
        piece = draw_parameter(part.parameter, part_name(name, k), seed, backend, device)
        place = tuple(slice(start, stop) for start, stop in part.region)
        if hasattr(whole, "at"):  # an array that cannot be written, as JAX's
            whole = whole.at[place].set(piece)
        else:
            whole[place] = piece
    return whole


def _cast(array: Any, dtype: str) -> Any:
    """Return an array of any library in another dtype."""
    return array.astype(dtype) if hasattr(array, "astype") else array.to(getattr(sys.modules["torch"], dtype))
