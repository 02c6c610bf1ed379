"""The logical index of every element, computed from its position (specification, section 6).

JAX has no 64-bit integers unless it is configured for them, so an index that may reach 2^32 is stored as two words.
"""

from __future__ import annotations

from typing import Final

import jax.numpy as jnp
from jax import lax

from fanin.exceptions import FaninValueError
from fanin.layout import Axis
from fanin.plans.pieces import merge
from fanin_jax._lattice import Pair, multiply_high

__all__ = ["check_axes", "logical_index", "merge_axes"]

_WORD: Final = 1 << 32


def check_axes(axes: tuple[Axis, ...]) -> None:
    """Check that the positions of each axis fit in one word.

    Raises:
        FaninValueError: An axis has 2^32 positions or more.
    """
    for axis in axes:
        if axis.phase + axis.size >= _WORD:
            raise FaninValueError(
                f"the jax backend draws fewer than 2**32 positions of an axis at a time. Received: {axis.size}. Draw "
                f"the tensor in parts, with slices."
            )


def merge_axes(axes: tuple[Axis, ...], stack_axis: int | None) -> tuple[tuple[Axis, ...], int | None]:
    """Return merged axes with the same elements in the same order, if possible, and the new place of the stack axis."""
    if stack_axis is None:
        merged, place = merge(axes), None
    else:
        before = merge(axes[:stack_axis])
        merged, place = (*before, axes[stack_axis], *merge(axes[stack_axis + 1 :])), len(before)
    return (merged, place) if all(axis.size < _WORD for axis in merged) else (axes, stack_axis)


def logical_index(axes: tuple[Axis, ...], offset: Pair, wide: bool) -> Pair:
    """Return the high and low words of the logical index of every element of the axes' product.

    Args:
        axes: How the index moves along each axis.
        offset: The words of the first element's index.
        wide: Whether an index may reach 2^32; otherwise the high word is a scalar zero.

    Returns:
        Two arrays; the low one has the axes' sizes as its shape.
    """
    shape = tuple(axis.size for axis in axes)
    high, low = offset[0] if wide else jnp.uint32(0), lax.broadcast(offset[1], shape)
    for k, axis in enumerate(axes):
        if axis.size == 1 and not axis.phase:
            continue
        for positions, stride in axis.terms(lax.broadcasted_iota(jnp.uint32, shape, k)):
            if not stride:
                continue
            step = positions * jnp.uint32(stride % _WORD)
            low = low + step
            if wide:
                carry = (low < step).astype(jnp.uint32)
                step_high = multiply_high(positions, jnp.uint32(stride % _WORD)) + positions * jnp.uint32(stride >> 32)
                high = high + step_high + carry
    return high, low
