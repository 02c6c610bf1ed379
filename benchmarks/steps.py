"""Where the compiled kernels' time goes: `python benchmarks/steps.py`, nanoseconds per element on one thread.

Each call writes 1 Mi elements, and the fastest of many counts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from machine import machine

from fanin.plans import Draw
from fanin_kernels import Path, supported_paths
from fanin_numpy._native_kernels import NativeKernels

COUNT, REPEATS = 1 << 20, 60
KEY = 1, 2
UNIFORM, NORMAL = Draw("uniform", 2.0**-24), Draw("normal", 2.0**-28)
TRUNCATED = Draw("truncated_normal", 2.0**-28, 0, 0, 97713444, 4099540409, -2 << 28, 2 << 28)
MEAN = Draw("normal", 2.0**-22, 999_999_937, 5)


def steps(path: Path) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield what is timed, by name."""
    kernels = NativeKernels(path)
    words = np.arange(COUNT, dtype=np.uint32) * np.uint32(2654435769)
    arrays = {name: np.zeros(COUNT, name) for name in ("float32", "float64", "float16", "uint16")}

    def run(draw: Draw, dtype: str = "float32") -> Callable[[], None]:
        return lambda: kernels.fill_run(arrays[dtype], 0, KEY, draw)

    yield "uniform: words, shifts, conversion, product", run(UNIFORM)
    yield "normal: words, look-up, quadratic, conversion, product", run(NORMAL)
    yield "lattice points of given words: uniform", lambda: kernels.points_of(words, UNIFORM)
    yield "lattice points of given words: normal", lambda: kernels.points_of(words, NORMAL)
    yield "truncated normal", run(TRUNCATED)
    yield "normal with a mean", run(MEAN)
    yield "normal, float64", run(NORMAL, "float64")
    yield "normal, float16", run(NORMAL, "float16")
    yield "normal, bfloat16", run(NORMAL, "uint16")
    yield "filling float32 memory with a constant", lambda: arrays["float32"].fill(1.0)


def fastest(call: Callable[[], Any]) -> float:
    """Return nanoseconds per element."""
    best = float("inf")
    for _ in range(REPEATS):
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
    return best / COUNT * 1e9


def main() -> None:
    found: dict[str, list[float]] = {}
    for path in supported_paths():
        for name, call in steps(path):
            found.setdefault(name, []).append(fastest(call))
    print(", ".join(f"{key} {value}" for key, value in machine(("fanin-kernels", "numpy")).items()))
    print(f"| step | {' | '.join(supported_paths())} |")
    print(f"|---|{'---|' * len(supported_paths())}")
    for name, times in found.items():
        print(f"| {name} | {' | '.join(f'{each:.2f}' for each in times)} |")


if __name__ == "__main__":
    main()
