"""Random shapes, layouts, seeds, names, dtypes, initializers and slices: every backend against the scalar reference."""

from __future__ import annotations

import random
from typing import Any

import pytest

import fanin
from fanin import reference

DRAWS = 250
LARGEST = 3000
DTYPES = ["float32", "float32", "float64", "float16", "bfloat16", "float8_e5m2", "float8_e4m3fn"]
NAMES = [None, "", "a", "layers.0.weight", "блок.0.重み", "x" * 300, "\0", "é", "é"]


def shuffled(draw: random.Random, letters: str) -> str:
    return "".join(draw.sample(letters, len(letters)))


def geometry(draw: random.Random) -> dict[str, Any]:
    """Return a random shape with its layout, groups and strides."""
    kind = draw.choice(["dense", "conv", "heads", "stack", "grouped", "transposed", "vector", "unstated"])
    groups = draw.choice([1, 2, 3])
    if kind == "unstated":
        return {"shape": tuple(draw.randint(1, 8) for _ in range(draw.randint(0, 4)))}
    letters = {
        "dense": "OI",
        "conv": "OI" + draw.choice(["W", "HW", "DHW"]),
        "heads": draw.choice(["OOI", "OII", "OOII"]),
        "stack": draw.choice(["SOI", "SOIW", "SO", "SIO"]),
        "grouped": "OIHW",
        "transposed": "OI" + draw.choice(["W", "HW"]),
        "vector": "O",
    }[kind]
    layout = shuffled(draw, letters)
    largest = {"dense": 60, "vector": LARGEST}.get(kind, 6)
    shape = [draw.randint(1, largest if letter in "OI" else 4) for letter in layout]
    found: dict[str, Any] = {"layout": layout}
    if kind in ("grouped", "transposed"):
        shape[layout.index("O" if kind == "grouped" else "I")] *= groups
        found |= {"groups": groups}
    if kind == "transposed":
        found |= {"transposed": True, "stride": draw.choice([None, 2, [draw.randint(1, 3) for _ in letters[2:]]])}
    return found | {"shape": tuple(shape)}


def initialization(draw: random.Random, stated: bool) -> str | fanin.Initializer:
    low, high = sorted((draw.uniform(-2, 2), draw.uniform(-2, 2)))
    laws: list[str | fanin.Initializer] = [
        "zeros",
        "random",
        fanin.constant(draw.uniform(-2, 2)),
        fanin.normal(mean=draw.uniform(-3, 3), std=draw.uniform(0.01, 2)),
        fanin.normal(mean=draw.choice([-200.0, 1e-9]), std=10 ** draw.uniform(-6, 0)),
        fanin.uniform(low, high),
        fanin.truncated_normal(
            mean=draw.choice([0.0, 1.5]), std=0.02, lower=draw.uniform(-3, 0), upper=draw.uniform(0.2, 3)
        ),
    ]
    if stated:
        modes = ("fan_in", "fan_out", "fan_avg", "fan_geo")
        distributions = ("normal", "uniform", "truncated_normal")
        laws += [fanin.variance_scaling(draw.uniform(0.5, 3), m, d) for m in modes for d in distributions]  # type: ignore[arg-type]
        laws += ["he", "he_uniform", "xavier_uniform", "glorot_truncated_normal", "lecun_normal"]
    return draw.choice(laws)


def some_slices(draw: random.Random, shape: tuple[int, ...]) -> list[slice | None] | None:
    if not shape or draw.random() < 0.5:
        return None
    ends = [sorted((draw.randint(0, size), draw.randint(0, size))) for size in shape]
    return [slice(*pair) if draw.random() < 0.7 else None for pair in ends]


def arguments(draw: random.Random) -> dict[str, Any]:
    found = geometry(draw)
    layout = found.get("layout")
    name: Any = draw.choice(NAMES)
    if layout and "S" in layout:
        name = [f"{name}.{k}" for k in range(found["shape"][layout.index("S")])]
    return found | {
        "initialization": initialization(draw, bool(layout)),
        "seed": draw.choice([0, 1, 2**32, 2**63, 2**64 - 1, draw.randrange(2**64)]),
        "name": name,
        "dtype": draw.choice(DTYPES),
        "slices": some_slices(draw, found["shape"]),
    }


@pytest.mark.parametrize("backend", ["numpy", "torch", "jax"])
def test_random_draws(backend: str) -> None:
    draw = random.Random(f"fanin {backend}")
    drawer = fanin.backend(backend)
    done = 0
    while done < (DRAWS if backend != "jax" else DRAWS // 2):  # each jax draw compiles
        call = arguments(draw)
        plan = fanin.plan(**call)
        if plan.size > LARGEST:
            continue
        array = fanin.init(**call, backend=drawer)
        assert drawer.describe(array) == fanin.Description(plan.shape, plan.dtype), call
        assert drawer.tobytes(array) == reference.tobytes(plan), call
        done += 1
