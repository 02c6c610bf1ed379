"""What the check of the stored vectors says of a digest that differs."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from fanin import reference
from fanin.conformance import run
from fanin.conformance.exact import golden
from fanin.contract import Capabilities
from fanin.golden import golden_cases
from fanin.plans import Plan

from ..doubles import ReferenceBackend


class Ungrouped(ReferenceBackend):
    """Numbers the elements of a grouped transposed kernel as if there were no groups."""

    def draw(self, plan: Plan, *, device: Any = None) -> npt.NDArray[Any]:
        axes = tuple(dataclasses.replace(axis, period=0) for axis in plan.axes)
        return super().draw(dataclasses.replace(plan, axes=axes))


class Negative(ReferenceBackend):
    """Has minus zero for zero."""

    capabilities = Capabilities(frozenset({"float32"}), rules=frozenset({"fill", "draw", "diagonal"}))

    def draw(self, plan: Plan, *, device: Any = None) -> npt.NDArray[Any]:
        array = super().draw(plan)
        return np.where(array == 0, np.float32(-0.0), array)


@pytest.mark.parametrize(
    ("backend", "named"),
    [
        (Ungrouped(), "an axis's period is ignored: the groups of a transposed convolution"),
        (Negative(), "the sign of zero: a weight that is 0 is +0, and one that rounds to 0 keeps its sign"),
    ],
)
def test_the_stored_vectors_say_where_and_what(
    monkeypatch: pytest.MonkeyPatch, backend: ReferenceBackend, named: str
) -> None:
    """Of a digest that differs the elements are looked at, whether or not the first ones are right."""
    cases = [
        case
        for case in golden_cases()
        if case.dtype == "float32"
        and case.plan().size < 500
        and case.plan().rule.kind in backend.capabilities.rules
        and reference.tobytes(case.plan()) != backend.draw(case.plan()).tobytes()
    ]
    assert cases
    monkeypatch.setattr(golden, "golden_cases", lambda: tuple(cases))
    report = run(backend, ["exact"], only=["bits.golden"])
    assert len(report.failures) == len(cases)
    assert {failure.mistake for failure in report.failures} == {named}
    assert all(failure.call.endswith("]") and "(0x" in failure.got for failure in report.failures)


def test_what_lies_between_the_compared_elements_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    case = next(case for case in golden_cases() if case.plan().size > 4 and case.dtype == "float32")
    monkeypatch.setattr(golden, "golden_cases", lambda: (case,))
    monkeypatch.setattr(golden, "chosen", lambda plan: (0, 2))
    monkeypatch.setattr(golden, "expected_bits", lambda plan: tuple(reference.bits(plan))[0:3:2])

    class Third(ReferenceBackend):
        def draw(self, plan: Plan, *, device: Any = None) -> npt.NDArray[Any]:
            array = super().draw(plan)
            array.reshape(-1)[3] += 1
            return array

    (failure,) = run(Third(), ["exact"], only=["bits.golden"]).failures
    assert failure.mistake == "the 2 elements that were compared with the reference are right: others are wrong"
