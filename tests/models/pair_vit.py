"""A vision transformer: timm's, and one of Flax NNX, whose attention stores queries, keys and values apart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from pairs import Pair, Port
from published_models import declare_torchvision

from fanin import Scheme

MISTAKES = ("scale", "epsilon", "axis", "tanh")
DEPTH, WIDTH, HEADS, SIZE, PATCH = 3, 192, 3, 48, 16
IMAGES = np.random.default_rng(0).standard_normal((2, 3, SIZE, SIZE), dtype=np.float32)


class Attention(nnx.Module):
    """Attention of several heads, whose kernels are (in, heads, size) and (heads, size, out)."""

    def __init__(self, mistake: str, rngs: nnx.Rngs) -> None:
        size = WIDTH // HEADS
        self.query = nnx.LinearGeneral(WIDTH, (HEADS, size), rngs=rngs)
        self.key = nnx.LinearGeneral(WIDTH, (HEADS, size), rngs=rngs)
        self.value = nnx.LinearGeneral(WIDTH, (HEADS, size), rngs=rngs)
        self.out = nnx.LinearGeneral((HEADS, size), WIDTH, axis=(-2, -1), rngs=rngs)
        self.mistake = mistake

    def __call__(self, x: jax.Array) -> jax.Array:
        """Return as many tokens."""
        scale = 1.0 if self.mistake == "scale" else (WIDTH // HEADS) ** -0.5
        logits = jnp.einsum("bqhd,bkhd->bhqk", self.query(x) * scale, self.key(x))
        shares = nnx.softmax(logits, axis=-2 if self.mistake == "axis" else -1)
        result: jax.Array = self.out(jnp.einsum("bhqk,bkhd->bqhd", shares, self.value(x)))
        return result


class Block(nnx.Module):
    """Attention and a perceptron, each behind a norm."""

    def __init__(self, mistake: str, rngs: nnx.Rngs) -> None:
        epsilon = 1e-5 if mistake == "epsilon" else 1e-6
        self.norm1, self.norm2 = (nnx.LayerNorm(WIDTH, epsilon=epsilon, rngs=rngs) for _ in range(2))
        self.attention = Attention(mistake, rngs)
        self.fc1 = nnx.Linear(WIDTH, 4 * WIDTH, rngs=rngs)
        self.fc2 = nnx.Linear(4 * WIDTH, WIDTH, rngs=rngs)
        self.mistake = mistake

    def __call__(self, x: jax.Array) -> jax.Array:
        """Return as many tokens."""
        x = x + self.attention(self.norm1(x))
        result: jax.Array = x + self.fc2(nnx.gelu(self.fc1(self.norm2(x)), approximate=self.mistake == "tanh"))
        return result


class VisionTransformer(nnx.Module):
    """As timm's, with channels last."""

    def __init__(self, mistake: str, *, rngs: nnx.Rngs) -> None:
        tokens = (SIZE // PATCH) ** 2 + 1
        self.cls_token = nnx.Param(jnp.zeros((1, 1, WIDTH)))
        self.pos_embed = nnx.Param(jnp.zeros((1, tokens, WIDTH)))
        self.patches = nnx.Conv(3, WIDTH, (PATCH, PATCH), (PATCH, PATCH), padding="VALID", rngs=rngs)
        self.blocks = nnx.List([Block(mistake, rngs) for _ in range(DEPTH)])
        self.norm = nnx.LayerNorm(WIDTH, epsilon=1e-6, rngs=rngs)
        self.head = nnx.Linear(WIDTH, 10, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        """Return the logits of images (batch, height, width, 3)."""
        x = self.patches(x).reshape(len(x), -1, WIDTH)
        first = jnp.broadcast_to(self.cls_token[...], (len(x), 1, WIDTH))
        x = jnp.concatenate([first, x], axis=1) + self.pos_embed[...]
        for block in self.blocks:
            x = block(x)
        result: jax.Array = self.head(self.norm(x)[:, 0])
        return result


def names() -> Iterator[tuple[str, str]]:
    """Yield NNX's names with timm's."""
    yield from _layer("patches", "patch_embed.proj")
    yield from _layer("head", "head")
    yield from _norm("norm", "norm")
    for k in range(DEPTH):
        yield from _norm(f"blocks.{k}.norm1", f"blocks.{k}.norm1")
        yield from _norm(f"blocks.{k}.norm2", f"blocks.{k}.norm2")
        yield from _layer(f"blocks.{k}.fc1", f"blocks.{k}.mlp.fc1")
        yield from _layer(f"blocks.{k}.fc2", f"blocks.{k}.mlp.fc2")
        yield from _layer(f"blocks.{k}.attention.out", f"blocks.{k}.attn.proj")
        for j, name in enumerate(("query", "key", "value")):
            yield f"blocks.{k}.attention.{name}.kernel", f"blocks.{k}.attn.qkv.weight.{name}"
            yield f"blocks.{k}.attention.{name}.bias", f"blocks.{k}.attn.qkv.bias#{j}"


def _layer(ours: str, theirs: str) -> Iterator[tuple[str, str]]:
    yield f"{ours}.kernel", f"{theirs}.weight"
    yield f"{ours}.bias", f"{theirs}.bias"


def _norm(ours: str, theirs: str) -> Iterator[tuple[str, str]]:
    yield f"{ours}.scale", f"{theirs}.weight"
    yield f"{ours}.bias", f"{theirs}.bias"


def apart(scheme: Scheme) -> Scheme:
    """Return torch's scheme with streams of their own for queries, keys and values."""
    return scheme.split({"*.qkv.*": ("query", "key", "value")})


def port(mistake: str) -> Port:
    """Return the port."""

    def run(model: Any, images: np.ndarray) -> Any:
        return nnx.jit(lambda module, x: module(x))(model, jnp.asarray(images.transpose(0, 2, 3, 1)))

    return Port(VisionTransformer, (mistake,), run)


def vit() -> Pair:
    """Return both networks."""
    declare_torchvision()
    import timm

    def build() -> Any:
        return timm.create_model("vit_tiny_patch16_224", img_size=SIZE, depth=DEPTH, num_classes=10)

    return Pair(build, port, dict(names()), IMAGES, lambda module, images: module(images), apart)
