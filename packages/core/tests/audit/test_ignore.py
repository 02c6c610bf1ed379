"""Tensors that are left out of an audit by patterns of their names."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fanin
from fanin import FaninError

from .models import MODELS, Arrays, drawn

SCHEME = MODELS["conv net"]


@pytest.fixture
def weights() -> Arrays:
    """Without a buffer that the scheme draws, and with one more tensor."""
    found = drawn(SCHEME, np.random.default_rng(3))
    del found["stem.bn.running_var"]
    return {**found, "ema.mean": np.full(3, 0.5, np.float32)}


@pytest.mark.parametrize(
    ("ignore", "left"),
    [
        ((), {"stem.bn.running_var", "ema.mean"}),
        ("*.running_var", {"ema.mean"}),
        (["*.running_???", "ema.*"], set()),
        ({"stem.*"}, {"ema.mean"}),
    ],
)
def test_what_matches_is_left_out(weights: Arrays, ignore: Any, left: set[str]) -> None:
    report = fanin.audit(weights, SCHEME, ignore=ignore)
    assert {name for one in report.findings for name in one.parameters} == left
    assert not any(one.name.startswith("ema") for one in report.entries) or "ema.mean" in left


def test_what_was_left_out_is_said(weights: Arrays) -> None:
    report = fanin.audit(weights, SCHEME, ignore=["stem.bn.running_var", "ema.mean"])
    assert report.notes[-1] == "Left out: ema.mean and stem.bn.running_var."
    assert "Left out" in str(report)


def test_wrappers_are_no_part_of_a_name(weights: Arrays) -> None:
    wrapped = {f"_orig_mod.{name}": array for name, array in weights.items()}
    assert fanin.audit(wrapped, SCHEME, ignore=["stem.bn.running_var", "ema.mean"]).findings == ()


def test_replicas(weights: Arrays) -> None:
    """What differs may be left out of each."""
    other = {**weights, "ema.mean": np.full(3, 0.25, np.float32)}
    found = fanin.audit([weights, other]).findings
    assert [one.parameters for one in found if one.kind == "replicas"] == [("ema.mean",)]
    assert [one for one in fanin.audit([weights, other], ignore="ema.*").findings if one.kind == "replicas"] == []


@pytest.mark.parametrize(
    ("ignore", "message"),
    [
        ("*.runing_var", "no tensor has a name that matches '.*runing_var'"),
        ("*", "every tensor is left out"),
        ("", "an empty one"),
        ([""], "an empty one"),
        (3, "Received: 3 of type int"),
        (["a", None], "Received: None of type NoneType"),
    ],
)
def test_refused(weights: Arrays, ignore: Any, message: str) -> None:
    with pytest.raises(FaninError, match=message):
        fanin.audit(weights, SCHEME, ignore=ignore)
