"""Tensors that are equal, that came from one stream, or that should be equal."""

from __future__ import annotations

from typing import Final

import numpy as np

from ..models import VOCABULARY, WIDTH, Arrays
from ..planting import Fault, Plant

__all__ = ["FAULTS"]


def same(*pairs: tuple[str, str], factor: float = 1.0) -> Plant:
    def plant(weights: Arrays, rng: np.random.Generator) -> None:
        for name, source in pairs:
            weights[name][...] = factor * weights[source]

    return plant


def reseeded(weights: Arrays, rng: np.random.Generator) -> None:
    """A generator with the same seed before each layer."""
    first = weights["layers.1.mlp.down.weight"].reshape(-1)[: WIDTH**2]
    weights["layers.1.attn.proj.weight"][...] = first.reshape(WIDTH, WIDTH) / 6**0.5


def untied(weights: Arrays, rng: np.random.Generator) -> None:
    weights["head.weight"][1:] = rng.normal(0, 0.02, (VOCABULARY - 1, WIDTH))


def one_object(weights: Arrays, rng: np.random.Generator) -> None:
    weights["layers.2.mlp.up.weight"] = weights["layers.0.mlp.up.weight"]


FAULTS: Final = {
    "layers that are one object": Fault(
        "transformer",
        one_object,
        "equal parameters",
        ("layers.0.mlp.up.weight", "layers.2.mlp.up.weight"),
    ),
    "a layer copied": Fault(
        "transformer",
        same(
            *(
                (f"layers.2.{one}", f"layers.0.{one}")
                for one in ("attn.qkv.weight", "attn.proj.weight", "mlp.up.weight", "mlp.down.weight")
            )
        ),
        "equal parameters",
        tuple(
            f"layers.{k}.{one}"
            for one in ("attn.qkv.weight", "attn.proj.weight", "mlp.up.weight", "mlp.down.weight")
            for k in (0, 2)
        ),
    ),
    "a tensor copied, no scheme": Fault(
        "transformer",
        same(("layers.1.mlp.up.weight", "layers.0.mlp.up.weight")),
        "equal parameters",
        ("layers.0.mlp.up.weight", "layers.1.mlp.up.weight"),
        "equal bit for bit",
        "bare",
    ),
    "reseeded": Fault(
        "transformer",
        reseeded,
        "shared stream",
        ("layers.1.attn.proj.weight", "layers.1.mlp.down.weight"),
        "reseeded",
    ),
    "untied": Fault(
        "transformer",
        untied,
        "untied",
        ("embed.weight", "head.weight"),
        "not tied",
        severity="warning",
    ),
}
