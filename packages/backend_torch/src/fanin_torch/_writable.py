"""Which tensors can be written in place, and which of them by their address."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter

from fanin.exceptions import FaninError, FaninValueError
from fanin.plans.pieces import overlaps
from fanin_torch._dtypes import DTYPES, dtype_name

__all__ = ["PLAIN", "check_named", "check_writable", "is_plain"]

PLAIN: Final = (Tensor, torch.nn.Parameter)
"""Tensors with their own memory; others are distributed, or stand for a tensor while a program is traced."""

_is_transformed: Final = getattr(torch._C._functorch, "is_functorch_wrapped_tensor", lambda tensor: False)


def is_plain(tensor: Tensor) -> bool:
    """Return whether a tensor's elements lie in main memory one after the other, as they are, or will do so.

    A tensor on the meta device, which gets memory of its own, counts.
    """
    if type(tensor) not in PLAIN or torch.compiler.is_compiling() or tensor.layout is not torch.strided:
        return False
    if tensor.is_nested or tensor.is_neg() or _is_transformed(tensor) or not tensor.is_contiguous():
        return False
    return tensor.is_meta or (tensor.is_cpu and tensor.data_ptr() != 0 and _has_memory(tensor))


def _has_memory(tensor: Tensor) -> bool:
    """Return whether the storage of a tensor with plain memory is as large as the tensor needs."""
    if tensor.is_contiguous():
        count = tensor.numel()
    else:
        count = 1 + sum((size - 1) * step for size, step in zip(tensor.shape, tensor.stride(), strict=True))
    needed = (tensor.storage_offset() + count) * tensor.itemsize
    return not tensor.numel() or needed <= tensor.untyped_storage().nbytes()


def check_writable(tensor: Tensor, *, on_meta: bool = False) -> None:
    """Refuse a tensor that cannot be written in place.

    Args:
        tensor: The tensor.
        on_meta: Whether it may be on the meta device, since it will get memory of its own.

    Raises:
        FaninValueError: It has no values, is not floating-point or strided, its memory was given back, or its elements
            overlap.
    """
    if isinstance(tensor, (UninitializedParameter, UninitializedBuffer)):  # is_lazy cannot be traced
        raise FaninValueError(
            "init_ cannot write a parameter that has no shape yet, as in lazy modules. Run the module once on an "
            "example input, then initialize its parameters."
        )
    if tensor.is_nested:
        raise FaninValueError(
            "init_ cannot write a nested tensor, which is several tensors. Write each of tensor.unbind() under its own "
            "name."
        )
    if tensor.layout != torch.strided or dtype_name(tensor.dtype) not in DTYPES:
        raise FaninValueError(
            f"init_ writes dense floating-point tensors. Received: dtype {tensor.dtype}, layout {tensor.layout}. "
            f"Accepted: {', '.join(DTYPES)}, with layout torch.strided."
        )
    if torch.compiler.is_compiling():
        is_negative = is_transformed = False
    else:
        is_negative, is_transformed = tensor.is_neg(), _is_transformed(tensor)
    if is_negative:
        raise FaninValueError(
            "init_ cannot write a view that shows the negative of its memory, such as conj().imag of a complex tensor. "
            "Write the underlying tensor instead."
        )
    if is_transformed:
        raise FaninValueError(
            "init_ cannot write a tensor inside a torch.func transform (grad, vmap, jvp, ...). Write it outside, or "
            "make new weights inside: fanin_torch.init(shape, ...)."
        )
    if tensor.is_meta:
        if on_meta:
            return
        raise FaninValueError(
            "init_ cannot write a tensor on the meta device, which has no values. First give the module memory, "
            'module.to_empty(device="cpu"), then initialize its parameters.'
        )
    if type(tensor) in PLAIN and not torch.compiler.is_compiling() and not _has_memory(tensor):
        raise FaninValueError(
            f"init_ cannot write a tensor whose memory was given back. Received: shape {tuple(tensor.shape)} of "
            f"{tensor.dtype}, with a storage of {tensor.untyped_storage().nbytes()} bytes, as fully sharded data "
            f"parallelism leaves it. Initialize the module before it is wrapped, or while its parameters are whole."
        )
    if not tensor.is_contiguous() and overlaps(tensor.shape, tensor.stride()):
        raise FaninValueError(
            f"init_ cannot write a tensor whose elements share memory (shape {tuple(tensor.shape)}, strides "
            f"{tensor.stride()}), such as the result of expand(). Pass a copy: tensor.clone()."
        )


def check_named(name: str, tensor: Tensor) -> None:
    """Refuse a tensor of a model that cannot be written, by its name; it may be on the meta device.

    Raises:
        FaninValueError: As `check_writable`.
    """
    try:
        check_writable(tensor, on_meta=True)
    except FaninError as error:
        raise type(error)(f"{name}: {error}") from error
