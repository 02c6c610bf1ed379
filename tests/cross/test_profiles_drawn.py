"""What profiles draw, beside what the functions themselves draw; and the same from every backend."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")  # Keras takes TensorFlow otherwise, which need not be there

import jax
import jax.numpy as jnp
import keras
import numpy as np
import numpy.typing as npt
import pytest
import scipy.stats
import torch

import fanin
from fanin import profile
from fanin.initializers import Normal, TruncatedNormal, Uniform
from fanin.layout import Geometry

initializers = jax.nn.initializers
INIT: Any = torch.nn.init


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
