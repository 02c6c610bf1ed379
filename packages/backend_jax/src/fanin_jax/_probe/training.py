"""A short run of training on one batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import jax
import jax.numpy as jnp

__all__ = ["short_run"]

_RATE: Final = 1e-3
_DECAYS: Final = (0.9, 0.999)


def short_run(value: Callable[[list[Any]], Any], weights: list[Any], steps: int) -> list[float]:
    """Return the loss before each step of Adam, learning rate 0.001.

    Args:
        value: The loss as a function of the weights.
        weights: The weights, floating-point arrays, which stay as they are.
        steps: How many.
    """

    @jax.jit
    def step(own: list[Any], first: list[Any], second: list[Any], number: Any) -> Any:
        loss, gradients = jax.value_and_grad(value)(own)
        first = [_DECAYS[0] * m + (1 - _DECAYS[0]) * g for m, g in zip(first, gradients, strict=True)]
        second = [_DECAYS[1] * v + (1 - _DECAYS[1]) * g**2 for v, g in zip(second, gradients, strict=True)]
        scales = [1 - decay**number for decay in _DECAYS]
        moved = [
            (w - _RATE * (m / scales[0]) / (jnp.sqrt(v / scales[1]) + 1e-8)).astype(w.dtype)
            for w, m, v in zip(own, first, second, strict=True)
        ]
        return moved, first, second, loss

    own, first, second = weights, [jnp.zeros_like(one) for one in weights], [jnp.zeros_like(one) for one in weights]
    losses = []
    for number in range(1, steps + 1):
        own, first, second, loss = step(own, first, second, jnp.float32(number))
        losses.append(float(loss))
    return losses
