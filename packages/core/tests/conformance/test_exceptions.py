"""An exception is the failure of one call: it is named, what to do is said, and the rest of the check goes on."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from fanin import Initializer, normal
from fanin.conformance import NotClaimed, Result, run
from fanin.conformance.case import Case
from fanin.conformance.exact import behaviour, jit
from fanin.initializers import Normal
from fanin.plans import Plan

from .doubles import OnesAdapter, ReferenceBackend

SMALL = (
    Case((3, 4), "he", "OI", seed=1, name="a.weight"),
    Case((3, 4), "he_uniform", "OI", seed=1, name="a.weight"),
    Case((5,), "zeros", "O"),
)
UNIFORM = SMALL[1].call("reference")


class UniformlessBackend(ReferenceBackend):
    """Has a law less than it should, and says so with an error of its own."""

    def draw(self, plan: Plan, *, device: Any = None) -> npt.NDArray[Any]:
        if getattr(plan.rule, "distribution", "") == "uniform":
            raise KeyError("uniform")
        return super().draw(plan, device=device)


class UnreadableBackend(ReferenceBackend):
    """Draws uniform weights, and cannot read them."""

    def draw(self, plan: Plan, *, device: Any = None) -> npt.NDArray[Any]:
        array = super().draw(plan, device=device)
        return array.astype(object) if getattr(plan.rule, "distribution", "") == "uniform" else array

    def tobytes(self, array: npt.NDArray[Any]) -> bytes:
        if array.dtype == object:
            raise KeyError("uniform")
        return super().tobytes(array)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reference is slow: let the checks of behaviour draw three small tensors."""
    monkeypatch.setattr(behaviour, "CASES", SMALL)
    monkeypatch.setattr(jit, "COMPILED", SMALL)


def _by_verdict(results: tuple[Result, ...], verdict: str) -> list[Result]:
    return [result for result in results if result.verdict == verdict]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("backend", [UniformlessBackend, UnreadableBackend])
@pytest.mark.parametrize(
    ("check", "others"),
    [
        ("behaviour.global_state", 2),
        ("behaviour.repetition", 4),
        ("behaviour.aliasing", 2),
        ("behaviour.threads", 4),
    ],
)
def test_a_check_of_behaviour_goes_on_after_an_exception(
    backend: type[ReferenceBackend], check: str, others: int
) -> None:
    report = run(backend(), ["exact"], only=[check])
    (failure,) = report.failures
    assert failure.call == UNIFORM
    assert failure.got == "KeyError: 'uniform'"
    assert "what a backend does not draw, its capabilities do not declare" in failure.note
    assert len(_by_verdict(report.results, "passed")) == others


@pytest.mark.usefixtures("small")
def test_what_is_raised_while_a_library_compiles_ends_only_that_check() -> None:
    class Compiling(UniformlessBackend):
        capabilities = type(ReferenceBackend.capabilities)(frozenset({"float32"}), jit=True)

        def compiled(self, function: Callable[[], Any]) -> Callable[[], Any]:
            return function

    report = run(Compiling(), ["exact"], only=["behaviour.jit"])
    assert [failure.call for failure in report.failures] == [UNIFORM]
    assert len(_by_verdict(report.results, "passed")) == 4  # two laws, alone and multiplied


def test_a_dtype_that_cannot_be_described_does_not_hide_the_others() -> None:
    class Odd(ReferenceBackend):
        def draw(self, plan: Plan, *, device: Any = None) -> npt.NDArray[Any]:
            if plan.shape == ():
                raise IndexError("no axes")
            return super().draw(plan, device=device)

    report = run(Odd(), ["exact"], only=["behaviour.description"])
    (failure,) = report.failures
    assert failure.call == "fanin.init((), fanin.normal(mean=0.0, std=0.5), name='w', backend='reference')"
    assert len(_by_verdict(report.results, "passed")) == 2


class Halfless(OnesAdapter):
    """Draws normals, and has forgotten that float16 is asked for; constants it does not claim."""

    name = "halfless"

    def sample(self, initializer: Initializer, shape: tuple[int, ...], **rest: Any) -> npt.NDArray[Any]:
        if not isinstance(initializer, Normal):
            raise NotClaimed("normals only")
        if rest["dtype"] == "float16":
            raise TypeError("no half")
        draws = np.random.default_rng(rest["seed"]).normal(initializer.mean, initializer.std, shape)
        return draws.astype("float32" if rest["dtype"] == "bfloat16" else rest["dtype"])


def test_a_check_of_laws_goes_on_after_an_exception_and_suggests_what_to_raise() -> None:
    report = run(Halfless(), only=["streams.repeatable"])
    (failure,) = report.failures
    assert failure.call == failure.on
    assert failure.call.startswith("halfless: (64, 37), fanin.normal(mean=0.0, std=1.0), ")
    assert "dtype='float16'" in failure.call
    assert failure.got == "TypeError: no half"
    assert "`sample` raises fanin.conformance.NotClaimed with the reason" in failure.note
    passed = [result.on for result in _by_verdict(report.results, "passed")]
    assert len(passed) == 3
    assert any("bfloat16" in on for on in passed)  # which comes after float16


@pytest.mark.parametrize(
    ("check", "nth", "others"),
    [
        ("resolution.constants", 2, 5),
        ("streams.seeds", 14, 30),
        ("network.zeros", 2, 0),
        ("network.signal", 2, 6),
        ("matrices.identity", 2, 15),
    ],
)
def test_every_check_of_laws_names_what_raised(check: str, nth: int, others: int) -> None:
    class Odd(OnesAdapter):
        """Draws normals for everything, and raises once."""

        seen = 0

        def sample(self, initializer: Initializer, shape: tuple[int, ...], **rest: Any) -> npt.NDArray[Any]:
            self.seen += 1
            if self.seen == nth:
                raise ZeroDivisionError("by hand")
            draw = np.random.default_rng([rest["seed"], len(str(rest["name"]))])
            return draw.normal(0.0, 1.0, shape).astype("float32" if rest["dtype"] == "bfloat16" else rest["dtype"])

    report = run(Odd(), only=[check])
    raised = [result for result in report.results if result.got == "ZeroDivisionError: by hand"]
    assert len(raised) == 1
    assert raised[0].call.startswith("ones: (")
    assert len(report.results) == 1 + others


class WritingNothing(ReferenceBackend):
    """Returns arrays over read-only memory."""

    def draw(self, plan: Plan, *, device: Any = None) -> npt.NDArray[Any]:
        array = super().draw(plan)
        array.flags.writeable = False
        return array


@pytest.mark.usefixtures("small")
def test_memory_that_is_read_only_is_called_that() -> None:
    report = run(WritingNothing(), ["exact"], only=["behaviour.aliasing"])
    assert {failure.mistake.partition(":")[0] for failure in report.failures} == {"the memory is read-only"}


class Reusing(ReferenceBackend):
    """Compiles the first key of each shape and law into the function."""

    capabilities = type(ReferenceBackend.capabilities)(frozenset({"float32"}), jit=True)
    inside = False

    def __init__(self) -> None:
        self.keys: dict[Any, Any] = {}

    def draw(self, plan: Plan, *, device: Any = None) -> npt.NDArray[Any]:
        if self.inside:
            plan = dataclasses.replace(plan, keys=self.keys.setdefault((plan.shape, plan.rule), plan.keys))
        return super().draw(plan, device=device)

    def compiled(self, function: Callable[[], Any]) -> Callable[[], Any]:
        def inside() -> Any:
            self.inside = True
            try:
                return function()
            finally:
                self.inside = False

        return inside


def test_a_key_that_is_compiled_in_is_not_the_callers_arithmetic(monkeypatch: pytest.MonkeyPatch) -> None:
    cases = tuple(Case((3, 4), "he", "OI", seed=seed, name="w") for seed in (1, 2))
    monkeypatch.setattr(jit, "COMPILED", cases)
    report = run(Reusing(), ["exact"], only=["behaviour.jit"])
    named = f"a key is compiled in and used again: that of {cases[0].call('reference')}"
    assert [failure.mistake for failure in report.failures] == [named, named]  # alone and multiplied


def test_the_first_draw_that_differs_is_kept_state(monkeypatch: pytest.MonkeyPatch) -> None:
    class Learning(ReferenceBackend):
        seen: frozenset[Plan] = frozenset()

        def draw(self, plan: Plan, *, device: Any = None) -> npt.NDArray[Any]:
            array = super().draw(plan)
            array = -array if plan in self.seen else array
            self.seen |= {plan}
            return array

    monkeypatch.setattr(behaviour, "CASES", (Case((5,), normal(std=1.0), name="w"),))
    report = run(Learning(), ["exact"], only=["behaviour.global_state"])
    assert [failure.mistake for failure in report.failures] == ["state is kept from draw to draw"]
