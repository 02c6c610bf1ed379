"""Mutants in places that a seed chooses are caught by the check that their family names."""

from __future__ import annotations

import pytest

from fanin.conformance import run

from .document import catches
from .mutants.adapters import EACH, FAMILIES, placed
from .mutants.adapters.record import Placed

PLACED = placed(1)


def test_the_document_lists_every_family() -> None:
    families = list(dict.fromkeys(mutant.family for mutant in PLACED))
    assert len(families) == len(FAMILIES)
    assert [catch.family for catch in catches()] == families
    assert {catch.family: catch.check for catch in catches()}.keys() == set(families)
    assert all(catch.caught == catch.placed >= EACH for catch in catches())


def test_another_seed_places_other_mutants() -> None:
    one, other = ([mutant.mistake for mutant in placed(seed)] for seed in (1, 2))
    assert sum(a != b for a, b in zip(one, other, strict=True)) > len(one) // 2


@pytest.mark.parametrize("mutant", PLACED, ids=[f"{mutant.family}: {mutant.mistake}" for mutant in PLACED])
def test_its_check_catches_it(mutant: Placed) -> None:
    failures = run(mutant.adapter(), only=[mutant.check]).failures
    assert failures
    assert all(failure.expected != "no exception" for failure in failures), failures[0].text()
