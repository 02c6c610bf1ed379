"""Profiles against the functions themselves: torch.nn.init, jax.nn.initializers, keras.initializers and Flax's layers.

First the numbers that each function hands to its framework's generator, for the kernels of real layers: they are caught
on the way, so nothing is estimated. Then what the functions draw, beside what fanin draws.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")  # Keras takes TensorFlow otherwise, which need not be there

import flax.linen as nn
import flax.nnx as nnx
import jax
import jax.numpy as jnp
import keras
import numpy as np
import numpy.typing as npt
import pytest
import scipy.stats
import torch
from jax._src.nn import initializers as jax_initializers
from keras.src.initializers import random_initializers as keras_initializers

import fanin
from fanin import Initializer, profile
from fanin.initializers import Normal, TruncatedNormal, Uniform
from fanin.layout import Geometry

initializers = jax.nn.initializers

Caught = list[tuple[str, float, float]]
"""What was asked of a generator: the law's name, and its standard deviation or ends."""


@pytest.fixture
def caught(monkeypatch: pytest.MonkeyPatch) -> Caught:
    """Every normal and uniform draw of torch and Keras, as the arguments it was called with."""
    calls: Caught = []

    def normal_(tensor: Any, mean: float = 0.0, std: float = 1.0, **rest: Any) -> Any:
        calls.append(("normal", mean, std))
        return tensor

    def uniform_(tensor: Any, a: float = 0.0, b: float = 1.0, **rest: Any) -> Any:
        calls.append(("uniform", a, b))
        return tensor

    monkeypatch.setattr(torch.Tensor, "normal_", normal_)
    monkeypatch.setattr(torch.Tensor, "uniform_", uniform_)

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


def asked(initializer: Initializer, geometry: Geometry) -> tuple[str, float, float]:
    """What fanin's profile would ask of such a generator."""
    law = initializer.law(initializer.fans(geometry) if initializer.needs_fans else None)
    if isinstance(law, Uniform):
        return "uniform", law.low, law.high
    if isinstance(law, TruncatedNormal):
        assert (law.lower, law.upper) == (-2.0, 2.0)
        return "truncated_normal", law.mean, law.parent_std
    assert isinstance(law, Normal)
    return "normal", law.mean, law.std


def assert_same(found: tuple[str, float, float], expected: tuple[str, float, float], tolerance: float) -> None:
    assert found[0] == expected[0]
    assert found[1:] == pytest.approx(expected[1:], rel=tolerance, abs=0.0)


# Real layers of torch, and their kernels as fanin is told of them.
TORCH: list[tuple[Callable[[], Any], Geometry]] = [
    (lambda: torch.nn.Linear(40, 24), Geometry.of((24, 40), "OI")),
    (lambda: torch.nn.Conv1d(6, 10, 3), Geometry.of((10, 6, 3), "OIW")),
    (lambda: torch.nn.Conv2d(6, 10, (3, 5)), Geometry.of((10, 6, 3, 5), "OIHW")),
    (lambda: torch.nn.Conv3d(6, 10, (2, 3, 5)), Geometry.of((10, 6, 2, 3, 5), "OIDHW")),
    (lambda: torch.nn.Conv2d(12, 8, 3, groups=4), Geometry.of((8, 3, 3, 3), "OIHW", 4)),
    (lambda: torch.nn.Conv2d(12, 24, 3, groups=12), Geometry.of((24, 1, 3, 3), "OIHW", 12)),
    (lambda: torch.nn.ConvTranspose2d(12, 8, (3, 5), 2), Geometry.of((12, 8, 3, 5), "IOHW", 1, True, 2)),
    (lambda: torch.nn.ConvTranspose2d(12, 8, 3, groups=4), Geometry.of((12, 2, 3, 3), "IOHW", 4, True)),
    (lambda: torch.nn.ConvTranspose1d(12, 8, 4, 4), Geometry.of((12, 8, 4), "IOW", 1, True, 4)),
    # the same kernels in the layouts of other frameworks
    (lambda: torch.nn.Conv2d(12, 8, 3, groups=4), Geometry.of((3, 3, 3, 8), "HWIO", 4)),
    (lambda: torch.nn.ConvTranspose2d(12, 8, (3, 5), 2), Geometry.of((3, 5, 12, 8), "HWIO", 1, True, 2)),
]
INIT: Any = torch.nn.init
TORCH_FUNCTIONS: list[tuple[str, Callable[..., Any], dict[str, Any]]] = [
    ("kaiming_uniform", INIT.kaiming_uniform_, {}),
    ("kaiming_uniform", INIT.kaiming_uniform_, {"a": math.sqrt(5), "mode": "fan_out"}),
    ("kaiming_normal", INIT.kaiming_normal_, {"nonlinearity": "relu", "mode": "fan_out"}),
    ("kaiming_normal", INIT.kaiming_normal_, {"nonlinearity": "tanh"}),
    ("kaiming_normal", INIT.kaiming_normal_, {"nonlinearity": "selu"}),
    ("kaiming_normal", INIT.kaiming_normal_, {"nonlinearity": "conv2d"}),
    ("kaiming_normal", INIT.kaiming_normal_, {"a": 0.3}),
    ("xavier_uniform", INIT.xavier_uniform_, {}),
    ("xavier_normal", INIT.xavier_normal_, {"gain": 1.7}),
    ("normal", INIT.normal_, {"std": 0.02}),
    ("normal", INIT.normal_, {}),
    ("uniform", INIT.uniform_, {}),
    ("uniform", INIT.uniform_, {"a": -0.2, "b": 0.3}),
]


@pytest.mark.parametrize(("make", "geometry"), TORCH, ids=[f"{case[1].layout} {case[1].shape}" for case in TORCH])
@pytest.mark.parametrize(
    ("name", "function", "settings"), TORCH_FUNCTIONS, ids=[f"{case[0]} {case[2]}" for case in TORCH_FUNCTIONS]
)
def test_torch(
    name: str,
    function: Callable[..., Any],
    settings: dict[str, Any],
    make: Callable[[], Any],
    geometry: Geometry,
    caught: Caught,
) -> None:
    weight = make().weight
    assert weight.numel() == math.prod(geometry.shape)
    caught.clear()
    function(weight, **settings)
    assert_same(caught[0], asked(profile(f"torch:{name}", **settings), geometry), 5e-16)


@pytest.mark.parametrize(("make", "geometry"), TORCH, ids=[f"{case[1].layout} {case[1].shape}" for case in TORCH])
def test_torch_defaults(make: Callable[[], Any], geometry: Geometry, caught: Caught) -> None:
    make()
    weight, bias = caught
    name = "linear_default" if geometry.layout == "OI" else "conv_default"
    assert_same(weight, asked(profile(f"torch:{name}"), geometry), 5e-16)
    fan_in = profile(f"torch:{name}").fans(geometry).fan_in
    assert_same(bias, asked(profile("torch:bias_default", fan_in=fan_in), geometry), 5e-16)


def test_torch_s_other_layers(caught: Caught) -> None:
    torch.nn.LSTM(7, 9)
    rnn = asked(profile("torch:rnn_default", hidden_size=9), Geometry.of((36, 7), "OI"))
    assert len(caught) == 4
    for call in caught:
        assert_same(call, rnn, 5e-16)
    caught.clear()
    torch.nn.Embedding(50, 9)
    assert_same(caught[0], asked(profile("torch:embedding_default"), Geometry.of((50, 9), "IO")), 0.0)
    caught.clear()
    attention = torch.nn.MultiheadAttention(16, 4)
    packed = Geometry.of(tuple(attention.in_proj_weight.shape), "OI")
    expected = asked(profile("torch:attention_default"), packed)
    (found,) = (call for call in caught if math.isclose(call[2], expected[2], rel_tol=1e-3))
    assert_same(found, expected, 5e-16)


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
    caught: Caught,
) -> None:
    built = layer(make(**settings))
    built.build((None, *inputs))
    assert geometry.shape in [tuple(variable.shape) for variable in built.weights]
    ours = profile(f"keras:{name}", **settings)
    if ours.needs_fans:
        ours = profile(f"keras:{name}", **settings, **told)
    assert_same(caught[0], asked(ours, geometry), 5e-16)


def test_keras_positions(caught: Caught) -> None:
    """Of a shape alone, Keras takes the first axis of an attention kernel for a receptive field."""
    kernel = Geometry.of((40, 4, 6), "IOO")
    keras.initializers.HeNormal()(kernel.shape)
    assert_same(caught[0], asked(profile("keras:he_normal"), kernel), 5e-16)
    caught.clear()
    keras.initializers.HeNormal(input_axes=(0, 2), output_axes=(1,))((40, 4, 6))
    ours = profile("keras:he_normal", input_axes=(0, 2), output_axes=(1,))
    assert_same(caught[0], asked(ours, Geometry.of((40, 4, 6))), 5e-16)


def test_keras_defaults(caught: Caught) -> None:
    keras.layers.Dense(24).build((None, 40))
    assert_same(caught[0], asked(profile("keras:dense_default"), Geometry.of((40, 24), "IO")), 5e-16)
    caught.clear()
    keras.layers.Embedding(50, 9).build((None, 1))
    assert_same(caught[0], asked(profile("keras:embedding_default"), Geometry.of((50, 9), "IO")), 0.0)


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


def _torch(function: Callable[..., Any], **settings: Any) -> Callable[[tuple[int, ...]], npt.NDArray[Any]]:
    def draw(shape: tuple[int, ...]) -> npt.NDArray[Any]:
        drawn: npt.NDArray[Any] = function(
            torch.empty(shape), **settings, generator=torch.Generator().manual_seed(20)
        ).numpy()
        return drawn

    return draw


def _jax(make: Callable[..., Any], **settings: Any) -> Callable[[tuple[int, ...]], npt.NDArray[Any]]:
    return lambda shape: np.asarray(make(**settings)(jax.random.key(20), shape, jnp.float32))


def _keras(make: Any, **settings: Any) -> Callable[[tuple[int, ...]], npt.NDArray[Any]]:
    return lambda shape: np.asarray(keras.ops.convert_to_numpy(make(**settings, seed=20)(shape)))


DRAWN: list[tuple[str, dict[str, Any], Callable[[tuple[int, ...]], npt.NDArray[Any]], str]] = [
    ("torch:kaiming_uniform", {"a": math.sqrt(5)}, _torch(INIT.kaiming_uniform_, a=math.sqrt(5)), "OI"),
    ("torch:kaiming_normal", {}, _torch(INIT.kaiming_normal_), "OI"),
    ("torch:trunc_normal", {"std": 0.02}, _torch(INIT.trunc_normal_, std=0.02), "OI"),
    ("torch:trunc_normal", {"std": 0.8}, _torch(INIT.trunc_normal_, std=0.8), "OI"),
    (
        "torch:trunc_normal",
        {"mean": 0.3, "std": 0.5, "a": 0.0, "b": 0.6},
        _torch(INIT.trunc_normal_, mean=0.3, std=0.5, a=0.0, b=0.6),
        "OI",
    ),
    ("jax:he_normal", {}, _jax(initializers.he_normal), "IO"),
    ("jax:truncated_normal", {"stddev": 0.02}, _jax(initializers.truncated_normal, stddev=0.02), "IO"),
    (
        "jax:truncated_normal",
        {"lower": -1.0, "upper": 3.0},
        _jax(initializers.truncated_normal, lower=-1.0, upper=3.0),
        "IO",
    ),
    ("jax:uniform", {}, _jax(initializers.uniform), "IO"),
    ("jax:glorot_uniform", {}, _jax(initializers.glorot_uniform), "IO"),
    ("keras:glorot_uniform", {}, _keras(keras.initializers.GlorotUniform), "IO"),
    ("keras:he_normal", {}, _keras(keras.initializers.HeNormal), "IO"),
    ("keras:truncated_normal", {}, _keras(keras.initializers.TruncatedNormal), "IO"),
    ("keras:random_normal", {}, _keras(keras.initializers.RandomNormal), "IO"),
]

SHAPE = (400, 600)
N = math.prod(SHAPE)


@pytest.mark.parametrize(("name", "settings", "real", "layout"), DRAWN, ids=[f"{case[0]} {case[1]}" for case in DRAWN])
def test_what_is_drawn(
    name: str, settings: dict[str, Any], real: Callable[[tuple[int, ...]], npt.NDArray[Any]], layout: str
) -> None:
    """Two samples of n = 240,000, one of each: the same distribution and, exactly, the same bounds.

    The Kolmogorov-Smirnov distance stays below 3.27 sqrt(2/n) = 0.0094 with probability 1 - 1e-9, and exceeds it for
    certain where the distributions differ by 0.019: an uncorrected truncation (0.88 for 1) makes 0.031, a missing one
    at two sigma 0.023, a scale that is off by 4 % 0.019. A uniform or truncated sample comes within 1e-4 of an end with
    probability 1 - 4e-11 or better.
    """
    initializer = profile(name, **settings)
    ours = np.asarray(fanin.init(SHAPE, initializer, layout=layout, name="w", seed=3, backend="numpy"), np.float64)
    theirs = real(SHAPE).astype(np.float64)
    assert scipy.stats.ks_2samp(ours.ravel(), theirs.ravel()).statistic < 3.27 * math.sqrt(2 / N)
    law = initializer.law(initializer.fans(Geometry.of(SHAPE, layout)) if initializer.needs_fans else None)
    if isinstance(law, Normal):
        return
    if isinstance(law, Uniform):
        low, high = law.low, law.high
    else:
        assert isinstance(law, TruncatedNormal)
        low, high = law.mean + law.lower * law.parent_std, law.mean + law.upper * law.parent_std
    reach = high - low
    for sample in (ours, theirs):
        assert low - 1e-7 * reach <= sample.min()
        assert sample.max() <= high + 1e-7 * reach
        if reach < 20 * ours.std():  # bounds that the sample can reach
            assert sample.min() < low + 1e-3 * reach
            assert sample.max() > high - 1e-3 * reach


def test_matrices_that_have_no_randomness() -> None:
    for shape, groups in [((8, 6, 3, 4), 1), ((8, 3, 5), 2), ((6, 4, 2, 3, 3), 3)]:
        theirs = torch.nn.init.dirac_(torch.empty(shape), groups)
        layout = "OI" + "DHW"[-(len(shape) - 2) :]
        ours = fanin.init(shape, profile("torch:dirac", groups=groups), layout=layout, backend="torch")
        assert torch.equal(ours, theirs)
    assert torch.equal(fanin.init((5, 3), "torch:eye", layout="OI", backend="torch"), INIT.eye_(torch.empty(5, 3)))


@pytest.mark.parametrize(
    ("name", "shape", "layout", "theirs"),
    [
        ("torch:orthogonal", (8, 3, 2, 2), "OIHW", lambda shape: INIT.orthogonal_(torch.empty(shape)).numpy()),
        ("jax:orthogonal", (2, 2, 3, 8), "HWIO", lambda shape: initializers.orthogonal()(jax.random.key(0), shape)),
        ("keras:orthogonal", (2, 2, 3, 8), "HWIO", lambda shape: keras.initializers.Orthogonal(seed=0)(shape)),
        (
            "jax:delta_orthogonal",
            (3, 3, 3, 8),
            "HWIO",
            lambda shape: initializers.delta_orthogonal()(jax.random.key(0), shape),
        ),
    ],
)
def test_orthogonal_matrices_of_grouped_kernels(
    name: str, shape: tuple[int, ...], layout: str, theirs: Callable[[tuple[int, ...]], Any]
) -> None:
    """Both are orthogonal along the same axes, which fanin's own, one a group, are not; and zero at the same taps."""

    def gram(kernel: Any) -> npt.NDArray[Any]:
        array = np.asarray(kernel, np.float64)
        matrix = array.reshape(shape[0], -1) if layout == "OIHW" else array.reshape(-1, shape[-1]).T
        return np.asarray(matrix @ matrix.T if len(matrix) <= matrix.shape[1] else matrix.T @ matrix)

    ours = fanin.init(shape, name, layout=layout, groups=4, name="w", backend="numpy")
    reference = np.asarray(theirs(shape), np.float64)
    if name != "jax:delta_orthogonal":
        assert np.allclose(gram(ours), np.eye(len(gram(ours))), atol=1e-5)
        assert np.allclose(gram(reference), np.eye(len(gram(ours))), atol=1e-5)
        grouped = fanin.init(shape, "orthogonal", layout=layout, groups=4, name="w", backend="numpy")
        assert not np.allclose(gram(grouped), np.eye(len(gram(ours))), atol=0.1)
    else:
        assert ((ours == 0) == (reference == 0)).all()
        for kernel in (np.asarray(ours, np.float64), reference):
            assert np.allclose(kernel[1, 1] @ kernel[1, 1].T, np.eye(3), atol=1e-5)


# Tensors of every kind, as stored, and the fans that a profile counts, worked out by hand.
KINDS: list[tuple[str, str, dict[str, Any], dict[str, Any], float]] = [
    # what, profile, its settings, the tensor, the variance
    ("dense", "torch:kaiming_normal", {}, {"shape": (192, 160), "layout": "OI"}, 2 / 160),
    ("conv", "jax:he_normal", {}, {"shape": (3, 5, 40, 56), "layout": "HWIO"}, 2 / 600),
    ("grouped", "torch:xavier_uniform", {}, {"shape": (96, 24, 3, 3), "layout": "OIHW", "groups": 4}, 2 / (216 + 864)),
    (
        "depthwise",
        "keras:he_uniform",
        {"depthwise": True},
        {"shape": (5, 5, 96, 4), "layout": "HWOO", "groups": 96},
        2 / (25 * 96),
    ),
    (
        "transposed",
        "torch:conv_default",
        {},
        {"shape": (64, 48, 4, 4), "layout": "IOHW", "transposed": True, "stride": 2},
        1 / (3 * 48 * 16),
    ),
    ("attention", "flax:dense_default", {}, {"shape": (192, 6, 32), "layout": "IOO"}, 1 / 192),
    ("attention", "jax:lecun_normal", {}, {"shape": (192, 6, 32), "layout": "IOO"}, 1 / (192 * 6)),
]


@pytest.mark.parametrize(
    ("what", "name", "settings", "tensor", "variance"), KINDS, ids=[f"{case[0]} {case[1]}" for case in KINDS]
)
def test_every_backend_draws_it(
    what: str, name: str, settings: dict[str, Any], tensor: dict[str, Any], variance: float
) -> None:
    """The same bytes from each; and a sum of squares within 6.2 standard deviations of its chi-squared law.

    With n of 9,600 to 49,152 that resolves the variance to 9 to 4 % at a false alarm of 1e-9; the least difference
    between two ways of counting here is a factor of 1.5.
    """
    arrays = {
        backend: np.asarray(fanin.init(initialization=profile(name, **settings), name="w", backend=backend, **tensor))
        for backend in ("numpy", "torch", "jax")
    }
    assert len({array.tobytes() for array in arrays.values()}) == 1
    weights = arrays["numpy"].astype(np.float64)
    assert abs((weights**2).mean() / variance - 1) < 6.2 * math.sqrt(2 / weights.size)
