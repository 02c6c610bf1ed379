"""What happens to the outputs of layers: activations, residual sums and attentions, seen in the operations."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from fanin.signal.samples import Arrangement, arrangements

__all__ = ["FLAT", "Watch", "arranged", "between", "version_of"]

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
    "hardswish": "hardswish",
    "hardsigmoid": "hardsigmoid",
    "hardtanh": "hardtanh",
}
"""Operations of torch that are activations, by their names there, in place or not."""

FLAT: Final = {"tanh": 2.9932, "sigmoid": 5.2934}
"""Beyond this an activation's derivative is below 1 % of its largest."""


_NORMALIZE: Final = ("native_batch_norm", "native_layer_norm", "native_group_norm", "rms_norm", "rsqrt")
"""What the operations that normalise are called, or parts of their names."""


@dataclass(frozen=True)
class Added:
    """A sum of two tensors of one shape, measured in each way in which it may hold the samples.

    Attributes:
        name: The module in which it is made.
        shape: Its shape.
        stds: What tells one sample from another.
        branches: The same of the smaller one of the two.
    """

    name: str
    shape: tuple[int, ...]
    stds: dict[Arrangement, float]
    branches: dict[Arrangement, float]


class Watch(TorchDispatchMode):
    """Notes which tensors activations, sums and softmaxes are made of, while a model runs.

    Attributes:
        activations: The activation that each tensor, as it was then, is passed to.
        sums: The sums of two tensors of one shape.
        attentions: The module, and the logits' spread and the softmax's entropy.
        normalised: Whether anything is normalised.
    """

    def __init__(self, where: Sequence[str], samples: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._where = where
        self._samples = samples
        self.activations: dict[tuple[int, int], str] = {}
        self.sums: list[Added] = []
        self.normalised = False
        self.attentions: list[tuple[str, float, float]] = []
        self._kept: list[object] = []  # so that no id is used twice

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Carry out one operation."""
        given = dict(kwargs or {})
        name = func.overloadpacket.__name__.rstrip("_")
        first = args[0] if args else None
        found: list[Arrangement] = []
        branches: dict[Arrangement, float] = {}
        if name == "add" and isinstance(first, Tensor) and _alike(first, args[1]) and first.is_floating_point():
            found = arrangements(first.shape, self._samples)
            branches = {one: min(between(first, one), between(args[1], one)) for one in found}  # not yet added in place
        seen = version_of(first) if isinstance(first, Tensor) else (0, 0)
        out = func(*args, **given)
        self.normalised |= any(word in name for word in _NORMALIZE)
        if not isinstance(first, Tensor):
            return out
        if name in _NAMES:
            self._kept.append(first)
            self.activations.setdefault(seen, _named(name, args))
        elif branches:
            stds = {one: between(out, one) for one in found}
            self.sums.append(Added(self._where[-1], tuple(out.shape), stds, branches))
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


def _named(name: str, args: Sequence[Any]) -> str:
    """Return the activation that an operation is: torch computes selu by elu, and relu6 by hardtanh."""
    if name == "elu" and len(args) > 2 and args[2] != 1:
        return "selu"
    if name == "hardtanh" and len(args) > 1 and args[1] == 0:
        return "relu6"
    return _NAMES[name]


def version_of(tensor: Tensor) -> tuple[int, int]:
    """Return what tells a tensor from others, and from itself after an operation in place."""
    return id(tensor), tensor._version


def _alike(first: Tensor, second: object) -> bool:
    return isinstance(second, Tensor) and second.shape == first.shape and first.ndim > 1


def arranged(tensor: Tensor, arrangement: Arrangement) -> Tensor:
    """Return a tensor with its samples along the first axis."""
    return tensor.reshape(arrangement.shape).movedim(arrangement.axis, 0)


def between(tensor: Tensor, arrangement: Arrangement) -> float:
    """Return what tells one sample from another: the root of the mean variance over the samples."""
    return float(arranged(tensor.detach().float(), arrangement).var(dim=0, unbiased=True).mean().sqrt())
