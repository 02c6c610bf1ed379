"""The keys of a plan's streams, either from words or from a JAX key and the counters of names."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from fanin_jax._lattice import Pair, threefry2x32

__all__ = ["stream_keys"]


def stream_keys(keys: Any, counters: Any) -> Pair:
    """Return the two words of each stream's key, uint32 of shape (streams,).

    Args:
        keys: Words (n, 2), or one JAX key, typed or raw.
        counters: None, or words (n, 2). The keys are then the blocks of these counters under the one key.
    """
    if jnp.issubdtype(keys.dtype, jax.dtypes.prng_key):
        keys = jax.random.key_data(keys)
    k0, k1 = jnp.reshape(keys, (-1, 2)).T
    return (k0, k1) if counters is None else threefry2x32((k0, k1), (counters[:, 0], counters[:, 1]))
