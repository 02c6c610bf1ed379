"""NumPy arrays in memory."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fanin.exceptions import FaninTypeError
from fanin.weights.numbers import bits_of
from fanin.weights.tensor import Tensor, index_of, whole_of

__all__ = ["tensor_of_array"]


def tensor_of_array(name: str, array: NDArray[Any]) -> Tensor:
    """Return an array as a tensor.

    Raises:
        FaninTypeError: Its elements are no numbers.
    """
    if array.dtype.kind in "OSUMm" or array.dtype.names:
        raise FaninTypeError(
            f"{name}: weights are numbers. Received: an array of dtype {array.dtype}. Pass np.stack(...) of them, or "
            f"leave it out."
        )
    shown = bits_of(np.asarray(array))
    memory = (array.__array_interface__["data"][0], array.shape, array.strides, array.dtype) if array.size else None
    held = (whole_of(array.shape),)
    return Tensor(
        name, array.shape, array.dtype.name, lambda region: shown[index_of(region)], held, memory, is_mapped=True
    )
