"""The tables of docs/conformance.md: how they are written, and how they are read."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fanin.conformance import Check, Report, Result
from fanin.conformance.report import detected, size_of

from .mutants.adapters.record import Placed
from .mutants.backends import MUTANTS

DOCUMENT: Final = Path(__file__).parents[4] / "docs" / "conformance.md"
LISTED: Final = 3
"""Of the checks that catch a mutant, so many are listed: those that catch the fewest others."""


@dataclass(frozen=True)
class Kill:
    """A row of the table of mutants: the checks that are listed, and how many more there are, at each level."""

    name: str
    mistake: str
    exact: tuple[str, ...]
    distribution: tuple[str, ...]
    diagnosis: str


@dataclass(frozen=True)
class Catch:
    """A row of the table of adapters."""

    family: str
    check: str
    caught: int
    placed: int


def section(name: str) -> str:
    """Return the part of the document between the marks of a name."""
    found = re.search(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None, f"{DOCUMENT.name} has no section {name}"
    return found[1].strip()


def replace_section(name: str, text: str) -> None:
    """Write the part of the document between the marks of a name."""
    section(name)
    whole = DOCUMENT.read_text(encoding="utf-8")
    marks = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    DOCUMENT.write_text(marks.sub(lambda match: f"{match[1]}\n{text}\n\n{match[2]}", whole), encoding="utf-8")


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '∣') for cell in line)} |" for line in lines)


def checks_table(report: Report) -> str:
    """Return what each check shows, on what (a dash if it was skipped), with which false alarm, and what it detects."""
    return table(
        ("check", "what it shows", "on", "false alarm", "smallest error detected (99 %)"),
        (_row(check, report.of(check)) for check in report.checks),
    )


def _row(check: Check[object], results: Sequence[Result]) -> tuple[str, ...]:
    ran = [result for result in results if result.verdict != "skipped"]
    alarm = sum(result.alpha for result in ran)
    size = size_of(ran) if ran else "–"
    return f"`{check.name}`", check.claim, size, f"{alarm:.1e}" if alarm else "0", detected(ran or results)


def mutants_table(kills: dict[str, dict[str, dict[str, str]]]) -> str:
    """Return which checks catch which mutant.

    Args:
        kills: Mutant to level to check to the likely mistake that it named.
    """
    caught = Counter(check for levels in kills.values() for checks in levels.values() for check in checks)
    rows = []
    for mutant in MUTANTS:
        levels = {
            level: sorted(checks, key=lambda check: (caught[check], check))
            for level, checks in kills[mutant.name].items()
        }
        names = kills[mutant.name]["exact"] | kills[mutant.name]["distribution"]
        rows.append(
            (
                mutant.name,
                mutant.mistake,
                _list(levels["exact"]),
                _list(levels["distribution"]),
                next((names[check] for checks in levels.values() for check in checks if names[check]), ""),
            )
        )
    return table(("mutant", "what is wrong", "exact", "distribution", "named in the report as"), rows)


def _list(checks: list[str]) -> str:
    more = f" +{len(checks) - LISTED}" if len(checks) > LISTED else ""
    return ", ".join(f"`{check}`" for check in checks[:LISTED]) + more or "–"


def kills() -> dict[str, Kill]:
    """Return the rows of the table of mutants, by name."""
    lines = section("mutants").splitlines()[2:]
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    found = [Kill(name, mistake, _read(bits), _read(laws), named) for name, mistake, bits, laws, named in rows]
    return {kill.name: kill for kill in found}


def _read(cell: str) -> tuple[str, ...]:
    return tuple(re.findall(r"`([^`]+)`", cell))


def adapters_table(found: Iterable[tuple[Placed, bool]]) -> str:
    """Return how many mutants of each family were caught, by which check."""
    rows: dict[str, list[tuple[Placed, bool]]] = {}
    for mutant, caught in found:
        rows.setdefault(mutant.family, []).append((mutant, caught))
    return table(
        ("what is wrong, in places that a seed chooses", "for example", "caught by", "caught"),
        (
            (
                family,
                mutants[0][0].mistake,
                ", ".join(f"`{check}`" for check in dict.fromkeys(mutant.check for mutant, _ in mutants)),
                f"{sum(caught for _, caught in mutants)} of {len(mutants)}",
            )
            for family, mutants in rows.items()
        ),
    )


def catches() -> list[Catch]:
    """Return the rows of the table of adapters, with the first check of each."""
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in section("adapters").splitlines()[2:]]
    return [
        Catch(family, check, *(int(number) for number in caught.split(" of ")))
        for family, _, checks, caught in rows
        for check in _read(checks)[:1]
    ]
