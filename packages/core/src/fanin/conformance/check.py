"""What a check is, and what it reports."""

from __future__ import annotations

import dataclasses
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, Literal, TypeVar

from fanin.conformance.calls import CallError

__all__ = ["ENOUGH", "OR", "Check", "Level", "Result", "Verdict", "attempt", "perform", "raised"]

Level = Literal["exact", "distribution"]
Verdict = Literal["passed", "failed", "skipped"]
Trial = TypeVar("Trial")

OR: Final = "; or: "
"""Between two mistakes, either of which explains what was seen."""

ENOUGH: Final = 4
"""Fewer elements than that agree with a mistake by chance."""


@dataclass(frozen=True)
class Result:
    """What one check found on one set of values.

    Attributes:
        on: Which values were checked.
        verdict: "passed", "failed", or "skipped" where the subject does not claim what the check is about.
        check: The check's name.
        level: The check's level.
        n: Number of values that the statistic is made from.
        statistic: The number that decides.
        low: The statistic passes from here ...
        high: ... to here.
        alpha: Bound on the probability that a right implementation fails here; 0 where nothing is left to chance.
        detects: The smallest error that fails with probability 99 %, in words.
        call: The call that went wrong.
        expected: What it should have given.
        got: What it gave.
        mistake: The likely mistake, if one of the known ones explains what was seen.
        note: Why it was skipped, or what else is worth knowing.
    """

    on: str
    verdict: Verdict
    check: str = ""
    level: Level = "exact"
    n: int = 0
    statistic: float | None = None
    low: float | None = None
    high: float | None = None
    alpha: float = 0.0
    detects: str = ""
    call: str = ""
    expected: str = ""
    got: str = ""
    mistake: str = ""
    note: str = ""

    @property
    def failed(self) -> bool:
        """Whether the verdict is "failed"."""
        return self.verdict == "failed"

    def text(self) -> str:
        """Return the result as the lines that a person reads, without those that say nothing."""
        lines = [f"{self.check}: {self.on}: {self.verdict}"]
        if self.statistic is not None and self.level == "distribution":
            lines.append(f"  statistic: {self.statistic:.6g}, accepted: {self.accepted}, n = {self.n}")
        for label in ("call", "expected", "got", "mistake", "detects", "note"):
            if value := getattr(self, label):
                name = "likely mistake" if label == "mistake" else label
                lines.append(f"  {name}: {value}")
        return "\n".join(lines)

    @property
    def accepted(self) -> str:
        """The accepted interval as text, empty where the check has none."""
        if self.low is None and self.high is None:
            return ""
        low = "" if self.low is None else f"{self.low:.6g} ≤ "
        high = "" if self.high is None else f" ≤ {self.high:.6g}"
        return f"{low}·{high}"


@dataclass(frozen=True)
class Check(Generic[Trial]):
    """One thing that is checked.

    Attributes:
        name: A short name in two parts, "bits.layouts".
        level: "exact" (bits and behaviour) or "distribution" (statistics).
        claim: What a subject that passes has been shown to do, in one sentence.
        body: Yields the results, without the check's name and level.
    """

    name: str
    level: Level
    claim: str
    body: Callable[[Trial], Iterable[Result]]

    def run(self, trial: Trial) -> list[Result]:
        """Return the results; an exception on the way is a failure like any other."""
        results: list[Result] = []
        try:
            results.extend(self.body(trial))
        except Exception as error:
            results.append(raised("the rest of the check", error))
        return [dataclasses.replace(result, check=self.name, level=self.level) for result in _agreed(results)]


def _agreed(results: list[Result]) -> list[Result]:
    """Return the results with the mistakes that all failures have in common, where there are any, for all that may be.

    One case leaves several mistakes possible; another one, several of those. A mistake that explains less than half of
    the failures may be chance, and says so.
    """
    named = [result for result in results if result.mistake]
    common = set.intersection(*(set(result.mistake.split(OR)) for result in named)) if named else set()
    failures = sum(result.failed and result.n >= ENOUGH for result in results)
    rare = f" (so in {len(named)} of {failures} failures)" if 2 * len(named) < failures else ""
    if not (common or rare):
        return results

    def told(mistake: str) -> str:
        texts = [text for text in mistake.split(OR) if text in common or not common]
        return mistake and OR.join(texts) + rare

    return [dataclasses.replace(result, mistake=told(result.mistake)) for result in results]


def attempt(on: str, judge: Callable[[], Result]) -> Result:
    """Return a result; an exception on the way is a failure of these values alone, so that a check goes on."""
    try:
        return judge()
    except Exception as error:
        return raised(on, error)


def raised(on: str, error: Exception) -> Result:
    """Return the failure that an exception is, with the call that it came from where that is known."""
    call, advice = on, ""
    if isinstance(error, CallError):
        call, advice, error = error.call, f"; {error.advice}", error.error
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return Result(
        on=on,
        verdict="failed",
        call=call,
        expected="no exception",
        got=f"{type(error).__name__}: {error}",
        note=f"raised in {frame.name}, line {frame.lineno} of {frame.filename}{advice}",
    )


def perform(checks: Sequence[Check[Trial]], trial: Trial) -> list[Result]:
    """Run the checks one after the other and return all results."""
    return [result for check in checks for result in check.run(trial)]
