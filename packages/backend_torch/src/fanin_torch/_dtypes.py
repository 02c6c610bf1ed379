"""torch's dtypes by their names in the specification, and tensors in main memory as NumPy arrays."""

from __future__ import annotations

from typing import Any, Final

import ml_dtypes
import torch
from numpy.typing import NDArray

__all__ = ["DTYPES", "dtype_name", "numpy_view"]

DTYPES: Final[dict[str, torch.dtype]] = {
    "float64": torch.float64,
    "float32": torch.float32,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    "float8_e5m2": torch.float8_e5m2,
    "float8_e4m3fn": torch.float8_e4m3fn,
}

_CARRIERS: Final = {
    "bfloat16": (torch.uint16, ml_dtypes.bfloat16),
    "float8_e5m2": (torch.uint8, ml_dtypes.float8_e5m2),
    "float8_e4m3fn": (torch.uint8, ml_dtypes.float8_e4m3fn),
}
"""The integer dtype in which a tensor is passed to NumPy, and its dtype there."""


_NAMES: Final = {dtype: name for name, dtype in DTYPES.items()}


def dtype_name(dtype: torch.dtype) -> str:
    """Return "float32" for `torch.float32`."""
    return _NAMES.get(dtype) or str(dtype).removeprefix("torch.")


def numpy_view(tensor: torch.Tensor) -> NDArray[Any]:
    """Return a NumPy array that shares the memory of a CPU tensor, whatever its strides."""
    plain = tensor.detach()
    if (name := dtype_name(tensor.dtype)) in _CARRIERS:
        carrier, dtype = _CARRIERS[name]
        array: NDArray[Any] = plain.view(carrier).numpy()
        return array.view(dtype)
    return plain.numpy()
