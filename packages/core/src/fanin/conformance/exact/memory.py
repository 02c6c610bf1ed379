"""The memory of a drawn array: of its own, in C order, to be written to. The check `behaviour.aliasing` looks at it."""

from __future__ import annotations

import sys
from typing import Any

__all__ = ["memory_faults"]


def memory_faults(array: Any) -> str:
    """Return what is wrong with an array's memory, or nothing; of other libraries than NumPy and torch nothing is said.

    An array may be a view (of another shape, say) if it is a view of all of its memory, which nobody else has.
    """
    numpy, torch = (sys.modules.get(name) for name in ("numpy", "torch"))
    if numpy is not None and isinstance(array, numpy.ndarray):
        return _numpy_faults(array, numpy)
    if torch is not None and isinstance(array, torch.Tensor):
        return _torch_faults(array)
    return ""


def _numpy_faults(array: Any, numpy: Any) -> str:
    if not array.flags.c_contiguous:
        return "not in C order"
    if not array.flags.writeable:
        return "read-only"
    if not array.dtype.isnative:
        return "in the other byte order"
    root = array
    while isinstance(root.base, numpy.ndarray):
        root = root.base
    if root.nbytes > array.nbytes:
        return f"a part of a buffer of {root.nbytes} bytes"
    return "" if root.base is None else f"borrowed from an object of type {type(root.base).__name__}"


def _torch_faults(tensor: Any) -> str:
    if not tensor.is_contiguous():
        return "not in C order"
    if tensor.requires_grad or tensor.is_inference():
        return "with a gradient, or made in inference mode"
    size = tensor.numel() * tensor.element_size()
    held = tensor.untyped_storage().nbytes()
    return f"a part of a storage of {held} bytes" if held > size else ""
