"""The conformance suite: is a backend right, bit for bit; does an implementation follow the laws that it claims?

Two levels. *exact*: a backend's bits against the reference, and its behaviour. *distribution*: statistics, for any
implementation with random numbers of its own, through an `Adapter`.

Run it with `fanin conformance NAME`, with `run`, or in a test file of your own:

    import fanin.conformance

    class TestMine(fanin.conformance.BackendSuite):
        backend = "mine"

It needs the extra `conformance`: NumPy, SciPy, pytest and rich.
"""

from __future__ import annotations

import importlib.util

from fanin.exceptions import FaninError

_MISSING = [name for name in ("numpy", "scipy", "rich") if importlib.util.find_spec(name) is None]


class _ExtraMissingError(FaninError, ImportError):
    """A library of the extra `conformance` is not installed."""


if _MISSING:
    raise _ExtraMissingError(
        f'fanin.conformance needs {", ".join(_MISSING)}, not installed. Run: pip install "fanin[conformance]".'
    )

from fanin.conformance.adapter import Adapter, BackendAdapter, NotClaimed  # noqa: E402  # after the message above
from fanin.conformance.check import Check, Level, Result, Verdict  # noqa: E402
from fanin.conformance.report import Report  # noqa: E402
from fanin.conformance.running import checks_of, load_subject, run  # noqa: E402
from fanin.conformance.suite import AdapterSuite, BackendSuite, overridden  # noqa: E402

__all__ = [
    "Adapter",
    "AdapterSuite",
    "BackendAdapter",
    "BackendSuite",
    "Check",
    "Level",
    "NotClaimed",
    "Report",
    "Result",
    "Verdict",
    "checks_of",
    "load_subject",
    "overridden",
    "run",
]
