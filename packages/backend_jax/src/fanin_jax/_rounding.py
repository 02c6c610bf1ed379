"""Rounding of float32 weights to the narrow formats (specification, section 4), by integer operations.

XLA's own conversions are not used: on a CPU without F16C, its conversion to float16 does not compile, and a compiler
that may keep excess precision can drop a conversion whose result is widened again.
"""

from __future__ import annotations

from typing import Final

import jax.numpy as jnp
from jax import Array, lax

from fanin.dtypes import DTYPES, DType

__all__ = ["as_dtype", "round_to"]

_FLOAT32: Final = DTYPES["float32"]


def round_to(weight: Array, target: DType) -> Array:
    """Return float32 weights rounded to the nearest number of a narrow format, ties to even.

    Args:
        weight: float32, zero or normal, and within the target's range, as plans guarantee.
        target: A format whose compute format is float32.
    """
    if target.name == target.compute:
        return weight
    pattern = lax.bitcast_convert_type(weight, jnp.uint32)
    sign, magnitude = pattern >> 31, pattern & 0x7FFFFFFF
    drop = jnp.uint32(_FLOAT32.mantissa - target.mantissa)
    if target.min_exponent > _FLOAT32.min_exponent:
        # After rebiasing, the smallest normal number of the target has exponent 1. Below it, the leading bit becomes
        # explicit, and each missing exponent step drops one more bit.
        first = target.min_exponent - _FLOAT32.min_exponent + 1
        exponent = (magnitude >> _FLOAT32.mantissa).astype(jnp.int32)
        missing = jnp.clip(first - exponent, 0, 8 + target.mantissa).astype(jnp.uint32)
        explicit = (magnitude & 0x7FFFFF) | 0x800000
        magnitude = lax.select(missing > 0, explicit, magnitude - ((first - 1) << _FLOAT32.mantissa))
        drop = drop + missing
    below_half = (jnp.uint32(1) << (drop - 1)) - 1
    rounded = (magnitude + below_half + ((magnitude >> drop) & 1)) >> drop
    return as_dtype((sign << (target.bits - 1)) | rounded, target)


def as_dtype(pattern: Array, target: DType) -> Array:
    """Return the numbers of a narrow format that have these bit patterns, given as uint32."""
    unsigned = jnp.dtype(f"uint{target.bits}")
    return lax.bitcast_convert_type(pattern.astype(unsigned), jnp.dtype(target.name))
