"""Faults of one slice of a stack: a layer that is scanned over, or an expert."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from ..models import Arrays
from ..planting import Fault, Plant, copy, put, scaled

__all__ = ["FAULTS"]

KERNEL, EXPERTS, LAST, BIAS = "scan.kernel", "experts.weight", "last.kernel", "scan.bias"


def other_law(name: str, k: int) -> Plant:
    def plant(weights: Arrays, rng: np.random.Generator) -> None:
        bound = 3**0.5 * (2 / 48) ** 0.5
        weights[name][k] = rng.uniform(-bound, bound, weights[name][k].shape)

    return plant


def moved(name: str, place: Any, by: float) -> Plant:
    def plant(weights: Arrays, rng: np.random.Generator) -> None:
        weights[name][place] += np.float32(by)

    return plant


FAULTS: Final = {
    "a slice of zeros": Fault(
        "stacks",
        put(EXPERTS, 3, 0),
        "dead slices",
        (EXPERTS,),
        "is zeros in slice 3 of 8: layers or experts that pass nothing on",
        severity="warning",
    ),
    "two slices of zeros, no scheme": Fault(
        "stacks",
        put(EXPERTS, [3, 5], 0),
        "dead slices",
        (EXPERTS,),
        "is zeros in slices 3 and 5 of 8: layers",
        "bare",
        "warning",
    ),
    "a slice of zeros, the last axis": Fault(
        "stacks", put(LAST, (..., 3), 0), "dead slices", (LAST,), "is zeros in slice 3 of 8", severity="warning"
    ),
    "a slice of NaN": Fault(
        "stacks", put(KERNEL, 3, np.nan), "nan", (KERNEL,), "has 3,072 NaN among 24,576 weights, in slice 3 of 8"
    ),
    "one NaN in a slice, no scheme": Fault(
        "stacks", put(KERNEL, (6, 3, 5), np.nan), "nan", (KERNEL,), "weights, in slice 6 of 8", "bare"
    ),
    "NaN in a slice of the last axis": Fault(
        "stacks", put(LAST, (3, 5, 6), np.nan), "nan", (LAST,), "weights, in slice 6 of 8"
    ),
    "infinite in two slices": Fault(
        "stacks", put(KERNEL, ([2, 6], 3, 5), np.inf), "infinite", (KERNEL,), "in slices 2 and 6 of 8"
    ),
    "garbage in a slice": Fault(
        "stacks", put(KERNEL, 3, 1e20), "uninitialized", (KERNEL,), "above 1e10, below 1e-30 or NaN, in slice 3 of 8"
    ),
    "a slice twice as wide": Fault(
        "stacks", scaled(KERNEL, 3, 2), "std", (KERNEL,), "scan.kernel slice 3 of 8 has a standard deviation 2.0"
    ),
    "a slice a little wider": Fault(
        "stacks", scaled(KERNEL, 3, 1.14), "std", (KERNEL,), "scan.kernel slice 3 of 8 has a standard deviation 1.1"
    ),
    "two slices twice as wide": Fault(
        "stacks", scaled(KERNEL, [1, 3], 2), "std", (KERNEL,), "scan.kernel slices 1 and 3 of 8 have a standard"
    ),
    "all slices twice as wide": Fault(
        "stacks", scaled(KERNEL, ..., 2), "std", (KERNEL,), "scan.kernel has a standard deviation 2 times"
    ),
    "a slice of the last axis twice as wide": Fault(
        "stacks", scaled(LAST, (..., 3), 2), "std", (LAST,), "last.kernel slice 3 of 8 has a standard deviation 1.9"
    ),
    "a slice twice as wide, no scheme": Fault(
        "stacks",
        scaled(KERNEL, 3, 2),
        "sibling",
        (KERNEL,),
        "scan.kernel slice 3 of 8 is unlike the others: std 0.4",
        "bare",
        "warning",
    ),
    "a slice of another mean": Fault(
        "stacks", moved(KERNEL, 3, 0.06), "mean", (KERNEL,), "scan.kernel slice 3 of 8 has a mean of 0.0"
    ),
    "a slice of another distribution": Fault(
        "stacks", other_law(KERNEL, 3), "distribution", (KERNEL,), "slice 3 of 8 has another distribution"
    ),
    "a slice that is a constant": Fault(
        "stacks", put(KERNEL, 3, 0.1), "constant", (KERNEL,), "scan.kernel slice 3 of 8 is 0.1 everywhere"
    ),
    "a slice of the last axis that is a constant": Fault(
        "stacks", put(LAST, (..., 3), 0.1), "constant", (LAST,), "last.kernel slice 3 of 8 is 0.1 everywhere"
    ),
    "two slices of the last axis that are equal": Fault(
        "stacks",
        copy(LAST, (..., 3), (..., 1)),
        "equal blocks",
        (LAST,),
        "columns that are equal bit for bit to another one",
    ),
    "a slice that is a constant, no scheme": Fault(
        "stacks", put(KERNEL, 3, 0.1), "sibling", (KERNEL,), "slice 3 of 8 is unlike the others", "bare", "warning"
    ),
    "a bias of one slice": Fault(
        "stacks", put(BIAS, 3, 0.1), "constant", (BIAS,), "scan.bias slice 3 of 8 is 0.1 everywhere, and the law says 0"
    ),
    "a far weight of a slice": Fault(
        "stacks", put(KERNEL, (3, 5, 6), 50), "outlier", (KERNEL,), "slice 3 of 8 has 1 weight that"
    ),
    "a far weight of a slice, no scheme": Fault(
        "stacks", put(KERNEL, (3, 5, 6), 50), "outlier", (KERNEL,), ", in slice 3 of 8", "bare", "warning"
    ),
    "a slice twice": Fault(
        "stacks",
        copy(KERNEL, 3, 1),
        "equal rows",
        (KERNEL,),
        "has the same weights, bit for bit, in slice 3 of 8 as 1",
    ),
    "a slice three times, no scheme": Fault(
        "stacks", copy(KERNEL, [3, 6], 1), "equal rows", (KERNEL,), "in slices 3 and 6 of 8 as 1", "bare"
    ),
}
