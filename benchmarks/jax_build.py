"""`fanin_jax.build` beside `jax.jit(model.init)`: what tracing, compiling and running take, and temporary memory.

    python benchmarks/jax_build.py

Each is measured in a process of its own. Prints a Markdown table.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from fanin_jax import record
from fanin_jax._apply_scheme import Application

MIB = 2**20
MODELS = {"GPT-2 small": (12, 768, 50257, 1024), "83 narrow layers": (83, 64, 512, 128)}
"""Layers, width, words and positions."""


class Block(nn.Module):
    """A layer with GPT-2's shapes and laws, whose products are in place of attention."""

    depth: int

    @nn.compact
    def __call__(self, x: Any) -> Any:
        """Return the layer's output."""
        width, init = x.shape[-1], nn.initializers.normal(0.02)
        last = nn.initializers.normal(0.02 / (2 * self.depth) ** 0.5)
        mixed = nn.Dense(3 * width, kernel_init=init)(nn.LayerNorm()(x))
        x = x + nn.Dense(width, kernel_init=last)(mixed[..., :width])
        wide = nn.gelu(nn.Dense(4 * width, kernel_init=init)(nn.LayerNorm()(x)))
        return x + nn.Dense(width, kernel_init=last)(wide)


class Model(nn.Module):
    """A language model with GPT-2's arrays."""

    depth: int
    width: int
    words: int
    positions: int

    @nn.compact
    def __call__(self, ids: Any) -> Any:
        """Return the scores of the next words."""
        words = nn.Embed(self.words, self.width, embedding_init=nn.initializers.normal(0.02))
        places = self.param("places", nn.initializers.normal(0.01), (self.positions, self.width))
        x = words(ids) + places[: ids.shape[1]]
        for _ in range(self.depth):
            x = Block(self.depth)(x)
        return words.attend(nn.LayerNorm()(x))


def measured(lower: Any, *arguments: Any) -> dict[str, float]:
    """Return the seconds that each step takes, and the temporary memory, of a function that lowers another one."""
    start = time.perf_counter()
    lowered = lower()
    traced = time.perf_counter()
    compiled = lowered.compile()
    ready = time.perf_counter()
    runs = []
    for _ in range(3):
        before = time.perf_counter()
        made = jax.block_until_ready(compiled(*arguments))  # type: ignore[no-untyped-call]
        runs.append(time.perf_counter() - before)
    memory = compiled.memory_analysis()
    return {
        "arrays": len(jax.tree.leaves(made)),
        "MiB": memory.output_size_in_bytes / MIB,
        "trace": traced - start,
        "compile": ready - traced,
        "run": min(runs),
        "temporary": memory.temp_size_in_bytes / MIB,
    }


def measure(name: str, who: str) -> dict[str, float]:
    """Measure one way to initialise one model."""
    model, ids = Model(*MODELS[name]), jnp.zeros((1, 8), jnp.int32)
    key = jax.random.key(0)
    if who == "jax.jit(init)":
        return measured(lambda: jax.jit(model.init).lower(key, ids), key, ids)
    start = time.perf_counter()
    recorded = record(model.init, ids)
    application = Application(recorded, recorded, 0, None)
    recording = time.perf_counter() - start
    found = measured(lambda: application.function.lower(application.arguments), application.arguments)
    return {**found, "trace": found["trace"] + recording}


def main() -> None:
    """Measure everything, and print the table."""
    print("| model | | arrays | MiB | trace, s | compile, s | run, s | temporary, MiB |")
    print("|---|---|---|---|---|---|---|---|")
    for name in MODELS:
        for who in ("jax.jit(init)", "fanin_jax.build"):
            command = [sys.executable, __file__, name, who]
            finished = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE)
            one: dict[str, float] = json.loads(finished.stdout.splitlines()[-1])
            times = " | ".join(f"{one[key]:.1f}" for key in ("trace", "compile"))
            print(
                f"| {name} | `{who}` | {one['arrays']:.0f} | {one['MiB']:.0f} | {times} | {one['run']:.2f} | "
                f"{one['temporary']:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measure(*sys.argv[1:])))
    else:
        main()
