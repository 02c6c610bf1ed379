"""Values that no law draws."""

from __future__ import annotations

from typing import Final

import numpy as np

from ..models import Arrays
from ..planting import Fault, Plant, flat, put

__all__ = ["FAULTS"]


def garbage(name: str) -> Plant:
    def plant(weights: Arrays, rng: np.random.Generator) -> None:
        array = weights[name]
        array[...] = np.frombuffer(rng.bytes(array.nbytes), array.dtype).reshape(array.shape)

    return plant


def pointers(weights: Arrays, rng: np.random.Generator) -> None:
    """Memory that held small whole numbers."""
    weights["fc1.weight"].view(np.int32)[:64] = rng.integers(1, 4000, (64, 64))


FAULTS: Final = {
    "one NaN": Fault("mlp", put("fc1.weight", (3, 5), np.nan), "nan", ("fc1.weight",), "1 NaN"),
    "a bias of NaN": Fault("mlp", put("fc1.bias", ..., np.nan), "nan", ("fc1.bias",), "NaN everywhere"),
    "NaN in a buffer": Fault("conv net", put("stem.bn.running_var", 3, np.nan), "nan", ("stem.bn.running_var",)),
    "NaN, no scheme": Fault("mlp", put("fc1.weight", (3, 5), np.nan), "nan", ("fc1.weight",), mode="bare"),
    "infinite": Fault("mlp", put("half.weight", (2, slice(4)), np.inf), "infinite", ("half.weight",), "4 infinite"),
    "subnormal": Fault("mlp", put("fc1.weight", (3, 5), 1e-40), "subnormal", ("fc1.weight",), severity="warning"),
    "garbage": Fault("mlp", garbage("fc1.weight"), "uninitialized", ("fc1.weight",), "memory that nothing was"),
    "one huge weight": Fault("mlp", put("fc2.kernel", (3, 5), 1e20), "uninitialized", ("fc2.kernel",), "1 of 10,240"),
    "garbage, no scheme": Fault("mlp", garbage("fc2.kernel"), "uninitialized", ("fc2.kernel",), mode="bare"),
    "garbage in a bias": Fault("mlp", garbage("fc1.bias"), "uninitialized", ("fc1.bias",)),
    "small whole numbers": Fault("mlp", pointers, "uninitialized", ("fc1.weight",)),
    "a page of zeros": Fault(
        "mlp",
        flat("fc1.weight", slice(3072, 4096), 0),
        "dead outputs",
        ("fc1.weight",),
        "48 to 63: units that pass nothing on, or memory that nothing was written to",
        severity="warning",
    ),
    "zeros that begin within a row": Fault(
        "conv net",
        flat("fc.weight", slice(100, 1124), 0),
        "uninitialized",
        ("fc.weight",),
        "1,024 zeros",
    ),
    "zeros in a vector": Fault("mlp", put("fc3.bias", slice(200, 300), 0), "uninitialized", ("fc3.bias",), "100 zeros"),
    "all zeros": Fault("mlp", put("fc1.weight", ..., 0), "constant", ("fc1.weight",), "0 everywhere"),
}
