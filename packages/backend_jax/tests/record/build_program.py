"""Builds a sharded model, on eight devices of one process or of two, and prints a digest of each part as JSON.

python build_program.py               # eight devices
python build_program.py PORT NUMBER   # as process NUMBER of two, with four devices each
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

import fanin_jax
from fanin_jax._apply_scheme import Application

SEED = 5


class Block(nn.Module):
    """Two layers, one of them orthogonal."""

    @nn.compact
    def __call__(self, x: Any, _: None = None) -> tuple[Any, None]:
        init = nn.with_partitioning(nn.initializers.orthogonal(2.0), ("x", "y"))
        x = nn.Dense(16, kernel_init=init, name="first")(nn.LayerNorm(name="norm")(x))
        init = nn.with_partitioning(nn.initializers.lecun_normal(), (None, "y"))
        return nn.Dense(16, kernel_init=init, name="second")(x), None


class Model(nn.Module):
    """Two blocks by themselves, and three in a loop, along an axis that is sharded too."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        init = nn.with_partitioning(nn.initializers.normal(0.02), ("y", None))
        x = x + nn.Embed(8, 16, embedding_init=init, name="embed")(jnp.zeros(2, jnp.int32))
        x, _ = Block(name="one")(x)
        x, _ = Block(name="two")(x)
        names = {nn.PARTITION_NAME: "x"}
        scanned = nn.scan(nn.remat(Block), {"params": 0}, split_rngs={"params": True}, length=4, metadata_params=names)
        x, _ = scanned(name="blocks")(x, None)
        norms = self.param("norms", lambda key: jnp.exp(jax.random.normal(key, (16,))))
        return nn.Dense(8, name="head")(x) * norms.mean()


def shardings(mesh: Mesh) -> Any:
    """Return the shardings that the model's own boxes say; only the blocks' first axis may be one that repeats."""
    abstract = jax.eval_shape(Model().init, jax.random.key(0), jnp.ones((2, 16)))

    def named(spec: PartitionSpec) -> NamedSharding:
        seen: list[Any] = []
        for axis in spec:
            seen.append(None if axis in seen else axis)
        return NamedSharding(mesh, PartitionSpec(*seen))  # type: ignore[no-untyped-call]

    return jax.tree.map(named, nn.get_partition_spec(abstract), is_leaf=lambda node: isinstance(node, PartitionSpec))


def digest(array: Any) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16]


def parts(tree: Any) -> list[list[Any]]:
    """Return the parts that this process has: the array's number, the part, and a digest of it."""
    return [
        [
            k,
            [[ends.start or 0, ends.stop or size] for ends, size in zip(shard.index, leaf.shape, strict=True)],
            digest(shard.data),
        ]
        for k, leaf in enumerate(jax.tree.leaves(tree))
        for shard in leaf.addressable_shards
    ]


def main(arguments: list[str]) -> None:
    if arguments:
        port, number = arguments
        jax.distributed.initialize(f"localhost:{port}", num_processes=2, process_id=int(number))
    mesh = Mesh(np.array(jax.devices()).reshape(2, 4), ("x", "y"))
    placed, x = shardings(mesh), jnp.ones((2, 16))
    built = fanin_jax.build(Model().init, x, seed=SEED, shardings=placed)
    recorded = fanin_jax.record(Model().init, x)
    one = Application(recorded, recorded, SEED, placed)
    compiled = one.function.lower(one.arguments).compile()
    sent = re.findall(
        r"\b(all-gather|all-reduce|all-to-all|collective-permute|reduce-scatter)\b", str(compiled.as_text())
    )
    print(
        json.dumps(
            {
                "devices": jax.device_count(),
                "here": jax.local_device_count(),
                "parts": parts(built),
                "specs": [list(leaf.sharding.spec) for leaf in jax.tree.leaves(built)],
                "sent": sorted(set(sent)),
            }
        )
    )


if __name__ == "__main__":
    main(sys.argv[1:])
