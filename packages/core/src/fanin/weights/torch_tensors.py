"""Tensors and modules of torch, distributed ones too: each process reads what it holds."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, Final

from numpy.typing import NDArray

from fanin.exceptions import FaninError, FaninValueError
from fanin.models.parameter import Region
from fanin.weights.roles import Role, role_in
from fanin.weights.sharded import Block, local_blocks
from fanin.weights.tensor import Tensor, index_of, whole_of

__all__ = ["is_module", "is_tensor", "tensor_of_torch", "torch_tensors"]

_BITS: Final = {"bfloat16": "uint16", "float8_e5m2": "uint8", "float8_e4m3fn": "uint8"}


def is_tensor(value: object) -> bool:
    """Return whether a value is a tensor of torch; torch is not imported for that."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def is_module(value: object) -> bool:
    """Return whether a value is a module of torch; torch is not imported for that."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.nn.Module)


def torch_tensors(module: Any) -> Iterator[tuple[str, Any, Role]]:
    """Yield the parameters and buffers of a module by name, tied ones under each of their names, with their roles."""
    modules = dict(module.named_modules(remove_duplicate=False))
    for named in (module.named_parameters, module.named_buffers):
        for name, value in named(remove_duplicate=False):
            home, _, key = name.rpartition(".")
            yield name, value, role_in(modules.get(home), key, value.dim())


def tensor_of_torch(name: str, value: Any) -> Tensor:
    """Return a tensor of torch.

    Raises:
        FaninValueError: It has no values, or is no dense array.
    """
    torch = sys.modules["torch"]
    uninitialized = isinstance(value, torch.nn.parameter.UninitializedTensorMixin)
    if uninitialized or value.is_meta:
        raise FaninValueError(
            f"{name} has no values: it is {'not initialized yet' if uninitialized else 'on the meta device'}. "
            f"Initialize the model first, for example with fanin_torch.init_module_, or load its weights."
        )
    if value.layout != torch.strided or value.is_nested or value.is_quantized:
        kind = "quantized" if value.is_quantized else "nested" if value.is_nested else str(value.layout)
        raise FaninValueError(
            f"{name}: weights are dense tensors. Received: a tensor that is {kind}. Pass value.to_dense() or "
            f"value.dequantize()."
        )
    try:
        local, blocks = local_blocks(value.detach())
    except FaninError as error:
        raise type(error)(f"{name}: {error}") from error
    shape = tuple(value.shape)
    dtype = str(value.dtype).removeprefix("torch.")
    if blocks is None:
        whole = whole_of(shape)
        blocks = [Block(whole, index_of(whole))]
    held = tuple(block.part for block in blocks)
    memory = (local.device, local.data_ptr(), shape, local.stride(), dtype) if local.numel() else None
    return Tensor(name, shape, dtype, lambda region: _fetch(local, blocks, region, dtype), held, memory)


def _fetch(local: Any, blocks: list[Block], region: Region, dtype: str) -> NDArray[Any]:
    """Return a region of the whole tensor from the memory of this process."""
    torch = sys.modules["torch"]
    for block in blocks:
        if all(low <= start and stop <= high for (start, stop), (low, high) in zip(region, block.part, strict=True)):
            place = tuple(
                slice(own.start + start - low, own.start + stop - low)
                for (start, stop), (low, _), own in zip(region, block.part, block.place, strict=True)
            )
            found = (local[place] if place else local).cpu().resolve_conj().resolve_neg()
            if dtype in _BITS:
                found = found.contiguous().view(getattr(torch, _BITS[dtype]))
            array: NDArray[Any] = found.numpy()
            return array
    raise AssertionError("Tensor.read checks that the region is held")
