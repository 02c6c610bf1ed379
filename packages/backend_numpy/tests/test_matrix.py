"""What the conformance suite leaves open of whole matrices: rounding, memory orders, chunks, and their laws."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import fanin
import fanin_numpy
from fanin import reference
from fanin.conformance.case import Case
from fanin.conformance.exact.cases.matrices import ORTHOGONAL
from fanin.dtypes import DTYPES
from fanin.exceptions import FaninValueError
from fanin_numpy import _matrix

BACKEND = fanin_numpy.NumpyBackend()

EXACT = {"identity": fanin.identity(0.3), "dirac": fanin.dirac(1.1), "sparse": fanin.sparse(0.6, 0.5)}
CLOSE = {"orthogonal": fanin.orthogonal(1.7), "delta_orthogonal": fanin.delta_orthogonal(0.7)}


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float8_e5m2", "float8_e4m3fn"])
@pytest.mark.parametrize("case", ORTHOGONAL, ids=str)
def test_a_narrow_orthogonal_weight_is_the_rounded_float32(case: Case, dtype: str) -> None:
    narrow, wide = (BACKEND.draw(replace(case, dtype=kind).plan()) for kind in (dtype, "float32"))
    patterns = [DTYPES[dtype].encode(DTYPES[dtype].round(float(weight))) for weight in wide.flat]
    assert narrow.dtype.name == dtype
    assert narrow.reshape(-1).view(f"u{narrow.itemsize}").tolist() == patterns


def test_an_orthogonal_weight_is_rounded_to_float32_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Above a tie of float16 by less than float32 resolves: rounded once it would be 1 + 2^-10."""
    monkeypatch.setattr(_matrix, "_orthogonal", lambda matrices: np.full_like(matrices, 1 + 2.0**-11 + 2.0**-30))
    assert np.all(fanin_numpy.init((2, 2), "orthogonal", layout="OI", dtype="float16") == 1.0)


@pytest.mark.parametrize("case", [case for case in ORTHOGONAL if case.slices], ids=str)
def test_a_part_of_orthogonal_matrices_is_the_slice_of_the_whole(case: Case) -> None:
    part, whole = BACKEND.draw(case.plan()), BACKEND.draw(replace(case, slices=None).plan())
    assert part.size
    assert np.array_equal(part, whole[tuple(slice(*cut) for cut in case.slices or ())])


@pytest.mark.parametrize(
    ("shape", "layout", "rows"),
    [((300, 200), "OI", 300), ((300, 200), "IO", 200), ((3, 3, 30, 64), "HWIO", 64), ((100, 100), "OI", 100)],
)
def test_orthogonal_law(shape: tuple[int, ...], layout: str, rows: int) -> None:
    """Orthonormal, and triangular against its normal matrix with a positive diagonal: that determines it."""
    arguments: dict[str, Any] = {"layout": layout, "seed": 4, "name": "w", "dtype": "float64"}
    order = [layout.index(letter) for letter in "OIHW" if letter in layout]

    def matrix(initialization: str | fanin.Initializer) -> NDArray[np.float64]:
        found = fanin_numpy.init(shape, initialization, **arguments).transpose(order).reshape(rows, -1)
        return found if rows >= found.shape[1] else found.T

    q, a = matrix(fanin.orthogonal(2.0)) / 2.0, matrix(fanin.normal(std=1.0))
    np.testing.assert_allclose(q.T @ q, np.eye(q.shape[1]), rtol=0, atol=1e-14)
    triangular = q.T @ a
    np.testing.assert_allclose(np.tril(triangular, -1), 0, atol=1e-12)
    assert np.all(np.diag(triangular) > 0)


def test_orthogonal_matrices_are_uniformly_distributed() -> None:
    """4096 matrices in O(3): moments of the Haar measure, each within 6 standard errors of the mean.

    E tr Q = 0 and E det Q = 0 with variance 1, so a mean beyond 0.094 is an error (LAPACK's own signs give -0.5 and 1);
    E Q_ij = 0 with variance 1/3, beyond 0.054; E Q_ij^2 = 1/3 with variance 4/45, beyond 0.028.
    """
    n = 4096
    q = fanin_numpy.init((n, 3, 3), "orthogonal", layout="SOI", name=[f"m{k}" for k in range(n)], dtype="float64")
    assert abs(np.trace(q, axis1=1, axis2=2).mean()) < 6 / math.sqrt(n)
    assert abs(np.linalg.det(q).mean()) < 6 / math.sqrt(n)
    assert np.all(np.abs(q.mean(axis=0)) < 6 * math.sqrt(1 / 3 / n))
    assert np.all(np.abs((q**2).mean(axis=0) - 1 / 3) < 6 * math.sqrt(4 / 45 / n))


@pytest.mark.parametrize(("rows", "sparsity", "zeros"), [(300, 0.9, 270), (7, 0.5, 4), (7, 1.0, 7), (7, 0.0, 0)])
def test_every_column_has_the_same_number_of_zeros(rows: int, sparsity: float, zeros: int) -> None:
    weights = fanin_numpy.init((rows, 211), fanin.sparse(sparsity), layout="OI", name="w")
    dense = fanin_numpy.init((rows, 211), fanin.normal(std=0.01), layout="OI", name="w")
    assert set((weights == 0).sum(axis=0).tolist()) == {zeros}
    assert np.array_equal(weights, np.where(weights == 0, 0, dense))


def test_zeros_fall_on_every_row_alike() -> None:
    """3 zeros in each of 8192 columns of 10: a row has 2457.6 with a standard deviation of 41.5; 6 of them are 10 %.

    Two rows are both zero in 546.1 columns, standard deviation 22.6.
    """
    zero = (fanin_numpy.init((10, 8192), fanin.sparse(0.3), layout="OI", name="w") == 0).astype(np.int64)
    together = zero @ zero.T
    assert np.all(np.abs(np.diag(together) - 8192 * 0.3) < 6 * math.sqrt(8192 * 0.3 * 0.7))
    pairs = together[~np.eye(10, dtype=bool)]
    assert np.all(np.abs(pairs - 8192 / 15) < 6 * math.sqrt(8192 * 14 / 225))


def test_of_equal_words_the_first_are_smallest() -> None:
    words = np.array([[5, 0, 5, 5, 9], [7, 7, 7, 7, 7], [0xFFFFFFFF, 0xFFFFFFFF, 0, 0xFFFFFFFF, 0x80000000]], np.uint32)
    found = [np.flatnonzero(row).tolist() for row in _matrix._smallest(words, 3)]
    assert found == [[0, 1, 2], [0, 1, 2], [0, 2, 4]]


@pytest.mark.parametrize("chunk", [1, 20, 1000])
def test_chunks_do_not_change_the_bits(monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    arguments: dict[str, Any] = {"layout": "IIO", "name": "w", "slices": (slice(1, 4), slice(0, 3), slice(2, 9))}
    plan = fanin.plan((5, 3, 10), fanin.sparse(0.5), **arguments)
    monkeypatch.setattr(_matrix, "_CHUNK", chunk)
    assert BACKEND.tobytes(BACKEND.draw(plan)) == reference.tobytes(plan)


@pytest.mark.parametrize("name", EXACT | CLOSE)
@pytest.mark.parametrize("order", list(itertools.permutations(range(2))))
@pytest.mark.parametrize("step", [1, -2])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_in_place(name: str, order: tuple[int, ...], step: int, dtype: str) -> None:
    new = fanin_numpy.init((7, 5), (EXACT | CLOSE)[name], layout="OI", name="w", dtype=dtype)
    stored = np.full([(7, 5)[k] * abs(step) for k in order], 9, new.dtype)[(slice(None, None, step),) * 2]
    view = stored.transpose(np.argsort(order))
    assert fanin_numpy.init_(view, (EXACT | CLOSE)[name], layout="OI", name="w") is view
    assert np.array_equal(view, new)


def test_a_tensor_without_a_layout_stays_as_it_is() -> None:
    array = np.full((3, 2), 9.0)
    with pytest.raises(FaninValueError, match="State the layout"):
        fanin_numpy.init_(array, "orthogonal", name="w")
    assert np.all(array == 9.0)


def test_parameters_of_a_network() -> None:
    parameters = fanin.init_parameters([4, 6, 3], "orthogonal", backend="numpy", dtype="float64")
    for name, columns in (("layers.0.weight", 4), ("layers.1.weight", 3)):
        w = parameters[name] if name == "layers.0.weight" else parameters[name].T
        np.testing.assert_allclose(w.T @ w, np.eye(columns), atol=1e-15)
