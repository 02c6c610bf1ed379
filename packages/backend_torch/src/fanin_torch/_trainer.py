"""The torch trainer of `fanin compare`: a fully connected network differentiated by `torch.autograd`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from fanin.lab.trainer import Trace
from fanin.lab.wiring import KINDS, Kind, wire
from fanin_torch._model_trainer import ModelTrainer

__all__ = ["TorchTrainer"]

Array: TypeAlias = NDArray[np.floating[Any]]

ACTIVATIONS: Final[dict[str, Callable[[Tensor], Tensor]]] = {
    "linear": lambda z: z,
    "relu": torch.relu,
    "relu6": functional.relu6,
    "leaky_relu": lambda z: functional.leaky_relu(z, 0.01),
    "elu": functional.elu,
    "selu": torch.selu,
    "gelu": functional.gelu,
    "gelu_tanh": lambda z: functional.gelu(z, approximate="tanh"),
    "silu": functional.silu,
    "mish": functional.mish,
    "softplus": lambda z: -functional.logsigmoid(-z),  # functional.softplus is linear above 20
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "hardtanh": functional.hardtanh,
    "hardsigmoid": lambda z: torch.clamp(z / 6 + 0.5, 0, 1),  # functional's slope is a float32 sixth
    "hardswish": functional.hardswish,
}


class _Pass:
    """One pass through a network: the operations of `fanin.lab.wiring`, and each layer's output and pre-activation."""

    def __init__(self, layers: list[tuple[Tensor, Tensor]], phi: Callable[[Tensor], Tensor]) -> None:
        self._layers, self._phi = layers, phi
        self.outputs: list[Tensor] = []
        self.pre: list[Tensor] = []

    def layer(self, number: int, inputs: Tensor) -> Tensor:
        weight, bias = self._layers[number]
        same = [size // 2 for size in weight.shape[2:]]
        z = functional.conv2d(inputs, weight, bias, padding=same) if same else functional.linear(inputs, weight, bias)
        self.pre.append(z)
        self.outputs.append(z)
        return z

    def activate(self, number: int, inputs: Tensor) -> Tensor:
        self.outputs[number] = self._phi(inputs)
        return self.outputs[number]

    def normalize(self, inputs: Tensor) -> Tensor:
        return functional.layer_norm(inputs, inputs.shape[-1:])

    def attend(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        return functional.scaled_dot_product_attention(queries, keys, values)

    def constant(self, array: NDArray[np.float64], like: Tensor) -> Tensor:
        return torch.from_numpy(array).to(like)


class TorchTrainer:
    """A `fanin.lab.trainer.Trainer` in PyTorch; its methods are described there."""

    activations: Final = tuple(ACTIVATIONS)
    kinds: Final = KINDS
    of_model: Final = ModelTrainer

    def __init__(
        self,
        parameters: Mapping[str, Tensor],
        *,
        activation: str,
        learning_rate: float,
        kind: Kind = "mlp",
        sample: tuple[int, ...] | None = None,
    ) -> None:
        self._named = {name: tensor.detach().clone().requires_grad_() for name, tensor in parameters.items()}
        self._layers = [
            (self._named[f"layers.{i}.weight"], self._named[f"layers.{i}.bias"]) for i in range(len(self._named) // 2)
        ]
        self._phi = ACTIVATIONS[activation]
        self._rate = learning_rate
        self._kind: Kind = kind
        self._sample = sample or (self._layers[0][0].shape[1],)

    def _place(self, array: NDArray[np.generic]) -> Tensor:
        return torch.from_numpy(array).to(self._layers[0][0].device)

    def _forward(self, inputs: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Return each layer's output and each layer's pre-activation."""
        passed = _Pass(self._layers, self._phi)
        wire(self._kind, self._sample, len(self._layers), inputs, passed)
        return passed.outputs, passed.pre

    def step(self, inputs: Array, labels: NDArray[np.int64]) -> float:
        """Take one step of gradient descent, and return the mean loss before it."""
        outputs, _ = self._forward(self._place(inputs))
        loss = functional.cross_entropy(outputs[-1], self._place(labels))
        parameters = list(self._named.values())
        gradients = torch.autograd.grad(loss, parameters)
        with torch.no_grad():
            for parameter, gradient in zip(parameters, gradients, strict=True):
                parameter.sub_(gradient, alpha=self._rate)
        return loss.item()

    @torch.no_grad()
    def logits(self, inputs: Array) -> Array:
        """Return the network's output."""
        return self._forward(self._place(inputs))[0][-1].cpu().numpy()

    def trace(self, inputs: Array, labels: NDArray[np.int64]) -> Trace:
        """Return every layer's output and gradient."""
        outputs, pre = self._forward(self._place(inputs))
        # The sum, not the mean, so that each sample's gradient is that of its own loss.
        loss = functional.cross_entropy(outputs[-1], self._place(labels), reduction="sum")
        gradients = torch.autograd.grad(loss, pre)
        return Trace([value.detach().cpu().numpy() for value in outputs], [part.cpu().numpy() for part in gradients])

    def parameters(self) -> dict[str, Array]:
        """Return copies of the current parameters by name."""
        return {name: tensor.detach().cpu().numpy().copy() for name, tensor in self._named.items()}
