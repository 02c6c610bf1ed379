"""Whole modules: each parameter with the layout, groups and stride that its layer knows, and a name of its own."""

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
from fanin.plans import plan
from fanin.stream.keys import seed_words
from fanin_torch._api import arguments_of, init_
from fanin_torch._apply_scheme import apply_scheme
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
"""Layers, and the names of the parameters of theirs that are known; a subclass may add others."""


@dataclass(frozen=True)
class _Assignment:
    """A tensor to overwrite: with what, which argument says so, and how its axes are to be read."""

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
        """Return its parts as assignments of their own."""
        names = [self.key + part for part in self.parts]
        return [replace(self, tensor=self.tensor[k], key=key, settings={}, parts=()) for k, key in enumerate(names)]


def init_module_(
    module: _Module,
    initialization: str | Initializer | Scheme = "he",
    *,
    bias: str | Initializer = "zeros",
    seed: int = 0,
    overrides: Mapping[str, str | Initializer | None] | None = None,
) -> _Module:
    """Overwrite every parameter of a module, in place: by a scheme, or by one law for all layers.

    With a scheme each parameter and buffer gets its own law, from the stream that the scheme names. Tensors on the meta
    device are made real, tied ones stay tied, and of a distributed tensor each process draws the part that it holds.
    What wraps a module (`torch.compile`, data parallelism, FSDP, activation checkpoints) changes no name.

    With one law it is `init_` for each parameter, under the name that it has in the module:

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
        initialization: A `fanin.Scheme`, which `fanin_torch.record` reads from a model's own code; or of weights a name
            or an `Initializer`, as in `fanin.init`.
        bias: Of biases, likewise; one without fans.
        seed: An integer in [0, 2^64).
        overrides: By a parameter's name, or a pattern of names ("*.embedding.weight"), what it gets in the place of the
            above; None leaves it as it is. The first that fits counts. A shared parameter goes by each of its names,
            and a third of attention's packed weight also by its own.

    Returns:
        The module itself.

    Raises:
        FaninTypeError: It is not a module, or an argument has the wrong type.
        FaninValueError: A parameter is not known, an override has no effect, or what `init_` refuses. No parameter has
            changed then.

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
    seed_words(seed)
    chosen = Overrides(overrides)
    if isinstance(initialization, Scheme):
        if overrides is not None:
            raise FaninTypeError(
                "a scheme says what each parameter gets, so it takes no overrides. Received: both. Change the scheme: "
                "fanin.Scheme({**scheme, name: fanin.Parameter(...)})."
            )
        apply_scheme(module, initialization, seed)
        return module
    assignments = _assignments(module, get_initializer(initialization), get_initializer(bias), chosen)
    for one in assignments:  # all of them before the first is written
        _check(one, seed)
    for one in assignments:
        assert one.initialization is not None
        init_(one.tensor, one.initialization, seed=seed, name=one.name, **one.settings)
    return module


def _assignments(module: nn.Module, weight: Initializer, bias: Initializer, overrides: Overrides) -> list[_Assignment]:
    """Return what is to be written, each parameter under the first of its names.

    Raises:
        FaninValueError: A parameter is not known, or an override has no effect.
    """
    names: dict[int, list[str]] = {}
    for name, tensor in module.named_parameters(remove_duplicate=False):
        names.setdefault(id(tensor), []).append(name)
    made: list[_Assignment] = []
    unknown: list[str] = []
    usual: dict[str, str] = {}
    for prefix, owner in module.named_modules():
        for key, tensor in owner.named_parameters(prefix, recurse=False):
            if key != names[id(tensor)][0]:  # it is shared, and was there before
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
            f"it is not known what these parameters are: {'; '.join(unknown)}. Say what each gets, for example "
            f"overrides={{{example}}}, or None to leave it as it is."
        )
    overrides.refuse_idle(name for aliases in names.values() for name in aliases)
    return made


def _overridden(one: _Assignment, names: list[str], overrides: Overrides) -> Iterator[tuple[_Assignment, str | None]]:
    """Yield an assignment with what an override makes of it, and its pattern; of parts, one by one where it differs."""
    patterns = [overrides.first([*names, *(name + part for name in names if part)]) for part in one.parts or ("",)]
    pieces = one.split() if len(set(patterns)) > 1 else [one]
    for piece, pattern in zip(pieces, patterns, strict=False):
        if pattern is None:
            yield piece, None
        else:
            yield replace(piece, initialization=overrides[pattern], argument=f"overrides[{pattern!r}]"), pattern


def _of_layer(owner: nn.Module, key: str, tensor: Tensor, weight: Initializer, bias: Initializer) -> _Assignment | None:
    """Return what one parameter of a layer gets; None if it is not known."""
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
    """Return what a parameter that is not known usually starts from, as a caller would write it."""
    name, layer = key.rpartition(".")[2].lower(), type(owner).__name__.lower()
    if tensor.ndim > 1:
        return "fanin.normal(std=0.02)"
    if re.search("layer_?scale", layer + " " + name):
        return "fanin.constant(1e-5)"
    return '"zeros"' if re.search("bias|beta|shift", name) else '"ones"'


def _check(one: _Assignment, seed: int) -> None:
    """Plan an assignment, which refuses what cannot be drawn.

    Raises:
        FaninError: It cannot be; the message says which parameter, and which argument asks for it.
    """
    law = one.initialization
    assert law is not None
    try:
        described = arguments_of(one.tensor, law, seed=seed, name=one.name, **one.settings)
        if described["layout"] is None and (law.needs_fans or isinstance(law, MatrixInitializer)):
            narrower = ", or a pattern that leaves the parameter out" if one.argument.startswith("overrides") else ""
            raise FaninValueError(
                f"{law} needs in- and out-axes, which are not known of a parameter of shape {tuple(one.tensor.shape)}. "
                f'Take an initializer without fans there, such as "zeros", "ones" or fanin.normal(std=0.02){narrower}.'
            )
        plan(tuple(one.tensor.shape), **described)
    except FaninError as error:
        raise type(error)(f"{one.key}, by {one.argument}: {error}") from error
