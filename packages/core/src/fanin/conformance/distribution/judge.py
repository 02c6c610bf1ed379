"""From a statistic and the interval that it should lie in to a result."""

from __future__ import annotations

from collections.abc import Callable

from fanin.conformance.check import Result

__all__ = ["judge"]


def judge(
    on: str,
    what: str,
    statistic: float,
    *,
    n: int,
    low: float | None = None,
    high: float | None = None,
    alpha: float = 0.0,
    detects: str,
    call: str = "",
    mistake: Callable[[], str] | str = "",
    note: str = "",
) -> Result:
    """Return a result: passed if `low <= statistic <= high`, with a NaN failing.

    Args:
        on: Which values were checked.
        what: What the statistic is.
        statistic: Its value.
        n: Number of values it is made from.
        low: Smallest accepted value, or None.
        high: Largest accepted value, or None.
        alpha: Probability that a right implementation falls outside.
        detects: The smallest error that is detected.
        call: The call that drew the values; `on` if empty.
        mistake: The likely mistake, or a function that looks for it, called only for a failure.
        note: What else is worth knowing.
    """
    passed = (low is None or statistic >= low) and (high is None or statistic <= high) and statistic == statistic
    result = Result(
        on=on,
        verdict="passed" if passed else "failed",
        n=n,
        statistic=statistic,
        low=low,
        high=high,
        alpha=alpha,
        detects=detects,
        note=note,
    )
    if passed:
        return result
    likely = mistake if isinstance(mistake, str) else mistake()
    return Result(
        **{
            **vars(result),
            "call": call or on,
            "expected": f"{what}: {result.accepted}",
            "got": f"{statistic:.6g}",
            "mistake": likely,
        }
    )
