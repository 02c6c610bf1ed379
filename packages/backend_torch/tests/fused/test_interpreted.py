"""The kernel under Triton's interpreter, on the CPU: bits, and no write outside the tensor.

`TRITON_INTERPRET=1` must be set before Triton is imported; the nox session `triton` sets it.
"""

from __future__ import annotations

import hashlib
import itertools
import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

import fanin
import fanin_torch
from fanin.golden import GoldenCase, golden_cases
from fanin.plans import Draw, Plan
from fanin.plans.rules import Haar
from fanin_torch import TorchBackend, _fused, _opaque
from fanin_torch._draw import draw_into, draw_with_torch
from fanin_torch._dtypes import DTYPES
from fanin_torch._walk import Walk

pytest.importorskip("triton")
if os.environ.get("TRITON_INTERPRET") != "1":
    pytest.skip("TRITON_INTERPRET=1 is not set", allow_module_level=True)

from fanin_torch import _triton_kernel as kernel

BACKEND = TorchBackend()

LAWS: dict[str, fanin.Initializer] = {
    "normal": fanin.normal(std=0.02),
    "uniform": fanin.uniform(-0.3, 0.3),
    "truncated": fanin.truncated_normal(std=0.5, lower=-1.0, upper=1.5),
    "truncated to the tail": fanin.truncated_normal(mean=-3.0, std=1.0, lower=3.9, upper=6.0),
    "normal with a mean": fanin.normal(mean=1.0, std=0.02),
    "uniform with a mean": fanin.uniform(-0.1, 2.0),
    "half a normal, 2^31 ranks": fanin.truncated_normal(std=1.0, lower=0.0, upper=math.inf),
    "far from its mean": fanin.normal(mean=-300.0, std=1e-6),
}

CANARY = 0x5A


@pytest.fixture(autouse=True)
def _by_triton() -> Iterator[None]:
    fanin_torch.set_device_engine("triton")
    yield
    fanin_torch.set_device_engine(None)


@pytest.fixture
def launches(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Return what each launch was compiled for."""
    seen: list[dict[str, Any]] = []
    launch = _fused.launch

    def spy(*arguments: Any) -> Any:
        made = launch(*arguments)
        seen.append(made[1])
        return made

    monkeypatch.setattr(_fused, "launch", spy)
    return seen


def memory(count: int, dtype: str) -> Tensor:
    """Return `count` elements that hold a pattern."""
    return torch.full((count * DTYPES[dtype].itemsize,), CANARY, dtype=torch.uint8).view(DTYPES[dtype])


def check(plan: Plan, stored: Tensor, view: Tensor) -> None:
    """Draw into a view of stored memory, by the kernel and through NumPy, and compare all of the memory."""
    mirror = stored.clone()
    draw_into(plan, mirror.as_strided(view.shape, view.stride(), view.storage_offset()))
    draw_with_torch(plan, view)
    assert torch.equal(stored.view(torch.uint8), mirror.view(torch.uint8))


def run(start: int, length: int, law: str, dtype: str) -> None:
    plan = fanin.plan((1 << 35,), LAWS[law], layout="O", name="run", dtype=dtype, slices=slice(start, start + length))
    stored = memory(length + 40, dtype)
    check(plan, stored, stored[16 : 16 + length])


@pytest.mark.parametrize("start", [0, 1, (1 << 33) - 64, (1 << 33) - 63], ids=str)
def test_every_length(start: int) -> None:
    dtypes, laws = itertools.cycle(DTYPES), itertools.cycle(LAWS)
    for length in range(201):
        run(start, length, next(laws), next(dtypes))


@pytest.mark.parametrize("start", [0, 1])
@pytest.mark.parametrize("around", [kernel.BLOCK, 2 * kernel.BLOCK, 4 * kernel.BLOCK])
def test_lengths_around_a_program(start: int, around: int) -> None:
    for length in range(around - 3, around + 4):
        run(start, length, "normal", "float32")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("law", LAWS)
def test_every_law_in_every_dtype(law: str, dtype: str) -> None:
    run(7, 3 * kernel.BLOCK, law, dtype)


@pytest.mark.parametrize("dtype", ["float8_e5m2", "float8_e4m3fn", "bfloat16", "float16"])
@pytest.mark.parametrize("std", [1e-9, 1e-7, 1e-5, 1e-3, 0.1, 1.0, 60.0])
def test_narrow_dtypes_at_every_size(dtype: str, std: float) -> None:
    """Subnormals, ties, and what is rounded to zero keeps its sign."""
    plan = fanin.plan((1500,), fanin.normal(std=std), layout="O", name="narrow", dtype=dtype)
    stored = memory(1500, dtype)
    check(plan, stored, stored)


TIES = {
    "bfloat16": (1 + 2.0**-8, 1 + 3 * 2.0**-8, -(1 + 2.0**-8)),
    "float16": (1 + 2.0**-11, 1 + 3 * 2.0**-11, 2.0**-25, 3 * 2.0**-25),
    "float8_e5m2": (1.125, 1.375, -1.375, 2.0**-17, 3 * 2.0**-17),
    "float8_e4m3fn": (1.0625, 1.1875, -1.1875, 2.0**-10, 3 * 2.0**-10, 2.0**-7 - 2.0**-11),
}


@pytest.mark.parametrize("dtype", TIES)
def test_ties_go_to_even(dtype: str) -> None:
    """The standard deviation is so small that half of the weights are the mean, which lies between two numbers."""
    for mean in TIES[dtype]:
        plan = fanin.plan((40,), fanin.normal(mean=mean, std=2.0**-40), layout="O", name="tie", dtype=dtype)
        stored = memory(40, dtype)
        check(plan, stored, stored)


def test_points_beyond_the_bounds_are_clamped() -> None:
    """Some 8 words of 2^19 lie at each end of so narrow an interval."""
    law = fanin.truncated_normal(std=1.0, lower=4.0, upper=5.0)
    plan = fanin.plan((1 << 19,), law, layout="O", name="clamped", dtype="float64")
    drawn = BACKEND.draw(plan)
    assert isinstance(plan.rule, Draw)
    for point, index in ((plan.rule.low, drawn.argmin()), (plan.rule.high, drawn.argmax())):
        at = int(index)
        assert drawn[at] == point * plan.rule.factor
        part = fanin.plan((1 << 19,), law, layout="O", name="clamped", dtype="float64", slices=slice(at, at + 1))
        stored = memory(3, "float64")
        check(part, stored, stored[1:2])


GOLDEN = [case for case in golden_cases() if not isinstance(case.plan().rule, Haar)]


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: case.title)
def test_golden(case: GoldenCase, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = case.plan()
    if plan.size > 1 << 14:
        monkeypatch.setattr(kernel, "BLOCK", 1 << 14)  # the interpreter takes its time per program
    out = torch.empty(plan.shape, dtype=DTYPES[plan.dtype])
    draw_with_torch(plan, out)
    assert hashlib.sha256(BACKEND.tobytes(out)).hexdigest() == case.sha256


SHAPES: dict[str, tuple[tuple[int, ...], str, dict[str, Any]]] = {
    "run": ((40, 60), "OI", {}),
    "lines": ((5, 1100), "OI", {"slices": (slice(None), slice(0, 1080))}),
    "lines from an odd index": ((5, 1101), "OI", {"slices": (slice(None), slice(3, 1090))}),
    "aligned lines": ((3, 2048), "OI", {"slices": (slice(None), slice(16, 1056))}),
    "short lines": ((40, 9), "OI", {"slices": (slice(1, 40), slice(2, 9))}),
    "inputs first": ((6, 600), "IO", {}),
    "an odd number of inputs first": ((7, 600), "IO", {}),
    "a few outputs": ((70, 9), "IO", {}),
    "convolution, JAX order": ((3, 3, 5, 7), "HWIO", {}),
    "heads": ((6, 5, 8), "IOO", {}),
    "groups": ((6, 4, 3), "IOW", {"groups": 3, "transposed": True}),
    "inside a group": ((12, 4, 3), "IOW", {"groups": 3, "transposed": True, "slices": (slice(5, 8),)}),
    "one column": ((700, 4), "OI", {"slices": (slice(None), slice(1, 2))}),
    "one tap of some columns": ((9, 7, 4), "OIW", {"slices": (slice(None), slice(0, 5), slice(1, 2))}),
    "scalar": ((), "", {}),
}


def part(case: str, dtype: str = "float32") -> Plan:
    shape, layout, more = SHAPES[case]
    return fanin.plan(shape, fanin.normal(std=0.1), layout=layout, name=case, dtype=dtype, **more)


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("case", SHAPES)
def test_walks(case: str, wide: bool, launches: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    """One launch for any of them; numbers of 64 bits change nothing."""
    monkeypatch.setattr(Walk, "wide", property(lambda path: wide))
    plan = part(case)
    around = plan.size + 64  # more than a line too many
    stored = memory(plan.size + 2 * around, plan.dtype)
    check(plan, stored, stored[around : around + plan.size].view(plan.shape))
    (options,) = launches
    assert options["wide"] is wide


def test_each_way_through_the_kernel_is_taken(launches: list[dict[str, Any]]) -> None:
    for case in SHAPES:
        plan = part(case)
        draw_with_torch(plan, torch.empty(plan.shape))
    ways = {(each["pair"] >= 0, each["even"], each["by_line"], each["in_line"]) for each in launches}
    assert ways >= {
        (True, True, True, True),
        (True, False, True, True),
        (True, True, True, False),
        (True, False, True, False),
        (True, True, False, False),
        (True, False, False, False),
        (False, False, True, False),
        (False, False, False, False),
    }
    assert {each["aligned"] for each in launches} == {False, True}
    assert {each["axes"] for each in launches} == {1, 2, 3, 4}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_part_in_any_memory(data: st.DataObject) -> None:
    layout = data.draw(st.sampled_from(["OI", "IO", "OIW", "WIO", "IOO", "HWIO", "OIHW", "SOI"]))
    shape = tuple(data.draw(st.integers(1, 9)) for _ in layout)
    bounds = [sorted((data.draw(st.integers(0, size)), data.draw(st.integers(0, size)))) for size in shape]
    dtype, law = data.draw(st.sampled_from(sorted(DTYPES))), data.draw(st.sampled_from(sorted(LAWS)))
    name = [f"{k}" for k in range(shape[0])] if "S" in layout else "w"
    slices = tuple(slice(*each) for each in bounds)
    plan = fanin.plan(shape, LAWS[law], layout=layout, name=name, dtype=dtype, slices=slices, seed=2**64 - 3)
    order = data.draw(st.permutations(range(len(shape))))
    strides, span = [0] * len(shape), data.draw(st.integers(1, 3))
    for k in order:
        strides[k] = span
        span *= plan.shape[k] + data.draw(st.integers(0, 2))
    offset = data.draw(st.integers(0, 5))
    reach = sum(math.prod(move) for move in zip(strides, plan.shape, strict=True))
    stored = memory(offset + reach + 8, dtype)
    check(plan, stored, stored.as_strided(plan.shape, strides, offset))


def test_a_stack_is_a_launch_per_name(launches: list[dict[str, Any]]) -> None:
    plan = fanin.plan((3, 5, 4), "he", layout="SOI", name=list("abc"))
    draw_with_torch(plan, torch.empty(plan.shape))
    assert len(launches) == 3


class _Kernel:
    """Takes the place of the kernel on a device, and keeps what it is launched with."""

    def __init__(self) -> None:
        self.current: Any = None
        self.launched: list[tuple[Any, Any]] = []

    @contextmanager
    def device(self, device: torch.device) -> Iterator[None]:
        self.current = device
        yield
        self.current = None

    def __getitem__(self, grid: tuple[int]) -> Callable[..., None]:
        def launched(*_: Any, **options: Any) -> None:
            self.launched.append((self.current, {name: options.get(name) for name in _fused.LAUNCH}))

        return launched


def test_a_launch_is_on_the_device_of_the_tensor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Triton launches on the current device, whichever holds the memory."""
    fake = _Kernel()
    monkeypatch.setattr(kernel, "draw", fake)
    monkeypatch.setattr(torch, "meta", fake, raising=False)
    plan = fanin.plan((7, 5), "he", layout="OI", name="w")
    out = torch.empty(plan.shape, device="meta")
    assert _fused.draw_stream(plan.offset, plan.axes, cast("Draw", plan.rule), plan.keys[0], out)
    assert fake.launched == [(out.device, _fused.LAUNCH)]


def test_memory_that_the_kernel_cannot_walk(launches: list[dict[str, Any]]) -> None:
    plan = fanin.plan((3,) * 6, "he", layout="OOOIII", name="w")
    view = torch.empty((3,) * 6).permute(5, 3, 1, 0, 2, 4)
    draw_with_torch(plan, view)
    assert not launches
    assert torch.equal(view, BACKEND.draw(plan))
    negative = torch._neg_view(torch.empty(8))
    plan = fanin.plan((8,), "random", layout="O", name="w")
    draw_with_torch(plan, negative)
    assert not launches
    assert torch.equal(negative, BACKEND.draw(plan))


@pytest.mark.filterwarnings("default")
def test_in_a_compiled_function(launches: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_opaque, "draw_into", draw_with_torch)  # as on a device

    def function() -> Tensor:
        return fanin_torch.init((20, 30), "he", name="compiled") * 2

    made = torch.compile(function, backend="aot_eager", fullgraph=True)()
    assert len(launches) == 1
    fanin_torch.set_device_engine("torch")
    assert torch.equal(made, BACKEND.draw(fanin.plan((20, 30), "he", layout="OI", name="compiled")) * 2)


def test_a_rule_without_mean_leaves_out_its_sum(launches: list[dict[str, Any]]) -> None:
    for law in LAWS:
        run(0, 8, law, "float32")
    rules = [fanin.plan((8,), LAWS[law], layout="O", name="w").rule for law in LAWS]
    assert all(isinstance(rule, Draw) for rule in rules)
    assert [each["plain"] for each in launches] == [not (rule.mean or rule.shift) for rule in rules]  # type: ignore[union-attr]
