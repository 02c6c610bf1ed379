"""Profiles against keras.initializers, by the kernels of real layers.

The numbers that each function hands to its framework's generator are caught on the way, so that nothing is estimated.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")  # Keras takes TensorFlow otherwise, which need not be there

import jax.numpy as jnp
import keras
import pytest
from asked import Call, asked, assert_same
from keras.src.initializers import random_initializers as keras_initializers

from fanin import profile
from fanin.layout import Geometry


@pytest.fixture
def caught(monkeypatch: pytest.MonkeyPatch) -> list[Call]:
    """Every draw of Keras, as the arguments it was called with."""
    calls: list[Call] = []

    def of_keras(law: str, *names: str) -> Callable[..., Any]:
        def draw(shape: Any, dtype: Any = None, seed: Any = None, **settings: float) -> Any:
            calls.append((law, settings[names[0]], settings[names[1]]))
            return jnp.zeros(shape)

        return draw

    class Recorder:
        make_default_seed = staticmethod(lambda: 0)
        SeedGenerator = keras.random.SeedGenerator
        normal = staticmethod(of_keras("normal", "mean", "stddev"))
        truncated_normal = staticmethod(of_keras("truncated_normal", "mean", "stddev"))
        uniform = staticmethod(of_keras("uniform", "minval", "maxval"))

    monkeypatch.setattr(keras_initializers, "random", Recorder)
    return calls


# Kernels as Keras's layers store them, and what the profile has to be told of the layer.
KERAS: list[tuple[Callable[[Any], Any], tuple[int, ...], Geometry, dict[str, Any]]] = [
    (lambda init: keras.layers.Dense(24, kernel_initializer=init), (40,), Geometry.of((40, 24), "IO"), {}),
    (
        lambda init: keras.layers.Conv2D(10, (3, 5), kernel_initializer=init),
        (16, 16, 6),
        Geometry.of((3, 5, 6, 10), "HWIO"),
        {},
    ),
    (
        lambda init: keras.layers.Conv2D(8, 3, groups=4, kernel_initializer=init),
        (16, 16, 12),
        Geometry.of((3, 3, 3, 8), "HWIO", 4),
        {},
    ),
    (
        lambda init: keras.layers.DepthwiseConv2D(3, depth_multiplier=2, depthwise_initializer=init),
        (16, 16, 12),
        Geometry.of((3, 3, 12, 2), "HWOO", 12),
        {"depthwise": True},
    ),
    (
        lambda init: keras.layers.Conv2DTranspose(8, (3, 5), 2, kernel_initializer=init),
        (16, 16, 12),
        Geometry.of((3, 5, 8, 12), "HWOI", 1, True, 2),
        {},
    ),
    (
        lambda init: keras.layers.EinsumDense("abc,cde->abde", (7, 4, 6), kernel_initializer=init),
        (7, 40),
        Geometry.of((40, 4, 6), "IOO"),
        {"input_axes": (0,), "output_axes": (1, 2)},
    ),
    (lambda init: keras.layers.Embedding(50, 9, embeddings_initializer=init), (1,), Geometry.of((50, 9), "IO"), {}),
]
KERAS_FUNCTIONS: list[tuple[str, Any, dict[str, Any]]] = [
    ("he_normal", keras.initializers.HeNormal, {}),
    ("he_uniform", keras.initializers.HeUniform, {}),
    ("glorot_normal", keras.initializers.GlorotNormal, {}),
    ("glorot_uniform", keras.initializers.GlorotUniform, {}),
    ("lecun_normal", keras.initializers.LecunNormal, {}),
    ("lecun_uniform", keras.initializers.LecunUniform, {}),
    ("variance_scaling", keras.initializers.VarianceScaling, {}),
    (
        "variance_scaling",
        keras.initializers.VarianceScaling,
        {"scale": 1.7, "mode": "fan_out", "distribution": "untruncated_normal"},
    ),
    ("truncated_normal", keras.initializers.TruncatedNormal, {"mean": 0.1, "stddev": 0.03}),
    ("random_normal", keras.initializers.RandomNormal, {}),
    ("random_uniform", keras.initializers.RandomUniform, {}),
]


@pytest.mark.parametrize(("layer", "inputs", "geometry", "told"), KERAS, ids=[str(case[2].shape) for case in KERAS])
@pytest.mark.parametrize(
    ("name", "make", "settings"), KERAS_FUNCTIONS, ids=[f"{case[0]} {case[2]}" for case in KERAS_FUNCTIONS]
)
def test_keras(
    name: str,
    make: Any,
    settings: dict[str, Any],
    layer: Callable[[Any], Any],
    inputs: tuple[int, ...],
    geometry: Geometry,
    told: dict[str, Any],
    caught: list[Call],
) -> None:
    built = layer(make(**settings))
    built.build((None, *inputs))
    assert geometry.shape in [tuple(variable.shape) for variable in built.weights]
    ours = profile(f"keras:{name}", **settings)
    if ours.needs_fans:
        ours = profile(f"keras:{name}", **settings, **told)
    assert_same(caught[0], asked(ours, geometry), 5e-16)


def test_keras_positions(caught: list[Call]) -> None:
    """Of a shape alone, Keras takes the first axis of an attention kernel for a receptive field."""
    kernel = Geometry.of((40, 4, 6), "IOO")
    keras.initializers.HeNormal()(kernel.shape)
    assert_same(caught[0], asked(profile("keras:he_normal"), kernel), 5e-16)
    caught.clear()
    keras.initializers.HeNormal(input_axes=(0, 2), output_axes=(1,))((40, 4, 6))
    ours = profile("keras:he_normal", input_axes=(0, 2), output_axes=(1,))
    assert_same(caught[0], asked(ours, Geometry.of((40, 4, 6))), 5e-16)


def test_keras_defaults(caught: list[Call]) -> None:
    keras.layers.Dense(24).build((None, 40))
    assert_same(caught[0], asked(profile("keras:dense_default"), Geometry.of((40, 24), "IO")), 5e-16)
    caught.clear()
    keras.layers.Embedding(50, 9).build((None, 1))
    assert_same(caught[0], asked(profile("keras:embedding_default"), Geometry.of((50, 9), "IO")), 0.0)
