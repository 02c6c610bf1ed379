"""The NumPy trainer of `fanin compare`: a fully connected network with its backward pass written out."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fanin.gains.activations import SELU_ALPHA, SELU_SCALE
from fanin.lab.trainer import Trace

__all__ = ["NumpyTrainer"]

Array: TypeAlias = NDArray[np.floating[Any]]
Function: TypeAlias = Callable[[Array], Array]


def _logistic(z: Array) -> Array:
    small = np.exp(-np.abs(z))
    value: Array = np.where(z >= 0, 1, small) / (1 + small)
    return value


def _softplus(z: Array) -> Array:
    return np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))


def _normal_cdf(z: Array) -> Array:
    from scipy.special import ndtr  # only GELU needs it, and NumPy has no error function

    cdf: Array = ndtr(z)
    return cdf


def _normal_density(z: Array) -> Array:
    return np.exp(-z * z / 2) / math.sqrt(2 * math.pi)


def _silu_slope(z: Array) -> Array:
    s = _logistic(z)
    return s * (1 + z * (1 - s))


def _mish_slope(z: Array) -> Array:
    t: Array = np.tanh(_softplus(z))
    return t + z * _logistic(z) * (1 - t * t)


def _elu(z: Array) -> Array:
    value: Array = np.where(z > 0, z, np.expm1(np.minimum(z, 0)))
    return value


def _elu_slope(z: Array) -> Array:
    slope: Array = np.exp(np.minimum(z, 0))
    return slope


def _selu(z: Array) -> Array:
    value: Array = SELU_SCALE * np.where(z > 0, z, SELU_ALPHA * np.expm1(np.minimum(z, 0)))
    return value


def _selu_slope(z: Array) -> Array:
    return SELU_SCALE * np.where(z > 0, z.dtype.type(1), SELU_ALPHA * np.exp(np.minimum(z, 0)))


def _leaky_relu(z: Array) -> Array:
    value: Array = np.where(z > 0, z, 0.01 * z)
    return value


def _gelu_tanh(z: Array) -> tuple[Array, Array]:
    """Return gelu_tanh and its derivative."""
    root = math.sqrt(2 / math.pi)
    t: Array = np.tanh(root * (z + 0.044715 * z**3))
    return z / 2 * (1 + t), (1 + t) / 2 + z / 2 * (1 - t * t) * root * (1 + 3 * 0.044715 * z * z)


def _hard_sigmoid(z: Array) -> Array:
    return np.clip(z / 6 + 0.5, 0, 1)


def _steps(z: Array, slope: float, low: float, high: float) -> Array:
    """Return `slope` between `low` and `high`, and 0 elsewhere."""
    return ((z > low) & (z <= high)).astype(z.dtype) * slope


ACTIVATIONS: Final[dict[str, tuple[Function, Function]]] = {
    "linear": (lambda z: z, np.ones_like),
    "relu": (lambda z: np.maximum(z, 0), lambda z: (z > 0).astype(z.dtype)),
    "relu6": (lambda z: np.clip(z, 0, 6), lambda z: _steps(z, 1, 0, 6)),
    "leaky_relu": (_leaky_relu, lambda z: np.where(z > 0, z.dtype.type(1), z.dtype.type(0.01))),
    "elu": (_elu, _elu_slope),
    "selu": (_selu, _selu_slope),
    "gelu": (lambda z: z * _normal_cdf(z), lambda z: _normal_cdf(z) + z * _normal_density(z)),
    "gelu_tanh": (lambda z: _gelu_tanh(z)[0], lambda z: _gelu_tanh(z)[1]),
    "silu": (lambda z: z * _logistic(z), _silu_slope),
    "mish": (lambda z: z * np.tanh(_softplus(z)), _mish_slope),
    "softplus": (_softplus, _logistic),
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "sigmoid": (_logistic, lambda z: _logistic(z) * _logistic(-z)),
    "hardtanh": (lambda z: np.clip(z, -1, 1), lambda z: _steps(z, 1, -1, 1)),
    "hardsigmoid": (_hard_sigmoid, lambda z: _steps(z, 1 / 6, -3, 3)),
    "hardswish": (lambda z: z * _hard_sigmoid(z), lambda z: _hard_sigmoid(z) + z * _steps(z, 1 / 6, -3, 3)),
}
"""Each activation and its derivative."""


class NumpyTrainer:
    """A `fanin.lab.trainer.Trainer` in NumPy; its methods are described there."""

    activations: Final = tuple(ACTIVATIONS)

    def __init__(self, parameters: Mapping[str, Any], *, activation: str, learning_rate: float) -> None:
        depth = len(parameters) // 2
        self._weights: list[Array] = [np.array(parameters[f"layers.{i}.weight"]) for i in range(depth)]
        self._biases: list[Array] = [np.array(parameters[f"layers.{i}.bias"]) for i in range(depth)]
        self._phi, self._slope = ACTIVATIONS[activation]
        self._rate = float(learning_rate)

    def _forward(self, inputs: Array) -> tuple[list[Array], list[Array]]:
        """Return each layer's input (the last entry is the output) and each layer's pre-activation."""
        values: list[Array] = [inputs]
        pre: list[Array] = []
        for i, (weight, bias) in enumerate(zip(self._weights, self._biases, strict=True)):
            z = values[-1] @ weight.T + bias
            pre.append(z)
            values.append(self._phi(z) if i + 1 < len(self._weights) else z)
        return values, pre

    def _backward(self, pre: list[Array], labels: NDArray[np.int64]) -> tuple[Array, list[Array]]:
        """Return each sample's loss, and its derivative with respect to each layer's pre-activation."""
        logits = pre[-1]
        shifted = logits - logits.max(axis=1, keepdims=True)
        exponentials = np.exp(shifted)
        totals = exponentials.sum(axis=1, keepdims=True)
        rows = np.arange(len(labels))
        losses = np.log(totals[:, 0]) - shifted[rows, labels]
        delta = exponentials / totals
        delta[rows, labels] -= 1
        deltas = [delta]
        for weight, z in zip(self._weights[:0:-1], pre[-2::-1], strict=True):
            deltas.append((deltas[-1] @ weight) * self._slope(z))
        return losses, deltas[::-1]

    def step(self, inputs: Array, labels: NDArray[np.int64]) -> float:
        """Take one step of gradient descent, and return the mean loss before it."""
        with np.errstate(all="ignore"):  # a network that diverges is a result, not a warning
            values, pre = self._forward(inputs)
            losses, deltas = self._backward(pre, labels)
            rate = self._rate / len(labels)
            for value, delta, weight, bias in zip(values[:-1], deltas, self._weights, self._biases, strict=True):
                weight -= rate * (delta.T @ value)
                bias -= rate * delta.sum(axis=0)
            return float(losses.mean())

    def logits(self, inputs: Array) -> Array:
        """Return the network's output."""
        with np.errstate(all="ignore"):
            return self._forward(inputs)[0][-1]

    def trace(self, inputs: Array, labels: NDArray[np.int64]) -> Trace:
        """Return every layer's output and gradient."""
        with np.errstate(all="ignore"):
            values, pre = self._forward(inputs)
            return Trace(values[1:], self._backward(pre, labels)[1])

    def parameters(self) -> dict[str, Array]:
        """Return copies of the current parameters by name."""
        named: dict[str, Array] = {}
        for i, (weight, bias) in enumerate(zip(self._weights, self._biases, strict=True)):
            named[f"layers.{i}.weight"], named[f"layers.{i}.bias"] = weight.copy(), bias.copy()
        return named
