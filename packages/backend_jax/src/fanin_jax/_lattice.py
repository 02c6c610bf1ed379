"""Threefry and the lattices as XLA integer operations (specification, sections 2 and 3).

Every function is elementwise on uint32 or int32 arrays, so XLA may fuse, vectorize, shard and batch it in any way
without changing a bit. `>>` is the logical shift on uint32, and the arithmetic shift on int32.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final, TypeAlias

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from fanin.stream.lattice import UNIFORM_BITS
from fanin.stream.normal_table import normal_segments
from fanin.stream.threefry import PARITY, ROTATIONS

__all__ = ["Pair", "multiply_high", "normal", "threefry2x32", "uniform", "words"]

Pair: TypeAlias = tuple[Array, Array]
"""Two uint32 arrays that broadcast: a key, a counter, a block, or the high and low half of a 64-bit number."""

_FLOAT32_ONE: Final = 127 << 23
_COLUMN: Final = lax.GatherDimensionNumbers(offset_dims=(), collapsed_slice_dims=(0,), start_index_map=(0,))


def threefry2x32(key: Pair, counter: Pair) -> Pair:
    """Return the blocks of two words that `key` assigns to `counter`."""
    schedule = (key[0], key[1], key[0] ^ key[1] ^ PARITY)
    x0, x1 = counter[0] + schedule[0], counter[1] + schedule[1]
    for group in range(5):
        for rotation in ROTATIONS[4 * (group % 2) : 4 * (group % 2) + 4]:
            x0 = x0 + x1
            x1 = ((x1 << rotation) | (x1 >> (32 - rotation))) ^ x0
        injection = group + 1
        x0 = x0 + schedule[injection % 3]
        x1 = x1 + (schedule[(injection + 1) % 3] + injection)
    return x0, x1


def words(key: Pair, index: Pair) -> Array:
    """Return the word of each logical index: lane `index & 1` of block `index >> 1`.

    Each element computes its whole block. Sharing a block between its two lanes would halve the hashing but couple
    neighbours; independent elements can be sharded, sliced and transposed at no cost.
    """
    high, low = index
    x0, x1 = threefry2x32(key, (high >> 1, (high << 31) | (low >> 1)))
    return lax.select((low & 1) == 0, x0, x1)


def multiply_high(a: Array, b: Array) -> Array:
    """Return the high words of the 64-bit products of uint32 arrays, computed from 16-bit halves without overflow."""
    a0, a1, b0, b1 = a & 0xFFFF, a >> 16, b & 0xFFFF, b >> 16
    middle = a1 * b0 + ((a0 * b0) >> 16)
    return a1 * b1 + (middle >> 16) + ((a0 * b1 + (middle & 0xFFFF)) >> 16)


def uniform(w: Array) -> Array:
    """Return the uniform lattice points of words, int32."""
    return (((_signed(w) ^ 0x7FFFFFFF) >> (32 - UNIFORM_BITS)) << 1) | 1


def normal(w: Array) -> Array:
    """Return the normal lattice points of words, int32.

    There are three gathers, each used once: XLA considers a gather expensive, and would compute one with two users in a
    separate pass over all words, through memory.
    """
    p = _signed(w)
    sign = p >> 31
    t = (p ^ sign) | 1
    v = lax.bitcast_convert_type(t.astype(jnp.float32), jnp.int32) - _FLOAT32_ONE
    segment = lax.expand_dims(v >> 16, (v.ndim,))
    s = (v & 0xFFFF) - 0x8000
    c0, c1, c2 = (
        lax.gather(jnp.asarray(column), segment, _COLUMN, (1,), mode="promise_in_bounds").astype(jnp.int32)
        for column in _columns()
    )
    a = c0 - ((s * c1) >> 11) + ((((s * s) >> 15) * c2) >> 15)
    return (a ^ sign) - sign


def _signed(w: Array) -> Array:
    return lax.bitcast_convert_type(w, jnp.int32)


@lru_cache(maxsize=1)
def _columns() -> tuple[np.ndarray[Any, Any], ...]:
    """Return the table's columns C0, C1, C2 in the narrowest types, so that the table stays in the first cache."""
    c0, c1, c2 = zip(*normal_segments(), strict=True)
    return np.array(c0, np.int32), np.array(c1, np.uint16), np.array(c2, np.uint16)
