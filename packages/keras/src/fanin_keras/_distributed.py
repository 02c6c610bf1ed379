"""A tensor distributed over devices: each device gets the part that it holds, and no device the whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

__all__ = ["distributed"]


def distributed(draw: Callable[[tuple[slice, ...] | None], Any], shape: tuple[int, ...], layout: Any) -> Any:
    """Return a tensor that is distributed by a layout.

    Args:
        draw: A function of slices, one per axis, or None for the whole, that returns this part of the weights.
        shape: The shape of the whole tensor.
        layout: A `keras.distribution.TensorLayout`, or the backend's own.
    """
    layout = getattr(layout, "backend_layout", layout)
    if keras.backend.backend() != "jax":
        return keras.ops.convert_to_tensor(draw(None))
    import jax

    if isinstance(layout.mesh, jax.sharding.AbstractMesh):  # Keras's own meshes are concrete: it has only set its axes
        layout = jax.sharding.NamedSharding(jax.sharding.get_mesh(), layout.spec)
    return jax.make_array_from_callback(shape, layout, draw)
