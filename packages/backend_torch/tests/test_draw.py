"""Both ways to draw, through NumPy and in torch's operations alone, give the reference's bits in any memory."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import fanin
from fanin import reference
from fanin.contract import Description
from fanin.plans import Plan
from fanin_torch import TorchBackend, _lattice
from fanin_torch._draw import draw_into, draw_with_torch
from fanin_torch._dtypes import DTYPES
from fanin_torch._elements import _CHUNKS

Drawer = Callable[[Plan, torch.Tensor], None]

CASES: dict[str, dict[str, Any]] = {
    "linear": {"shape": (33, 70), "layout": "OI"},
    "JAX order": {"shape": (71, 20), "layout": "IO", "dtype": "bfloat16"},
    "conv": {"shape": (5, 6, 3, 3), "layout": "OIHW", "dtype": "float64"},
    "conv, JAX order": {"shape": (3, 2, 6, 7), "layout": "HWIO", "dtype": "float16"},
    "stack": {"shape": (2, 5, 3), "layout": "ISO", "name": list("abcde")},
    "only a stack": {"shape": (4,), "layout": "S", "name": list("wxyz"), "initialization": "random"},
    "transposed": {"shape": (6, 4, 2, 3), "layout": "IOHW", "groups": 3, "transposed": True, "stride": (2, 1)},
    "transposed, cut inside a group": {
        "shape": (4, 12, 3),
        "layout": "OIW",
        "groups": 3,
        "transposed": True,
        "slices": (slice(1, 4), slice(3, 10), slice(0, 2)),
    },
    "columns of a shard": {"shape": (40, 300), "layout": "OI", "slices": (slice(7, 20), slice(33, 51))},
    "odd start": {"shape": (301,), "layout": "O", "slices": (slice(3, 300),)},
    "far away": {
        "shape": (1 << 20, 1 << 20),
        "layout": "OI",
        "slices": (slice((1 << 20) - 3, 1 << 20), slice((1 << 20) - 9, None)),
    },
    "across the counter's turn": {"shape": (1 << 34,), "layout": "O", "slices": (slice((1 << 33) - 5, (1 << 33) + 5),)},
    "across the counter's turn, JAX order": {
        "shape": (1 << 17, 1 << 17),
        "layout": "IO",
        "slices": (slice(0, 6), slice((1 << 16) - 2, (1 << 16) + 2)),
    },
    "across the counter's turn, odd": {
        "shape": (1 << 17, 1 << 17),
        "layout": "IO",
        "slices": (slice(1, 6), slice((1 << 16) - 2, (1 << 16) + 2)),
    },
    "far away, odd": {
        "shape": (1 << 20, 1 << 20),
        "layout": "OI",
        "slices": (slice(1 << 19, (1 << 19) + 3), slice(5, 9)),
    },
    "odd start, even count": {"shape": (301,), "layout": "O", "slices": (slice(3, 301),)},
    "steps of 31 bits": {"shape": ((1 << 31) + 1, 8), "layout": "IO", "slices": (slice(2, 5), slice(0, 2))},
    "steps of 33 bits": {"shape": (1 << 33, 8), "layout": "IO", "slices": (slice(2, 6), slice(1, 4))},
    "steps of 33 bits, odd": {"shape": (1 << 33, 8), "layout": "IO", "slices": (slice(2, 5), slice(1, 4))},
    "scalar": {"shape": (), "layout": "", "dtype": "float16"},
    "empty": {"shape": (0, 5), "layout": "OI"},
    "empty shard": {"shape": (7, 5), "layout": "OI", "slices": (slice(3, 3),)},
    "float8": {"shape": (40, 5), "layout": "OI", "dtype": "float8_e4m3fn"},
    "float8, wide": {"shape": (40, 5), "layout": "OI", "dtype": "float8_e5m2"},
}
INITIALIZATIONS: dict[str, fanin.Initializer] = {
    "he": fanin.he_normal(),
    "uniform": fanin.he_uniform(),
    "truncated": fanin.he_truncated_normal(),
    "mean": fanin.normal(mean=1.0, std=0.02),
    "mean far away": fanin.normal(mean=-300.0, std=1e-6),
    "truncated, lopsided": fanin.truncated_normal(mean=0.5, std=0.1, lower=-1.0, upper=3.0),
    "half a normal, 2^31 ranks": fanin.truncated_normal(std=1.0, lower=0.0, upper=math.inf),
    "constant": fanin.constant(1 / 3),
}


def draws() -> Iterator[Any]:
    for case, initialization in itertools.product(CASES, INITIALIZATIONS):
        arguments = {"seed": 2**63 + 5, "name": "блок.重み", "initialization": INITIALIZATIONS[initialization]}
        yield pytest.param(arguments | CASES[case], id=f"{case} / {initialization}")


@pytest.mark.parametrize("arguments", list(draws()))
def test_bits(arguments: dict[str, Any]) -> None:
    plan = fanin.plan(**arguments)
    backend = TorchBackend()
    tensor = backend.draw(plan)
    assert backend.describe(tensor) == Description(plan.shape, plan.dtype)
    assert backend.tobytes(tensor) == reference.tobytes(plan)


@pytest.mark.parametrize("arguments", list(draws()))
def test_bits_of_the_device_path(arguments: dict[str, Any]) -> None:
    """The operations that run on an accelerator, run here on the CPU."""
    plan = fanin.plan(**arguments)
    tensor = torch.empty(plan.shape, dtype=DTYPES[plan.dtype])
    draw_with_torch(plan, tensor)
    assert TorchBackend().tobytes(tensor) == reference.tobytes(plan)


@pytest.mark.parametrize("drawer", [draw_into, draw_with_torch])
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16", "float8_e5m2"])
@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("step", [1, 3])
def test_any_memory_order(drawer: Drawer, order: tuple[int, ...], step: int, dtype: str) -> None:
    plan = fanin.plan((5, 6, 7), "he", layout="OIW", name="w", dtype=dtype)
    stored = torch.zeros([plan.shape[k] * step for k in order], dtype=DTYPES[dtype])[(slice(None, None, step),) * 3]
    view = stored.permute([order.index(k) for k in range(3)])
    assert view.shape == plan.shape
    drawer(plan, view)
    assert TorchBackend().tobytes(view) == reference.tobytes(plan)


@pytest.mark.parametrize("layout", ["OI", "IO"])
@pytest.mark.parametrize("odd", [False, True])
def test_several_chunks(layout: str, odd: bool) -> None:
    shape = (1024 + odd, _CHUNKS[0] // 256 + 7 * odd)
    plan = fanin.plan(shape if layout == "OI" else shape[::-1], "he", layout=layout, name="large")
    assert plan.size > 3 * _CHUNKS[0]
    tensor = torch.empty(plan.shape)
    draw_with_torch(plan, tensor)
    assert torch.equal(tensor, TorchBackend().draw(plan))


RULES: dict[str, tuple[fanin.Initializer, str]] = {
    "normal": (fanin.he_normal(), "OI"),
    "normal, inputs first": (fanin.he_normal(), "IO"),
    "sparse": (fanin.sparse(0.5, 0.02), "OI"),
    "identity": (fanin.identity(), "OI"),
    "orthogonal": (fanin.orthogonal(), "OI"),
    "constant": (fanin.constant(0.5), "OI"),
}


@pytest.mark.parametrize("rule", RULES)
def test_no_default_device_gets_in_the_way(rule: str) -> None:
    """Such as "meta", under which large models are made, or another accelerator than the tensor's."""
    law, layout = RULES[rule]
    plan = fanin.plan((9, 6), law, layout=layout, name="w")
    expected, tensor = torch.empty(plan.shape), torch.empty(plan.shape)
    draw_with_torch(plan, expected)
    _lattice._table.cache_clear()
    with torch.device("meta"):
        draw_with_torch(plan, tensor)
    assert torch.equal(tensor, expected)


@pytest.mark.parametrize("drawer", [draw_into, draw_with_torch])
def test_autograd_sees_that_a_tensor_was_written(drawer: Drawer) -> None:
    tensor = torch.ones(9, 6, requires_grad=True)
    loss = tensor.square().sum()
    drawer(fanin.plan((9, 6), "he", layout="OI", name="w"), tensor)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()  # type: ignore[no-untyped-call]


class Launches(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the operators that run inside, views and allocations apart."""

    count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += not (func.is_view or func.overloadpacket in (torch.ops.aten.empty, torch.ops.aten.empty_like))
        return func(*args, **kwargs or {})


@pytest.mark.skipif(os.environ.get("TRITON_INTERPRET") == "1", reason="the kernel draws")
@pytest.mark.parametrize("shape", [(64, 64), (1024, 512), (2048, 1024)], ids=str)
@pytest.mark.parametrize(("law", "most"), [("he", 134), ("he_uniform", 119), ("he_truncated_normal", 142)])
@pytest.mark.parametrize("layout", ["OI", "IO"])
def test_number_of_launches(layout: str, law: str, most: int, shape: tuple[int, int]) -> None:
    """At most so many per chunk; a launch takes longer on a device than its arithmetic on a small tensor."""
    plan = fanin.plan(shape, law, layout=layout, name="counted", dtype="bfloat16")
    tensor = torch.empty(shape, dtype=torch.bfloat16)
    draw_with_torch(plan, tensor)  # makes the table
    with Launches() as launches:  # type: ignore[no-untyped-call]
        draw_with_torch(plan, tensor)
    assert launches.count <= most * -(-plan.size // _CHUNKS[0])
    assert torch.equal(tensor, TorchBackend().draw(plan))
