"""64-bit types, which JAX has only if they are enabled: temporarily, without changing its configuration."""

from __future__ import annotations

import jax
from jax import enable_x64

__all__ = ["can_use_float64", "enable_x64", "has_float64"]


def has_float64() -> bool:
    """Return whether JAX currently makes arrays of 64-bit types; by default it makes 32-bit ones instead."""
    return bool(jax.config.jax_enable_x64)  # type: ignore[attr-defined]


def can_use_float64() -> bool:
    """Return whether an intermediate result may be float64, under `enable_x64`: a TPU has no doubles."""
    return jax.default_backend() != "tpu"
