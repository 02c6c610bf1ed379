"""The pytest classes: one test a check, and no test overridden without a reason."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fanin.conformance import AdapterSuite, BackendSuite, NotClaimed, checks_of, overridden
from fanin.exceptions import FaninTypeError

from .doubles import OnesAdapter, ReferenceBackend, ShiftedBackend


def _tests(suite: type[Any]) -> set[str]:
    return {name for name in dir(suite) if name.startswith("test_")}


def test_there_is_one_test_a_check() -> None:
    exact, distribution = (
        {f"test_{check.name.replace('.', '_')}" for check in checks_of(level)} for level in ("exact", "distribution")
    )
    assert _tests(BackendSuite) == exact | distribution
    assert _tests(AdapterSuite) == distribution | {"test_something_is_claimed"}


def test_a_test_passes_fails_or_skips() -> None:
    class Right(BackendSuite):
        backend = ReferenceBackend()

    class Wrong(BackendSuite):
        backend = ShiftedBackend()

    class Ones(AdapterSuite):
        adapter = OnesAdapter

    Right().test_bits_seeds()  # type: ignore[attr-defined]
    with pytest.raises(AssertionError, match=r"(?s)bits\.seeds: .*expected: .*got: .*and 15 more"):
        Wrong().test_bits_seeds()  # type: ignore[attr-defined]
    with pytest.raises(pytest.skip.Exception, match="constants only"):
        Ones().test_moments_mean()  # type: ignore[attr-defined]


class _Silent(OnesAdapter):
    def sample(self, *arguments: Any, **settings: Any) -> Any:
        raise NotClaimed("not written yet")


def test_an_adapter_that_claims_nothing_fails() -> None:
    class Silent(AdapterSuite):
        adapter = _Silent

    class Ones(AdapterSuite):
        adapter = OnesAdapter

    Ones().test_something_is_claimed()
    with pytest.raises(AssertionError, match=r"ones claims nothing of the specification, .*: not written yet"):
        Silent().test_something_is_claimed()


class _Unhashable(OnesAdapter):
    __hash__ = None  # type: ignore[assignment]  # as that of a dataclass


def test_an_adapter_may_be_a_class_or_an_object() -> None:
    class Class(AdapterSuite):
        adapter = OnesAdapter

    class Object(AdapterSuite):
        adapter = _Unhashable()

    for suite in (Class, Object):
        assert isinstance(suite().trial("distribution").adapter, OnesAdapter)
        assert suite().trial("distribution") is suite().trial("distribution")
    assert Object().trial("distribution").adapter is Object.adapter


@pytest.mark.parametrize("adapter", ["mine", 3, dict, ReferenceBackend()])
def test_what_is_no_adapter_is_refused_with_the_class(adapter: object) -> None:
    with pytest.raises(FaninTypeError, match=r"TestMine\.adapter must be a class derived from .*Received: "):
        type("TestMine", (AdapterSuite,), {"adapter": adapter})


def test_four_lines_are_a_test_file(tmp_path: Path) -> None:
    body = "import fanin.conformance\n\nclass TestMine(fanin.conformance.BackendSuite):\n    backend = 'numpy'\n"
    (tmp_path / "test_mine.py").write_text(body)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "seeds", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    checks = sum(len(checks_of(level)) for level in ("exact", "distribution"))
    assert f"2 passed, {checks - 2} deselected" in done.stdout, done.stdout


def test_an_override_without_a_reason_is_refused() -> None:
    with pytest.raises(FaninTypeError, match=r"Silent\.test_bits_seeds overrides the suite's test without a reason"):

        class Silent(BackendSuite):
            backend = "mine"

            def test_bits_seeds(self) -> None: ...


def test_an_override_by_a_mixin_or_by_nothing_is_refused() -> None:
    class Mixin:
        def test_bits_seeds(self) -> None: ...

    with pytest.raises(FaninTypeError, match="without a reason"):
        type("Mixed", (Mixin, BackendSuite), {})
    with pytest.raises(FaninTypeError, match="without a reason"):
        type("Dropped", (BackendSuite,), {"test_bits_seeds": None})


@pytest.mark.parametrize("reason", ["", "   ", "skip", "not now"])
def test_a_reason_has_words(reason: str) -> None:
    with pytest.raises(FaninTypeError, match="at least 3 words"):
        overridden(reason)


def test_an_override_with_a_reason_takes_the_place_of_the_test() -> None:
    class Reasoned(BackendSuite):
        backend = ShiftedBackend()

        @overridden("this library counts from one")
        def test_bits_seeds(self) -> str:
            return "own"

    class Further(Reasoned):
        pass

    assert Further().test_bits_seeds() == "own"
    assert Further.test_bits_seeds.__override_reason__ == "this library counts from one"  # type: ignore[attr-defined]


@pytest.mark.parametrize(("suite", "words"), [(BackendSuite, "names no backend"), (AdapterSuite, "names no adapter")])
def test_a_class_that_names_nothing_is_refused(suite: type[Any], words: str) -> None:
    nameless = type("TestNothing", (suite,), {})
    with pytest.raises(FaninTypeError, match=words):
        nameless().test_streams_seeds()
