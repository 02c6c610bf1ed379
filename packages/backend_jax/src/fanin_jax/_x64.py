"""64-bit types, which JAX has only where it is told to: for a while, and without changing its configuration."""

from __future__ import annotations

import jax
import jax.numpy as jnp

try:
    from jax import enable_x64
except ImportError:  # before JAX 0.8
    from jax.experimental import enable_x64  # type: ignore[attr-defined,no-redef]

__all__ = ["can_use_float64", "enable_x64", "has_float64"]


def has_float64() -> bool:
    """Return whether JAX makes arrays of 64-bit types here and now; by default it makes 32-bit ones instead."""
    return bool(jax.config.jax_enable_x64)  # type: ignore[attr-defined]


def can_use_float64() -> bool:
    """Return whether an intermediate result here may be float64, under `enable_x64`.

    A TPU has no doubles. Before JAX 0.7 a function that is compiled as part of another one cannot have them either,
    unless the whole program does.
    """
    if jax.default_backend() == "tpu":
        return False
    inside = isinstance(jnp.zeros(()), jax.core.Tracer)  # under jit every new array is traced
    return has_float64() or not inside or jax.__version_info__ >= (0, 7)
