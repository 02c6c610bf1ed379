"""Calls that raise: what was asked for, what came of it, and what to do if it was not offered in the first place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from fanin.conformance.adapter import NotClaimed
from fanin.conformance.case import Case
from fanin.exceptions import FaninError
from fanin.plans import Plan

__all__ = ["DECLARE", "NOT_CLAIMED", "CallError", "asking", "call_of"]

DECLARE: Final = "what a backend does not draw, its capabilities do not declare (dtypes, rules)"
NOT_CLAIMED: Final = (
    "where the implementation does not offer this, `sample` raises fanin.conformance.NotClaimed with the reason, and "
    "the checks of it are skipped"
)


class CallError(FaninError):
    """What an implementation raised when it was asked for weights.

    Attributes:
        call: What it was asked for.
        error: What it raised.
        advice: What to do if it does not offer this.
    """

    def __init__(self, call: str, error: Exception, advice: str) -> None:
        super().__init__(f"{call} raised {type(error).__name__}: {error}")
        self.call, self.error, self.advice = call, error, advice


@contextmanager
def asking(call: Callable[[], str], advice: str) -> Iterator[None]:
    """Give an exception of the implementation the call that it came from.

    Raises:
        NotClaimed: As it was raised.
        CallError: In place of any other exception.
    """
    try:
        yield
    except (NotClaimed, CallError):
        raise
    except Exception as error:
        raise CallError(call(), error, advice) from error


def call_of(plan: Plan, backend: str) -> str:
    """Return the call of `fanin.init` that makes a plan, as a line of Python."""
    geometry = plan.geometry
    return Case(
        geometry.shape,
        plan.initializer,
        geometry.layout,
        plan.seed,
        plan.name,
        plan.dtype,
        None if plan.shape == geometry.shape else plan.slices,
        geometry.groups,
        geometry.transposed,
        geometry.stride if geometry.transposed and set(geometry.stride) - {1} else None,
    ).call(backend)
