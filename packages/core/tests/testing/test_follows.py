"""Arrays that follow a law pass, and arrays that do not fail by the right statistic."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import fanin
from fanin.exceptions import FaninError, FaninTypeError, FaninValueError
from fanin.testing import assert_follows, samples_needed, smallest_detectable

RNG = np.random.default_rng(7)
SHAPE = (96, 128)
N = SHAPE[0] * SHAPE[1]


def drawn(initializer: Any, shape: tuple[int, ...] = SHAPE, **settings: Any) -> Any:
    return fanin.init(shape, initializer, backend="numpy", name="w", **settings)


FEW_BITS = np.random.default_rng(8).normal(0, 1e-5, 40_000)
RIGHT: dict[str, tuple[Any, Any, str | None]] = {
    "he": (drawn("he", layout="OI"), "he", "OI"),
    "he, in and out swapped in shape and layout": (drawn("he", layout="IO"), "he", "IO"),
    "glorot": (drawn("glorot_uniform", layout="OI"), "glorot_uniform", "OI"),
    "truncated": (drawn(fanin.truncated_normal(std=0.02)), fanin.truncated_normal(std=0.02), None),
    "shifted": (RNG.normal(3, 0.1, 5000), fanin.normal(mean=3, std=0.1), None),
    "numpy's own": (RNG.uniform(-1, 2, 4000).astype(np.float32), fanin.uniform(-1, 2), None),
    "half precision": (RNG.normal(0, 0.5, 40_000).astype(np.float16), fanin.normal(std=0.5), None),
    "half precision, many zeros": (FEW_BITS.astype(np.float16), fanin.normal(std=1e-5), None),
    "one weight": (np.asarray([0.3]), fanin.normal(std=0.5), None),
    "constant": (np.full((3, 2), 0.1, np.float32), fanin.constant(0.1), None),
    "orthogonal": (np.linalg.qr(RNG.normal(size=(40, 24)))[0], "orthogonal", "OI"),
    "sparse": (drawn(fanin.sparse(0.9, std=0.1), layout="OI"), fanin.sparse(0.9, std=0.1), "OI"),
    "delta orthogonal": (drawn("delta_orthogonal", (8, 6, 3, 3), layout="OIHW"), "delta_orthogonal", "OIHW"),
    "identity": (np.eye(4, 3), "identity", "OI"),
}


@pytest.mark.parametrize("case", RIGHT)
def test_right_arrays_pass(case: str) -> None:
    array, initializer, layout = RIGHT[case]
    assert_follows(array, initializer, layout)


def normal(std: float, n: int = N) -> Any:
    return RNG.normal(0, std, n)


HE = math.sqrt(2 / SHAPE[1])
WRONG: dict[str, tuple[Any, Any, str | None, str]] = {
    "gain forgotten": (normal(HE / math.sqrt(2)).reshape(SHAPE), "he", "OI", "0.70.* looks like a forgotten gain"),
    "fans swapped": (normal(math.sqrt(2 / 96)).reshape(SHAPE), "he", "OI", r"1\.1[3-7] times 0.125"),
    "uncorrected": (normal(0.8796), fanin.normal(std=1), None, "a truncation that is not corrected"),
    "shift": (
        normal(1) + 0.2,
        fanin.normal(std=1),
        None,
        r"their mean is 0\.\d+, 0\.(17|18|19|2)\d* standard deviations from 0",
    ),
    "shape": (
        RNG.uniform(-math.sqrt(3), math.sqrt(3), N),
        fanin.normal(std=1),
        None,
        "distribution function is off by",
    ),
    "bounds": (normal(0.02), fanin.truncated_normal(std=0.02), None, r"lie outside of \[-0.0454"),
    "rounded": (
        np.linspace(-0.09, 0.09, N).astype(np.float16).astype(np.float32),
        fanin.uniform(-0.09, 0.09),
        None,
        "from -0.0900269 to 0.0900269, which looks like weights that were rounded to float16",
    ),
    "huge": (np.asarray([1e300, 1e308, -1e308]), fanin.normal(), None, "their standard deviation is inf times"),
    "NaN": (np.asarray([0.1, np.nan]), fanin.normal(), None, "1 of them are NaN or infinite"),
    "constant": (np.asarray([0.1, 0.2]), fanin.constant(0.1), None, "1 are not 0.1, from 0.1 to 0.2"),
    "zeros": (np.zeros(100), fanin.normal(std=0.02), None, "standard deviation is 0 times"),
    "scaled": (
        2 * np.linalg.qr(RNG.normal(size=(24, 24)))[0],
        "orthogonal",
        "OI",
        "not 1 times orthonormal rows: off by 3",
    ),
    "dense": (normal(0.1).reshape(SHAPE), fanin.sparse(0.9, std=0.1), "OI", "a column has 0 zeros, and 87 are"),
    "taps": (RNG.normal(size=(8, 6, 3, 3)), "delta_orthogonal", "OIHW", "taps beside the centre"),
    "diagonal": (np.eye(4, 3) * 2, "identity", "OI", "3 are others"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_arrays_fail_by_what_is_wrong(case: str) -> None:
    array, initializer, layout, message = WRONG[case]
    with pytest.raises(AssertionError, match=f"{array.size} weights do not follow .*{message}"):
        assert_follows(array, initializer, layout)


@pytest.mark.parametrize("law", [fanin.normal(std=0.3), fanin.uniform(-1, 1), fanin.truncated_normal(std=2)], ids=str)
@pytest.mark.parametrize("size", [30, 1000])
def test_the_rate_of_false_failures_is_kept(law: Any, size: int) -> None:
    """2,000 right arrays at a rate of 2 %, which 40 may exceed by chance: 70 with probability 1e-5."""
    failures = 0
    for seed in range(2000):
        weights = fanin.init((size,), law, backend="numpy", seed=seed, name="w")
        try:
            assert_follows(weights, law, false_fail_rate=0.02)
        except AssertionError:
            failures += 1
    assert failures < 70


@pytest.mark.parametrize("law", [fanin.normal(), fanin.uniform(-1, 1), fanin.truncated_normal()], ids=str)
def test_what_is_called_detected_is_detected(law: Any) -> None:
    """Each error of the stated size in 100 arrays: 99 of 100 are found on average, and fewer than 92 by 1e-5."""
    size = 2000
    found = smallest_detectable(size, law)
    scale = fanin.testing.power.law_of(law, None).std
    for factor, shift in ((found.std_below, 0.0), (found.std_above, 0.0), (1.0, found.mean * scale)):
        caught = 0
        for seed in range(100):
            weights = fanin.init((size,), law, backend="numpy", dtype="float64", seed=seed, name="w")
            try:
                assert_follows(weights * factor + shift, law)
            except AssertionError:
                caught += 1
        assert caught >= 92, (factor, shift)


def test_sizes_and_errors_are_inverse() -> None:
    for law in ("normal", fanin.uniform(-1, 1), fanin.truncated_normal()):
        for ratio in (0.7, 0.99, 1.05, 1.5):
            size = samples_needed(law, std_ratio=ratio)
            for count, finds in ((size, True), (size - 1, False)):
                found = smallest_detectable(count, law)
                assert (ratio <= found.std_below or ratio >= found.std_above) is finds, (law, ratio)
    assert (
        smallest_detectable(samples_needed(mean=0.05)).mean
        <= 0.05
        < smallest_detectable(samples_needed(mean=0.05) - 1).mean
    )


def test_a_small_sample_finds_nothing() -> None:
    found = smallest_detectable(3, fanin.uniform(-1, 1))
    assert found.std_below == 0
    assert found.std_above > 3


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: assert_follows(np.arange(3), "zeros"), FaninTypeError, "Received: ndarray of dtype int64"),
        (lambda: assert_follows(["a"], "zeros"), FaninTypeError, "Received: list of dtype"),
        (lambda: assert_follows([[1.0], [1.0, 2.0]], "zeros"), FaninTypeError, "Received: list, and .*inhomogeneous"),
        (lambda: assert_follows(np.zeros((0, 3)), "zeros"), FaninValueError, "without elements"),
        (lambda: assert_follows(np.zeros((2, 3)), "he"), FaninValueError, "layout"),
        (lambda: assert_follows(np.zeros(3), "hee"), FaninValueError, "Did you mean 'he'"),
        (lambda: assert_follows(np.zeros(3), "normal", false_fail_rate=2), FaninValueError, "below 1"),
        (lambda: assert_follows(np.zeros(3), "normal", false_fail_rate=0), FaninValueError, "above 0, such as 1e-9"),
        (lambda: smallest_detectable(0), FaninValueError, "size"),
        (lambda: smallest_detectable(10, "zeros"), FaninValueError, "no standard deviation"),
        (samples_needed, FaninValueError, "either std_ratio or mean"),
        (lambda: samples_needed(std_ratio=1), FaninValueError, "a ratio of 1 is no error"),
        (lambda: samples_needed(std_ratio=1 + 1e-15), FaninValueError, "more than 2"),
    ],
)
def test_refused(call: Any, error: type[FaninError], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
