"""The backend class, through which the core finds NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fanin.contract import Capabilities, Description
from fanin.exceptions import FaninTypeError, FaninValueError
from fanin.plans import Plan
from fanin.plans.rules import RULES
from fanin_numpy._draw import draw_into
from fanin_numpy._dtypes import DTYPE_NAMES, numpy_dtype
from fanin_numpy._engine import engine
from fanin_numpy._threads import get_num_threads

__all__ = ["NumpyBackend"]


class NumpyBackend:
    """Draws plans as NumPy arrays in main memory."""

    name = "numpy"
    SPEC_VERSION = 1
    capabilities = Capabilities(dtypes=frozenset(DTYPE_NAMES), devices=("cpu",), jit=False, level="exact", rules=RULES)

    @property
    def engine(self) -> str:
        """The kernels that draw, for people: "native (avx2)" or "numpy".

        Raises:
            FaninValueError: An environment variable names kernels that are not there, or is no number of threads.
        """
        get_num_threads()
        return engine().label

    def draw(self, plan: Plan, *, device: Any = None) -> NDArray[Any]:
        """Return the array that `plan` describes, C-contiguous.

        Raises:
            FaninValueError: `device` is neither None nor "cpu".
        """
        if device is not None and device != "cpu":
            raise FaninValueError(
                f'the numpy backend draws only on the device "cpu". Received: {device!r}. Pass "cpu" or None.'
            )
        out = np.empty(plan.shape, numpy_dtype(plan.dtype))
        draw_into(plan, out)
        return out

    def tobytes(self, array: Any) -> bytes:
        """Return the elements as little-endian bytes, in C order."""
        checked = self._check(array)
        little = np.dtype(checked.dtype).newbyteorder("<")
        return np.ascontiguousarray(checked, dtype=little).tobytes()

    def describe(self, array: Any) -> Description:
        """Return the shape and the dtype's name."""
        checked = self._check(array)
        return Description(checked.shape, checked.dtype.name)

    @staticmethod
    def _check(array: Any) -> NDArray[Any]:
        if not isinstance(array, np.ndarray):
            raise FaninTypeError(f"expected a numpy.ndarray. Received: {type(array).__name__}.")
        return array
