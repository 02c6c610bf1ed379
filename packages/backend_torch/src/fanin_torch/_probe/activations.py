"""What happens to the outputs of layers, seen in the operations: activations, residual sums, attentions, dropouts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from fanin.signal.samples import Arrangement, arrangements
from fanin_torch._probe.formulas import COMBINING, STEPS, activation_of, some_numbers

if TYPE_CHECKING:
    from fanin_torch._probe.runs import Runs

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
}
"""Operations of torch that are activations, by their names there, in place or not."""

FLAT: Final = {"tanh": 2.9932, "sigmoid": 5.2934}
"""Beyond this an activation's derivative is below 1 % of its largest."""


_NORMALIZE: Final = ("native_batch_norm", "native_layer_norm", "native_group_norm", "rms_norm", "rsqrt")
"""What the operations that normalise are called, or parts of their names."""


_VIEWS: Final = frozenset(
    {"view", "reshape", "_unsafe_view", "transpose", "t", "permute", "alias", "detach", "_to_copy"}
)
"""Operations that leave the outputs of a softmax what they are."""


@dataclass(frozen=True)
class Added:
    """A sum of two tensors of one shape, measured in each way in which it may hold the samples.

    Attributes:
        name: The module in which it is made.
        shape: Its shape.
        stds: What tells one sample from another.
        branches: The same of the smaller one of the two.
        layers: From which layer, by its number, to which before the sum: the layers of the branch.
    """

    name: str
    shape: tuple[int, ...]
    stds: dict[Arrangement, float]
    branches: dict[Arrangement, float]
    layers: tuple[int, int]


class Watch(TorchDispatchMode):
    """Notes which tensors activations, sums and softmaxes are made of, while a model runs.

    Attributes:
        activations: The activation that each tensor, as it was then, is passed to.
        sums: The sums of two tensors of one shape.
        attentions: The module, and the logits' spread and the softmax's entropy.
        normalised: Whether anything is normalised.
        concatenated: Whether anything is joined to what is older than a layer, as in a DenseNet.
        softmaxes: The outputs of softmaxes, or views of them: what went in, and how many layers had run.
        dropouts: The module, and what share a dropout sets to 0.
        fed: What went through a softmax into another layer.
    """

    def __init__(self, runs: Runs) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._runs = runs
        self._where = runs.where
        self.activations: dict[tuple[int, int], str] = {}
        self.sums: list[Added] = []
        self.normalised = False
        self.concatenated = False
        self.attentions: list[tuple[str, float, float]] = []
        self.softmaxes: dict[tuple[int, int], tuple[tuple[int, int], int]] = {}
        self.dropouts: list[tuple[str, float]] = []
        self.fed: set[tuple[int, int]] = set()
        self._mask: tuple[int, object] = (0, None)
        self._kept: list[object] = []  # so that no id is used twice
        self._born: dict[int, int] = {}
        self._roots: dict[tuple[int, int], Tensor] = {}

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Carry out one operation."""
        given = dict(kwargs or {})
        name = func.overloadpacket.__name__.rstrip("_")
        first = args[0] if args else None
        added = self._added(name, first, args)
        root = self._root(name, args)
        # not yet changed in place
        before = some_numbers(root) if root is not None and name in COMBINING and _are_two(name, args) else None
        seen = version_of(first) if isinstance(first, Tensor) else (0, 0)
        if name == "cat":
            self.concatenated |= any(self._birth(one) < len(self._runs.found) for one in first or ())
        out = func(*args, **given)
        self.normalised |= any(word in name for word in _NORMALIZE)
        self._follow(name, root, out)
        if root is not None and before is not None and _is_whole(root, out):
            self._recognise(root, activation_of(before, some_numbers(out), out.dtype))
        if not isinstance(first, Tensor):
            return out
        activation = _named(name, args, given)
        if activation is not None:
            self._kept.append(first)
            self.activations.setdefault(seen, activation)
        elif added is not None:
            found, branches, layers = added
            stds = {one: between(out, one) for one in found}
            self.sums.append(Added(self._where[-1], tuple(out.shape), stds, branches, layers))
        elif name == "bernoulli":
            self._keep(args, out)
        elif name == "div" and isinstance(out, Tensor) and self._mask == (id(out), args[1]):
            self.dropouts.append((self._where[-1], 1 - float(args[1])))  # a mask divided by the share that it keeps
        elif name == "native_dropout" and args[2]:
            self.dropouts.append((self._where[-1], float(args[1])))
        elif "scaled_dot_product" in name and "backward" not in name:
            self._attend(first, args[1], given)
        elif name in ("_softmax", "_safe_softmax"):
            if any(run.version == seen for run in self._runs.found[-2:]):  # and no attention's, which may be large
                self._kept.append(out)
                self.softmaxes[version_of(out)] = seen, len(self._runs.found)
            if first.ndim > 2:
                self._note(first.float())
        elif seen in self.softmaxes and isinstance(out, Tensor) and out.numel() == first.numel() and name in _VIEWS:
            self._kept.append(out)
            self.softmaxes[version_of(out)] = self.softmaxes[seen]
        return out

    def feed(self, runs: Runs) -> None:
        """Note the layers whose outputs went through a softmax into another layer that learns, and nowhere else."""
        for k, run in enumerate(runs.found):
            source, count = self.softmaxes.get(run.given or (0, 0), ((0, 0), 0))
            if k >= count > 0 and any(id(one) not in runs.frozen for one in run.module.parameters(recurse=False)):
                self.fed.add(source)

    def _keep(self, args: tuple[Any, ...], out: object) -> None:
        """Note a mask that is drawn, and the share that it keeps."""
        if len(args) > 1 and isinstance(args[1], float):
            self._kept.append(out)
            self._mask = id(out), args[1]

    def _added(
        self, name: str, first: object, args: tuple[Any, ...]
    ) -> tuple[list[Arrangement], dict[Arrangement, float], tuple[int, int]] | None:
        """Return what a sum may be arranged as, the smaller one of its terms, and the layers of the branch."""
        if name != "add" or self._runs.recurrent or not isinstance(first, Tensor) or not _alike(first, args[1]):
            return None
        if not first.is_floating_point():
            return None
        found = arrangements(first.shape, self._runs.samples)
        branches = {one: min(between(first, one), between(args[1], one)) for one in found}  # not yet added in place
        layers = min(self._birth(first), self._birth(args[1])), len(self._runs.found)
        return (found, branches, layers) if branches else None

    def _birth(self, tensor: Tensor) -> int:
        """Return how many layers had run when a tensor was made; of a parameter, how many have by now."""
        found = self._runs.found
        if isinstance(tensor, nn.Parameter):
            return len(found)
        born = self._born.get(id(tensor), 0)
        return born + (born < len(found) and found[born].outputs is tensor)

    def _root(self, name: str, args: tuple[Any, ...]) -> Tensor | None:
        """Return the layer's output that an operation computes with alone, it or numbers made of it; None without."""
        if name not in STEPS:
            return None
        roots: list[Tensor | None] = []
        for one in args:
            if isinstance(one, Tensor) and one.ndim:
                key = version_of(one)
                own = next((run.outputs for run in reversed(self._runs.found[-2:]) if run.version == key), None)
                roots.append(self._roots.get(key, own))
        known = roots[0] if roots else None
        return known if known is not None and all(one is known for one in roots) else None

    def _follow(self, name: str, root: Tensor | None, out: object) -> None:
        """Note when what an operation returns was made, and of which layer's output."""
        count = len(self._runs.found)
        for one in out if isinstance(out, (tuple, list)) else (out,):
            if isinstance(one, Tensor):
                self._born[id(one)] = count
        if root is not None and _is_whole(root, out):
            assert isinstance(out, Tensor)
            self._kept.append(out)
            self._roots[version_of(out)] = root

    def _recognise(self, root: Tensor, activation: str | None) -> None:
        """Note the activation that a formula is, in place of the sigmoid or tanh that it begins with."""
        run = next((run for run in reversed(self._runs.found) if run.outputs is root), None)
        if activation is not None and run is not None:
            self.activations[run.version] = activation

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


def _named(name: str, args: Sequence[Any], given: Mapping[str, Any]) -> str | None:
    """Return the activation that an operation is, or None: torch computes selu by elu, and relu6 by hardtanh."""
    if name == "elu" and len(args) > 2 and args[2] != 1:
        return "selu"
    if name == "threshold":
        return "relu" if tuple(args[1:3]) == (0, 0) else None
    if name not in ("clamp", "clamp_min", "hardtanh"):
        return _NAMES.get(name)
    low, high = (given.get(key, args[k] if len(args) > k else None) for k, key in ((1, "min"), (2, "max")))
    if name == "hardtanh" and len(args) < 2:
        return "hardtanh"
    if isinstance(low, Tensor) or isinstance(high, Tensor):
        return None
    if low == 0:
        return "relu" if high is None else "relu6"
    return "hardtanh" if low is not None and high is not None and low == -high else None


def _are_two(name: str, args: Sequence[Any]) -> bool:
    """Return whether a formula may end here: half of a small number is a silu of it, but for rounding."""
    return sum(isinstance(one, Tensor) and (one.ndim > 0 or name != "mul") for one in args) > 1


def _is_whole(root: Tensor, out: object) -> bool:
    return isinstance(out, Tensor) and out.shape == root.shape


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
