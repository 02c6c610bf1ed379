"""Rows and columns that are zeros, or equal."""

from __future__ import annotations

from typing import Final

import numpy as np

from ..models import WIDTH
from ..planting import Fault, change, copy, put

__all__ = ["FAULTS"]

QKV = "layers.1.attn.qkv.weight"
ROWS = slice(0, WIDTH), slice(WIDTH, 2 * WIDTH)

FAULTS: Final = {
    "dead rows, no scheme": Fault(
        "conv net", put("group.weight", [4, 9], 0), "dead rows", ("group.weight",), "4, 9", "bare", "warning"
    ),
    "dead rows at the top, no scheme": Fault(
        "conv net", put("group.weight", slice(0, 16), 0), "dead rows", ("group.weight",), "0 to 15", "bare", "warning"
    ),
    "mostly dead rows, no scheme": Fault(
        "mlp", put("fc1.weight", slice(0, 120), 0), "dead rows", ("fc1.weight",), "0 to 119", "bare", "warning"
    ),
    "a dead row, no layout": Fault(
        "transformer",
        put("layers.1.attn.proj.weight", 7, 0),
        "dead rows",
        ("layers.1.attn.proj.weight",),
        "a row of zeros, number 7",
        severity="warning",
    ),
    "a dead column, no layout": Fault(
        "transformer",
        put("layers.1.attn.proj.weight", (slice(None), 9), 0),
        "dead columns",
        ("layers.1.attn.proj.weight",),
        "a column of zeros, number 9",
        severity="warning",
    ),
    "two equal rows": Fault("mlp", copy("fc1.weight", 9, 4), "equal rows", ("fc1.weight",), "4 and 9"),
    "two equal rows, no scheme": Fault(
        "mlp", copy("fc2.kernel", 9, 4), "equal rows", ("fc2.kernel",), "4 and 9", "bare"
    ),
    "all rows equal": Fault("mlp", copy("fc1.weight", ..., 0), "equal rows", ("fc1.weight",)),
    "shards of rows": Fault(
        "mlp", copy("fc1.weight", slice(64, 128), slice(0, 64)), "equal blocks", ("fc1.weight",), "2 blocks"
    ),
    "shards of 4": Fault(
        "mlp",
        change("fc1.weight", lambda a: np.tile(a[:32], (4, 1))),
        "equal blocks",
        ("fc1.weight",),
        "4 blocks",
        "bare",
    ),
    "shards of columns": Fault(
        "mlp", change("fc1.weight", lambda a: np.tile(a[:, :32], 2)), "equal blocks", ("fc1.weight",), "2 blocks"
    ),
    "shards of columns, no scheme": Fault(
        "mlp",
        change("fc1.weight", lambda a: np.tile(a[:, :32], 2)),
        "equal blocks",
        ("fc1.weight",),
        "2 blocks",
        "bare",
        "warning",
    ),
    "shards of a vector": Fault(
        "mlp", change("fc3.bias", lambda a: np.tile(a[:128], 4)), "equal blocks", ("fc3.bias",), "4 blocks"
    ),
    "queries as keys": Fault("transformer", copy(QKV, ROWS[1], ROWS[0]), "equal blocks", (QKV,), "48:96"),
}
