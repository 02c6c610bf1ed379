"""A report, for people as a table, for machines as JSON."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from fanin.conformance.check import Check, Result
from fanin.conformance.claims import Claims
from fanin.conformance.distribution.statistics import BUDGET
from fanin.plans import SPEC_VERSION

__all__ = ["Report", "detected", "size_of"]

_SHOWN: Final = 3


@dataclass(frozen=True, repr=False)
class Report:
    """What a run found.

    Attributes:
        subject: The backend's or adapter's name.
        checks: The checks that ran.
        results: Their results, in that order.
        seed: The seed from which those of the distribution level were counted.
        seconds: How long the checks took.
        interrupted: Whether there would have been further checks.
        claims: Which parts of the specification were claimed and checked.
        promise: What a pass promises, where it is less than every bit.
    """

    subject: str
    checks: tuple[Check[Any], ...]
    results: tuple[Result, ...]
    seed: int
    seconds: float
    interrupted: bool = False
    claims: Claims = field(default_factory=Claims, compare=False)
    promise: str = ""

    def __repr__(self) -> str:
        """Return the report in a line."""
        return f"<Report {self.headline}>"

    @property
    def headline(self) -> str:
        """The subject, the verdict, the share of the specification that it is about, and how many checks were made."""
        ran = len({result.check for result in self.results if result.verdict != "skipped"})
        checks = f"{ran} of {len(self.checks)} checks in {self.seconds:.1f} s"
        return f"{self.subject}: {self._verdict}, {self.claims.share} claimed and checked, {checks}"

    @property
    def _verdict(self) -> str:
        failed = f"{len(self.failures)} of {len(self.results)} results"
        if self.interrupted:
            return f"INTERRUPTED, the above is what was finished: {failed} failed"
        if self.failures:
            return f"FAILED: {failed}"
        if not self.passed:
            return "FAILED: nothing was checked, since nothing was claimed of what was asked for"
        return "passed what it claims" if self.claims.not_claimed() else "passed"

    @property
    def failures(self) -> tuple[Result, ...]:
        """The results that failed."""
        return tuple(result for result in self.results if result.failed)

    @property
    def passed(self) -> bool:
        """Whether nothing failed, something passed, and nothing was cut off."""
        return not self.failures and not self.interrupted and any(result.verdict == "passed" for result in self.results)

    @property
    def false_alarm(self) -> float:
        """Bound on the probability that a right implementation fails: the sum over all results."""
        return sum(result.alpha for result in self.results)

    def of(self, check: Check[Any]) -> tuple[Result, ...]:
        """Return the results of one check."""
        return tuple(result for result in self.results if result.check == check.name)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain data.

        A statistic or a bound that is infinite or not a number is None; `got` says what a statistic was.
        """
        return {
            "subject": self.subject,
            "spec_version": SPEC_VERSION,
            "passed": self.passed,
            "interrupted": self.interrupted,
            "seed": self.seed,
            "seconds": round(self.seconds, 3),
            "false_alarm": self.false_alarm,
            "promise": self.promise,
            "claims": self.claims.to_dict(),
            "checks": [{"name": check.name, "level": check.level, "claim": check.claim} for check in self.checks],
            "results": [
                {name: None if _is_odd(value) else value for name, value in dataclasses.asdict(result).items()}
                for result in self.results
            ],
        }

    def to_json(self) -> str:
        """Return the report as JSON."""
        return json.dumps(self.to_dict(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    def show(self, console: Console, *, verbose: bool = False) -> None:
        """Print the table, what was skipped and why, and each failure.

        Args:
            console: Where to print.
            verbose: Print every single result too.
        """
        table = Table(title=f"{self.subject}, specification version {SPEC_VERSION}", title_justify="left")
        for heading in ("check", "what it shows", "on", "smallest error detected", "verdict"):
            table.add_column(heading, overflow="fold", no_wrap=heading in ("check", "verdict"))  # to be typed again
        for check in self.checks:
            table.add_row(*_row(check, self.of(check)))
        console.print(table)
        if verbose:
            for result in self.results:
                console.print(escape(_printable(result.text())))
        for line in self._skips():
            console.print(escape(line))
        for line in self._failures():
            console.print(escape(_printable(line)), style="red")
        statistical = [result for result in self.results if result.alpha]
        if statistical:
            console.print(
                f"{len(statistical)} statistical results, seeds from {self.seed}: a right implementation fails with "
                f"probability {self.false_alarm:.1e} at most (budget {BUDGET:g})."
            )
        for line in (*self.claims.lines(), *([self.promise] if self.promise else [])):
            console.print(escape(line), soft_wrap=True)
        console.print(escape(_printable(self.headline)), soft_wrap=True)

    def _skips(self) -> Iterator[str]:
        reasons: dict[str, list[str]] = {}
        for result in self.results:
            if result.verdict == "skipped":
                reasons.setdefault(result.note, []).append(result.check)
        for reason, names in reasons.items():
            yield f"skipped: {reason} ({len(names)} in {', '.join(dict.fromkeys(names))})"

    def _failures(self) -> Iterator[str]:
        for check in self.checks:
            failed = [result for result in self.of(check) if result.failed]
            yield from (f"\n{result.text()}" for result in failed[:_SHOWN])
            if len(failed) > _SHOWN:
                yield f"  ... and {len(failed) - _SHOWN} more of {check.name} (all are in --json and --verbose)"


def _is_odd(value: object) -> bool:
    """Whether a value is a number that JSON does not have."""
    return isinstance(value, float) and not math.isfinite(value)


def _row(check: Check[Any], results: tuple[Result, ...]) -> tuple[str, str, str, str, str]:
    ran = [result for result in results if result.verdict != "skipped"]
    failed = sum(result.failed for result in ran)
    if not ran:
        verdict = "skipped"
    elif failed:
        verdict = f"[red]{failed} failed[/red]"
    else:
        verdict = "[green]passed[/green]"
    return check.name, escape(check.claim), size_of(ran), escape(detected(ran)), verdict


def detected(results: Sequence[Result]) -> str:
    """Return the smallest errors that a check's results detect: the first one's, and the last one's if it differs."""
    found = list(dict.fromkeys(result.detects or "any difference" for result in results))
    return "; ".join(dict.fromkeys([*found[:1], *found[-1:]]))


def size_of(results: Sequence[Result]) -> str:
    """Return how many results a check has, and of how many values each on average."""
    return f"{len(results)} × {_short(sum(result.n for result in results) / max(len(results), 1))}"


def _short(n: float) -> str:
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if n >= size:
            return f"{n / size:.3g}{unit}"
    return f"{n:.3g}"


def _printable(text: str) -> str:
    """Return text in which control characters, which XML and terminals cannot take, are escaped."""
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text)
