"""Run the checks on a backend or an adapter, and collect a report."""

from __future__ import annotations

import importlib
import secrets
import time
from collections.abc import Callable, Sequence
from fnmatch import fnmatch
from typing import Any, Final

from fanin.api import draw
from fanin.conformance.adapter import Adapter, BackendAdapter
from fanin.conformance.check import Check, Level, Result
from fanin.conformance.claims import Claims
from fanin.conformance.distribution import DISTRIBUTION_CHECKS, SampleTrial
from fanin.conformance.exact import EXACT_CHECKS, BackendTrial
from fanin.conformance.report import Report
from fanin.contract import Backend
from fanin.exceptions import FaninError, FaninTypeError, FaninValueError
from fanin.plans import plan
from fanin.registry import backend as get_backend

__all__ = ["Interrupted", "checks_of", "load_subject", "run"]

LEVELS: Final[tuple[Level, ...]] = ("exact", "distribution")

_CLOSE: Final = (
    'level "close": each weight is at most one unit of the last place from the specification\'s, and of a drawn tensor '
    "at most three quarters are, as many as rounding otherwise can move; a constant may be off in all"
)


def checks_of(level: Level) -> tuple[Check[Any], ...]:
    """Return the checks of a level, in the order in which they run."""
    return EXACT_CHECKS if level == "exact" else DISTRIBUTION_CHECKS


def load_subject(name: str) -> Backend | Adapter:
    """Return the backend of a name, or what "module:object" names: an adapter, a backend, or a class of either.

    Raises:
        FaninValueError: The module or its object does not exist.
        FaninTypeError: The object is neither an adapter nor a backend.
        FaninError: A backend cannot be loaded (see `fanin.backend`).
    """
    if ":" not in name:
        return get_backend(name)
    module, _, attribute = name.partition(":")
    if not (module and attribute) or module.startswith("."):
        raise FaninValueError(
            f"{name!r} names no object: use module:object, for example my_package.adapters:MyAdapter."
        )
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ModuleNotFoundError, AttributeError) as error:
        raise FaninValueError(
            f"{name!r} names no object: {error}. Use module:object, for example my_package.adapters:MyAdapter."
        ) from error
    try:
        subject = found() if isinstance(found, type) else found
    except TypeError as error:
        raise FaninTypeError(f"{name} cannot be built without arguments: {error}.") from error
    if isinstance(subject, Adapter):
        return subject
    return get_backend(subject)


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during a run.

    Attributes:
        report: What was finished.
    """

    def __init__(self, report: Report) -> None:
        super().__init__()
        self.report = report


def run(
    subject: str | Backend | Adapter,
    levels: Sequence[Level] | None = None,
    *,
    seed: int = 0,
    random_seed: int | None = None,
    device: Any = None,
    only: Sequence[str] = (),
    progress: Callable[[str], None] = lambda name: None,
) -> Report:
    """Run the checks.

    Args:
        subject: A backend, an adapter, or a name for `load_subject`.
        levels: "exact", "distribution" or both; None for all that there are: an adapter has no exact level.
        seed: The seeds of the distribution level are counted from here. The exact level's are fixed.
        random_seed: Of the cases of `bits.random`; None for new ones at each run.
        device: Where the backend shall draw.
        only: Names or patterns ("bits.*") of the checks to run; all if empty.
        progress: Called with the name of each check before it runs.

    Raises:
        FaninValueError: A level or a pattern fits no check; the seed is outside [0, 2^64); the backend cannot draw on
            the device.
        FaninTypeError: The exact level, or a device, was asked of an adapter.
        Interrupted: A KeyboardInterrupt, with the report of the checks that were finished.

    Example:
        >>> run("numpy", ["exact"], only=["bits.seeds"]).passed
        True
    """
    found = load_subject(subject) if isinstance(subject, str) else subject
    is_adapter = isinstance(found, Adapter)
    chosen: Sequence[Level] = levels if levels is not None else (LEVELS[1:] if is_adapter else LEVELS)
    if unknown := [level for level in chosen if level not in LEVELS]:
        raise FaninValueError(f"levels must be among {', '.join(LEVELS)}. Received: {unknown[0]!r}.")
    if is_adapter and "exact" in chosen:
        raise FaninTypeError(
            f"{found.name} is an adapter, which has random numbers of its own. The exact level is for backends: "
            f'use levels=["distribution"].'
        )
    if is_adapter and device is not None:
        raise FaninTypeError(
            f"{found.name} is an adapter, which draws where it was written to. Received: device={device!r}. Leave the "
            f"device out, or write an adapter for each device."
        )
    checks = [check for level in chosen for check in checks_of(level)]
    picked = [check for check in checks if not only or any(fnmatch(check.name, pattern) for pattern in only)]
    if not picked:
        raise FaninValueError(
            f"no check is named {', '.join(only)}. Names: {', '.join(check.name for check in checks)}."
        )
    random_seed = secrets.randbits(32) if random_seed is None else random_seed
    claims, promise = Claims(), ""
    if isinstance(found, Adapter):
        trials: dict[Level, Any] = {"distribution": SampleTrial(found, seed, claims=claims)}
    else:
        adapter = BackendAdapter(found, device)
        trials = {
            "exact": BackendTrial(found, device, random_seed, claims=claims),
            "distribution": SampleTrial(adapter, seed, claims=claims),
        }
        promise = _CLOSE if "exact" in chosen and found.capabilities.level == "close" else ""
        if device is not None:
            _try_device(found, device)
    finished: list[Check[Any]] = []
    results: list[Result] = []
    start = time.perf_counter()

    def report(interrupted: bool = False) -> Report:
        seconds = time.perf_counter() - start
        return Report(found.name, tuple(finished), tuple(results), seed, seconds, interrupted, claims, promise)

    try:
        for check in picked:
            progress(check.name)
            results += check.run(trials[check.level])
            finished.append(check)
    except KeyboardInterrupt as error:
        raise Interrupted(report(interrupted=True)) from error
    return report()


def _try_device(backend: Backend, device: Any) -> None:
    """Draw once, so that a device that is not there is one message and not a failure of every check.

    Raises:
        FaninError: What the backend says of it.
    """
    dtypes = backend.capabilities.dtypes
    made = plan((2,), "random", dtype="float32" if "float32" in dtypes else min(dtypes, default="float32"))
    try:
        draw(made, backend=backend, device=device)
    except FaninError:
        raise
    except Exception as error:
        raise FaninValueError(
            f"{backend.name} cannot draw on the device {device!r}: {type(error).__name__}: {error}"
        ) from error
