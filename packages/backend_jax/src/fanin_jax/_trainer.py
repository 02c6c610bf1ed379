"""The JAX trainer of `fanin compare`: a fully connected network under `jax.grad` and `jax.jit`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, Final, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import enable_x64
from numpy.typing import NDArray

from fanin.lab.trainer import Trace

__all__ = ["JaxTrainer"]

Array: TypeAlias = NDArray[np.floating[Any]]
Layers: TypeAlias = list[tuple[jax.Array, jax.Array]]

ACTIVATIONS: Final[dict[str, Callable[[jax.Array], jax.Array]]] = {
    "linear": lambda z: z,
    "relu": jax.nn.relu,
    "relu6": jax.nn.relu6,
    "leaky_relu": lambda z: jnp.where(z > 0, z, 0.01 * z),  # jax.nn.leaky_relu has the other derivative at 0
    "elu": jax.nn.elu,
    "selu": jax.nn.selu,
    "gelu": partial(jax.nn.gelu, approximate=False),
    "gelu_tanh": partial(jax.nn.gelu, approximate=True),
    "silu": jax.nn.silu,
    "mish": jax.nn.mish,
    "softplus": jax.nn.softplus,
    "tanh": jnp.tanh,
    "sigmoid": jax.nn.sigmoid,
    "hardtanh": jax.nn.hard_tanh,
    "hardsigmoid": jax.nn.hard_sigmoid,
    "hardswish": jax.nn.hard_swish,
}


def _forward(
    layers: Layers, inputs: jax.Array, activation: str, shifts: list[jax.Array] | None = None
) -> list[jax.Array]:
    """Return each layer's output. `shifts` are added to the pre-activations, to differentiate with respect to them."""
    value, outputs = inputs, []
    for i, (weight, bias) in enumerate(layers):
        z = value @ weight.T + bias
        if shifts is not None:
            z = z + shifts[i]
        value = ACTIVATIONS[activation](z) if i + 1 < len(layers) else z
        outputs.append(value)
    return outputs


def _losses(logits: jax.Array, labels: jax.Array) -> jax.Array:
    picked = jnp.take_along_axis(logits, labels[:, None], axis=1)[:, 0]
    return jax.nn.logsumexp(logits, axis=1) - picked


@partial(jax.jit, static_argnames="activation")
def _logits(layers: Layers, inputs: jax.Array, activation: str) -> jax.Array:
    return _forward(layers, inputs, activation)[-1]


@partial(jax.jit, static_argnames="activation")
def _step(
    layers: Layers, inputs: jax.Array, labels: jax.Array, rate: jax.Array, activation: str
) -> tuple[Layers, jax.Array]:
    def loss(current: Layers) -> jax.Array:
        return _losses(_forward(current, inputs, activation)[-1], labels).mean()

    value, gradients = jax.value_and_grad(loss)(layers)
    return jax.tree.map(lambda parameter, gradient: parameter - rate * gradient, layers, gradients), value


@partial(jax.jit, static_argnames="activation")
def _trace(
    layers: Layers, inputs: jax.Array, labels: jax.Array, activation: str
) -> tuple[list[jax.Array], list[jax.Array]]:
    def loss(shifts: list[jax.Array]) -> tuple[jax.Array, list[jax.Array]]:
        outputs = _forward(layers, inputs, activation, shifts)
        return _losses(outputs[-1], labels).sum(), outputs

    shifts = [jnp.zeros((inputs.shape[0], bias.shape[0]), bias.dtype) for _, bias in layers]
    gradients, outputs = jax.grad(loss, has_aux=True)(shifts)
    return outputs, gradients


class JaxTrainer:
    """A `fanin.lab.trainer.Trainer` in JAX; its methods are described there."""

    activations: Final = tuple(ACTIVATIONS)

    def __init__(self, parameters: Mapping[str, jax.Array], *, activation: str, learning_rate: float) -> None:
        self._layers: Layers = [
            (parameters[f"layers.{i}.weight"], parameters[f"layers.{i}.bias"]) for i in range(len(parameters) // 2)
        ]
        self._activation = activation
        self._rate = self._layers[0][0].dtype.type(learning_rate)

    def _precision(self) -> AbstractContextManager[None]:
        """Return a context in which JAX keeps the parameters' dtype: without x64 it would turn float64 to float32."""
        return enable_x64(True) if self._layers[0][0].dtype == "float64" else nullcontext()

    def step(self, inputs: Array, labels: NDArray[np.int64]) -> float:
        """Take one step of gradient descent, and return the mean loss before it."""
        with self._precision():
            self._layers, loss = _step(self._layers, inputs, labels.astype(np.int32), self._rate, self._activation)
            return float(loss)

    def logits(self, inputs: Array) -> Array:
        """Return the network's output."""
        with self._precision():
            return np.asarray(_logits(self._layers, inputs, self._activation))

    def trace(self, inputs: Array, labels: NDArray[np.int64]) -> Trace:
        """Return every layer's output and gradient."""
        with self._precision():
            outputs, gradients = _trace(self._layers, inputs, labels.astype(np.int32), self._activation)
            return Trace([np.asarray(value) for value in outputs], [np.asarray(part) for part in gradients])

    def parameters(self) -> dict[str, Array]:
        """Return copies of the current parameters by name."""
        named = {}
        for i, (weight, bias) in enumerate(self._layers):
            named[f"layers.{i}.weight"], named[f"layers.{i}.bias"] = np.array(weight), np.array(bias)
        return named
