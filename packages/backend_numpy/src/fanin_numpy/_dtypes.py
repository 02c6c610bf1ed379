"""NumPy's dtypes by their names in the specification. Those that NumPy lacks come from ml_dtypes, loaded if needed."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import numpy as np

__all__ = ["DTYPE_NAMES", "dtype_name", "numpy_dtype"]

_NATIVE: Final = ("float64", "float32", "float16")

DTYPE_NAMES: Final = (*_NATIVE, "bfloat16", "float8_e5m2", "float8_e4m3fn")


@lru_cache(maxsize=64)
def dtype_name(dtype: np.dtype[Any]) -> str:
    """Return a dtype's name, which NumPy makes up anew at each call, in some microseconds."""
    return dtype.name


@lru_cache(maxsize=16)
def numpy_dtype(name: str) -> np.dtype[Any]:
    """Return the NumPy dtype of a name from `DTYPE_NAMES`."""
    if name in _NATIVE:
        return np.dtype(name)
    import ml_dtypes

    dtype: np.dtype[Any] = np.dtype(getattr(ml_dtypes, name))
    return dtype
