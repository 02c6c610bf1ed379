"""What a function returns, which may be a tree of arrays, as one number that can be differentiated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fanin.exceptions import FaninTypeError
from fanin.initializers.presets import normal
from fanin_jax._api import init

__all__ = ["name_of", "outputs_of", "scalar_of"]


def name_of(path: Any) -> str:
    """Return the path of a leaf of a tree as text: "params.Dense_0.kernel"."""
    words = [str(getattr(part, "key", getattr(part, "name", getattr(part, "idx", part)))) for part in path]
    return ".".join(words).removesuffix(".value") or "weights"


def scalar_of(outputs: Any, loss: Callable[[Any], Any] | None) -> Any:
    """Return the loss of some outputs, or their part in a fixed random direction where there is none.

    Raises:
        FaninTypeError: The loss is no number, or there is nothing to differentiate.
    """
    if loss is not None:
        value: Any = loss(outputs)
        if not isinstance(value, (jax.Array, np.ndarray, np.generic, float, int)) or np.size(value) != 1:
            shown = f"shape {np.shape(value)}" if hasattr(value, "shape") else type(value).__name__
            raise FaninTypeError(f"a loss returns one number. Received: {shown}.")
        return jnp.reshape(jnp.asarray(value), ())
    leaves = list(outputs_of(outputs).values())
    if not leaves:
        raise FaninTypeError(f"nothing can be differentiated: {type(outputs).__name__}. Pass loss=, a function of it.")
    return sum(_weighed(leaf, k) for k, leaf in enumerate(leaves))


def _weighed(outputs: Any, number: int) -> Any:
    """Return the part of some outputs that lies in a fixed random direction, each output its own."""
    name = "fanin.probe.direction" + (f".{number}" if number else "")
    direction = init(outputs.shape, normal(std=1.0), name=name)
    return jnp.sum(outputs.astype(jnp.float32) * direction) / outputs.size**0.5


def outputs_of(outputs: Any) -> dict[str, Any]:
    """Return the outputs that can be differentiated, by where they are."""
    leaves = jax.tree_util.tree_flatten_with_path(outputs)[0]
    return {name_of(path): leaf for path, leaf in leaves if jnp.issubdtype(leaf.dtype, jnp.floating)}
