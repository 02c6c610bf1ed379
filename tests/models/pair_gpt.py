"""A language model: GPT-2 of transformers, whose dense layers are (in, out) and packed, and one of Equinox."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from pairs import Pair, Port

from fanin import Scheme

MISTAKES = ("scale", "gelu", "erf", "mask")
DEPTH, WIDTH, HEADS, WORDS, LENGTH = 2, 48, 4, 60, 16
SENTENCES = np.random.default_rng(0).integers(0, WORDS, (2, LENGTH))


class Block(eqx.Module):
    """Attention to earlier words and a perceptron, each behind a norm."""

    norm1: eqx.nn.LayerNorm
    norm2: eqx.nn.LayerNorm
    query: eqx.nn.Linear
    key: eqx.nn.Linear
    value: eqx.nn.Linear
    out: eqx.nn.Linear
    up: eqx.nn.Linear
    down: eqx.nn.Linear
    mistake: str = eqx.field(static=True)

    def __init__(self, mistake: str, *, key: jax.Array) -> None:
        keys = iter(jax.random.split(key, 6))
        self.norm1, self.norm2 = eqx.nn.LayerNorm(WIDTH), eqx.nn.LayerNorm(WIDTH)
        self.query, self.key, self.value, self.out = (eqx.nn.Linear(WIDTH, WIDTH, key=next(keys)) for _ in range(4))
        self.up = eqx.nn.Linear(WIDTH, 4 * WIDTH, key=next(keys))
        self.down = eqx.nn.Linear(4 * WIDTH, WIDTH, key=next(keys))
        self.mistake = mistake

    def __call__(self, x: jax.Array) -> jax.Array:
        """Return as many words, of (length, width)."""
        hidden = jax.vmap(self.norm1)(x)
        query, key, value = (
            jax.vmap(layer)(hidden).reshape(len(x), HEADS, -1) for layer in (self.query, self.key, self.value)
        )
        logits = jnp.einsum("qhd,khd->hqk", query, key)
        logits = logits if self.mistake == "scale" else logits / (WIDTH // HEADS) ** 0.5
        earlier = jnp.tril(jnp.ones((len(x), len(x)), bool), -1 if self.mistake == "mask" else 0)
        shares = jax.nn.softmax(jnp.where(earlier, logits, -1e9), axis=-1)
        x = x + jax.vmap(self.out)(jnp.einsum("hqk,khd->qhd", shares, value).reshape(len(x), WIDTH))
        hidden = jax.vmap(self.up)(jax.vmap(self.norm2)(x))
        gelu = jax.nn.gelu(hidden, approximate=self.mistake != "erf")
        return x + jax.vmap(self.down)(jax.nn.relu(hidden) if self.mistake == "gelu" else gelu)


class Model(eqx.Module):
    """As GPT-2, whose table of words also gives the logits."""

    words: eqx.nn.Embedding
    places: eqx.nn.Embedding
    blocks: list[Block]
    norm: eqx.nn.LayerNorm

    def __init__(self, mistake: str, *, key: jax.Array) -> None:
        keys = jax.random.split(key, DEPTH + 2)
        self.words = eqx.nn.Embedding(WORDS, WIDTH, key=keys[0])
        self.places = eqx.nn.Embedding(LENGTH, WIDTH, key=keys[1])
        self.blocks = [Block(mistake, key=one) for one in keys[2:]]
        self.norm = eqx.nn.LayerNorm(WIDTH)

    def __call__(self, sentence: jax.Array) -> jax.Array:
        """Return the logits of the words of one sentence."""
        x = jax.vmap(self.words)(sentence) + self.places.weight[: len(sentence)]
        for block in self.blocks:
            x = block(x)
        return jax.vmap(self.norm)(x) @ self.words.weight.T


def names() -> Iterator[tuple[str, str | Sequence[str]]]:
    """Yield Equinox' names with those of transformers."""
    yield "words.weight", "transformer.wte.weight"
    yield "places.weight", "transformer.wpe.weight"
    yield from _both("norm", "transformer.ln_f")
    for k in range(DEPTH):
        theirs = f"transformer.h.{k}"
        yield from _both(f"blocks.{k}.norm1", f"{theirs}.ln_1")
        yield from _both(f"blocks.{k}.norm2", f"{theirs}.ln_2")
        yield from _both(f"blocks.{k}.out", f"{theirs}.attn.c_proj")
        yield from _both(f"blocks.{k}.up", f"{theirs}.mlp.c_fc")
        yield from _both(f"blocks.{k}.down", f"{theirs}.mlp.c_proj")
        for j, name in enumerate(("query", "key", "value")):
            yield f"blocks.{k}.{name}.weight", f"{theirs}.attn.c_attn.weight.{name}"
            yield f"blocks.{k}.{name}.bias", f"{theirs}.attn.c_attn.bias#{j}"


def _both(ours: str, theirs: str) -> Iterator[tuple[str, str]]:
    yield f"{ours}.weight", f"{theirs}.weight"
    yield f"{ours}.bias", f"{theirs}.bias"


def stated(scheme: Scheme) -> Scheme:
    """Return the scheme with the axes of transformers' Conv1D, (in, out), and streams for queries, keys and values."""
    made = {
        name: dataclasses.replace(one, layout="IO") if ".c_" in name and name.endswith("weight") else one
        for name, one in scheme.items()
    }
    return Scheme(made).split({"*.c_attn.*": ("query", "key", "value")})


def port(mistake: str) -> Port:
    """Return the port."""

    def run(model: Any, sentences: np.ndarray) -> Any:
        return eqx.filter_jit(lambda one, words: jax.vmap(one)(words))(model, jnp.asarray(sentences))

    return Port(Model, (mistake,), run)


def gpt() -> Pair:
    """Return both networks."""
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(
        vocab_size=WORDS,
        n_positions=LENGTH,
        n_embd=WIDTH,
        n_layer=DEPTH,
        n_head=HEADS,
        attn_implementation="eager",
        bos_token_id=0,
        eos_token_id=1,
    )

    def build() -> Any:
        return GPT2LMHeadModel(config)

    return Pair(build, port, dict(names()), SENTENCES, lambda module, words: module(words).logits, stated)
