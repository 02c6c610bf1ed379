"""Prints the digests of a table of draws as JSON: the same whatever XLA's flags are when it starts.

With several devices each draw is also sharded over them, and the report says what came of it.
"""

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

CASES: list[dict[str, Any]] = [
    {"initialization": "he", "shape": (24, 136)},
    {"initialization": "he", "shape": (24, 136), "dtype": "float64"},
    {"initialization": "he", "shape": (24, 136), "dtype": "float16"},
    {"initialization": "he_uniform", "shape": (24, 136), "dtype": "bfloat16"},
    {"initialization": fanin.normal(mean=0.5, std=2e-7), "shape": (8, 4), "dtype": "float16", "layout": "OI"},
    {"initialization": fanin.normal(std=1e-6), "shape": (8, 400), "dtype": "float16"},
    {"initialization": fanin.normal(std=0.01), "shape": (8, 400), "dtype": "float8_e4m3fn"},
    {"initialization": fanin.normal(std=1e-5), "shape": (8, 400), "dtype": "float8_e5m2"},
    {"initialization": "he_truncated_normal", "shape": (3, 3, 8, 12)},
    {"initialization": fanin.truncated_normal(mean=1.0, std=0.02, lower=-1.0, upper=3.0), "shape": (8, 36)},
    {"initialization": "he", "shape": (16, 8, 3, 3), "layout": "OIHW"},
    {"initialization": "he", "shape": (4, 8, 10), "layout": "SOI", "name": ["a", "b", "c", "d"]},
    {"initialization": "he", "shape": (8, 8, 6), "layout": "IOW", "transposed": True, "groups": 4, "stride": 2},
    {"initialization": fanin.constant(1e-7), "shape": (8, 4), "dtype": "float16"},
]


def layout(shape: tuple[int, ...]) -> str:
    return {2: "IO", 3: "WIO", 4: "HWIO"}[len(shape)]


def digest(array: jax.Array) -> str:
    return hashlib.sha256(BACKEND.tobytes(array)).hexdigest()


def scratch(analysis: Any) -> int:
    return int(analysis.temp_size_in_bytes)


def split(case: dict[str, Any]) -> tuple[dict[str, Any], Any, tuple[int, ...], str]:
    settings = dict(case)
    return settings, settings.pop("initialization"), settings.pop("shape"), settings.pop("dtype", "float32")


def digests() -> list[list[str]]:
    """Return the digests of each case, drawn eagerly and (but for float64) compiled."""
    report = []
    for case in CASES:
        settings, initialization, shape, dtype = split(case)
        drawn = [digest(fanin_jax.init(shape, initialization, seed=9, dtype=dtype, **settings))]
        if dtype != "float64":
            one = fanin_jax.initializer(initialization, **settings)
            drawn.append(digest(jax.jit(one, static_argnums=(1, 2))(jax.random.key(9), shape, dtype)))
        report.append(drawn)
    return report


def sharded() -> list[dict[str, Any]]:
    """Return what each case gives when its first two axes are sharded 4 by 2, where these divide them."""
    report = []
    mesh = Mesh(np.array(jax.devices()).reshape(4, 2), ("x", "y"))
    for case in CASES:
        settings, initialization, shape, dtype = split(case)
        spec = [name if size % count == 0 else None for size, name, count in zip(shape, "xy", (4, 2), strict=False)]
        sharding = NamedSharding(mesh, PartitionSpec(*spec))  # type: ignore[no-untyped-call]
        plan = fanin.plan(shape, initialization, seed=9, dtype=dtype, **{"layout": layout(shape), **settings})
        drawn = [BACKEND.draw(plan, device=sharding)]
        compiled = []
        if dtype != "float64":
            one, key = fanin_jax.initializer(initialization, **settings), jax.random.key(9)

            def init(key: jax.Array, one: Any = one, shape: Any = shape, dtype: Any = dtype) -> Any:
                return one(key, shape, dtype)

            def draw(plan: Any = plan, sharding: Any = sharding) -> jax.Array:
                return BACKEND.draw(plan, device=sharding)

            compiled = [jax.jit(init, out_shardings=sharding).lower(key).compile(), jax.jit(draw).lower().compile()]
            drawn += [
                compiled[0](key),
                compiled[1](),
                jax.jit(one, static_argnums=(1, 2, 3))(key, shape, dtype, sharding),
            ]
        report.append(
            {
                "digests": sorted({digest(array) for array in drawn}),
                "placed": all(array.sharding.is_equivalent_to(sharding, len(shape)) for array in drawn),
                "shards": len({str(shard.index) for shard in drawn[0].addressable_shards}),
                "collectives": [
                    name for name in ("all-", "collective-") for one in compiled if name in (one.as_text() or "")
                ],
                "scratch": max((scratch(one.memory_analysis()) for one in compiled), default=0),
            }
        )
    return report


def explicit() -> list[str]:
    """Return the shardings that `out_sharding` gives under a mesh whose shardings are types, and one digest for all."""
    mesh = jax.make_mesh((4, 2), ("x", "y"), axis_types=(jax.sharding.AxisType.Explicit,) * 2)
    one, spec, found = fanin_jax.initializer("he"), PartitionSpec("x", "y"), []  # type: ignore[no-untyped-call]
    with jax.set_mesh(mesh):
        for sharding in (spec, NamedSharding(mesh, spec)):
            for function in (one, jax.jit(one, static_argnums=(1, 2, 3))):
                array = function(jax.random.key(9), (24, 136), jnp.float32, sharding)
                assert isinstance(array.sharding, NamedSharding)
                found.append(" ".join([*map(str, array.sharding.spec), digest(array)]))
    return sorted(set(found))


if __name__ == "__main__":
    several = jax.device_count() == 8
    json.dump(
        {
            "devices": jax.device_count(),
            "digests": digests(),
            "sharded": sharded() if several else [],
            "explicit": explicit() if several else [],
        },
        sys.stdout,
    )
