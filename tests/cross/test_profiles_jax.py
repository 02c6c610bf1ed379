"""Profiles against jax.nn.initializers and the layers of Flax.

JAX's generators return ones, so that a weight is the scale that its function multiplies by.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import flax.linen as nn
import flax.nnx as nnx
import jax
import jax.numpy as jnp
import pytest
from asked import asked
from jax._src.nn import initializers as jax_initializers

from fanin import Initializer, profile
from fanin.initializers import Uniform
from fanin.layout import Geometry

initializers = jax.nn.initializers


@contextmanager
def units(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Let JAX's generators return ones, so that a weight is the scale that its function multiplies by, in float64.

    Yields:
        The laws that are asked for, in turn.
    """
    laws: list[str] = []

    def ones(law: str) -> Callable[..., Any]:
        def draw(key: Any, *arguments: Any, **settings: Any) -> Any:
            laws.append(law)
            return jnp.ones(next(argument for argument in arguments if isinstance(argument, tuple)))

        return draw

    class Recorder:
        normal = staticmethod(ones("normal"))
        truncated_normal = staticmethod(ones("truncated_normal"))
        uniform = staticmethod(ones("uniform"))

    with monkeypatch.context() as patch, jax.enable_x64(True):
        patch.setattr(jax_initializers, "random", Recorder)
        yield laws


def first(array: Any) -> float:
    return float(jnp.ravel(array)[0])


JAX: list[tuple[tuple[int, ...], Geometry]] = [
    ((40, 24), Geometry.of((40, 24), "IO")),
    ((40, 24), Geometry.of((24, 40), "OI")),
    ((3, 5, 6, 10), Geometry.of((3, 5, 6, 10), "HWIO")),
    ((3, 3, 3, 8), Geometry.of((3, 3, 3, 8), "HWIO", 4)),
    ((3, 3, 3, 8), Geometry.of((8, 3, 3, 3), "OIHW", 4)),
    ((3, 3, 1, 24), Geometry.of((3, 3, 1, 24), "HWIO", 12)),
    ((3, 5, 12, 8), Geometry.of((3, 5, 12, 8), "HWIO", 1, True, 2)),
    ((40, 4, 6), Geometry.of((40, 4, 6), "IOO")),
    ((4, 6, 40), Geometry.of((4, 6, 40), "IIO")),
]
JAX_FUNCTIONS: list[tuple[str, Any, dict[str, Any]]] = [
    ("he_normal", initializers.he_normal, {}),
    ("he_uniform", initializers.he_uniform, {}),
    ("glorot_normal", initializers.glorot_normal, {}),
    ("glorot_uniform", initializers.glorot_uniform, {}),
    ("lecun_normal", initializers.lecun_normal, {}),
    ("lecun_uniform", initializers.lecun_uniform, {}),
    ("he_normal", initializers.he_normal, {"in_axis": -1, "out_axis": -2}),
    ("he_normal", initializers.he_normal, {"in_axis": (0, 1), "out_axis": -1}),
    ("he_normal", initializers.he_normal, {"in_axis": -1, "out_axis": 0, "batch_axis": 1}),
    (
        "variance_scaling",
        initializers.variance_scaling,
        {"scale": 1.7, "mode": "fan_geo_avg", "distribution": "normal"},
    ),
    (
        "variance_scaling",
        initializers.variance_scaling,
        {"scale": 1.7, "mode": "fan_avg", "distribution": "truncated_normal"},
    ),
    (
        "variance_scaling",
        initializers.variance_scaling,
        {"scale": 1.0, "mode": "fan_in", "distribution": "normal", "out_axis": 0},
    ),
    ("normal", initializers.normal, {}),
    ("truncated_normal", initializers.truncated_normal, {"stddev": 0.02}),
]


def assert_scale(initializer: Initializer, geometry: Geometry, law: str, scale: float) -> None:
    expected, low, high = asked(initializer, geometry)
    assert low in (0.0, -high)
    assert expected == law
    assert math.isclose(high, scale, rel_tol=1e-15)


@pytest.mark.parametrize(("shape", "geometry"), JAX, ids=[f"{case[1].layout} {case[1].shape}" for case in JAX])
@pytest.mark.parametrize(
    ("name", "make", "settings"), JAX_FUNCTIONS, ids=[f"{case[0]} {case[2]}" for case in JAX_FUNCTIONS]
)
def test_jax(
    name: str,
    make: Any,
    settings: dict[str, Any],
    shape: tuple[int, ...],
    geometry: Geometry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    positions = {"in_axis", "out_axis", "batch_axis"} & set(settings)
    if positions and (shape != geometry.shape or settings.get("batch_axis", -1) >= len(shape) - 1):
        geometry = Geometry.of(shape)  # positions are those of the stored tensor
    with units(monkeypatch) as laws:
        scale = first(make(**settings)(jax.random.key(0), shape, jnp.float64))
    assert_scale(profile(f"jax:{name}", **settings), geometry, laws[0], scale)


def test_jax_uniform_is_one_sided() -> None:
    drawn = initializers.uniform(0.5)(jax.random.key(0), (4096,), jnp.float32)
    assert float(drawn.min()) >= 0.0
    assert profile("jax:uniform", scale=0.5) == Uniform(0.0, 0.5)


FLAX: list[tuple[str, Any, tuple[int, ...], Initializer, Geometry]] = [
    ("Dense", nn.Dense(24), (1, 40), profile("flax:dense_default"), Geometry.of((40, 24), "IO")),
    ("DenseGeneral", nn.DenseGeneral((4, 6)), (1, 40), profile("flax:dense_default"), Geometry.of((40, 4, 6), "IOO")),
    (
        "DenseGeneral, two axes",
        nn.DenseGeneral(40, axis=(-2, -1)),
        (1, 4, 6),
        profile("flax:dense_default"),
        Geometry.of((4, 6, 40), "IIO"),
    ),
    ("Conv", nn.Conv(10, (3, 5)), (1, 8, 8, 6), profile("flax:conv_default"), Geometry.of((3, 5, 6, 10), "HWIO")),
    (
        "Conv, groups",
        nn.Conv(8, (3, 3), feature_group_count=4),
        (1, 8, 8, 12),
        profile("flax:conv_default"),
        Geometry.of((3, 3, 3, 8), "HWIO", 4),
    ),
    (
        "ConvTranspose",
        nn.ConvTranspose(8, (3, 5), (2, 2)),
        (1, 8, 8, 12),
        profile("flax:conv_default"),
        Geometry.of((3, 5, 12, 8), "HWIO", 1, True, 2),
    ),
    (
        "ConvTranspose, transpose_kernel",
        nn.ConvTranspose(8, (3, 5), (2, 2), transpose_kernel=True),
        (1, 8, 8, 12),
        profile("flax:conv_default", transpose_kernel=True),
        Geometry.of((3, 5, 8, 12), "HWOI", 1, True, 2),
    ),
]


@pytest.mark.parametrize(("what", "layer", "inputs", "ours", "geometry"), FLAX, ids=[case[0] for case in FLAX])
def test_flax_layers(
    what: str,
    layer: Any,
    inputs: tuple[int, ...],
    ours: Initializer,
    geometry: Geometry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with units(monkeypatch) as laws:
        kernel = layer.clone(param_dtype=jnp.float64).init(jax.random.key(0), jnp.ones(inputs))["params"]["kernel"]
        assert kernel.shape == geometry.shape
        assert_scale(ours, geometry, laws[0], first(kernel))


def test_flax_embeddings_and_nnx(monkeypatch: pytest.MonkeyPatch) -> None:
    with units(monkeypatch) as laws:
        table = nn.Embed(50, 16, param_dtype=jnp.float64).init(jax.random.key(0), jnp.zeros((1,), jnp.int32))
        embedding: Any = table["params"]["embedding"]
        assert_scale(profile("flax:embed_default"), Geometry.of((50, 16), "IO"), laws[-1], first(embedding))
        linear = nnx.Linear(40, 24, rngs=nnx.Rngs(0), param_dtype=jnp.float64)
        assert_scale(profile("flax:linear_default"), Geometry.of((40, 24), "IO"), laws[-1], first(linear.kernel[...]))
