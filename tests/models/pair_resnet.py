"""ResNet-18: torchvision's, and one of Flax Linen."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from pairs import Pair, Port
from published_models import declare_torchvision

WIDTHS = (64, 128, 256, 512)
MISTAKES = ("epsilon", "padding", "kernel")
IMAGES = np.random.default_rng(0).standard_normal((2, 3, 48, 64), dtype=np.float32)  # torch's order, not square


class Block(nn.Module):
    """Two convolutions of 3 x 3 beside what goes past them."""

    width: int
    stride: int
    mistake: str = ""

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Return an image of `width` channels."""
        conv, norm = partial(_conv, self.mistake), partial(_norm, self.mistake)
        y = nn.relu(norm("bn1")(conv(self.width, 3, self.stride, "conv1")(x)))
        y = norm("bn2")(conv(self.width, 3, 1, "conv2")(y))
        if x.shape != y.shape:
            x = norm("downsample_1")(conv(self.width, 1, self.stride, "downsample_0")(x))
        return nn.relu(x + y)


class ResNet18(nn.Module):
    """As torchvision's, with channels last."""

    mistake: str = ""

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Return the logits of images (batch, height, width, 3)."""
        x = nn.relu(_norm(self.mistake, "bn1")(_conv(self.mistake, 64, 7, 2, "conv1")(x)))
        pool: Any = nn.max_pool
        x = pool(x, (3, 3), (2, 2), padding=((1, 1), (1, 1)))
        for k, width in enumerate(WIDTHS, 1):
            for j in range(2):
                x = Block(width, 2 if k > 1 and j == 0 else 1, self.mistake, name=f"layer{k}_{j}")(x)
        return nn.Dense(1000, name="fc")(x.mean((1, 2)))


def _conv(mistake: str, width: int, size: int, stride: int, name: str) -> nn.Module:
    padding: Any = "SAME" if mistake == "padding" else ((size // 2, size // 2),) * 2
    return nn.Conv(width, (size, size), stride, padding, use_bias=False, name=name)


def _norm(mistake: str, name: str) -> nn.Module:
    return nn.BatchNorm(use_running_average=True, epsilon=1e-3 if mistake == "epsilon" else 1e-5, name=name)


def resnet_names() -> Iterator[tuple[str, str]]:
    """Yield Linen's names with torchvision's."""
    for k in range(1, 5):
        for j in range(2):
            yield from layer_names(f"layer{k}_{j}", f"layer{k}.{j}")
            if k > 1 and j == 0:
                yield f"layer{k}_{j}.downsample_0.kernel", f"layer{k}.{j}.downsample.0.weight"
                yield from norm_names(f"layer{k}_{j}.downsample_1", f"layer{k}.{j}.downsample.1")
    yield "conv1.kernel", "conv1.weight"
    yield from norm_names("bn1", "bn1")
    yield "fc.kernel", "fc.weight"


def layer_names(ours: str, theirs: str) -> Iterator[tuple[str, str]]:
    """Yield the names of two convolutions and their norms."""
    for k in (1, 2):
        yield f"{ours}.conv{k}.kernel", f"{theirs}.conv{k}.weight"
        yield from norm_names(f"{ours}.bn{k}", f"{theirs}.bn{k}")


def norm_names(ours: str, theirs: str) -> Iterator[tuple[str, str]]:
    """Yield the names of a batch normalization."""
    yield f"{ours}.scale", f"{theirs}.weight"
    yield f"{ours}.bias", f"{theirs}.bias"
    yield f"{ours}.mean", f"{theirs}.running_mean"
    yield f"{ours}.var", f"{theirs}.running_var"


def port(mistake: str) -> Port:
    """Return the port."""
    model = ResNet18(mistake)

    def run(variables: Any, images: np.ndarray) -> Any:
        if mistake == "kernel":
            first = variables["params"]["conv1"]
            first["kernel"] = first["kernel"].transpose(1, 0, 2, 3)
        return jax.jit(model.apply)(variables, images.transpose(0, 2, 3, 1))

    return Port(model.init, (jnp.zeros((1, 64, 64, 3)),), run)


def resnet() -> Pair:
    """Return both networks."""
    declare_torchvision()
    from torchvision.models import resnet18

    return Pair(resnet18, port, dict(resnet_names()), IMAGES, lambda module, images: module(images))
