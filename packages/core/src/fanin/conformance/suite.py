"""The suite as pytest classes, to be subclassed in a third party's test file."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any, ClassVar, Final, TypeVar

from fanin.conformance.adapter import Adapter, BackendAdapter
from fanin.conformance.check import Check, Level
from fanin.conformance.distribution import SampleTrial
from fanin.conformance.exact import BackendTrial
from fanin.conformance.running import checks_of
from fanin.contract import Backend
from fanin.exceptions import FaninTypeError
from fanin.registry import backend as get_backend

__all__ = ["AdapterSuite", "BackendSuite", "overridden"]

Function = TypeVar("Function", bound=Callable[..., Any])
_SHOWN: Final = 3
_WORDS: Final = 3


def overridden(reason: str) -> Callable[[Function], Function]:
    """Mark a test of a subclass that takes the place of the suite's, and say why.

    Args:
        reason: Why the suite's own test does not apply, in at least three words.

    Raises:
        FaninTypeError: The reason is missing.
    """
    if len(str(reason).split()) < _WORDS:
        raise FaninTypeError(
            f"overridden needs the reason, in at least {_WORDS} words, why the suite's own test does not apply. "
            f'Received: {reason!r}. For example @overridden("arrays of this library are immutable").'
        )

    def mark(function: Function) -> Function:
        function.__override_reason__ = reason  # type: ignore[attr-defined]
        return function

    return mark


class _Suite:
    """A class with one test for each check; a subclass may override a test with a written reason only."""

    _checks: ClassVar[dict[str, Check[Any]]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for name in cls._checks:
            own = getattr(cls, name)
            if not hasattr(own, "__fanin_check__") and not getattr(own, "__override_reason__", ""):
                raise FaninTypeError(
                    f"{cls.__name__}.{name} overrides the suite's test without a reason. Write "
                    f'@fanin.conformance.overridden("why the test does not apply") above it.'
                )

    def trial(self, level: Level) -> Any:
        """Return what the checks of a level run on."""
        raise NotImplementedError


class BackendSuite(_Suite):
    """Both levels, for a backend.

    Attributes:
        backend: The backend's name, or a backend.
        device: Where it shall draw; None for the library's default.
        seed: Where the seeds of the distribution level are counted from.
        random_seed: Of the cases of `bits.random`, which a failure names; None for new ones at each run.
    """

    backend: ClassVar[str | Backend]
    device: ClassVar[Any] = None
    seed: ClassVar[int] = 0
    random_seed: ClassVar[int | None] = None

    def trial(self, level: Level) -> BackendTrial | SampleTrial:
        """Return what the checks of a level run on: the backend, drawing on the device."""
        if not hasattr(self, "backend"):
            raise FaninTypeError(
                f'{type(self).__name__} names no backend. Write for example backend = "mine" in the class.'
            )
        backend: Any = get_backend(self.backend)
        if level == "exact":
            random_seed = secrets.randbits(32) if self.random_seed is None else self.random_seed
            return BackendTrial(backend, self.device, random_seed)
        return _samples(backend, lambda: BackendAdapter(backend, self.device), self.device, self.seed)


class AdapterSuite(_Suite):
    """The distribution level, for an implementation with random numbers of its own.

    Attributes:
        adapter: The class of the adapter, or an adapter.
        seed: Where the seeds are counted from.
    """

    adapter: ClassVar[type[Adapter] | Adapter]
    seed: ClassVar[int] = 0

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        adapter: object = getattr(cls, "adapter", None)
        is_class = isinstance(adapter, type) and issubclass(adapter, Adapter)
        if hasattr(cls, "adapter") and not (is_class or isinstance(adapter, Adapter)):
            raise FaninTypeError(
                f"{cls.__name__}.adapter must be a class derived from fanin.conformance.Adapter, or an object of one. "
                f"Received: {adapter!r}."
            )

    def trial(self, level: Level) -> SampleTrial:
        """Return what the checks run on: the adapter, or a new one of the class."""
        if not hasattr(self, "adapter"):
            raise FaninTypeError(
                f"{type(self).__name__} names no adapter. Write for example adapter = MyAdapter in the class."
            )
        adapter = self.adapter
        return _samples(adapter, lambda: adapter() if isinstance(adapter, type) else adapter, None, self.seed)

    def test_something_is_claimed(self) -> None:
        """Something is claimed: skipped tests show nothing, and here not all of them are skipped."""
        trial = self.trial("distribution")
        reasons: dict[str, None] = {}
        for check in self._checks.values():
            for result in check.run(trial):
                if result.verdict != "skipped":
                    return
                reasons[result.note] = None
        raise AssertionError(
            f"{trial.adapter.name} claims nothing of the specification, so nothing was checked: {'; '.join(reasons)}"
        )


_shared: list[tuple[tuple[object, object, int], SampleTrial]] = []


def _samples(subject: object, make: Callable[[], Adapter], device: object, seed: int) -> SampleTrial:
    """Return the trial that the tests of one class share, so that each sample is drawn once; only the last is kept."""
    key = (subject, device, seed)
    if not _shared or _shared[0][0][0] is not subject or _shared[0][0][1:] != key[1:]:
        _shared[:] = [(key, SampleTrial(make(), seed))]
    return _shared[0][1]


def _test_of(check: Check[Any]) -> Callable[[Any], None]:
    def test(self: _Suite) -> None:
        results = check.run(self.trial(check.level))
        failed = [result.text() for result in results if result.failed]
        if failed:
            more = [f"... and {len(failed) - _SHOWN} more"] if len(failed) > _SHOWN else []
            raise AssertionError("\n".join(["", *failed[:_SHOWN], *more]))
        if all(result.verdict == "skipped" for result in results):
            import pytest

            pytest.skip("; ".join(dict.fromkeys(result.note for result in results)) or "nothing was checked")

    test.__name__ = f"test_{check.name.replace('.', '_')}"
    test.__qualname__ = test.__name__
    test.__doc__ = f"{check.claim[0].upper()}{check.claim[1:]}."
    test.__fanin_check__ = check  # type: ignore[attr-defined]
    return test


def _fill(suite: type[_Suite], levels: tuple[Level, ...]) -> None:
    suite._checks = {}
    for level in levels:
        for check in checks_of(level):
            test = _test_of(check)
            setattr(suite, test.__name__, test)
            suite._checks[test.__name__] = check


_fill(BackendSuite, ("exact", "distribution"))
_fill(AdapterSuite, ("distribution",))
