"""Every mutant is caught by the checks that docs/conformance.md lists for it, and every check catches a mutant."""

from __future__ import annotations

import pytest

from fanin.conformance import BackendAdapter, Check, checks_of, run
from fanin.conformance.distribution import DISTRIBUTION_CHECKS, SampleTrial

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


@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.name for mutant in MUTANTS])
def test_the_exact_level_catches_it(mutant: Mutant) -> None:
    kill = KILLS[mutant.name]
    assert kill.exact, "a mutant that draws the right bits and behaves is no mutant"
    failures = run(mutant.backend(), ["exact"], only=kill.exact, random_seed=0).failures
    assert {failure.check for failure in failures} == set(kill.exact)
    assert kill.diagnosis in {failure.mistake for failure in failures}


@pytest.mark.parametrize("mutant", SEEN_BY_LAW, ids=[mutant.name for mutant in SEEN_BY_LAW])
def test_the_distribution_level_catches_it(mutant: Mutant) -> None:
    trial = SampleTrial(BackendAdapter(mutant.backend()))
    checks = [check for check in DISTRIBUTION_CHECKS if check.name in KILLS[mutant.name].distribution]
    assert len(checks) == len(KILLS[mutant.name].distribution)
    assert [check.name for check in checks if not _fails(check, trial)] == []


def _fails(check: Check[SampleTrial], trial: SampleTrial) -> bool:
    """Return whether a check fails, without what it would find after its first failure."""
    try:
        return any(result.failed for result in check.body(trial))
    except Exception:  # which is a failure, as in `Check.run`
        return True
