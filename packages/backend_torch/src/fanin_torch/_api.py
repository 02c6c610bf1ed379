"""The functions for torch users: write initial weights into a tensor, as torch.nn.init does, or make a new tensor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import torch
from torch import Tensor

from fanin.api import draw
from fanin.exceptions import FaninTypeError
from fanin.initializers import Initializer
from fanin.naming import OMITTED, Omitted, check_unnamed
from fanin.plans import Name, Slices, plan
from fanin_torch._backend import TorchBackend
from fanin_torch._draw import draw_into
from fanin_torch._dtypes import dtype_name
from fanin_torch._opaque import draw_opaquely, fill_opaquely, remember
from fanin_torch._sharding import local_blocks
from fanin_torch._writable import PLAIN, check_writable

__all__ = ["arguments_of", "init", "init_"]

_BACKEND: Final = TorchBackend()

_LAYOUTS: Final = {2: "OI", 3: "OIW", 4: "OIHW", 5: "OIDHW"}
_TRANSPOSED_LAYOUTS: Final = {3: "IOW", 4: "IOHW", 5: "IODHW"}


def _layout(ndim: int, layout: str | None, transposed: bool) -> str | None:
    """Return torch's layout of a weight with this many axes. A vector has none, since its fans would be a guess."""
    return layout if layout is not None else (_TRANSPOSED_LAYOUTS if transposed is True else _LAYOUTS).get(ndim)


def init(
    shape: Sequence[int],
    initialization: str | Initializer = "he",
    *,
    layout: str | None = None,
    seed: int = 0,
    name: Name = None,
    dtype: object = "float32",
    device: object = None,
    slices: Slices = None,
    groups: int = 1,
    transposed: bool = False,
    stride: int | Sequence[int] | None = None,
) -> Tensor:
    """Return a new tensor of initial weights: `fanin.init` with this backend and torch's layouts.

    If `layout` is None, it is "OI", "OIW", "OIHW" or "OIDHW", depending on the number of axes ("IOW", "IOHW" or "IODHW"
    with transposed=True). Everything else is as in `fanin.init`.

    Example:
        >>> init((256, 64), "he", name="fc.weight").shape
        torch.Size([256, 64])
    """
    if isinstance(shape, Sequence):
        layout = _layout(len(shape), layout, transposed)
    arguments: dict[str, Any] = {
        "initialization": initialization,
        "layout": layout,
        "seed": seed,
        "name": name,
        "dtype": dtype,
        "slices": slices,
        "groups": groups,
        "transposed": transposed,
        "stride": stride,
    }
    if torch.compiler.is_compiling():
        return draw_opaquely(remember(shape, arguments), device)
    made: Tensor = draw(plan(shape, **arguments), backend=_BACKEND, device=device)
    return made


def init_(
    tensor: Tensor,
    initialization: str | Initializer = "he",
    *,
    seed: int = 0,
    name: Name | Omitted = OMITTED,
    layout: str | None = None,
    groups: int = 1,
    transposed: bool = False,
    stride: int | Sequence[int] | None = None,
) -> Tensor:
    """Overwrite a tensor with initial weights, in place, outside of autograd.

    Args:
        tensor: A floating-point tensor or parameter on any device, contiguous or not, whose elements do not overlap.
            For a distributed tensor (`DTensor`), each process draws the part that it holds, without communication.
        initialization: A name or an `Initializer`. This and the other arguments are as in `fanin.init`.
        seed: An integer in [0, 2^64).
        name: The parameter's name, for example from `module.named_parameters()`. Random weights require it. None
            selects the seed's own stream, which all tensors without a name share.
        layout: The role of each axis. None for torch's layout: "OI", "OIW", "OIHW" or "OIDHW", depending on the number
            of axes ("IOW", "IOHW" or "IODHW" with transposed=True).
        groups: Number of groups of a grouped convolution.
        transposed: Whether it is the weight of a transposed convolution.
        stride: Stride of the transposed convolution.

    Returns:
        The tensor itself.

    Raises:
        FaninTypeError: It is not a tensor, `name` is missing for random weights, or an argument has the wrong type.
        FaninValueError: The tensor has no values (meta), is not floating-point or not strided, its elements overlap, or
            an argument has an invalid value. The tensor is then unchanged.

    Example:
        >>> layer = torch.nn.Linear(64, 256)
        >>> init_(layer.weight, "he", name="fc.weight") is layer.weight
        True
    """
    arguments = arguments_of(
        tensor,
        initialization,
        seed=seed,
        name=name,
        layout=layout,
        groups=groups,
        transposed=transposed,
        stride=stride,
    )
    if type(tensor) in PLAIN and not torch.compiler.is_compiling():
        draw_into(plan(tensor.shape, **arguments), tensor)
        return tensor
    local, blocks = local_blocks(tensor)
    if blocks is not None:
        plans = [plan(tensor.shape, slices=[slice(*ends) for ends in one.part], **arguments) for one in blocks]
        for made, one in zip(plans, blocks, strict=True):
            draw_into(made, local[one.place])
    else:
        fill_opaquely(tensor, remember(tuple(tensor.shape), arguments)[0])
    return tensor


def arguments_of(
    tensor: Tensor,
    initialization: str | Initializer,
    *,
    seed: int,
    name: Name | Omitted,
    layout: str | None = None,
    groups: int = 1,
    transposed: bool = False,
    stride: int | Sequence[int] | None = None,
) -> dict[str, Any]:
    """Return the arguments of `fanin.plan` for a tensor that `init_` is to write.

    Raises:
        FaninTypeError: It is not a tensor, or `name` is missing for random weights.
        FaninValueError: It cannot be written.
    """
    if not isinstance(tensor, Tensor):
        raise FaninTypeError(
            f"init_ writes into a torch.Tensor. Received: {type(tensor).__name__}. For a new tensor, use "
            f"fanin_torch.init(shape, ...)."
        )
    check_writable(tensor)
    if name is OMITTED:
        _check_unnamed(initialization)
        name = None
    return {
        "initialization": initialization,
        "layout": _layout(tensor.ndim, layout, transposed),
        "seed": seed,
        "name": name,
        "dtype": dtype_name(tensor.dtype),
        "groups": groups,
        "transposed": transposed,
        "stride": stride,
    }


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]  # not part of a graph
def _check_unnamed(initialization: str | Initializer) -> None:
    check_unnamed(initialization)
