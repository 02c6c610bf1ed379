"""The weights of a seed in another order of the axes: a kernel that was stored as another framework has it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fanin.auditing.context import Context
from fanin.auditing.findings import Finding
from fanin.auditing.reading import PIECE, numbers_of
from fanin.dtypes import DTYPES
from fanin.exceptions import FaninError
from fanin.locking.canonical import needs_whole
from fanin.models.parameter import Parameter, Region
from fanin.weights import Tensor
from fanin.weights.tensor import pieces, whole_of

__all__ = ["Order", "order_of", "transposed"]

Order: TypeAlias = tuple[int, ...]
"""Which axis of the scheme's parameter each axis of the tensor is."""

Draw: TypeAlias = Callable[[str, Region], NDArray[Any]]
"""Returns the bits of a region of the parameter with the seed, in a dtype."""

_FIRST: Final = 64
_CERTAIN_BITS: Final = 96
_MOST_AXES: Final = 5
_LARGEST: Final = 1 << 22
"""Elements of a parameter that is drawn as a whole for each order of its axes."""


def order_of(tensor: Tensor, parameter: Parameter, draw: Draw) -> Order | None:
    """Return in which other order of the axes a tensor holds the weights of the seed; None in none.

    Args:
        tensor: The tensor.
        parameter: What the scheme says of it: its shape has the same sizes, in any order.
        draw: Draws regions of the parameter.
    """
    axes = range(len(tensor.shape))
    form = DTYPES.get(tensor.dtype)
    if not tensor.is_whole or form is None or not 2 <= len(axes) <= _MOST_AXES or not parameter.follows_laws:
        return None
    if needs_whole(parameter) and parameter.size > _LARGEST:
        return None
    last = ((tensor.shape[0] - 1, tensor.shape[0]), *whole_of(tensor.shape)[1:])  # a padding row comes first
    first = next(pieces(last, _FIRST), ())
    given = numbers_of(tensor.read(first), tensor.dtype)
    if np.unique(given).size * max(1, form.mantissa - 1) < _CERTAIN_BITS:
        return None
    for order in itertools.permutations(axes):
        if order == tuple(axes) or tuple(parameter.shape[axis] for axis in order) != tensor.shape:
            continue
        if all(
            _is_drawn(tensor, region, order, draw)
            for region in itertools.chain([first], pieces(whole_of(tensor.shape), PIECE))
        ):
            return order
    return None


def _is_drawn(tensor: Tensor, region: Region, order: Order, draw: Draw) -> bool:
    place = [region[order.index(axis)] for axis in range(len(order))]
    try:
        right = numbers_of(draw(tensor.dtype, tuple(place)), tensor.dtype)
    except FaninError:  # the law cannot be drawn in this dtype
        return False
    right = right.reshape([stop - start for start, stop in place]).transpose(order)
    return bool((numbers_of(tensor.read(region), tensor.dtype).reshape(right.shape) == right).all())


def transposed(tensor: Tensor, parameter: Parameter, order: Order, context: Context) -> Finding:
    """Return the finding that a tensor holds the weights of the seed with its axes in another order."""
    back = tuple(order.index(axis) for axis in range(len(order)))
    letters = parameter.layout
    why = "the order of the axes is another framework's, or one transposition is missing or too much"
    if letters is not None and (own := "".join(letters[axis] for axis in order)) != letters:
        why = f"stored or loaded as {own} in place of {letters}"
    how = "" if len(order) == 2 else f", its axes in the order {order}"
    turned = ".T" if len(order) == 2 else f".transpose{back}"
    same = "[...]" if tensor.shape == parameter.shape else ""
    return Finding(
        "error",
        "transposed",
        (tensor.name,),
        f"holds fanin's bits of seed {context.seed}, transposed{how}: {why}",
        {"order": list(order), "shape": list(tensor.shape), "expected": list(parameter.shape)},
        f'weights["{tensor.name}"]{same} = weights["{tensor.name}"]{turned}.copy()',
    )
