"""Backends and a trainer for tests: the scalar reference draws, and NumPy trains a network by finite arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from fanin import reference
from fanin.contract import Capabilities, Description
from fanin.dtypes import DTYPES
from fanin.lab.trainer import Trace
from fanin.plans import Plan


class ReferenceBackend:
    """A backend that draws with `fanin.reference`, and can be made to err in the last bit of the first weight."""

    SPEC_VERSION = 1
    capabilities = Capabilities(dtypes=frozenset({"float32", "float64"}), rules=frozenset({"fill", "draw"}))

    def __init__(self, name: str = "numpy", *, wrong: bool = False, level: str = "exact") -> None:
        self.name = name
        self._wrong = wrong
        self.capabilities = Capabilities(frozenset({"float32", "float64"}), level=level)  # type: ignore[arg-type]

    def draw(self, plan: Plan, *, device: Any = None) -> Any:
        size = DTYPES[plan.dtype].itemsize
        words = np.frombuffer(reference.tobytes(plan), f"<u{size}").copy()
        if self._wrong and plan.name == "layers.0.weight":
            words[0] ^= 1
        return words.view(f"<f{size}").reshape(plan.shape)

    def tobytes(self, array: Any) -> bytes:
        return bytes(np.ascontiguousarray(array).tobytes())

    def describe(self, array: Any) -> Description:
        return Description(array.shape, array.dtype.name)


class ReluTrainer:
    """A trainer for ReLU networks, written apart from the backends' ones; it keeps the batches that it saw."""

    activations: tuple[str, ...] = ("relu",)

    def __init__(self, parameters: Mapping[str, Any], *, activation: str, learning_rate: float) -> None:
        assert activation == "relu"
        self._named = {name: np.array(array) for name, array in parameters.items()}
        self._rate = learning_rate
        self.batches: list[bytes] = []

    def _forward(self, inputs: Any) -> tuple[list[Any], list[Any]]:
        outputs, masks = [inputs], []
        depth = len(self._named) // 2
        for i in range(depth):
            z = outputs[-1] @ self._named[f"layers.{i}.weight"].T + self._named[f"layers.{i}.bias"]
            masks.append(z > 0 if i < depth - 1 else np.ones_like(z, dtype=bool))
            outputs.append(z * masks[-1])
        return outputs, masks

    def _deltas(self, outputs: list[Any], masks: list[Any], labels: Any) -> tuple[float, list[Any]]:
        logits = outputs[-1].astype(np.float64)
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares = powers / powers.sum(axis=1, keepdims=True)
        loss = float(-np.log(shares[np.arange(len(labels)), labels]).mean())
        shares[np.arange(len(labels)), labels] -= 1
        deltas = [shares.astype(outputs[-1].dtype)]
        for i in range(len(masks) - 1, 0, -1):
            deltas.insert(0, (deltas[0] @ self._named[f"layers.{i}.weight"]) * masks[i - 1])
        return loss, deltas

    def step(self, inputs: Any, labels: Any) -> float:
        self.batches.append(inputs.tobytes())
        outputs, masks = self._forward(inputs)
        loss, deltas = self._deltas(outputs, masks, labels)
        for i, delta in enumerate(deltas):
            self._named[f"layers.{i}.weight"] -= self._rate / len(labels) * (delta.T @ outputs[i])
            self._named[f"layers.{i}.bias"] -= self._rate / len(labels) * delta.sum(axis=0)
        return loss

    def logits(self, inputs: Any) -> Any:
        return self._forward(inputs)[0][-1]

    def trace(self, inputs: Any, labels: Any) -> Trace:
        outputs, masks = self._forward(inputs)
        return Trace(outputs[1:], self._deltas(outputs, masks, labels)[1])

    def parameters(self) -> dict[str, Any]:
        return {name: array.copy() for name, array in self._named.items()}


Factory = Callable[..., ReluTrainer]
