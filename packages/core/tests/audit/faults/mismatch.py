"""Names, shapes and dtypes of another model."""

from __future__ import annotations

from typing import Final

import numpy as np

from ..models import Arrays
from ..planting import Fault, Plant, change, put

__all__ = ["FAULTS"]


def without(name: str) -> Plant:
    def plant(weights: Arrays, rng: np.random.Generator) -> None:
        del weights[name]

    return plant


def added(name: str, shape: tuple[int, ...]) -> Plant:
    def plant(weights: Arrays, rng: np.random.Generator) -> None:
        weights[name] = rng.normal(size=shape)

    return plant


FAULTS: Final = {
    "missing": Fault("mlp", without("fc2.bias"), "missing", ("fc2.bias",), "80 float32"),
    "extra": Fault(
        "mlp", added("fc4.weight", (3, 4)), "extra", ("fc4.weight",), "not in the scheme", severity="warning"
    ),
    "missing, and equal to others": Fault(
        "transformer", without("layers.1.norm2.weight"), "missing", ("layers.1.norm2.weight",), "48 float32"
    ),
    "computed, and not stored": Fault(
        "transformer",
        without("layers.1.rotary.inv_freq"),
        "missing",
        ("layers.1.rotary.inv_freq",),
        "no law: a buffer that is not saved, perhaps",
        severity="note",
    ),
    "a constant that was rounded": Fault(
        "mlp", put("fc2.bias", ..., 0.010009765625), "rounded", ("fc2.bias",), "0.01 rounded", severity="warning"
    ),
    "transposed": Fault("mlp", change("fc1.weight", np.transpose), "shape", ("fc1.weight",), "another order"),
    "reshaped": Fault(
        "conv net", change("stem.weight", lambda a: a.reshape(32, -1)), "shape", ("stem.weight",), "reshaped"
    ),
    "a shard": Fault("mlp", change("fc1.weight", lambda a: a[:32]), "shape", ("fc1.weight",), "a shard of 4"),
    "wider": Fault(
        "mlp",
        change("fc1.weight", lambda a: a + np.random.default_rng(3).normal(0, 1e-12, a.shape)),
        "dtype",
        ("fc1.weight",),
        "float64",
        severity="warning",
    ),
}
