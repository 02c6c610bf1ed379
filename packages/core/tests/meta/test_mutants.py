"""Every mutant is caught by the checks that docs/conformance.md lists for it, and every check catches a mutant."""

from __future__ import annotations

import pytest

from fanin.conformance import Level, checks_of, run

from .document import catches, kills
from .mutants.backends import MUTANTS, Mutant

KILLS = kills()
EVERY = {level: {check.name for check in checks_of(level)} for level in ("exact", "distribution")}
SEEN_BY_LAW = [mutant for mutant in MUTANTS if mutant.name in KILLS and KILLS[mutant.name].distribution]


def test_the_document_lists_every_mutant() -> None:
    assert [(kill.name, kill.mistake) for kill in KILLS.values()] == [
        (mutant.name, mutant.mistake) for mutant in MUTANTS
    ]
    assert len(MUTANTS) == len({mutant.name for mutant in MUTANTS}) >= 40


def test_every_check_catches_a_mutant() -> None:
    caught = {check for kill in KILLS.values() for check in (*kill.exact, *kill.distribution)}
    assert caught | {catch.check for catch in catches()} == EVERY["exact"] | EVERY["distribution"]


def _caught(mutant: Mutant, level: Level, checks: tuple[str, ...]) -> list[str]:
    """Return the checks that fail, and what the failures are called."""
    report = run(mutant.backend(), [level], only=checks, random_seed=0)
    return [name for name in checks if any(failure.check == name for failure in report.failures)] + [
        failure.mistake for failure in report.failures
    ]


@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.name for mutant in MUTANTS])
def test_the_exact_level_catches_it(mutant: Mutant) -> None:
    kill = KILLS[mutant.name]
    assert kill.exact, "a mutant that draws the right bits and behaves is no mutant"
    found = _caught(mutant, "exact", kill.exact)
    assert set(kill.exact) <= set(found)
    assert kill.diagnosis in found


@pytest.mark.parametrize("mutant", SEEN_BY_LAW, ids=[mutant.name for mutant in SEEN_BY_LAW])
def test_the_distribution_level_catches_it(mutant: Mutant) -> None:
    kill = KILLS[mutant.name]
    assert set(kill.distribution) <= set(_caught(mutant, "distribution", kill.distribution))
