"""What is wrong under any law, without a scheme."""

from __future__ import annotations

from typing import Final

from ..planting import Fault, normal, put, times

__all__ = ["FAULTS"]

FAULTS: Final = {
    "a sibling's scale": Fault(
        "transformer",
        times("layers.1.mlp.up.weight", 3**0.5),
        "sibling",
        ("layers.1.mlp.up.weight",),
        "unlike layers.{0,2}",
        "bare",
        "warning",
    ),
    "a constant sibling": Fault(
        "transformer",
        put("layers.1.attn.proj.weight", ..., 0),
        "sibling",
        ("layers.1.attn.proj.weight",),
        "every weight is 0",
        "bare",
        "warning",
    ),
    "a sibling's bias": Fault(
        "transformer",
        put("layers.2.attn.qkv.bias", ..., 1),
        "sibling",
        ("layers.2.attn.qkv.bias",),
        "is 1",
        "bare",
        "warning",
    ),
    "a norm's scale": Fault(
        "transformer", put("norm.weight", ..., 0.5), "norm", ("norm.weight",), "by 0.5", "bare", "warning"
    ),
    "a random scale": Fault(
        "transformer", normal("norm.weight", 0.1, 0.2), "norm", ("norm.weight",), "random", "bare", "warning"
    ),
    "a constant matrix": Fault(
        "mlp", put("fc1.weight", ..., 0.3), "constant", ("fc1.weight",), "learns the same", "bare", "warning"
    ),
}
