"""The cases of the exact level: each is what its text says, and together they reach what they claim to reach."""

from __future__ import annotations

import dataclasses

import pytest

import fanin
from fanin import reference
from fanin.conformance.case import Case
from fanin.conformance.exact.cases import CASES_OF_CHECKS
from fanin.conformance.exact.cases.lattice import RARE, TABLE
from fanin.dtypes import DTYPES
from fanin.plans import Plan
from fanin.plans.rules import Draw
from fanin.stream.lattice import truncated_rank
from fanin.stream.normal_table import SEGMENTS

CASES = [case for _, cases in CASES_OF_CHECKS.values() for case in cases]


def test_the_call_in_the_report_is_the_call() -> None:
    seen = 0
    for case in CASES:
        if case.ranks is None:
            text = case.call("mine").replace("fanin.init(", "fanin.plan(").replace(", backend='mine'", "")
            said: Plan = eval(text, {"fanin": fanin, "inf": float("inf")})
            assert dataclasses.replace(said, name=case.plan().name) == case.plan()
            seen += 1
    assert seen > 200


def test_no_case_is_there_twice() -> None:
    """But for the words at the median: `bits.words` is of the ends of the lattices, `bits.values` of signed zeros."""
    checks: dict[Case, list[str]] = {}
    for check, (_, cases) in CASES_OF_CHECKS.items():
        for case in cases:
            checks.setdefault(case, []).append(check)
    twice = [found for found in checks.values() if len(found) > 1]
    assert twice == [["bits.words", "bits.values"]] * 4


@pytest.mark.parametrize(("word", "index"), RARE.items())
def test_the_rare_words_are_where_they_are_said_to_be(word: int, index: int) -> None:
    assert reference.word((0, 0), index) == word


def test_the_table_cases_reach_every_segment_in_both_halves() -> None:
    """Of 3,969 segments 3,073: the octaves below 2^8 have fewer ranks than segments, as only odd ones are looked up."""
    reached: dict[bool, set[int]] = {True: set(), False: set()}
    for case in TABLE:
        plan = case.plan()
        assert isinstance(plan.rule, Draw)
        for index in range(plan.size):
            word = reference.word(plan.keys[0], index)
            rank = truncated_rank(word, plan.rule.first_rank, plan.rule.ranks)
            reached[rank < 1 << 31].add(segment(rank))
    ranks = [(1 << octave) + (k << octave >> 10) for octave in range(31) for k in range(1024)]
    possible = {segment(rank) for rank in ranks} | {SEGMENTS - 1}
    assert len(possible) == 3073
    assert possible <= reached[True]
    assert possible <= reached[False] | {SEGMENTS - 1}


def segment(rank: int) -> int:
    """Return which entry of the table a rank looks up."""
    magnitude = (rank if rank < 1 << 31 else rank ^ 0xFFFFFFFF) | 1
    rounded = int(DTYPES["float32"].round(float(magnitude)))
    octave = rounded.bit_length() - 1
    return octave * 128 + ((rounded << 7 >> octave) & 127)


def test_the_ranks_restrict_a_plan_to_part_of_the_lattice() -> None:
    rule = Case((4,), fanin.normal(std=1.0), ranks=(5, 7)).plan().rule
    assert isinstance(rule, Draw)
    assert (rule.distribution, rule.first_rank, rule.ranks) == ("truncated_normal", 5, 7)
