"""Prints digests of what the rules of whole matrices give on eight devices, as JSON: whole, sharded and compiled."""

from __future__ import annotations

import hashlib
import json
import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

import fanin
import fanin_jax

BACKEND = fanin_jax.JaxBackend()

CASES: dict[str, tuple[Any, tuple[int, ...], dict[str, Any]]] = {
    "identity": ("identity", (16, 8), {}),
    "dirac": ("dirac", (4, 2, 8, 12), {"layout": "HWIO"}),
    "sparse": (fanin.sparse(0.4), (16, 8), {}),
    "orthogonal": ("orthogonal", (16, 8), {}),
    "orthogonal stack": ("orthogonal", (4, 8, 10), {"layout": "SOI", "name": ["a", "b", "c", "d"]}),
    "delta_orthogonal": ("delta_orthogonal", (4, 2, 8, 12), {"layout": "HWIO"}),
    "batch axes": ("he", (4, 2, 6, 2), {"batch_axis": (0, 3), "in_axis": 2, "out_axis": 1}),
}


def digest(array: jax.Array) -> str:
    return hashlib.sha256(BACKEND.tobytes(array)).hexdigest()


def draws(initialization: Any, shape: tuple[int, ...], settings: dict[str, Any]) -> list[jax.Array]:
    """Return one parameter drawn on one device, sharded, compiled, and under a mesh whose shardings are types."""
    one, key = fanin_jax.initializer(initialization, **settings), jax.random.key(9)
    names = ("x", "y", *[None] * (len(shape) - 2))
    spec = PartitionSpec(*names)  # type: ignore[no-untyped-call]
    mesh = Mesh(np.array(jax.devices()).reshape(4, 2), ("x", "y"))
    sharding = NamedSharding(mesh, spec)
    compiled = jax.jit(one, static_argnums=(1, 2, 3))
    found = [one(key, shape, jnp.float32, sharding), compiled(key, shape, jnp.float32, sharding)]
    found.append(jax.jit(lambda key: one(key, shape), out_shardings=sharding)(key))
    explicit = jax.make_mesh((4, 2), ("x", "y"), axis_types=(jax.sharding.AxisType.Explicit,) * 2)
    with jax.set_mesh(explicit):
        found += [one(key, shape, jnp.float32, spec), compiled(key, shape, jnp.float32, spec)]
    assert all(len({str(shard.index) for shard in array.addressable_shards}) == 8 for array in found)
    return [one(key, shape), *found]


if __name__ == "__main__":
    assert jax.device_count() == 8
    json.dump({name: [digest(array) for array in draws(*case)] for name, case in CASES.items()}, sys.stdout)
