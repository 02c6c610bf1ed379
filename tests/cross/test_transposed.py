"""Transposed convolutions of torch, Flax and Equinox with the same weights: which outputs agree."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

import fanin

IMAGES = np.random.default_rng(0).standard_normal((2, 3, 5, 4), dtype=np.float32)
NAME: dict[str, Any] = {"seed": 1, "name": "up.weight"}


def flax_output(kernel: Any, transposed: bool) -> Any:
    layer = nn.ConvTranspose(6, (2, 3), (2, 3), "VALID", use_bias=False, transpose_kernel=transposed)
    return np.asarray(layer.apply({"params": {"kernel": jnp.asarray(kernel)}}, IMAGES.transpose(0, 2, 3, 1)))


@pytest.mark.parametrize(
    ("transposed", "layout", "turned", "agrees"),
    [(True, "HWOI", False, True), (False, "HWIO", False, False), (False, "HWIO", True, True)],
)
def test_which_outputs_agree(transposed: bool, layout: str, turned: bool, agrees: bool) -> None:
    """Flax applies the kernel as it is, unless it transposes it as torch does; turned by 180 degrees it agrees too."""
    weight = fanin.init((3, 6, 2, 3), "normal", layout="IOHW", transposed=True, stride=(2, 3), backend="torch", **NAME)
    shape = (2, 3, 6, 3) if layout == "HWOI" else (2, 3, 3, 6)
    kernel = fanin.init(shape, "normal", layout=layout, transposed=True, stride=(2, 3), backend="numpy", **NAME)
    order = (3, 2, 0, 1) if layout == "HWOI" else (2, 3, 0, 1)
    assert np.array_equal(kernel.transpose(order), weight.numpy())
    expected = torch.nn.functional.conv_transpose2d(torch.from_numpy(IMAGES), weight, stride=(2, 3)).numpy()
    found = flax_output(kernel[::-1, ::-1] if turned else kernel, transposed).transpose(0, 3, 1, 2)
    assert found.shape == expected.shape
    assert np.allclose(found, expected, rtol=0, atol=1e-6) is agrees


@pytest.mark.parametrize(("turned", "agrees"), [(False, False), (True, True)])
def test_equinox_applies_the_kernel_as_it_is(turned: bool, agrees: bool) -> None:
    weight = fanin.init((3, 6, 2, 3), "normal", layout="IOHW", transposed=True, stride=(2, 3), backend="torch", **NAME)
    kernel = fanin.init((6, 3, 2, 3), "normal", layout="OIHW", transposed=True, stride=(2, 3), backend="numpy", **NAME)
    assert np.array_equal(kernel.transpose(1, 0, 2, 3), weight.numpy())
    layer = eqx.nn.ConvTranspose2d(3, 6, (2, 3), (2, 3), use_bias=False, key=jax.random.key(0))
    assert layer.weight.shape == kernel.shape
    layer = eqx.tree_at(lambda one: one.weight, layer, jnp.asarray(kernel[:, :, ::-1, ::-1] if turned else kernel))
    expected = torch.nn.functional.conv_transpose2d(torch.from_numpy(IMAGES), weight, stride=(2, 3)).numpy()
    found = np.stack([np.asarray(layer(jnp.asarray(image))) for image in IMAGES])
    assert found.shape == expected.shape
    assert np.allclose(found, expected, rtol=0, atol=1e-6) is agrees
