"""The JAX trainer of `fanin compare`: a fully connected network under `jax.grad` and `jax.jit`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, Final, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import enable_x64
from numpy.typing import NDArray

from fanin.lab.trainer import Trace
from fanin.lab.wiring import KINDS, Kind, wire

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


class Form(NamedTuple):
    """What a network is, for `jax.jit`.

    Attributes:
        activation: What is between its layers.
        kind: How they are connected.
        sample: The shape of a sample.
    """

    activation: str
    kind: Kind
    sample: tuple[int, ...]


class _Pass:
    """One pass through a network: the operations of `fanin.lab.wiring`, and each layer's output."""

    def __init__(self, layers: Layers, activation: str, shifts: list[jax.Array] | None) -> None:
        self._layers, self._phi, self._shifts = layers, ACTIVATIONS[activation], shifts
        self.outputs: list[jax.Array] = []

    def layer(self, number: int, inputs: jax.Array) -> jax.Array:
        weight, bias = self._layers[number]
        if weight.ndim == 2:
            z = inputs @ weight.T + bias
        else:
            axes = ("NCHW", "OIHW", "NCHW")
            z = jax.lax.conv_general_dilated(inputs, weight, (1, 1), "SAME", dimension_numbers=axes)
            z = z + bias[:, None, None]
        if self._shifts is not None:
            z = z + self._shifts[number]
        self.outputs.append(z)
        return z

    def activate(self, number: int, inputs: jax.Array) -> jax.Array:
        self.outputs[number] = self._phi(inputs)
        return self.outputs[number]

    def normalize(self, inputs: jax.Array) -> jax.Array:
        middle = inputs - inputs.mean(axis=-1, keepdims=True)
        return middle * jax.lax.rsqrt(jnp.mean(middle**2, axis=-1, keepdims=True) + 1e-5)

    def attend(self, queries: jax.Array, keys: jax.Array, values: jax.Array) -> jax.Array:
        logits = queries @ keys.swapaxes(-1, -2) / np.sqrt(queries.shape[-1]).astype(queries.dtype)
        return jax.nn.softmax(logits, axis=-1) @ values

    def constant(self, array: NDArray[np.float64], like: jax.Array) -> jax.Array:
        return jnp.asarray(array, like.dtype)


def _forward(layers: Layers, inputs: jax.Array, form: Form, shifts: list[jax.Array] | None = None) -> list[jax.Array]:
    """Return each layer's output. `shifts` are added to the pre-activations, to differentiate with respect to them."""
    passed = _Pass(layers, form.activation, shifts)
    wire(form.kind, form.sample, len(layers), inputs, passed)
    return passed.outputs


def _losses(logits: jax.Array, labels: jax.Array) -> jax.Array:
    picked = jnp.take_along_axis(logits, labels[:, None], axis=1)[:, 0]
    return jax.nn.logsumexp(logits, axis=1) - picked


@partial(jax.jit, static_argnames="form")
def _logits(layers: Layers, inputs: jax.Array, form: Form) -> jax.Array:
    return _forward(layers, inputs, form)[-1]


@partial(jax.jit, static_argnames="form")
def _step(
    layers: Layers, inputs: jax.Array, labels: jax.Array, rate: jax.Array, form: Form
) -> tuple[Layers, jax.Array]:
    def loss(current: Layers) -> jax.Array:
        return _losses(_forward(current, inputs, form)[-1], labels).mean()

    value, gradients = jax.value_and_grad(loss)(layers)
    return jax.tree.map(lambda parameter, gradient: parameter - rate * gradient, layers, gradients), value


@partial(jax.jit, static_argnames="form")
def _trace(layers: Layers, inputs: jax.Array, labels: jax.Array, form: Form) -> tuple[list[jax.Array], list[jax.Array]]:
    def loss(shifts: list[jax.Array]) -> tuple[jax.Array, list[jax.Array]]:
        outputs = _forward(layers, inputs, form, shifts)
        return _losses(outputs[-1], labels).sum(), outputs

    shapes = jax.eval_shape(lambda: _forward(layers, inputs, form))
    shifts = [jnp.zeros(one.shape, one.dtype) for one in shapes]
    gradients, outputs = jax.grad(loss, has_aux=True)(shifts)
    return outputs, gradients


class JaxTrainer:
    """A `fanin.lab.trainer.Trainer` in JAX; its methods are described there."""

    activations: Final = tuple(ACTIVATIONS)

    kinds: Final = KINDS

    def __init__(
        self,
        parameters: Mapping[str, jax.Array],
        *,
        activation: str,
        learning_rate: float,
        kind: Kind = "mlp",
        sample: tuple[int, ...] | None = None,
    ) -> None:
        self._layers: Layers = [
            (parameters[f"layers.{i}.weight"], parameters[f"layers.{i}.bias"]) for i in range(len(parameters) // 2)
        ]
        self._form = Form(activation, kind, sample or (self._layers[0][0].shape[1],))
        self._rate = self._layers[0][0].dtype.type(learning_rate)

    def _precision(self) -> AbstractContextManager[None]:
        """Return a context in which JAX keeps the parameters' dtype: without x64 it would turn float64 to float32."""
        return enable_x64(True) if self._layers[0][0].dtype == "float64" else nullcontext()

    def step(self, inputs: Array, labels: NDArray[np.int64]) -> float:
        """Take one step of gradient descent, and return the mean loss before it."""
        with self._precision():
            self._layers, loss = _step(self._layers, inputs, labels.astype(np.int32), self._rate, self._form)
            return float(loss)

    def logits(self, inputs: Array) -> Array:
        """Return the network's output."""
        with self._precision():
            return np.asarray(_logits(self._layers, inputs, self._form))

    def trace(self, inputs: Array, labels: NDArray[np.int64]) -> Trace:
        """Return every layer's output and gradient."""
        with self._precision():
            outputs, gradients = _trace(self._layers, inputs, labels.astype(np.int32), self._form)
            return Trace([np.asarray(value) for value in outputs], [np.asarray(part) for part in gradients])

    def parameters(self) -> dict[str, Array]:
        """Return copies of the current parameters by name."""
        named = {}
        for i, (weight, bias) in enumerate(self._layers):
            named[f"layers.{i}.weight"], named[f"layers.{i}.bias"] = np.array(weight), np.array(bias)
        return named
