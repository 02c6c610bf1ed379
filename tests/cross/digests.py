"""Print the digests of a table of draws as JSON; run in processes with other instruction sets, threads and devices.

python tests/cross/digests.py numpy torch jax
"""

from __future__ import annotations

import hashlib
import json
import sys
from typing import Any

import fanin

CASES: dict[str, dict[str, Any]] = {
    "he": {"shape": (1031, 1021), "layout": "OI"},
    "he, JAX order": {"shape": (1021, 1031), "layout": "IO"},
    "conv, JAX order": {"shape": (3, 3, 65, 129), "layout": "HWIO"},
    "uniform": {"shape": (257, 513), "layout": "OI", "initialization": "glorot_uniform"},
    "truncated": {"shape": (257, 513), "layout": "OI", "initialization": "lecun_truncated_normal"},
    "mean": {"shape": (70001,), "initialization": fanin.normal(mean=1.0, std=0.02)},
    "lopsided": {"shape": (7001,), "initialization": fanin.truncated_normal(mean=0.5, std=0.1, lower=-1.0, upper=3.0)},
    "float64": {"shape": (257, 513), "layout": "OI", "dtype": "float64"},
    "float16": {"shape": (257, 513), "layout": "OI", "dtype": "float16"},
    "float16 subnormals": {"shape": (70001,), "initialization": fanin.normal(std=1e-6), "dtype": "float16"},
    "bfloat16": {"shape": (257, 513), "layout": "OI", "dtype": "bfloat16"},
    "float8": {"shape": (257, 513), "layout": "OI", "dtype": "float8_e5m2"},
    "float8, fine": {"shape": (257, 513), "layout": "OI", "dtype": "float8_e4m3fn"},
    "stack": {"shape": (3, 65, 33), "layout": "SOI", "name": ["a", "b", "c"]},
    "transposed": {"shape": (8, 6, 5, 4), "layout": "IOHW", "groups": 2, "transposed": True, "stride": 2},
    "shard": {"shape": (1031, 1021), "layout": "OI", "slices": (slice(100, 700), slice(511, 1000))},
    "far shard": {"shape": (1 << 20, 1 << 20), "layout": "OI", "slices": (slice((1 << 20) - 30, None), slice(7, 130))},
    "identity": {"shape": (129, 65), "layout": "IO", "initialization": fanin.identity(0.3)},
    "dirac": {"shape": (4, 3, 6, 10), "layout": "HWIO", "initialization": "dirac", "groups": 2},
    "sparse": {"shape": (129, 257), "layout": "OI", "initialization": fanin.sparse(0.3)},
    "sparse shard": {
        "shape": (129, 257),
        "layout": "IO",
        "initialization": fanin.sparse(0.3),
        "slices": (slice(40, 90), slice(7, 130)),
        "dtype": "bfloat16",
    },
    "constant": {"shape": (101,), "initialization": fanin.constant(1 / 3), "dtype": "bfloat16"},
}


def digests(backend: str) -> dict[str, str]:
    """Return the SHA-256 of each case's little-endian bytes."""
    drawer = fanin.backend(backend)
    found = {}
    for case, options in CASES.items():
        call: dict[str, Any] = {"seed": 2**40 + 7, "name": "блок.重み"} | options
        array = fanin.init(**call, backend=drawer)
        found[case] = hashlib.sha256(drawer.tobytes(array)).hexdigest()
    return found


if __name__ == "__main__":
    print(json.dumps({name: digests(name) for name in sys.argv[1:]}))
