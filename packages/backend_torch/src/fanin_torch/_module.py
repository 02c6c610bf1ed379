"""Whole modules: each parameter gets its own name, and the layout, groups and stride of its layer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeVar

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd
from torch.nn.parameter import UninitializedParameter

from fanin.exceptions import FaninError, FaninTypeError, FaninValueError
from fanin.initializers import Initializer, MatrixInitializer
from fanin.initializers.names import get_initializer
from fanin.initializers.presets import constant, ones, zeros
from fanin.models import Scheme
from fanin.naming import OMITTED, Omitted
from fanin.plans import plan
from fanin.stream.keys import seed_words
from fanin_torch._api import arguments_of, init_
from fanin_torch._apply_scheme import apply_scheme
from fanin_torch._callers import check_callers
from fanin_torch._names import parallel_paths, plain_name
from fanin_torch._overrides import Overrides

__all__ = ["init_module_"]

_Module = TypeVar("_Module", bound=nn.Module)
_NORMS: Final = (_NormBase, nn.LayerNorm, nn.GroupNorm, getattr(nn, "RMSNorm", nn.LayerNorm))

_KNOWN: Final = (
    ((*_NORMS, nn.Linear, _ConvNd), "weight|bias"),
    ((nn.PReLU,), "weight"),
    ((nn.RNNBase, nn.RNNCellBase), "(weight|bias)_(ih|hh|hr).*"),
    ((nn.MultiheadAttention,), "(in|q|k|v)_proj_weight|in_proj_bias|bias_[kv]"),
)
"""Layers, and the names of their known parameters; a subclass may add others."""


@dataclass(frozen=True)
class _Assignment:
    """A tensor to overwrite: the initializer, the argument that it comes from, and how to read the tensor's axes."""

    tensor: Tensor
    key: str
    initialization: Initializer | None = None
    argument: str = "initialization"
    settings: dict[str, Any] = field(default_factory=dict)
    parts: tuple[str, ...] = ()

    @property
    def name(self) -> str | list[str]:
        """The name of its stream, or the names of its parts' streams."""
        return [self.key + part for part in self.parts] or self.key

    def split(self) -> list[_Assignment]:
        """Return its parts as separate assignments."""
        names = [self.key + part for part in self.parts]
        return [replace(self, tensor=self.tensor[k], key=key, settings={}, parts=()) for k, key in enumerate(names)]


def init_module_(
    module: _Module,
    initialization: str | Initializer | Scheme = "he",
    *,
    bias: str | Initializer = "zeros",
    seed: int = 0,
    overrides: Mapping[str, str | Initializer | None] | None = None,
    prefix: str | Omitted = OMITTED,
) -> _Module:
    """Overwrite every parameter of a module in place: by a scheme, or by one initializer for all layers.

    With a scheme each parameter and buffer gets its own distribution, from the stream that the scheme names. Tensors on
    the meta device get memory, tied tensors stay tied, and of a distributed tensor each process draws the part that it
    holds. Wrappers (`torch.compile`, data parallelism, FSDP, activation checkpoints) do not change the names.

    With one initializer it is `init_` for each parameter, under the name that it has in the module:

    - `Linear`, `Conv1d` to `Conv3d`, `ConvTranspose1d` to `3d`: `initialization` for the weight, with the layer's
      groups and stride, and `bias` for the bias.
    - `RNN`, `LSTM`, `GRU` and their cells: `initialization` for each weight (gates x hidden, inputs), `bias` for each
      bias.
    - `MultiheadAttention`: the packed weight is drawn as three matrices, for queries, keys and values, named
      `...in_proj_weight.q`, `.k` and `.v`; `bias` for each bias.
    - Normalization layers: ones for the weight, zeros for the bias. `PReLU`: 0.25.

    Any other parameter, such as the weight of an embedding or a parameter that a subclass of these adds, must be listed
    in `overrides`: nothing is guessed, and nothing is left to torch's generator. Buffers are not changed.

    Args:
        module: The module; its parameters may be on any device, and may be shared.
        initialization: A `fanin.Scheme`, which `fanin_torch.record` reads from a model's own code; or the initializer
            of weights: a name or an `Initializer`, as in `fanin.init`.
        bias: The initializer of biases, likewise; it must not need fans.
        seed: An integer in [0, 2^64).
        overrides: Initializers for single parameters, by name or by a pattern of names ("*.embedding.weight"); None
            leaves a parameter unchanged. The first pattern that matches counts. A shared parameter matches by any of
            its names, and each third of attention's packed weight also by its own name.
        prefix: The module's own name in a larger model, which its parameters' names begin with: "blocks.0". It must be
            given in a constructor, where a module does not know its place; "" is the outermost module.

    Returns:
        The module itself.

    Raises:
        FaninTypeError: It is not a module, an argument has the wrong type, or `Module.apply` or a constructor calls it
            without a prefix, so that equal layers would get equal weights.
        FaninValueError: A parameter is not known, an override has no effect, or `init_` would reject an argument. No
            parameter is then changed.

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
            f"init_module_ initializes a torch.nn.Module. Received: {type(module).__name__}. For a tensor, use "
            f"fanin_torch.init_."
        )
    seed_words(seed)
    if prefix is OMITTED:
        check_callers()
        prefix = ""
    if not isinstance(prefix, str):
        raise FaninTypeError(f'prefix must be text, such as "blocks.0". Received: {prefix!r}.')
    chosen = Overrides(overrides)
    if isinstance(initialization, Scheme):
        if overrides is not None:
            raise FaninTypeError(
                "a scheme says what each parameter gets, so it takes no overrides. Received: both. Change the scheme: "
                "fanin.Scheme({**scheme, name: fanin.Parameter(...)})."
            )
        apply_scheme(module, initialization, seed, prefix)
        return module
    assignments = _assignments(module, get_initializer(initialization), get_initializer(bias), chosen, prefix)
    for one in assignments:  # all of them before the first is written
        _check(one, seed)
    for one in assignments:
        assert one.initialization is not None
        init_(one.tensor, one.initialization, seed=seed, name=one.name, **one.settings)
    return module


def _assignments(
    module: nn.Module, weight: Initializer, bias: Initializer, overrides: Overrides, prefix: str
) -> list[_Assignment]:
    """Return the assignments to make, each parameter under the first of its names.

    Raises:
        FaninValueError: A parameter is not known, or an override has no effect.
    """
    names: dict[int, list[str]] = {}
    parallel, inside = parallel_paths(module), f"{prefix}." if prefix else ""
    for name, tensor in module.named_parameters(remove_duplicate=False):
        names.setdefault(id(tensor), []).append(inside + plain_name(name, parallel))
    made: list[_Assignment] = []
    unknown: list[str] = []
    usual: dict[str, str] = {}
    for prefix, owner in module.named_modules():
        for path, tensor in owner.named_parameters(prefix, recurse=False):
            key = inside + plain_name(path, parallel)
            if key != names[id(tensor)][0]:  # it is shared, and has been handled under its first name
                continue
            known = _of_layer(owner, key, tensor, weight, bias)
            for one, pattern in _overridden(known or _Assignment(tensor, key), names[id(tensor)], overrides):
                if pattern is None and known is None:
                    unknown.append(f"{key} {_shape(tensor)} of {type(owner).__name__}")
                    usual.setdefault(_usual_start(owner, key, tensor), key)
                elif one.initialization is not None:
                    made.append(one)
    if unknown:
        example = ", ".join(f'"{key}": {start}' for start, key in usual.items())
        raise FaninValueError(
            f"no initializer is known for these parameters: {'; '.join(unknown)}. Pass one for each, for example "
            f"overrides={{{example}}}, or None to leave the parameter unchanged."
        )
    overrides.refuse_idle(name for aliases in names.values() for name in aliases)
    return made


def _overridden(one: _Assignment, names: list[str], overrides: Overrides) -> Iterator[tuple[_Assignment, str | None]]:
    """Yield the assignment with its override applied, and the pattern; its parts one by one if overrides differ."""
    patterns = [overrides.first([*names, *(name + part for name in names if part)]) for part in one.parts or ("",)]
    pieces = one.split() if len(set(patterns)) > 1 else [one]
    for piece, pattern in zip(pieces, patterns, strict=False):
        if pattern is None:
            yield piece, None
        else:
            yield replace(piece, initialization=overrides[pattern], argument=f"overrides[{pattern!r}]"), pattern


def _of_layer(owner: nn.Module, key: str, tensor: Tensor, weight: Initializer, bias: Initializer) -> _Assignment | None:
    """Return the assignment of one parameter of a layer, or None if the parameter is not known."""
    name = key.rpartition(".")[2]
    known = next((pattern for kinds, pattern in _KNOWN if isinstance(owner, kinds)), None)
    if known is None or not re.fullmatch(known, name):
        return None
    if isinstance(owner, _NORMS):
        return _Assignment(tensor, key, zeros() if name == "bias" else ones())
    if isinstance(owner, nn.PReLU):
        return _Assignment(tensor, key, constant(0.25))
    if "bias" in name:
        return _Assignment(tensor, key, bias, "bias")
    if isinstance(owner, _ConvTransposeNd):
        settings = {"groups": owner.groups, "transposed": True, "stride": owner.stride}
        return _Assignment(tensor, key, weight, settings=settings)
    if isinstance(owner, _ConvNd):
        return _Assignment(tensor, key, weight, settings={"groups": owner.groups})
    if name == "in_proj_weight":
        packed = tensor.detach().view(3, -1, tensor.shape[1])
        return _Assignment(packed, key, weight, settings={"layout": "SOI"}, parts=(".q", ".k", ".v"))
    return _Assignment(tensor, key, weight)


def _shape(tensor: Tensor) -> str:
    if isinstance(tensor, UninitializedParameter):
        return "without a shape yet"
    return "of nested tensors" if tensor.is_nested else str(tuple(tensor.shape))


def _usual_start(owner: nn.Module, key: str, tensor: Tensor) -> str:
    """Return the usual initializer of a parameter that is not known, as a caller would write it."""
    name, layer = key.rpartition(".")[2].lower(), type(owner).__name__.lower()
    if tensor.ndim > 1:
        return "fanin.normal(std=0.02)"
    if re.search("layer_?scale", layer + " " + name):
        return "fanin.constant(1e-5)"
    return '"zeros"' if re.search("bias|beta|shift", name) else '"ones"'


def _check(one: _Assignment, seed: int) -> None:
    """Plan an assignment, to check that it can be drawn.

    Raises:
        FaninError: It cannot be drawn; the message names the parameter and the argument that asks for it.
    """
    law = one.initialization
    assert law is not None
    try:
        described = arguments_of(one.tensor, law, seed=seed, name=one.name, **one.settings)
        if described["layout"] is None and (law.needs_fans or isinstance(law, MatrixInitializer)):
            narrower = ", or a pattern that excludes the parameter" if one.argument.startswith("overrides") else ""
            raise FaninValueError(
                f"{law} needs in- and out-axes, which are unknown for a parameter of shape {tuple(one.tensor.shape)}. "
                f'Use an initializer without fans, such as "zeros", "ones" or fanin.normal(std=0.02){narrower}.'
            )
        plan(tuple(one.tensor.shape), **described)
    except FaninError as error:
        raise type(error)(f"{one.key}, from {one.argument}: {error}") from error
