"""What happens to the outputs of layers: activations, residual sums and attentions, seen in the operations."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

__all__ = ["FLAT", "Watch"]

_NAMES: Final = {
    "relu": "relu",
    "gelu": "gelu",
    "silu": "silu",
    "tanh": "tanh",
    "sigmoid": "sigmoid",
    "leaky_relu": "leaky_relu",
    "elu": "elu",
    "softplus": "softplus",
    "mish": "mish",
}
"""Operations of torch that are activations, by their names there, in place or not."""

FLAT: Final = {"tanh": 2.9932, "sigmoid": 5.2934}
"""Beyond this an activation's derivative is below 1 % of its largest."""


class Watch(TorchDispatchMode):
    """Notes which tensors activations, sums and softmaxes are made of, while a model runs.

    Attributes:
        activations: The activation that each tensor is passed to.
        sums: Each sum of two tensors of one shape: the two, the result, and the module in which it is made.
        attentions: The module, and the logits' spread and the softmax's entropy.
    """

    def __init__(self, where: Sequence[str]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._where = where
        self.activations: dict[int, str] = {}
        self.sums: list[tuple[Tensor, Tensor, Tensor, str]] = []
        self.attentions: list[tuple[str, float, float]] = []
        self._kept: list[object] = []  # so that no id is used twice

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Carry out one operation."""
        given = dict(kwargs or {})
        name = func.overloadpacket.__name__.rstrip("_")
        out = func(*args, **given)
        first = args[0] if args else None
        if not isinstance(first, Tensor):
            return out
        if name in _NAMES:
            self._kept.append(first)
            self.activations.setdefault(id(first), _NAMES[name])
        elif name == "add" and isinstance(args[1], Tensor) and args[1].shape == first.shape and first.ndim > 1:
            self.sums.append((first, args[1], out, self._where[-1]))
        elif "scaled_dot_product" in name and "backward" not in name:
            self._attend(first, args[1], given)
        elif name in ("_softmax", "_safe_softmax") and first.ndim > 2:
            self._note(first.float())
        return out

    def _attend(self, queries: Tensor, keys: Tensor, given: Mapping[str, Any]) -> None:
        if queries.ndim < 3 or keys.ndim < 3:
            return
        if keys.shape[-3] != queries.shape[-3]:  # grouped queries
            keys = keys.repeat_interleave(queries.shape[-3] // keys.shape[-3], dim=-3)
        scale = given.get("scale") or 1 / math.sqrt(queries.shape[-1])
        self._note(queries.float() @ keys.float().transpose(-1, -2) * scale)

    def _note(self, logits: Tensor) -> None:
        count = logits.shape[-1]
        seen = torch.where(logits < -1e4, torch.nan, logits)
        if count < 2:
            return
        middle = seen - seen.nanmean(-1, keepdim=True)
        shares = logits.softmax(-1)
        entropy = -(shares * shares.clamp_min(1e-30).log()).sum(-1).mean()
        self.attentions.append(
            (self._where[-1], float(middle.square().nanmean().sqrt()), float(entropy) / math.log(count))
        )
