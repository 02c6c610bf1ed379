"""The whole distribution, not a sample: every word of the uniform lattice, every magnitude of the normal one.

The kernels that ship are run, those of NumPy and each path of the compiled ones; the exact quantile is SciPy's `ndtri`
in double precision, whose own error (below 1e-14) is far below what is looked for. Some minutes on two cores.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from rich.progress import track
from scipy.special import ndtri

import fanin
from fanin.plans.rules import Draw
from fanin_kernels import Path, supported_paths
from fanin_numpy import _numpy_kernels
from fanin_numpy._native_kernels import NativeKernels

Points = NDArray[np.int64]
CHUNK = 1 << 22
UPPER_HALF = 1 << 31
"""Words below this are the upper half of the distribution; w and w ^ 1 share a magnitude."""

KERNELS: dict[str, Callable[[NDArray[np.uint32], Draw], Points]] = {
    "numpy": lambda words, draw: _numpy_kernels.points_of(words, draw).astype(np.int64),
}


def compiled(path: Path) -> Callable[[NDArray[np.uint32], Draw], Points]:
    """Return the points of one path of the compiled kernels."""
    return lambda words, draw: NativeKernels(path).points_of(words, draw).astype(np.int64)


KERNELS |= {path: compiled(path) for path in supported_paths()}
NORMAL = Draw("normal", 2.0**-28)
UNIFORM = Draw("uniform", 2.0**-24)


def chunks(what: str, end: int, step: int = CHUNK) -> Iterator[int]:
    """Yield the start of each chunk, with a progress bar."""
    yield from track(range(0, end, step), description=what)


def over_chunks(what: str, work: Callable[[int], Any]) -> list[Any]:
    """Run `work` on the chunks of the upper half, two at a time."""
    with ThreadPoolExecutor(2) as pool:
        return list(track(pool.map(work, range(0, UPPER_HALF, 2 * CHUNK)), what, UPPER_HALF // (2 * CHUNK)))


@pytest.mark.parametrize("kernel", KERNELS)
def test_normal(kernel: str) -> None:
    """All 2^30 magnitudes: error, moments, order, and the mirror image for the other half.

    The segments of the table are fitted one by one, so at 37 of their borders the lattice rises where the quantile
    falls, by at most 7 * 2^-28 standard deviations (2.6e-8): far below what float32 tells apart there.
    """

    def work(start: int) -> tuple[float, float, float, bool, list[int], int, int]:
        words = np.arange(start + 1, start + 2 * CHUNK, 2, dtype=np.uint32)  # one word of each magnitude
        points = KERNELS[kernel](words, NORMAL)
        twins = KERNELS[kernel](words - np.uint32(1), NORMAL)
        mirrored = KERNELS[kernel](~words, NORMAL)
        values = points * 2.0**-28
        exact = -ndtri(words / 2.0**32)  # w - 1 and w stand for tails (w -+ 1/2) / 2^32, their middle for w / 2^32
        squares = values * values
        steps = np.diff(points)
        return (
            float(np.abs(values - exact).max()),
            float(squares.sum()),
            float((squares * squares).sum()),
            bool((points == twins).all() and (points == -mirrored).all()),
            steps[steps > 0].tolist(),
            int(points[0]),
            int(points[-1]),
        )

    results = over_chunks(f"normal, {kernel}", work)
    count = UPPER_HALF / 2
    error = max(result[0] for result in results)
    variance = math.fsum(result[1] for result in results) / count
    kurtosis = math.fsum(result[2] for result in results) / count / variance**2
    print(f"\n{kernel}: error {error:.3g}, variance 1 {variance - 1:+.2g}, kurtosis 3 {kurtosis - 3:+.2g}")
    assert all(result[3] for result in results), "equal for twins, antisymmetric"
    between = [after[5] - before[6] for before, after in itertools.pairwise(results)]
    rises = [step for result in results for step in result[4]] + [step for step in between if step > 0]
    assert (len(rises), max(rises)) == (37, 7)
    assert error < 8.25e-8
    assert abs(variance - (1 - 6.2e-10)) < 1e-11
    assert abs(kurtosis - (3 - 4.9e-8)) < 1e-9
    assert results[0][5] == 1672422726
    assert results[-1][6] == 0


@pytest.mark.parametrize("kernel", KERNELS)
def test_uniform(kernel: str) -> None:
    """All 2^32 words: each odd number below 2^24 in magnitude stands for exactly 2^8 words, in order."""
    steps = np.arange(CHUNK) >> 8
    for start in chunks(f"uniform, {kernel}", 1 << 32):
        words = np.arange(start, start + CHUNK, dtype=np.uint64).astype(np.uint32)
        assert np.array_equal(KERNELS[kernel](words, UNIFORM), (1 << 24) - 1 - 2 * (start // 256 + steps))


@pytest.mark.parametrize(("lower", "upper"), [(-2.0, 2.0), (-1.0, 3.0), (0.5, 0.75)])
def test_truncated(lower: float, upper: float) -> None:
    """All 2^32 words: bounds kept, in order, and the standard deviation that was asked for to 1e-8."""
    rule = fanin.plan((1,), fanin.truncated_normal(mean=0.0, std=1.0, lower=lower, upper=upper)).rule
    assert isinstance(rule, Draw)
    total = squares = 0.0
    last = rule.high
    for start in chunks(f"truncated to [{lower}, {upper}]", 1 << 32):
        words = np.arange(start, start + CHUNK, dtype=np.uint64).astype(np.uint32)
        points = KERNELS[supported_paths()[0]](words, rule)
        assert points[0] - last <= 7
        assert np.diff(points).max() <= 7  # as the normal lattice's
        assert rule.low <= points.min()
        assert points.max() <= rule.high
        last = int(points[-1])
        values = points * 2.0**-28
        total += float(values.sum())
        squares += float((values * values).sum())
    mean = total / 2**32
    std = math.sqrt(squares / 2**32 - mean * mean)
    assert abs(std - 1 / fanin.truncated_normal(mean=0.0, std=1.0, lower=lower, upper=upper).parent_std) < 1e-8
