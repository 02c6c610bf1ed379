"""Rows of zeros where nobody has said what is right: at the top as at the bottom."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pytest

import fanin
from fanin.auditing import Audit


def drawn(shape: tuple[int, ...], dtype: str = "float32") -> Any:
    return np.random.default_rng(3).normal(0, 0.02, shape).astype(dtype)


LINEAR, CONV, LARGE = (96, 64), (64, 16, 3, 3), (1024, 512)

CASES: Final[dict[str, tuple[tuple[int, ...], slice, str]]] = {
    "the first row": (LINEAR, slice(0, 1), "has a row of zeros, number 0"),
    "the last row": (LINEAR, slice(95, 96), "has a row of zeros, number 95"),
    "the upper half": (LINEAR, slice(0, 48), "has 48 rows of zeros, 0 to 47"),
    "the lower half": (LINEAR, slice(48, 96), "has 48 rows of zeros, 48 to 95"),
    "most, at the top": (LINEAR, slice(0, 70), "has 70 rows of zeros, 0 to 69"),
    "most, at the bottom": (LINEAR, slice(26, 96), "has 70 rows of zeros, 26 to 95"),
    "all but the last row": (LINEAR, slice(0, 95), "has 95 rows of zeros, 0 to 94"),
    "all but the first row": (LINEAR, slice(1, 96), "has 95 rows of zeros, 1 to 95"),
    "half of the channels": (CONV, slice(0, 32), "has 32 rows of zeros, 0 to 31"),
    "the upper half of several pieces": (LARGE, slice(0, 512), "has 512 rows of zeros, 0 to 511"),
    "all but the last row of several pieces": (LARGE, slice(0, 1023), "has 1,023 rows of zeros, 0 to 1022"),
    "all but the first row of several pieces": (LARGE, slice(1, 1024), "has 1,023 rows of zeros, 1 to 1023"),
}


@pytest.mark.parametrize("zero", [0.0, -0.0])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("case", CASES)
def test_rows_of_zeros_are_found_wherever_they_are(case: str, dtype: str, zero: float) -> None:
    shape, place, text = CASES[case]
    weights = drawn(shape, dtype)
    weights[place] = zero
    report = fanin.audit({"fc.weight": weights})
    (found,) = report.findings
    assert (found.kind, found.severity) == ("dead rows", "warning")
    assert text in str(found)
    assert "in order" not in report.entries[0].verdict


def findings(name: str, array: Any) -> Audit:
    return fanin.audit({name: array.astype(np.float32)})


@pytest.mark.parametrize("row", [0, 5, 95])
def test_a_padding_row_is_a_note(row: int) -> None:
    weights = drawn(LINEAR)
    weights[row] = 0
    (found,) = findings("embed.weight", weights).findings
    assert (found.kind, found.severity) == ("dead rows", "note")
    assert "padding, perhaps" in str(found)


def sines(rows: int, columns: int) -> Any:
    angles = np.arange(rows)[:, None] / 10000 ** (np.arange(0, columns, 2) / columns)
    return np.concatenate([np.sin(angles), np.cos(angles)], 1)


def dirac(rows: int) -> Any:
    found = np.zeros((rows, 16, 3, 3))
    for k in range(rows - 16, rows):
        found[k, k - rows + 16, 1, 1] = 1
    return found


def sines_of_two_axes(size: int, columns: int) -> Any:
    """As of the places of an image's patches: the first row is zeros, and half of the next ones."""
    angles = np.arange(size)[:, None] / 100 ** (np.arange(columns) / columns)
    rows, across = np.repeat(angles, size, 0), np.tile(angles, (size, 1))
    return np.sin(np.concatenate([rows, across], 1))


TABLES: Final = {
    "sines alone, twice": np.tile(np.sin(np.outer(np.arange(200), 1e4 ** (-np.arange(16) / 16))), 2),
    "sines of two axes": sines_of_two_axes(14, 16),
    "causal": np.tril(np.ones((64, 64))),
    "causal, without the diagonal": np.tril(np.ones((64, 64)), -1),
    "not causal": np.triu(np.ones((64, 64)), 1),
    "identity, below zeros": np.eye(64, 64, -40),
    "dirac, below zeros": dirac(48),
    "positions": np.maximum(np.arange(64)[:, None] - np.arange(64), 0),
    "a ramp below zeros": np.where(np.arange(64)[:, None] < 63, 0, np.arange(64) / 64),
    "sines": sines(100, 256),
    "sines, and padding": np.concatenate([np.zeros((1, 256)), sines(99, 256)[1:]]),
    "frequencies": np.outer(np.arange(64), 1 / 10000 ** (np.arange(0, 64, 2) / 64)),
}


@pytest.mark.parametrize("name", TABLES)
def test_tables_that_begin_with_zeros_are_no_faults(name: str) -> None:
    assert [one for one in findings("cache", TABLES[name]).findings if one.severity != "note"] == []
