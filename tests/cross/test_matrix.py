"""Whole matrices: the same bits from every backend where they are exact, the stated tolerance where they are close."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import fanin
from fanin.dtypes import DTYPES
from fanin.plans import Plan
from fanin.plans.matrix_work import normal_matrices
from fanin.plans.rules import Haar

BACKENDS = ("numpy", "torch", "jax")

EXACT: dict[str, dict[str, Any]] = {
    "identity": {"initialization": fanin.identity(0.3), "shape": (257, 513), "layout": "OI"},
    "identity, shard": {
        "initialization": "identity",
        "shape": (1 << 20, 1 << 20),
        "layout": "OI",
        "slices": (slice(700_000, 700_300), slice(699_900, 700_100)),
    },
    "dirac": {"initialization": fanin.dirac(1.1), "shape": (4, 3, 66, 130), "layout": "HWIO", "groups": 2},
    "dirac, transposed": {
        "initialization": "dirac",
        "shape": (48, 20, 4),
        "layout": "IOW",
        "groups": 3,
        "transposed": True,
    },
    "sparse": {"initialization": fanin.sparse(0.9, 0.1), "shape": (1031, 521), "layout": "OI"},
    "sparse, JAX order": {"initialization": fanin.sparse(0.9, 0.1), "shape": (521, 1031), "layout": "IO"},
    "sparse, tall": {"initialization": fanin.sparse(0.5), "shape": (700_001, 3), "layout": "OI"},
    "sparse, stack": {
        "initialization": fanin.sparse(0.3),
        "shape": (65, 3, 33),
        "layout": "OSI",
        "name": ["a", "b", "c"],
    },
    "sparse, shard": {
        "initialization": fanin.sparse(0.3),
        "shape": (1031, 521),
        "layout": "OI",
        "slices": (slice(100, 200), slice(300, 521)),
    },
}
CLOSE: dict[str, dict[str, Any]] = {
    "square": {"initialization": "orthogonal", "shape": (200, 200), "layout": "OI"},
    "tall": {"initialization": fanin.orthogonal(2.0**0.5), "shape": (512, 128), "layout": "OI"},
    "conv, JAX order": {"initialization": "orthogonal", "shape": (3, 3, 32, 64), "layout": "HWIO"},
    "depthwise": {"initialization": "orthogonal", "shape": (96, 1, 3, 3), "layout": "OIHW", "groups": 96},
    "delta": {"initialization": fanin.delta_orthogonal(0.5), "shape": (4, 3, 66, 130), "layout": "HWIO", "groups": 1},
    "delta, grouped": {"initialization": "delta_orthogonal", "shape": (96, 16, 5), "layout": "OIW", "groups": 3},
    "stack": {"initialization": "orthogonal", "shape": (2, 65, 33), "layout": "SOI", "name": ["a", "b"]},
    "shard": {"initialization": "orthogonal", "shape": (150, 90), "layout": "IO", "slices": (slice(30, 80),)},
}


def plan_of(case: dict[str, Any], dtype: str) -> Plan:
    arguments: dict[str, Any] = {"seed": 2**40 + 7, "name": "блок.重み", "dtype": dtype} | case
    return fanin.plan(**arguments)


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "float8_e4m3fn"])
@pytest.mark.parametrize("case", EXACT)
def test_exact(case: str, dtype: str) -> None:
    plan = plan_of(EXACT[case], dtype)
    drawn = [fanin.backend(name).tobytes(fanin.draw(plan, backend=name)) for name in BACKENDS]
    assert drawn[0] == drawn[1] == drawn[2]
    assert len(set(drawn[0])) > 1


def weights(name: str, plan: Plan) -> NDArray[np.float64]:
    backend = fanin.backend(name)
    data = backend.tobytes(fanin.draw(plan, backend=backend))
    dtype = fanin.init((1,), "zeros", dtype=plan.dtype, backend="numpy").dtype
    return np.frombuffer(data, dtype).astype(np.float64).reshape(plan.shape)


@pytest.mark.parametrize(("dtype", "roundoff"), [("float64", 2.0**-53), ("float32", 2.0**-24)])
@pytest.mark.parametrize("case", CLOSE)
def test_close(case: str, dtype: str, roundoff: float) -> None:
    """Each is within 2^-48 condition gain of exact arithmetic, and rounded; so two of them are within twice that."""
    plan = plan_of(CLOSE[case], dtype)
    rule = plan.rule
    assert isinstance(rule, Haar)
    condition = float(np.linalg.cond(fanin.draw(normal_matrices(plan), backend="numpy")).max())
    first, *others = (weights(name, plan) for name in BACKENDS)
    for other in others:
        allowed = 2 * (2.0**-48 * condition * rule.gain + roundoff * np.abs(first))
        assert np.all(np.abs(first - other) <= allowed)
        assert np.array_equal(first == 0, other == 0)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float8_e5m2"])
@pytest.mark.parametrize("case", ["tall", "delta", "stack"])
@pytest.mark.parametrize("name", BACKENDS)
def test_a_narrow_weight_is_the_rounded_float32(case: str, dtype: str, name: str) -> None:
    narrow, wide = (weights(name, plan_of(CLOSE[case], kind)) for kind in (dtype, "float32"))
    number_format = DTYPES[dtype]
    assert narrow.ravel().tolist() == [number_format.round(weight) for weight in wide.ravel().tolist()]
