"""The compiled pass: it finds what NumPy's finds, whatever the dtype, the shape and the pieces."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import pytest

import fanin
from fanin.auditing import reading
from fanin.auditing.compiled import scan
from fanin.auditing.hashing import Hashes, words_of
from fanin.auditing.reading import Scan, read
from fanin.weights import Tensor, open_weights
from fanin.weights.tensor import index_of, whole_of

from .faults import FAULTS
from .models import MODELS, SCHEMES, Arrays, drawn

DTYPES = ("float32", "float16", "bfloat16")


def audits(weights: Arrays, scheme: fanin.Scheme | None, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The reports of NumPy's pass and of the compiled one."""
    reports = []
    for least in (1 << 62, 0):
        monkeypatch.setattr("fanin.auditing.reading_ahead._LARGE", least)
        reports.append(fanin.audit(weights, scheme))
    return reports


@pytest.mark.parametrize("piece", [1 << 18, 30])
@pytest.mark.parametrize("case", FAULTS)
def test_faults(case: str, piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    fault = FAULTS[case]
    rng = np.random.default_rng(20)
    weights = drawn(SCHEMES[fault.model], rng)
    fault.plant(weights, rng)
    monkeypatch.setattr("fanin.auditing.reading.PIECE", piece)
    for scheme in (SCHEMES[fault.model], None):
        one, other = audits(weights, scheme, monkeypatch)
        assert str(other) == str(one)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(300, 200), (40, 3, 5, 5), (7, 4000), (5000,), (1, 1), ()])
@pytest.mark.parametrize("planted", ["nothing", "NaN", "zeros", "huge", "subnormal", "equal", "constant"])
def test_dtypes_and_shapes(dtype: str, shape: tuple[int, ...], planted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    types = pytest.importorskip("ml_dtypes")
    array = np.random.default_rng(3).normal(0.01, 0.02, shape).astype(np.float32)
    flat = array.reshape(-1)
    if planted == "equal" and array.ndim > 1:
        array[-1] = array[0]
    elif planted == "constant":
        array[...] = 0.5
    elif planted != "nothing":
        value = {"NaN": np.nan, "zeros": 0.0, "huge": 1e12, "subnormal": 1e-40}.get(planted, 1.0)
        flat[flat.size // 3 : flat.size // 3 + 80] = value
    with np.errstate(over="ignore"):
        stored = array.astype(getattr(types, dtype, dtype))
    monkeypatch.setattr("fanin.auditing.reading.PIECE", 700)
    one, other = audits({"w": stored, "v.weight": array.copy()}, None, monkeypatch)
    assert str(other) == str(one)


COUNTS: Final = ["count", "nan", "infinite", "subnormal", "tiny", "huge", "zeros", "narrow", "outside"]
HASHES: Final = ["rows", "columns", "row_used", "column_used"]

NUMBERS: Final = {
    "ordinary": [0.25, -1.5, 3.0, 0.1],
    "NaN and zeros": [np.nan, 0.0, -0.0, 0.0],
    "infinite and zeros": [np.inf, 0.0, 0.0, -np.inf],
    "NaN alone": [np.nan],
    "zeros of both signs": [0.0, -0.0],
    "around the smallest normal number": [2.0**-126, 2.0**-127, -(2.0**-149), 0.5],
    "around 1e-30": [1.0000000031710769e-30, 9.99999936531045e-31, -1e-31, 0.5],
    "around 1e10": [1e10, 10000001024.0, -1e10, 1.0],
    "the ends of float16": [65504.0, 2.0**-24, 2.0**-14, 33.0],
}

LAYOUTS: Final[dict[str, Callable[[Any], Any]]] = {
    "in order": lambda array: array,
    "in the order of columns": np.asfortranarray,
    "every second row": lambda array: np.repeat(array, 2, 0)[::2],
    "reversed": lambda array: array[::-1].copy()[::-1],
}


def kept(tensor: Tensor, chosen: Scan | None) -> dict[str, Any]:
    """What is kept of a tensor: counts and bits as they are, sums apart."""
    found = read(tensor, tensor.name, None, None, lambda name, count: None, chosen)
    summary, hashes = found.units[0].summary, found.hashes
    values = {name: getattr(summary, name) for name in COUNTS}
    arrays = {name: getattr(hashes, name).tolist() for name in HASHES}
    ends = {"low": str(summary.low), "high": str(summary.high), "sample": str(summary.raw_sample.tolist())}
    rows = None if found.constant_rows is None else found.constant_rows.tolist()
    return values | arrays | ends | {"first": str(found.first.tolist()), "rows": rows, "run": found.zero_run}


def sums(tensor: Tensor, chosen: Scan | None) -> list[float]:
    summary = read(tensor, tensor.name, None, None, lambda name, count: None, chosen).units[0].summary
    return [summary.mean, summary.rms]


@pytest.mark.parametrize("piece", [1, 7, 100, 1 << 18])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("numbers", NUMBERS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_what_is_kept_is_the_same(
    dtype: str, numbers: str, layout: str, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of rows that hold such numbers alone, among ordinary ones, and mixed with them; rows end within a piece."""
    types = pytest.importorskip("ml_dtypes")
    rng = np.random.default_rng(3)
    array = rng.normal(0.01, 0.02, (9, 13)).astype(np.float32)
    array[2] = rng.choice(NUMBERS[numbers], 13)
    array[5] = NUMBERS[numbers][0]
    array[7, 3:5] = rng.choice(NUMBERS[numbers], 2)
    with np.errstate(over="ignore"):
        stored = LAYOUTS[layout](array.astype(getattr(types, dtype, dtype)))
    monkeypatch.setattr(reading, "PIECE", piece)
    tensor = open_weights({"w": stored})["w"]
    assert kept(tensor, scan) == kept(tensor, None)
    assert sums(tensor, scan) == pytest.approx(sums(tensor, None), rel=1e-12, nan_ok=True)


def test_the_kernel_reads_memory_that_is_not_aligned() -> None:
    """Of a file, in which a tensor may begin at any byte."""
    memory = np.zeros(4 * 6 + 1, np.uint8)
    shifted = memory[1:].view(np.float32).reshape(2, 3)
    shifted[...] = np.arange(6).reshape(2, 3)
    tensor = Tensor("w", (2, 3), "float32", lambda region: shifted[index_of(region)], (whole_of((2, 3)),))
    assert not shifted.flags.aligned
    assert kept(tensor, scan) == kept(tensor, None)


@pytest.mark.parametrize("dtype", ["float32", "uint16"])
def test_hashes_are_the_same(dtype: str) -> None:
    """Of float32, and of the bits of bfloat16; zeros, a column and a row of them, and NaN among zeros included."""
    array = np.random.default_rng(3).normal(size=(90, 70)).astype(np.float32)
    array[:, 4] = array[11] = 0
    array[3, 5], array[11, 4] = 0, -0.0
    array[20] = array[:, 30] = 0
    array[20, 7] = array[40, 30] = np.nan  # which is neither the lowest nor the highest of its row
    bits = array if dtype == "float32" else (array.view(np.uint32) >> 16).astype(np.uint16)
    plain, compiled = Hashes(90, 70), Hashes(90, 70)
    plain.add(words_of(bits), 8 * bits.itemsize, 0, 0)
    rectangle = [(slice(0, bits.size), slice(0, 90), slice(0, 70))]
    scan(bits.reshape(-1), "float32" if dtype == "float32" else "bfloat16", 0.0, compiled, rectangle)
    for name in ("rows", "columns", "row_used", "column_used"):
        assert (getattr(plain, name) == getattr(compiled, name)).all(), name
    assert plain.digest == compiled.digest
    assert list(np.flatnonzero(~compiled.row_used)) == [11]
    assert list(np.flatnonzero(~compiled.column_used)) == [4]


def test_kernels_that_cannot_be_loaded_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fanin.auditing.reading_ahead._LARGE", 0)
    monkeypatch.setitem(sys.modules, "fanin.auditing.compiled", None)
    scheme = MODELS["mlp"]
    assert fanin.audit(drawn(scheme, np.random.default_rng(3)), scheme).findings == ()


@pytest.mark.parametrize("bits", [13, 16])
def test_weights_that_were_rounded(bits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """To bfloat16, which is said, and to float16, which has other bits."""
    words = np.random.default_rng(3).normal(0, 0.02, (300, 200)).astype(np.float32).view(np.uint32)
    stored = (words & np.uint32((0xFFFFFFFF << bits) & 0xFFFFFFFF)).view(np.float32)
    one, other = audits({"w": stored}, None, monkeypatch)
    assert [finding.kind for finding in other.findings] == ["rounded"] * (bits == 16)
    assert str(other) == str(one)


def test_values_beyond_the_ends_of_a_law(monkeypatch: pytest.MonkeyPatch) -> None:
    scheme = fanin.Scheme({"w": fanin.Parameter((300, 200), "float32", fanin.uniform(-0.1, 0.1))})
    weights = scheme.draw(seed=3)
    weights["w"][200, 7] = 0.2
    one, other = audits(weights, scheme, monkeypatch)
    assert [finding.kind for finding in other.findings] == ["outlier"]
    assert str(other) == str(one)
