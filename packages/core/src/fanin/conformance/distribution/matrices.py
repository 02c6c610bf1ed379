"""The matrices within a kernel, whatever its layout."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from fanin.conformance.case import Case

__all__ = ["centre", "matrices_of"]

Floats = npt.NDArray[np.float64]


def matrices_of(values: npt.NDArray[Any], case: Case) -> Floats:
    """Return weights in double precision as (stack, group, row, column, tap), a row an output of its group."""
    layout = case.layout or ""
    channels = "IO" if case.transposed else "OI"
    order = [k for letter in f"S{channels}DHW" for k, found in enumerate(layout) if found == letter]
    stack, first, second = (math.prod(values.shape[k] for k in order if layout[k] == c) for c in f"S{channels}")
    split = np.transpose(values, order).astype(np.float64)
    split = split.reshape(stack, case.groups, first // case.groups, second, -1)
    return split.swapaxes(2, 3) if case.transposed else split


def centre(case: Case) -> int:
    """Return the flat position of the tap at k // 2 of each spatial axis: the middle of an odd kernel."""
    place = 0
    for letter in "DHW":
        for size, found in zip(case.shape, case.layout or "", strict=True):
            if found == letter:
                place = place * size + size // 2
    return place
