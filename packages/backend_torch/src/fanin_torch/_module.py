"""Whole modules, in place: by a scheme, or by one law for all layers."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, TypeVar

from torch import nn

from fanin.exceptions import FaninTypeError, FaninValueError
from fanin.initializers import Initializer
from fanin.initializers.names import get_initializer
from fanin.models import Scheme
from fanin.naming import OMITTED, Omitted
from fanin.stream.keys import seed_words
from fanin_torch._apply_scheme import apply_scheme
from fanin_torch._callers import check_callers
from fanin_torch._constants import Choice, Constants
from fanin_torch._names import Named, named_tensors
from fanin_torch._one_law import OneLaw, one_law_scheme
from fanin_torch._overrides import Overrides, Value

__all__ = ["init_module_"]

_Module = TypeVar("_Module", bound=nn.Module)


def init_module_(
    module: _Module,
    initialization: str | Initializer | Scheme = "he",
    *,
    bias: str | Initializer | None = None,
    seed: int = 0,
    overrides: Mapping[Any, Value] | None = None,
    constants: Choice = None,
    prefix: str | Omitted = OMITTED,
    dry_run: bool = False,
) -> _Module:
    """Overwrite every parameter of a module in place: by a scheme, or by one law for all layers.

    Tensors on the meta device get memory, tied tensors stay tied, and of a distributed tensor each process draws the
    part that it holds. Wrappers (`torch.compile`, data parallelism, FSDP, activation checkpoints) do not change the
    names. A tied parameter has the stream of the first of its names in the alphabet.

    With a scheme each parameter and buffer gets its own distribution, from the stream that the scheme names.

    With one law it is `init_` for each parameter, under the name that it has in the module:

    - `Linear`, `Conv1d` to `Conv3d`, `ConvTranspose1d` to `3d`: `initialization` for the weight, with the layer's
      groups and stride, and `bias` for the bias.
    - `RNN`, `LSTM`, `GRU` and their cells: each gate is a matrix of its own, with `initialization`. Its stream is named
      after the gate, in torch's order: `...weight_ih_l0.i`, `.f`, `.g`, `.o`, or `.r`, `.z`, `.n`.
    - `MultiheadAttention`: the packed weight is three matrices, named `...in_proj_weight.q`, `.k` and `.v`.
    - Normalization layers: ones for the weight, zeros for the bias, and their running statistics are set back. `PReLU`:
      0.25.

    Any other parameter, such as the weight of an embedding or a parameter that a subclass of these adds, must be listed
    in `overrides`: nothing is guessed, and nothing is left to torch's generator. Other buffers are not changed.

    Args:
        module: The module; its parameters may be on any device, and may be shared.
        initialization: A `fanin.Scheme`, which `fanin_torch.record` reads from a model's own code; or the initializer
            of weights: a name or an `Initializer`, as in `fanin.init`.
        bias: The initializer of biases, likewise; it must not need fans. None for zeros, except for biases that the
            model has set to another constant (`constants`).
        seed: An integer in [0, 2^64).
        overrides: What some parameters get instead; the first key that fits counts. A key is a name or a pattern of
            names ("*.embedding.weight"; any name of a shared parameter, or that of a gate), a type of layer (its
            weights; its biases get `bias`), or a function of (name, parameter). A value is an initializer; a mapping of
            arguments of `init_`, such as {"initialization": "he", "layout": "IO"}, where torch's layers do not say
            which axes are in and out; or None, which leaves the parameter as it is.
        constants: What happens to constants that the model has set itself. "keep" keeps all, such as the weight of a
            last layer of zeros; "overwrite" keeps none. None keeps scales and biases, overwrites weights, and warns of
            both; if no normalization layer still has the scale 1, the values are taken for undefined memory, and none
            is kept. The parts of distributed tensors are not looked at.
        prefix: The module's own name in a larger model, which its parameters' names begin with: "blocks.0". It must be
            given in a constructor, where a module does not know its place; "" is the outermost module.
        dry_run: Whether to print the table of what would be done instead, and change nothing.

    Returns:
        The module itself.

    Raises:
        FaninTypeError: It is not a module, an argument has the wrong type, or `Module.apply` or a constructor calls it
            without a prefix, so that equal layers would get equal weights.
        FaninValueError: A parameter is not known, an override has no effect, a buffer on the meta device is computed by
            the constructor, a scheme is another module's, or `init_` would reject an argument. Nothing is then changed.

    Example:
        >>> import torch
        >>> from fanin_torch import init_
        >>> net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.ConvTranspose2d(8, 3, 4, 2))
        >>> net = init_module_(net, "he", seed=1)
        >>> same = init_(torch.empty(8, 3, 4, 4), "he", seed=1, name="3.weight", transposed=True, stride=2)
        >>> torch.equal(net[3].weight, same), net[1].weight.sum().item()
        (True, 8.0)
        >>> _ = init_module_(nn.GRUCell(3, 2, bias=False), "orthogonal", dry_run=True)
        name                 shape  dtype    law                                   layout  stream
        weight_ih            6 x 3  float32  3 parts
          weight_ih[0:2, :]  2 x 3  float32  Q, Q orthogonal, one matrix of 2 x 3  OI      weight_ih.r
          weight_ih[2:4, :]  2 x 3  float32  Q, Q orthogonal, one matrix of 2 x 3  OI      weight_ih.z
          weight_ih[4:6, :]  2 x 3  float32  Q, Q orthogonal, one matrix of 2 x 3  OI      weight_ih.n
        weight_hh            6 x 2  float32  3 parts
          weight_hh[0:2, :]  2 x 2  float32  Q, Q orthogonal, one matrix of 2 x 2  OI      weight_hh.r
          weight_hh[2:4, :]  2 x 2  float32  Q, Q orthogonal, one matrix of 2 x 2  OI      weight_hh.z
          weight_hh[4:6, :]  2 x 2  float32  Q, Q orthogonal, one matrix of 2 x 2  OI      weight_hh.n
    """
    if not isinstance(module, nn.Module):
        raise FaninTypeError(
            f"init_module_ initializes a torch.nn.Module. Received: {type(module).__name__}. For a tensor, use "
            f"fanin_torch.init_."
        )
    seed_words(seed)
    if not isinstance(dry_run, bool):
        raise FaninTypeError(f"dry_run must be True or False. Received: {dry_run!r}.")
    if prefix is OMITTED:
        check_callers()
        prefix = ""
    if not isinstance(prefix, str):
        raise FaninTypeError(f'prefix must be text, such as "blocks.0". Received: {prefix!r}.')
    if prefix.endswith("."):
        raise FaninValueError(f"prefix must be a module's name, without a dot behind it. Received: {prefix!r}.")
    tensors = named_tensors(module, prefix)
    _check_kinds(module, tensors)
    if isinstance(initialization, Scheme):
        if overrides is not None or bias is not None or constants is not None:
            raise FaninTypeError(
                "a scheme says what each parameter gets, so it takes no overrides, bias or constants. Received: both. "
                "Change the scheme: fanin.Scheme({**scheme, name: fanin.Parameter(...)})."
            )
        scheme = initialization
    else:
        found = Constants.of(tensors, constants)
        bias_law = None if bias is None else get_initializer(bias)
        law = OneLaw(get_initializer(initialization), bias_law, Overrides(overrides), found)
        scheme = one_law_scheme(tensors, law)
        found.tell()
    if dry_run:
        sys.stdout.write(f"{scheme}\n")
    else:
        apply_scheme(module, tensors, scheme, seed, prefix)
    return module


def _check_kinds(module: nn.Module, tensors: list[Named]) -> None:
    """Refuse modules whose weights are not in their parameters.

    Raises:
        FaninValueError: A submodule is quantised, or keeps its parameters in one flat vector.
    """
    flat = False
    for path, one in module.named_modules():
        flat = flat or _is_flat(one)
        if ".quantized." in f"{type(one).__module__}.":
            raise FaninValueError(
                f"{path or 'the module'} is quantised ({type(one).__name__}): its weights are no parameters, and "
                f"cannot be overwritten. Initialize the model first, then quantise it."
            )
    if flat or any("_flat_param" in one.names[0] for one in tensors):
        raise FaninValueError(
            f"FullyShardedDataParallel keeps the parameters in flat vectors, without their shapes: "
            f"{tensors[0].paths[0]}. "
            f"Initialize the model before it is wrapped, inside of FullyShardedDataParallel.summon_full_params(model), "
            f"or shard it by torch.distributed.fsdp.fully_shard."
        )


def _is_flat(module: nn.Module) -> bool:
    """Return whether a module is FullyShardedDataParallel, and its parameters are not whole at present."""
    handle = getattr(module, "_handle", None) if type(module).__name__ == "FullyShardedDataParallel" else None
    state = str(getattr(handle, "_training_state", ""))
    return bool(getattr(handle, "uses_sharded_strategy", False)) and not state.endswith("SUMMON_FULL_PARAMS")
