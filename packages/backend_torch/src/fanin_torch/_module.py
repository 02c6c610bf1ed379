"""Whole modules: each parameter with the layout, groups and stride that its layer knows, and a name of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final, TypeVar

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

from fanin.exceptions import FaninTypeError, FaninValueError
from fanin.initializers import Initializer
from fanin.initializers.names import get_initializer
from fanin.initializers.presets import constant, ones, zeros
from fanin.plans import plan
from fanin_torch._api import arguments_of, init_

__all__ = ["init_module_"]

_Module = TypeVar("_Module", bound=nn.Module)
_NORMS: Final = (_NormBase, nn.LayerNorm, nn.GroupNorm, getattr(nn, "RMSNorm", nn.LayerNorm))

_KNOWN: Final = (
    ((*_NORMS, nn.Linear, _ConvNd), "weight|bias"),
    ((nn.PReLU,), "weight"),
    ((nn.RNNBase, nn.RNNCellBase), "(weight|bias)_(ih|hh|hr).*"),
    ((nn.MultiheadAttention,), "(in|q|k|v)_proj_weight|in_proj_bias|bias_[kv]"),
)
"""Layers, and the names of the parameters of theirs that are known; a subclass may add others."""


@dataclass(frozen=True)
class _Assignment:
    """A tensor to overwrite, with what, and how its axes are to be read."""

    tensor: Tensor
    name: str | list[str]
    initialization: Initializer
    settings: dict[str, Any] = field(default_factory=dict)


def init_module_(
    module: _Module,
    initialization: str | Initializer = "he",
    *,
    bias: str | Initializer = "zeros",
    seed: int = 0,
    overrides: Mapping[str, str | Initializer | None] | None = None,
) -> _Module:
    """Overwrite every parameter of a module, in place: `init_` for each, under the name it has in the module.

    - `Linear`, `Conv1d` to `Conv3d`, `ConvTranspose1d` to `3d`: `initialization` for the weight, with the layer's
      groups and stride, and `bias` for the bias.
    - `RNN`, `LSTM`, `GRU` and their cells: `initialization` for each weight (gates x hidden, inputs), `bias` for
      biases.
    - `MultiheadAttention`: the packed weight is three, of queries, keys and values, named `...in_proj_weight.q`, `.k`
      and `.v`; `bias` for biases.
    - Normalizations: ones for the weight, zeros for the bias. `PReLU`: 0.25.

    Any other parameter, an embedding's say, or one that a subclass of these adds, needs a word of yours in
    `overrides`: nothing is guessed, and nothing is left to torch's generator. Buffers stay as they are.

    Args:
        module: The module; its parameters may be on any device, and shared.
        initialization: Of weights: a name or an `Initializer`, as in `fanin.init`.
        bias: Of biases, likewise; one without fans.
        seed: An integer in [0, 2^64).
        overrides: By a parameter's name, or a pattern of names ("*.embedding.weight"), what it gets in the place of the
            above; None leaves it as it is. The first that fits counts.

    Returns:
        The module itself.

    Raises:
        FaninTypeError: It is not a module, or an argument has the wrong type.
        FaninValueError: A parameter is not known, an override fits none, or what `init_` refuses. No
            parameter has changed then.

    Example:
        >>> import torch
        >>> net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.ConvTranspose2d(8, 3, 4, 2))
        >>> net = init_module_(net, "he", seed=1)
        >>> same = init_(torch.empty(8, 3, 4, 4), "he", seed=1, name="3.weight", transposed=True, stride=2)
        >>> torch.equal(net[3].weight, same), net[1].weight.sum().item()
        (True, 8.0)
    """
    if not isinstance(module, nn.Module):
        raise FaninTypeError(
            f"init_module_ initialises a torch.nn.Module. Received: {type(module).__name__}. For a tensor use "
            f"fanin_torch.init_."
        )
    chosen = {name: None if law is None else get_initializer(law) for name, law in (overrides or {}).items()}
    weight_law, bias_law = get_initializer(initialization), get_initializer(bias)
    assignments: list[_Assignment] = []
    unknown: list[str] = []
    unused = set(chosen)
    seen: set[int] = set()
    for prefix, owner in module.named_modules():
        for key, tensor in owner.named_parameters(prefix, recurse=False):
            if id(tensor) in seen:
                continue
            seen.add(id(tensor))
            found = list(_of_layer(owner, key, tensor, weight_law, bias_law))
            fitting = next((name for name in chosen if fnmatchcase(key, name)), None)
            if fitting is None:
                assignments += found
                unknown += [] if found else [f"{key} {tuple(tensor.shape)} of {type(owner).__name__}"]
            else:
                unused.discard(fitting)
                law = chosen[fitting]
                if law is not None:
                    read = found or [_Assignment(tensor, key, law)]
                    assignments += [_Assignment(one.tensor, one.name, law, one.settings) for one in read]
    _refuse(unknown, unused)
    for one in assignments:  # all of them before the first is written
        described = arguments_of(one.tensor, one.initialization, seed=seed, name=one.name, **one.settings)
        plan(tuple(one.tensor.shape), **described)
    for one in assignments:
        init_(one.tensor, one.initialization, seed=seed, name=one.name, **one.settings)
    return module


def _of_layer(
    owner: nn.Module, key: str, tensor: Tensor, weight: Initializer, bias: Initializer
) -> Iterator[_Assignment]:
    """Yield what one parameter of a layer gets; nothing if it is not known."""
    name = key.rpartition(".")[2]
    known = next((pattern for kinds, pattern in _KNOWN if isinstance(owner, kinds)), None)
    if known is None or not re.fullmatch(known, name):
        return
    if isinstance(owner, _NORMS):
        yield _Assignment(tensor, key, zeros() if name == "bias" else ones())
    elif isinstance(owner, nn.PReLU):
        yield _Assignment(tensor, key, constant(0.25))
    elif "bias" in name:
        yield _Assignment(tensor, key, bias)
    elif isinstance(owner, _ConvTransposeNd):
        settings = {"groups": owner.groups, "transposed": True, "stride": owner.stride}
        yield _Assignment(tensor, key, weight, settings)
    elif isinstance(owner, _ConvNd):
        yield _Assignment(tensor, key, weight, {"groups": owner.groups})
    elif name == "in_proj_weight":
        names = [f"{key}.{part}" for part in "qkv"]
        yield _Assignment(tensor.detach().view(3, -1, tensor.shape[1]), names, weight, {"layout": "SOI"})
    else:
        yield _Assignment(tensor, key, weight)


def _refuse(unknown: list[str], unused: set[str]) -> None:
    if unknown:
        example = unknown[0].partition(" ")[0]
        raise FaninValueError(
            f"it is not known what these parameters are: {'; '.join(unknown)}. Say what each gets, for example "
            f'overrides={{"{example}": fanin.normal(std=0.02)}}, or None to leave it as it is.'
        )
    if unused:
        raise FaninValueError(f"no parameter has the name of these overrides: {', '.join(sorted(unused))}.")
