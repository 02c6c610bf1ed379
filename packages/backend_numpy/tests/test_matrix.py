"""Identity, dirac and sparse have the reference's bits; orthogonal matrices are orthogonal, Haar and close to it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import fanin
import fanin_numpy
from fanin import reference
from fanin_numpy import _matrix

BACKEND = fanin_numpy.NumpyBackend()

GEOMETRIES: dict[str, dict[str, Any]] = {
    "tall": {"shape": (9, 5), "layout": "OI"},
    "wide, JAX order": {"shape": (8, 3), "layout": "IO"},
    "one": {"shape": (1, 1), "layout": "OI"},
    "empty": {"shape": (0, 5), "layout": "OI"},
    "conv": {"shape": (6, 5, 2, 3), "layout": "OIHW"},
    "conv, JAX order": {"shape": (3, 4, 4, 6), "layout": "HWIO"},
    "grouped": {"shape": (6, 2, 4), "layout": "OIW", "groups": 3},
    "transposed": {"shape": (6, 4, 2), "layout": "IOW", "groups": 3, "transposed": True},
    "dense groups": {"shape": (6, 2), "layout": "OI", "groups": 2},
    "dense groups, transposed": {"shape": (6, 4), "layout": "IO", "groups": 2, "transposed": True},
    "heads out": {"shape": (4, 2, 3), "layout": "IOO"},
    "heads in": {"shape": (7, 2, 3), "layout": "OII"},
    "heads in groups, transposed": {"shape": (3, 4, 5), "layout": "IIO", "groups": 6, "transposed": True},
    "stack": {"shape": (5, 3, 4), "layout": "OSI", "name": ["a", "b", "c"]},
    "part": {"shape": (9, 5), "layout": "OI", "slices": (slice(2, 7), slice(1, 4))},
    "part of a conv": {
        "shape": (3, 4, 4, 6),
        "layout": "HWIO",
        "slices": (slice(1, 3), None, slice(2, 3), slice(1, 5)),
    },
    "part of a stack": {
        "shape": (5, 3, 4),
        "layout": "OSI",
        "name": ["a", "b", "c"],
        "slices": (slice(1, 4), slice(1, 3), slice(2, 4)),
    },
    "part within a group": {
        "shape": (6, 4, 2),
        "layout": "IOW",
        "groups": 2,
        "transposed": True,
        "slices": (slice(1, 5), slice(1, 4), slice(1, 2)),
    },
}
FAR: dict[str, dict[str, Any]] = {
    "far rows": {"shape": (1 << 34, 3), "layout": "OI", "slices": (slice((1 << 34) - 2, None),)},
    "far": {
        "shape": (1 << 20, 1 << 20),
        "layout": "OI",
        "slices": (slice((1 << 20) - 3, None), slice((1 << 20) - 5, None)),
    },
    "far columns": {"shape": (1 << 32, 9), "layout": "IO", "slices": (slice((1 << 32) - 3, None), slice(2, 8))},
}
EXACT = {"identity": fanin.identity(0.3), "dirac": fanin.dirac(1.1), "sparse": fanin.sparse(0.6, 0.5)}
CLOSE = {"orthogonal": fanin.orthogonal(1.7), "delta_orthogonal": fanin.delta_orthogonal(0.7)}


def draws(names: Any, geometries: dict[str, dict[str, Any]]) -> Iterator[Any]:
    for name, case in itertools.product(names, geometries):
        geometry = geometries[case]
        if name in ("identity", "sparse") and set(geometry["layout"]) & set("DHW"):
            continue
        if (name, case) in {("sparse", "far"), ("sparse", "far rows")}:  # its whole columns are too many
            continue
        if name == "delta_orthogonal" and case in ("wide, JAX order", "heads in groups, transposed"):
            continue
        arguments = {"seed": 2**63 + 5, "name": "блок.重み", "initialization": (EXACT | CLOSE)[name]}
        yield pytest.param(arguments | geometry, id=f"{name} / {case}")


@pytest.mark.parametrize("dtype", sorted(fanin.DTYPES))
@pytest.mark.parametrize("arguments", list(draws(EXACT, GEOMETRIES | FAR)))
def test_bits(arguments: dict[str, Any], dtype: str) -> None:
    plan = fanin.plan(**arguments, dtype=dtype)
    array = fanin.draw(plan, backend=BACKEND)
    assert BACKEND.describe(array) == fanin.Description(plan.shape, dtype)
    assert BACKEND.tobytes(array) == reference.tobytes(plan)


def condition(plan: fanin.Plan) -> float:
    """The largest condition number of the normal matrices behind a plan."""
    matrices = BACKEND.draw(fanin.matrix_draws.normal_matrices(plan))
    return float(np.linalg.cond(matrices).max()) if matrices.size else 1.0


@pytest.mark.parametrize(("dtype", "roundoff"), [("float64", 2.0**-53), ("float32", 2.0**-24)])
@pytest.mark.parametrize("arguments", list(draws(CLOSE, GEOMETRIES)))
def test_orthogonal_is_close(arguments: dict[str, Any], dtype: str, roundoff: float) -> None:
    plan = fanin.plan(**arguments, dtype=dtype)
    array = fanin.draw(plan, backend=BACKEND)
    assert BACKEND.describe(array) == fanin.Description(plan.shape, dtype)
    wanted = np.array(list(reference.values(plan)), np.float64).reshape(plan.shape)
    error = np.abs(array.astype(np.float64) - wanted)
    assert np.all(
        error <= 2.0**-48 * condition(plan) * arguments["initialization"].gain + 2 * roundoff * np.abs(wanted)
    )
    assert not np.any(np.signbit(array[wanted == 0]))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float8_e5m2", "float8_e4m3fn"])
@pytest.mark.parametrize("arguments", list(draws(CLOSE, GEOMETRIES)))
def test_a_narrow_orthogonal_weight_is_the_rounded_float32(arguments: dict[str, Any], dtype: str) -> None:
    narrow, wide = (fanin.draw(fanin.plan(**arguments, dtype=kind), backend=BACKEND) for kind in (dtype, "float32"))
    patterns = [fanin.DTYPES[dtype].encode(fanin.DTYPES[dtype].round(float(weight))) for weight in wide.flat]
    assert narrow.dtype.name == dtype
    assert narrow.reshape(-1).view(f"u{narrow.itemsize}").tolist() == patterns


def test_an_orthogonal_weight_is_rounded_to_float32_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Above a tie of float16 by less than float32 resolves: rounded once it would be 1 + 2^-10."""
    monkeypatch.setattr(_matrix, "_orthogonal", lambda matrices: np.full_like(matrices, 1 + 2.0**-11 + 2.0**-30))
    assert np.all(fanin_numpy.init((2, 2), "orthogonal", layout="OI", dtype="float16") == 1.0)


@pytest.mark.parametrize("arguments", [case for case in draws(CLOSE, GEOMETRIES) if "slices" in case.values[0]])
def test_a_part_of_orthogonal_matrices_is_the_slice_of_the_whole(arguments: dict[str, Any]) -> None:
    part = fanin.init(**arguments, backend=BACKEND)
    whole = fanin.init(**arguments | {"slices": None}, backend=BACKEND)
    assert part.size
    assert np.array_equal(part, whole[tuple(slice(None) if cut is None else cut for cut in arguments["slices"])])


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
    with pytest.raises(fanin.FaninValueError, match="State the layout"):
        fanin_numpy.init_(array, "orthogonal")
    assert np.all(array == 9.0)


def test_parameters_of_a_network() -> None:
    parameters = fanin.init_parameters([4, 6, 3], "orthogonal", backend="numpy", dtype="float64")
    for name, columns in (("layers.0.weight", 4), ("layers.1.weight", 3)):
        w = parameters[name] if name == "layers.0.weight" else parameters[name].T
        np.testing.assert_allclose(w.T @ w, np.eye(columns), atol=1e-15)
