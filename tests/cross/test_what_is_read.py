"""A backend reads of a plan what it is to compute, and nothing of where it came from."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

import fanin
from fanin.plans import Plan

ORIGIN = ("initializer", "geometry", "slices", "seed", "name")

CASES: dict[str, dict[str, Any]] = {
    "element": {"shape": (5, 3), "initialization": "he", "layout": "OI", "name": "w", "slices": (slice(1, 4),)},
    "float64": {"shape": (5,), "initialization": fanin.normal(mean=1.0, std=1e-9), "dtype": "float64"},
    "fill": {"shape": (5, 3), "initialization": "ones", "dtype": "bfloat16"},
    "stack": {"shape": (2, 5, 3), "initialization": "he", "layout": "SOI", "name": ["a", "b"]},
    "diagonal": {"shape": (3, 4, 6), "initialization": "dirac", "layout": "WIO", "slices": (None, None, slice(2, 6))},
    "masked": {
        "shape": (5, 2, 6),
        "initialization": fanin.sparse(0.5),
        "layout": "ISO",
        "name": ["a", "b"],
        "slices": (slice(1, 4), None, slice(2, 5)),
    },
    "haar": {"shape": (6, 2, 3), "initialization": "orthogonal", "layout": "IOW", "groups": 3, "transposed": True},
}


class Unread:
    """Stands for what nobody may read; a compiled function may be looked up by it."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"a backend asks for {name} of what a plan came from")


UNREAD: Any = Unread()


def without_origin(plan: Plan) -> Plan:
    return dataclasses.replace(plan, **dict.fromkeys(ORIGIN, UNREAD))


@pytest.mark.parametrize("backend", ["numpy", "torch", "jax"])
@pytest.mark.parametrize("arguments", CASES.values(), ids=CASES)
def test_the_origin_is_not_read(arguments: dict[str, Any], backend: str) -> None:
    plan = fanin.plan(**arguments)
    drawer = fanin.backend(backend)
    assert drawer.tobytes(drawer.draw(without_origin(plan))) == drawer.tobytes(drawer.draw(plan))


@pytest.mark.parametrize("arguments", CASES.values(), ids=CASES)
def test_nor_on_torch_s_devices(arguments: dict[str, Any]) -> None:
    import torch

    from fanin_torch._draw import draw_with_torch
    from fanin_torch._dtypes import DTYPES

    plan = fanin.plan(**arguments)
    drawer = fanin.backend("torch")
    out = torch.empty(plan.shape, dtype=DTYPES[plan.dtype])
    draw_with_torch(without_origin(plan), out)
    assert drawer.tobytes(out) == drawer.tobytes(drawer.draw(plan))
