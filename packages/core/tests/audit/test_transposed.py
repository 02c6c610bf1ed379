"""The weights of a seed with their axes in another order, of other shapes and of the same."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pytest

import fanin
from fanin import Parameter, Scheme

SEED: Final = 5
HE: Final = fanin.he_normal()
KERNELS: Final = {
    "square": Parameter((40, 40), "float32", HE, "OI"),
    "flat": Parameter((40, 30), "float32", HE, "OI"),
    "kernel": Parameter((16, 16, 3, 3), "float32", HE, "OIHW"),
    "flax": Parameter((3, 5, 16, 20), "float32", HE, "HWIO"),
    "plain": Parameter((24, 24), "float32", fanin.uniform(-0.1, 0.1)),
    "half": Parameter((40, 30), "float16", fanin.normal(std=0.02), "IO"),
    "whole": Parameter((30, 30), "float32", fanin.orthogonal(), "OI"),
}

PLANTED: Final[dict[str, tuple[str, tuple[int, ...], str]]] = {
    "a square matrix": ("square", (1, 0), ", transposed: stored or loaded as IO in place of OI"),
    "a matrix": ("flat", (1, 0), ", transposed: stored or loaded as IO in place of OI"),
    "inputs and outputs of a kernel": (
        "kernel",
        (1, 0, 2, 3),
        ", transposed, its axes in the order (1, 0, 2, 3): stored or loaded as IOHW in place of OIHW",
    ),
    "height and width": ("kernel", (0, 1, 3, 2), "its axes in the order (0, 1, 3, 2): stored or loaded as OIWH"),
    "a kernel as torch has it": ("flax", (3, 2, 0, 1), "stored or loaded as OIHW in place of HWIO"),
    "no layout": ("plain", (1, 0), ", transposed: the order of the axes is another framework's"),
    "float16": ("half", (1, 0), "as OI in place of IO"),
    "orthogonal": ("whole", (1, 0), "as IO in place of OI"),
}


@pytest.mark.parametrize("case", PLANTED)
def test_a_transposition_is_named_alone_and_mended(case: str) -> None:
    name, order, text = PLANTED[case]
    scheme = Scheme(KERNELS)
    weights = scheme.draw(SEED)
    right = weights[name]
    weights[name] = np.ascontiguousarray(right.transpose(order))
    (found,) = fanin.audit(weights, scheme, seed=SEED).findings
    assert (found.kind, found.severity, found.parameters) == ("transposed", "error", (name,))
    assert str(found).startswith(f"{name} holds fanin's bits of seed 5")
    assert text in str(found)
    exec(found.line, {"weights": weights})
    assert weights[name].tobytes() == right.tobytes()
    assert fanin.audit(weights, scheme, seed=SEED).findings == ()


def almost(array: Any) -> Any:
    turned = array.T.copy()
    turned[3, 4] += np.float32(0.5)
    return turned


@pytest.mark.parametrize("change", [almost, lambda array: array[::-1].T.copy()])
def test_what_is_no_transposition(change: Any) -> None:
    scheme = Scheme({"square": KERNELS["square"]})
    weights = {"square": change(scheme.draw(SEED)["square"])}
    assert [one.kind for one in fanin.audit(weights, scheme, seed=SEED).findings] == ["seed"]


def test_another_shape_of_another_seed() -> None:
    scheme = Scheme({"flat": KERNELS["flat"]})
    weights = {"flat": scheme.draw(6)["flat"].T.copy()}
    (found,) = fanin.audit(weights, scheme, seed=SEED).findings
    assert (found.kind, "the axes are in another order" in str(found)) == ("shape", True)
