"""The rules of single elements: one compiled function per structure, with everything else as its arguments.

Keys, offset, factor, mean and bounds are traced, so more tensors of the same shape, or another seed, compile nothing.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Final, Literal, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from fanin.dtypes import DTYPES, DType
from fanin.layout import Axis
from fanin.plans import Draw, Fill, Plan
from fanin_jax._index import check_axes, logical_index, merge_axes
from fanin_jax._keys import stream_keys
from fanin_jax._lattice import Pair, multiply_high, normal, uniform, words
from fanin_jax._native import Drawer, is_native, native
from fanin_jax._rounding import as_dtype, round_to
from fanin_jax._x64 import enable_x64, has_float64

__all__ = ["Recipe", "Words", "compiled", "draw_elements", "numbers_of"]

Words: TypeAlias = np.ndarray[Any, np.dtype[np.uint32]]

_MASK: Final = 0xFFFFFFFF
_SHORT: Final = 64
"""Innermost axes shorter than this leave the compiled loop too few elements to vectorize."""

_NUMBERS: Final = "<QIIiiiq"
"""The numbers before the factor: offset, first rank, ranks, shift, low, high, mean. Offset and mean are two words."""
_SHIFT: Final = 4
"""The position of the shift among the words."""


def draw_elements(
    plan: Plan, rule: Fill | Draw, keys: Any, counters: Any = None, *, sharding: Any = None, merge: bool = True
) -> Array:
    """Return the array of a plan by a rule of single elements, which need not be the plan's own.

    Args:
        plan: The plan.
        rule: How each element is computed.
        keys: As in `draw`.
        counters: As in `draw`.
        sharding: As in `draw`.
        merge: As in `draw`.
    """
    with _wide(plan.dtype):
        return compiled(Recipe.of(plan, rule, merge), sharding)(keys, counters, numbers_of(plan, rule))


@dataclass(frozen=True, slots=True)
class Recipe:
    """The structure that a compiled draw depends on.

    Attributes:
        shape: Shape of the array.
        dtype: Name of its dtype.
        distribution: Which lattice, or "fill".
        axes: How the logical index moves. Their sizes are the shape, or those of merged axes with the same product.
        stack_axis: The one of `axes` that selects the key, or None.
        wide: Whether a logical index may reach 2^32.
    """

    shape: tuple[int, ...]
    dtype: str
    distribution: Literal["fill", "uniform", "normal", "truncated_normal"]
    axes: tuple[Axis, ...] = ()
    stack_axis: int | None = None
    wide: bool = False

    @classmethod
    def of(cls, plan: Plan, rule: Fill | Draw, merge: bool) -> Recipe:
        """Return the structure of a plan by a rule; `merge` as in `draw`."""
        if isinstance(rule, Fill) or 0 in plan.shape:
            return cls(plan.shape, plan.dtype, "fill")
        check_axes(plan.axes)
        axes, stack_axis = plan.axes, plan.stack_axis
        if merge and plan.shape and plan.shape[-1] < _SHORT:
            axes, stack_axis = merge_axes(axes, stack_axis)
        return cls(plan.shape, plan.dtype, rule.distribution, axes, stack_axis, plan.index_bound > 1 << 32)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Sizes of the axes over which the draw is computed."""
        return tuple(axis.size for axis in self.axes)


def numbers_of(plan: Plan, rule: Fill | Draw) -> Words:
    """Return the numbers of a plan that a compiled draw takes, packed into one array: one transfer instead of nine."""
    dtype = DTYPES[plan.dtype]
    if isinstance(rule, Fill):
        pattern = dtype.encode(dtype.round(rule.value))
        return np.array([pattern & _MASK, pattern >> 32], np.uint32)
    head = struct.pack(
        _NUMBERS, plan.offset, rule.first_rank, rule.ranks & _MASK, rule.shift, rule.low, rule.high, rule.mean
    )
    return np.frombuffer(head + struct.pack("<d" if plan.compute == "float64" else "<f", rule.factor), "<u4")


@lru_cache(maxsize=4096)
def compiled(recipe: Recipe, sharding: Any) -> Callable[[Any, Any, Any], Array]:
    """Return the compiled draw of a structure, a function of keys, counters and the numbers of a plan."""
    return jax.jit(partial(_draw, recipe), out_shardings=sharding)


def _draw(recipe: Recipe, keys: Array, counters: Array | None, numbers: Array) -> Array:
    dtype = DTYPES[recipe.dtype]
    if recipe.distribution == "fill":
        return lax.broadcast(_fill_value(numbers, dtype), recipe.shape)
    by_xla = partial(_by_xla, recipe)
    drawn: Drawer = by_xla
    if recipe.axes and is_native():
        structure = recipe.shape, recipe.distribution, recipe.dtype, recipe.axes, recipe.stack_axis
        drawn = native(*structure, by_xla) or by_xla
    return drawn(*stream_keys(keys, counters), numbers)


def _by_xla(recipe: Recipe, k0: Array, k1: Array, numbers: Array) -> Array:
    """Return a draw by XLA's own operations. It may be traced late, when a program is lowered."""
    with _wide(recipe.dtype):
        return _drawn(recipe, k0, k1, numbers)


def _wide(dtype: str) -> AbstractContextManager[Any]:
    """Return the context in which JAX has the integers and numbers that a dtype needs."""
    return enable_x64(True) if dtype == "float64" and not has_float64() else nullcontext()


def _drawn(recipe: Recipe, k0: Array, k1: Array, numbers: Array) -> Array:
    elements = partial(_elements, recipe, _stream_key(recipe, k0, k1), numbers)
    if recipe.sizes == recipe.shape:
        return elements()
    # XLA loops over the axes of a fused result, so fusing the reshape would split the loop over merged axes again. It
    # fuses nothing into a condition whose outcome it does not know; this condition always holds.
    merged = lax.cond(numbers[_SHIFT] < 32, elements, lambda: jnp.zeros(recipe.sizes, recipe.dtype))
    return lax.reshape(merged, recipe.shape)


def _elements(recipe: Recipe, key: Pair, numbers: Array) -> Array:
    dtype = DTYPES[recipe.dtype]
    low_word, high_word, first_rank, ranks = numbers[0], numbers[1], numbers[2], numbers[3]
    shift, low, high, mean = lax.bitcast_convert_type(numbers[_SHIFT : _SHIFT + 4], jnp.int32)
    w = words(key, logical_index(recipe.axes, (high_word, low_word), recipe.wide))
    if recipe.distribution == "uniform":
        point = uniform(w)
    elif recipe.distribution == "normal":
        point = normal(w)
    else:
        point = lax.clamp(low, normal(first_rank + multiply_high(w, ranks)), high)
    # Without the barrier, XLA would combine a constant factor with the next factor in the caller's program.
    factor: Array = lax.optimization_barrier(_float(numbers[_SHIFT + 5 :], dtype))  # type: ignore[no-untyped-call]
    point = point >> shift
    if dtype.compute == "float64":  # the sum may not fit in int32
        mean = lax.bitcast_convert_type(numbers[_SHIFT + 3 : _SHIFT + 5], jnp.int64)
        point = point.astype(jnp.int64)
    return round_to((point + mean).astype(factor.dtype) * factor, dtype)


def _stream_key(recipe: Recipe, k0: Array, k1: Array) -> Pair:
    """Return the key of each element, as arrays that broadcast to the axes."""
    if recipe.stack_axis is None:
        return k0[0], k1[0]
    place = (recipe.stack_axis,)
    return lax.broadcast_in_dim(k0, recipe.sizes, place), lax.broadcast_in_dim(k1, recipe.sizes, place)


def _fill_value(pattern: Array, dtype: DType) -> Array:
    return _float(pattern, dtype) if dtype.bits >= 32 else as_dtype(pattern[0], dtype)


def _float(pattern: Array, dtype: DType) -> Array:
    """Return the number of the compute format whose bits are in the first words, low word first."""
    if dtype.compute == "float64":
        return lax.bitcast_convert_type(pattern[:2], jnp.float64)
    return lax.bitcast_convert_type(pattern[0], jnp.float32)
