"""An implementation that claims one law only is still asked whether its seed and name count."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fanin import Initializer
from fanin.conformance import run
from fanin.initializers import DeltaOrthogonal, Normal, Orthogonal, Sparse, TruncatedNormal, Uniform, VarianceScaling

from .honest import Specialist

SCALINGS = ("normal", "uniform", "truncated_normal")


def _is(kind: type[Any]) -> Callable[[Initializer], bool]:
    return lambda found: isinstance(found, kind)


def _scales(distribution: str) -> Callable[[Initializer], bool]:
    return lambda found: isinstance(found, VarianceScaling) and found.distribution == distribution


ENTRIES = [
    *(pytest.param(_is(kind), id=kind.__name__) for kind in (Normal, Uniform, TruncatedNormal)),
    *(pytest.param(_scales(kind), id=f"VarianceScaling {kind}") for kind in SCALINGS),
]
MATRICES = [pytest.param(_is(kind), id=kind.__name__) for kind in (Orthogonal, DeltaOrthogonal, Sparse)]


def _fresh(seed: int, name: Any) -> tuple[int, Any]:
    return int(np.random.default_rng().integers(1 << 62)), name


@pytest.mark.parametrize("claims", [*ENTRIES, *MATRICES])
def test_an_unseeded_generator_is_not_repeatable(claims: Callable[[Initializer], bool]) -> None:
    right = _ran(Specialist(claims), "streams.repeatable")
    assert {result.verdict for result in right} == {"passed"}
    wrong = _ran(Specialist(claims, _fresh), "streams.repeatable")
    assert {result.verdict for result in wrong} == {"failed"}
    assert {result.mistake for result in wrong} == {
        "the seed does not fix the weights: a global generator, or state kept between calls"
    }


@pytest.mark.parametrize("check", ["streams.seeds", "streams.names"])
@pytest.mark.parametrize("claims", [*ENTRIES, *MATRICES])
def test_a_fixed_generator_gives_one_stream(claims: Callable[[Initializer], bool], check: str) -> None:
    right = _ran(Specialist(claims), check)
    assert {result.verdict for result in right} == {"passed"}
    wrong = _ran(Specialist(claims, lambda seed, name: (0, None)), check)
    assert len(wrong) == len(right)
    assert {result.verdict for result in wrong} == {"failed"}
    assert all("select the same stream" in result.mistake for result in wrong)


def _ran(adapter: Specialist, check: str) -> list[Any]:
    return [result for result in run(adapter, only=[check]).results if result.verdict != "skipped"]
