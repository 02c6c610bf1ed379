"""The rules of whole matrices: a diagonal, columns with zeros, and orthogonal matrices by XLA's QR in doubles."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from fanin.dtypes import DTYPES
from fanin.exceptions import FaninValueError
from fanin.layout import Axis
from fanin.plans import Draw, Plan
from fanin.plans.matrix_work import Moves, coordinates, normal_matrices
from fanin.plans.rules import Diagonal, Haar, Masked
from fanin_jax._elements import draw_elements
from fanin_jax._index import check_axes, logical_index
from fanin_jax._keys import stream_keys
from fanin_jax._lattice import threefry2x32, words
from fanin_jax._rounding import round_to
from fanin_jax._x64 import can_use_float64, enable_x64, has_float64

__all__ = ["draw_matrices", "structure_of"]


def draw_matrices(plan: Plan, rule: Diagonal | Masked | Haar, keys: Any, counters: Any, sharding: Any) -> Array:
    """Return the array of a plan by a rule of matrices.

    Args:
        plan: The plan.
        rule: The plan's rule.
        keys: As in `draw`.
        counters: As in `draw`.
        sharding: As in `draw`.
    """
    check_axes(plan.axes)
    doubles = plan.compute == "float64" or (isinstance(rule, Haar) and can_use_float64())
    with enable_x64(True) if doubles and not has_float64() else nullcontext():
        return _compiled(structure_of(plan), sharding)(keys, counters)


def structure_of(plan: Plan) -> Plan:
    """Return a plan without the words of its streams: plans that differ by these alone are drawn by one function."""
    return replace(plan, keys=((0, 0),) * len(plan.keys), counters=None, seed=0, name=None)


@lru_cache(maxsize=1024)
def _compiled(plan: Plan, sharding: Any) -> Callable[[Any, Any], Array]:
    return jax.jit(partial(_draw, plan), out_shardings=sharding)


def _draw(plan: Plan, keys: Any, counters: Any) -> Array:
    rule = plan.rule
    if 0 in plan.shape:
        return jnp.zeros(plan.shape, plan.dtype)
    if isinstance(rule, Diagonal):
        return _diagonal(plan, rule)
    if isinstance(rule, Masked):
        values = draw_elements(plan, rule.draw, keys, counters)
        return lax.select(_zeros(plan, rule, keys, counters), jnp.zeros_like(values), values)
    assert isinstance(rule, Haar)
    return _orthogonal_weights(plan, rule, keys, counters)


def _diagonal(plan: Plan, rule: Diagonal) -> Array:
    row, column, tap = (_whole_numbers(plan, moves) for moves in coordinates(plan))
    if rule.rows < 1 << 32:
        row = lax.rem(row, jnp.full_like(row, rule.rows))
    on_diagonal = (row == column) & (tap == rule.tap)
    dtype = jnp.dtype(plan.dtype)
    weight = np.array(DTYPES[plan.dtype].round(rule.value), dtype)
    return lax.select(on_diagonal, jnp.full(plan.shape, weight, dtype), jnp.zeros(plan.shape, dtype))


def _whole_numbers(plan: Plan, moves: Moves) -> Array:
    """Return a whole number that moves along the axes, uint32 of the array's shape."""
    first, axes = moves
    if first + sum(axis.offset(axis.size - 1) for axis in axes) >= 1 << 32:
        raise FaninValueError(
            f"the jax backend draws matrices of fewer than 2**32 rows and columns. Received: a part of shape "
            f"{plan.shape} of a larger one. Use another backend, such as numpy."
        )
    return logical_index(axes, (jnp.uint32(0), jnp.uint32(first)), wide=False)[1]


def _orthogonal_weights(plan: Plan, rule: Haar, keys: Any, counters: Any) -> Array:
    normal = normal_matrices(plan, dtype="float64" if has_float64() and can_use_float64() else "float32")
    assert isinstance(normal.rule, Draw)
    matrices = _orthogonal(draw_elements(normal, normal.rule, keys, counters))
    weights = (matrices * jnp.full_like(matrices, rule.gain)).astype(plan.compute)
    row, column, tap = (_whole_numbers(plan, moves) for moves in coordinates(plan))
    stream = jnp.zeros(plan.shape, jnp.uint32)
    if plan.stack_axis is not None:
        stream = lax.broadcasted_iota(jnp.uint32, plan.shape, plan.stack_axis)
    table = weights.reshape(len(weights), -1, rule.columns)
    picked = table.at[stream, row, column].get(mode="promise_in_bounds")
    return round_to(lax.select(tap == rule.tap, picked, jnp.zeros_like(picked)), DTYPES[plan.dtype])


def _orthogonal(matrices: Array) -> Array:
    """Return the orthogonal factors of the matrices, with the signs that make the triangular diagonal positive."""
    if matrices.shape[-2] < matrices.shape[-1]:
        return _orthogonal(matrices.swapaxes(-1, -2)).swapaxes(-1, -2)
    q, r = lax.linalg.qr(matrices, full_matrices=False)
    negative = jnp.diagonal(r, axis1=-2, axis2=-1) < 0
    return lax.select(lax.broadcast_in_dim(negative, q.shape, (*range(q.ndim - 2), q.ndim - 1)), -q, q)


def _zeros(plan: Plan, rule: Masked, keys: Any, counters: Any) -> Array:
    """Return which elements are 0."""
    if rule.zeros == 0:
        return jnp.zeros(plan.shape, bool)
    columns = plan.columns
    assert columns is not None
    k0, k1 = stream_keys(keys, counters)
    mask_key = threefry2x32((k0, k1), (jnp.uint32(rule.mask[0]), jnp.uint32(rule.mask[1])))
    axes = (Axis(len(k0), 0), *columns.in_axes, *columns.out_axes)
    sizes = tuple(axis.size for axis in axes)
    offset = jnp.uint32(columns.offset >> 32), jnp.uint32(columns.offset & 0xFFFFFFFF)
    index = logical_index(axes, offset, plan.index_bound > 1 << 32)
    w = words((lax.broadcast_in_dim(mask_key[0], sizes, (0,)), lax.broadcast_in_dim(mask_key[1], sizes, (0,))), index)
    found = _smallest(w.reshape(-1, rule.rows), rule.zeros).reshape(sizes)[
        (slice(None), *itertools.starmap(slice, columns.part))
    ]
    found = found.transpose(0, *(1 + place for place in np.argsort(columns.stored)))
    return found[0] if plan.stack_axis is None else jnp.moveaxis(found, 0, plan.stack_axis)


def _smallest(w: Array, count: int) -> Array:
    """Return which words of each row are among its `count` smallest. Of equal words, the first count as smaller.

    All words below the `count`-th smallest are selected, and then the first of those that equal it. Sorting pairs
    (word, position) would give the same result, but takes XLA four times as long.
    """
    largest = lax.broadcast_in_dim(lax.sort(w, dimension=1)[:, count - 1], w.shape, (0,))
    smaller, equal = w < largest, w == largest
    left = count - jnp.sum(smaller, axis=1, keepdims=True)
    return smaller | (equal & (jnp.cumsum(equal, axis=1) <= left))
