"""Dtypes that NumPy lacks: their bits as whole numbers, and the numbers that the bits stand for."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fanin.dtypes import DTYPES
from fanin.exceptions import FaninValueError
from fanin.models.parameter import OTHER_DTYPES

__all__ = ["bits_dtype", "bits_of", "float32_of"]

_BITS: Final = {"bfloat16": "uint16", "float8_e5m2": "uint8", "float8_e4m3fn": "uint8"}


def bits_dtype(name: str) -> np.dtype[Any]:
    """Return the NumPy dtype that holds a dtype's elements: its own, or whole numbers of the same width."""
    return np.dtype(_BITS.get(name, name))


def bits_of(array: NDArray[Any]) -> NDArray[Any]:
    """Return an array as `Tensor.read` would: elements of a dtype that is not NumPy's own as whole numbers."""
    return array.view(_BITS[array.dtype.name]) if array.dtype.name in _BITS else array


def float32_of(bits: NDArray[Any], dtype: str) -> NDArray[Any]:
    """Return what `Tensor.read` returned as numbers: float32, or float64 for what float32 cannot hold.

    Args:
        bits: Elements, or their bits.
        dtype: The tensor's dtype.

    Raises:
        FaninValueError: The dtype has no real numbers.

    Example:
        >>> float32_of(np.array([0x3FC0, 0xC000], np.uint16), "bfloat16")
        array([ 1.5, -2. ], dtype=float32)
    """
    if dtype == "bfloat16":
        return (bits.astype(np.uint32) << np.uint32(16)).view(np.float32)
    if dtype in _BITS:
        found: NDArray[Any] = _table(dtype)[bits]
        return found
    if (dtype not in DTYPES and dtype not in OTHER_DTYPES) or dtype.startswith("complex"):
        raise FaninValueError(f"float32_of takes elements of a real dtype. Received: {dtype}.")
    wide = bits.dtype.itemsize > 4 or bits.dtype in (np.int32, np.uint32)
    return bits.astype(np.float64 if wide else np.float32, copy=False)


@lru_cache(maxsize=2)
def _table(dtype: str) -> NDArray[np.float32]:
    """Return the number of every pattern of 8 bits."""
    form = DTYPES[dtype]
    patterns = np.arange(128)
    exponents, mantissas = patterns >> form.mantissa, patterns & ((1 << form.mantissa) - 1)
    normal = exponents > 0
    significands = mantissas + np.where(normal, 1 << form.mantissa, 0)
    positive = np.ldexp(
        significands.astype(np.float64), np.maximum(exponents - 1, 0) + form.min_exponent - form.mantissa
    )
    above = positive > form.largest
    positive[above] = math.nan
    if form.infinities:
        positive[above & (mantissas == 0)] = math.inf
    return np.concatenate([positive, -positive]).astype(np.float32)
