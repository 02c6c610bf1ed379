"""The kernel compiles for processors that are not here, and no floating-point sum is in it that could be contracted."""

from __future__ import annotations

import os
import re
from typing import Any

import pytest

import fanin
from fanin_torch._triton_ahead import compiled

pytest.importorskip("triton")
if os.environ.get("TRITON_INTERPRET") == "1":
    pytest.skip("TRITON_INTERPRET=1 is set: nothing is compiled", allow_module_level=True)

from triton.backends.compiler import GPUTarget

TARGETS = {
    "sm_80": GPUTarget("cuda", 80, 32),
    "sm_90": GPUTarget("cuda", 90, 32),
    "gfx942": GPUTarget("hip", "gfx942", 64),
}
LAWS = {
    "normal": fanin.he_normal(),
    "uniform": fanin.he_uniform(),
    "truncated": fanin.truncated_normal(mean=1.0, std=0.02, lower=-1.0, upper=2.0),
    "mean": fanin.normal(mean=1.0, std=0.02),
}
WAYS: dict[str, tuple[tuple[int, ...], str, dict[str, Any]]] = {
    "run": ((4096, 4096), "OI", {}),
    "2^34 elements": ((1 << 17, 1 << 17), "OI", {}),
    "inputs first": ((4096, 4096), "IO", {}),
    "2^34 elements, inputs first": ((1 << 17, 1 << 17), "IO", {}),
    "2^35 elements, few outputs": ((1 << 32, 8), "IO", {}),
    "few outputs": ((1 << 10, 8), "IO", {}),
    "lines from an odd index": ((40, 4096), "OI", {"slices": (slice(None), slice(1, 4096))}),
    "convolution, JAX order": ((3, 3, 5, 7), "HWIO", {}),
    "one column": ((700, 4), "OI", {"slices": (slice(None), slice(1, 2))}),
}


def stages(target: str, law: str, dtype: str, way: str = "run") -> dict[str, Any]:
    shape, layout, more = WAYS[way]
    plan = fanin.plan(shape, LAWS[law], layout=layout, name="w", dtype=dtype, **more)
    return compiled(plan, TARGETS[target])


def check(made: dict[str, Any], target: str) -> None:
    """The only arithmetic in floating point is a conversion and a product per weight, and nobody may contract it."""
    operations = re.findall(
        r"= (?:\w+ )*?(f(?:add|sub|mul|div|rem)\b[^%@]*|call .*@llvm\.(?:fma|fmuladd)\S*)", made["llir"]
    )
    assert {each.split()[0] for each in operations} == {"fmul"}
    assert not [each for each in operations if re.search("contract|fast|reassoc", each)]
    if target != "gfx942":  # there, integers are divided in floating point
        assert not re.findall(r"\b(?:add|sub|fma|mad)\.(?:\w+\.)*(?:b?f16|f32|f64)\w*", made["ptx"])


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16", "float8_e4m3fn"])
@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("target", TARGETS)
def test_laws_and_dtypes(target: str, law: str, dtype: str) -> None:
    check(stages(target, law, dtype), target)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("target", TARGETS)
def test_ways_through_memory(target: str, way: str) -> None:
    check(stages(target, "normal", "float32", way), target)


def test_a_run_is_written_in_words_of_128_bits() -> None:
    for dtype in ("float32", "bfloat16"):
        assert "st.global.v4.b32" in stages("sm_90", "normal", dtype)["ptx"]


def test_a_record_of_the_table_is_one_load() -> None:
    text = stages("sm_90", "normal", "float32")["ptx"]
    assert re.findall(r"\bld\.global\.(\S+)", text) == ["b64"] * 8  # for eight weights of a thread


@pytest.mark.parametrize(("way", "bits"), [("few outputs", 32), ("2^35 elements, few outputs", 64)])
def test_the_numbers_of_tasks(way: str, bits: int) -> None:
    """A task's number is divided by the number of outputs, 128 threads with four tasks each."""
    found = re.findall(r"= [us](?:rem|div) i(\d+)", stages("sm_90", "normal", "float32", way)["llir"])
    assert found.count(str(bits)) >= 4
    assert bits == 64 or "64" not in found
