"""What a process pays once: imports, first calls, compilations; and the memory that a draw takes beside its result."""

from __future__ import annotations

import statistics
import subprocess
import sys

__all__ = ["overheads"]

PROGRAMS = {
    "import fanin, ms": "import fanin",
    "first 64 × 64 draw with NumPy, imports included, ms": (
        "import fanin; fanin.init((64, 64), layout='OI', backend='numpy')"
    ),
    "import numpy, ms": "import numpy",
    "first 16 Mi draw with compiled kernels, imports included, ms": (
        "import fanin_numpy as f; f.set_engine('native'); f.init((4096, 4096), layout='OI')"
    ),
    "the same in plain NumPy, ms": (
        "import fanin_numpy as f; f.set_engine('numpy'); f.init((4096, 4096), layout='OI')"
    ),
}

MEMORY = """
def peak():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) / 1024
{prepare}
draw(256)
before = peak()
result = draw({rows})
print(peak() - before - {rows} * 4096 * 4 / 2**20)
"""

PREPARE = {
    "numpy, compiled": """
import fanin_numpy as f
f.set_engine("native")
def draw(rows): return f.init((rows, 4096), "he", layout="OI")""",
    "numpy, plain": """
import fanin_numpy as f
f.set_engine("numpy")
def draw(rows): return f.init((rows, 4096), "he", layout="OI")""",
    "numpy, transposed": """
import fanin_numpy as f
f.set_engine("native")
def draw(rows): return f.init((4096, rows), "he", layout="IO")""",
    "torch": """
import fanin_torch as f, fanin_numpy
fanin_numpy.set_engine("native")
def draw(rows): return f.init((rows, 4096), "he")""",
    "torch, operations of the device path": """
import torch, fanin
from fanin_torch._draw import draw_with_torch
def draw(rows):
    out = torch.zeros(rows, 4096)
    draw_with_torch(fanin.plan((rows, 4096), "he", layout="OI"), out)
    return out""",
    "jax": """
import fanin, jax
def draw(rows): return jax.block_until_ready(fanin.init((rows, 4096), "he", layout="OI", backend="jax"))""",
}

COMPILE = """
import sys, time, warnings
sys.path.insert(0, "benchmarks")
import jax, jax.numpy as jnp, numpy as np
import fanin_jax
from cases import gpt2_small
shapes = gpt2_small()
key = jax.random.key(0)
jax.block_until_ready(jnp.zeros(3) + 1)
{draw}
start = time.perf_counter()
compute()
print(time.perf_counter() - start)
"""

EAGER = """
he, zeros = {initializer}, jax.nn.initializers.zeros
def compute():
    jax.block_until_ready([(he if len(s) > 1 else zeros)(key, s, jnp.float32) for s in shapes.values()])"""

ONE_JIT = """
he, zeros = {initializer}, jax.nn.initializers.zeros
def model(key):
    return [(he if len(s) > 1 else zeros)(key, s, jnp.float32) for s in shapes.values()]
def compute():
    jax.jit(model).lower(key).compile()"""


def _run(program: str) -> str:
    return subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout


def _process_ms(program: str) -> float:
    """Return the median milliseconds of a program beyond an empty interpreter, of 7 runs."""
    timed = "import time; start = time.perf_counter()\n{}\nprint(time.perf_counter() - start)"
    _run(timed.format(program))
    return statistics.median(float(_run(timed.format(program))) for _ in range(7)) * 1e3


def overheads() -> dict[str, str]:
    """Measure everything that is paid once, each in processes of its own."""
    found = {name: f"{_process_ms(program):.1f}" for name, program in PROGRAMS.items()}
    for name, prepare in PREPARE.items():
        megabytes = float(_run(MEMORY.format(prepare=prepare, rows=1 << 14)))
        found[f"peak memory beyond a 256 MiB result, {name}, MiB"] = f"{megabytes:.1f}"
    for name, form in (("tensor by tensor", EAGER), ("in one jit, compiling alone", ONE_JIT)):
        for label, initializer in (
            ("fanin", 'fanin_jax.initializer("he")'),
            ("jax's own", "jax.nn.initializers.he_normal()"),
        ):
            seconds = float(_run(COMPILE.format(draw=form.format(initializer=initializer))))
            found[f"JAX, GPT-2 small's 148 tensors {name}, {label}, s"] = f"{seconds:.2f}"
    return found
