"""The functions for NumPy users: make a new array of weights, or write weights into an existing array."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

import fanin
from fanin.exceptions import FaninTypeError, FaninValueError
from fanin.initializers import Initializer
from fanin.naming import OMITTED, Omitted, check_unnamed
from fanin.plans import Name, Slices, plan
from fanin.plans.pieces import overlaps
from fanin_numpy._backend import NumpyBackend
from fanin_numpy._draw import draw_into
from fanin_numpy._dtypes import DTYPE_NAMES, dtype_name

__all__ = ["init", "init_"]

_BACKEND = NumpyBackend()


def init(
    shape: Sequence[int] | int,
    initialization: str | Initializer = "he",
    *,
    layout: str | None = None,
    seed: int = 0,
    name: Name = None,
    dtype: object = "float32",
    slices: Slices = None,
    groups: int = 1,
    transposed: bool = False,
    stride: int | Sequence[int] | None = None,
) -> NDArray[Any]:
    """Return a new array of initial weights: `fanin.init` with this backend; its arguments and errors are the same.

    Example:
        >>> init((256, 64), "he", layout="OI", name="fc.weight").shape
        (256, 64)
    """
    return fanin.init(  # type: ignore[no-any-return]
        shape,
        initialization,
        layout=layout,
        seed=seed,
        name=name,
        dtype=dtype,
        backend=_BACKEND,
        slices=slices,
        groups=groups,
        transposed=transposed,
        stride=stride,
    )


def init_(
    array: NDArray[Any],
    initialization: str | Initializer = "he",
    *,
    layout: str | None = None,
    seed: int = 0,
    name: Name | Omitted = OMITTED,
    groups: int = 1,
    transposed: bool = False,
    stride: int | Sequence[int] | None = None,
) -> NDArray[Any]:
    """Overwrite an array with initial weights in place, whatever its strides, without a temporary copy of it.

    (Matrix initializers are an exception: an orthogonal matrix is computed as a whole, in doubles.)

    Args:
        array: A writable array with a floating-point dtype in native byte order, whose elements do not overlap.
        initialization: A name or an `Initializer`. This and the other arguments are as in `fanin.init`.
        layout: The role of each axis; required if the initializer needs a fan.
        seed: An integer in [0, 2^64).
        name: The parameter's name. Random weights require it. None selects the seed's own stream, which all tensors
            without a name share.
        groups: Number of groups of a grouped convolution.
        transposed: Whether it is the kernel of a transposed convolution.
        stride: Stride of the transposed convolution.

    Returns:
        The array itself.

    Raises:
        FaninTypeError: It is not an array, `name` is missing for random weights, or an argument has the wrong type.
        FaninValueError: It cannot be written, its elements overlap, or an argument has an invalid value. The array is
            then unchanged.

    Example:
        >>> weight = np.empty((64, 256), np.float32).T
        >>> init_(weight, "he", layout="OI", name="fc.weight") is weight
        True
    """
    if not isinstance(array, np.ndarray):
        raise FaninTypeError(
            f"init_ writes into a numpy.ndarray. Received: {type(array).__name__}. For a new array, use "
            f"fanin_numpy.init(shape, ...)."
        )
    dtype = dtype_name(array.dtype)
    if dtype not in DTYPE_NAMES or not array.dtype.isnative:
        raise FaninValueError(
            f"init_ writes floating-point arrays in native byte order. Received: dtype {array.dtype}. Accepted: "
            f"{', '.join(DTYPE_NAMES)}."
        )
    if not array.flags.writeable:
        raise FaninValueError("init_ writes in place, but this array is read-only. Pass a copy: array.copy().")
    bytes_of = (*array.shape, array.itemsize), (*array.strides, 1)  # strides need not be multiples of the itemsize
    if not array.flags.c_contiguous and overlaps(*bytes_of):
        raise FaninValueError(
            f"init_ cannot write an array whose elements share memory (shape {array.shape}, strides {array.strides}). "
            f"Pass a copy: array.copy()."
        )
    if name is OMITTED:
        check_unnamed(initialization)
        name = None
    made = plan(
        array.shape,
        initialization,
        layout=layout,
        seed=seed,
        name=name,
        dtype=dtype,
        groups=groups,
        transposed=transposed,
        stride=stride,
    )
    draw_into(made, array)
    return array
