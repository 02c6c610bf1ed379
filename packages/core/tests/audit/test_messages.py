"""What a finding says shows the difference that it is about."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fanin
from fanin.exceptions import FaninTypeError

NEXT = float(np.nextafter(np.float32(1), np.float32(2)))
BEFORE = float(np.nextafter(np.float32(1), np.float32(0)))


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([1.0, NEXT], "is not constant: from 1 to 1.0000001, where the law says 1"),
        ([BEFORE, NEXT], "is not constant: from 0.99999994 to 1.0000001, where the law says 1"),
        ([0.25, 1.75], "is not constant: from 0.25 to 1.75, where the law says 1"),
        ([NEXT, NEXT], "is 1.0000001 everywhere, and the law says 1"),
        ([0.125, 0.125], "is 0.125 everywhere, and the law says 1"),
    ],
)
def test_a_constant_that_is_another(values: list[float], text: str) -> None:
    scheme = fanin.Scheme({"norm.weight": fanin.Parameter((64,), "float32", fanin.ones())})
    (found,) = fanin.audit({"norm.weight": np.tile(np.array(values, np.float32), 32)}, scheme).findings
    assert text in str(found)


def stack(**changed: Any) -> dict[str, Any]:
    rng = np.random.default_rng(3)
    weights = {f"layers.{k}.fc.weight": rng.normal(0, 0.02, (96, 64)).astype(np.float32) for k in range(6)}
    return weights | {"layers.2.fc.weight": changed["layer"](weights["layers.2.fc.weight"]).astype(np.float32)}


def test_a_sibling_of_another_mean() -> None:
    """The standard deviations are the same: the means differ."""
    (found,) = fanin.audit(stack(layer=lambda w: w / w.std() * 0.02 - w.mean() + 0.009)).findings
    own, theirs = str(found).split(", and they have ")
    assert own.endswith("std 0.02 around 0.009")
    assert " around " in theirs
    assert theirs.split(" around ")[1] not in own


def test_a_sibling_of_another_std() -> None:
    (found,) = fanin.audit(stack(layer=lambda w: 2 * w)).findings
    own, theirs = str(found).split(", and they have ")
    assert "std 0.039" in own
    assert "std 0.0" in theirs
    assert " around " not in own + theirs


def test_constant_siblings_that_almost_agree() -> None:
    weights = {f"layers.{k}.gamma": np.full(64, 1, np.float32) for k in range(6)}
    weights["layers.2.gamma"] = np.full(64, NEXT, np.float32)
    found = next(one for one in fanin.audit(weights).findings if one.kind == "sibling")
    assert "every weight is 1.0000001, and each of theirs is 1" in str(found)


@pytest.mark.parametrize("progress", [3, "bar", True, []])
def test_a_progress_that_is_no_function(progress: Any) -> None:
    with pytest.raises(FaninTypeError, match=r"^progress must be a function or None\. Received: ") as caught:
        fanin.audit({"w": np.ones(3)}, progress=progress)
    assert repr(progress) in str(caught.value)
