"""The all-pairs cover and the random cases: what is covered, and what has no meaning together."""

from __future__ import annotations

import itertools
import math
from random import Random
from typing import Any

import pytest

from fanin.conformance import run
from fanin.conformance.exact.cover import pairwise_cases, random_cases
from fanin.conformance.exact.space import FACTORS, case_of
from fanin.dtypes import DTYPES

DENSE = {factor: options[0] for factor, options in FACTORS.items()}


def test_the_first_choices_are_a_dense_layer() -> None:
    case = case_of(DENSE, Random(0))
    assert case is not None
    assert (case.layout, case.groups, case.transposed, case.slices) == ("OI", 1, False, None)


@pytest.mark.parametrize(
    "changes",
    [
        {"groups": 2, "labelled": False},
        {"channels": "O", "groups": 2, "transposed": True},
        {"channels": "", "spatial": "", "slices": "one position"},
        {"spatial": "W", "initializer": FACTORS["initializer"][-5]},
        {"position": "first"},
    ],
    ids=str,
)
def test_what_has_no_meaning_together_is_no_case(changes: dict[str, Any]) -> None:
    assert case_of({**DENSE, **changes}, Random(0)) is None


def _features(case: Any) -> set[str]:
    """What a case has, read off the case and not off its choices."""
    layout = case.layout or ""
    spatial = [letter for letter in layout if letter in "DHW"]
    parts = case.slices or ()
    outputs = math.prod(size for size, letter in zip(case.shape, layout, strict=False) if letter == "O")
    inputs = math.prod(size for size, letter in zip(case.shape, layout, strict=False) if letter == "I")
    found = {
        "groups": case.groups > 1,
        "transposed": case.transposed,
        "strided": case.stride not in (None, 1) and case.transposed and bool(spatial),
        "stack": "S" in layout,
        "sliced": bool(parts) and case.plan().size > 0,
        "empty": case.plan().size == 0,
        "no layout": case.layout is None,
        "several out-axes": layout.count("O") > 1,
        "several in-axes": layout.count("I") > 1,
        "three-dimensional": len(spatial) == 3,
        "rank 6": len(case.shape) >= 6,
        "one out-channel a group": outputs == (1 if case.transposed else case.groups) and "O" in layout,
        "one in-channel a group": inputs == (case.groups if case.transposed else 1) and "I" in layout,
        "spatial first": layout[:1] in ("D", "H", "W"),
        "wide seed": case.seed >= 1 << 32,
        "long name": len(str(case.name).encode()) > 1024,
        **{dtype: case.dtype == dtype for dtype in DTYPES},
        type(case.initialization).__name__: True,
        "mean": bool(getattr(case.plan().rule, "mean", 0)),
    }
    return {name for name, has in found.items() if has}


MEANINGLESS = {
    frozenset(pair)
    for pair in (
        *(("no layout", other) for other in ("groups", "transposed", "strided", "stack", "VarianceScaling")),
        *(("no layout", other) for other in ("Identity", "Dirac", "Sparse", "Orthogonal", "DeltaOrthogonal")),
        *(("no layout", f"several {side}-axes") for side in ("out", "in")),
        *(("no layout", f"one {side}-channel a group") for side in ("out", "in")),
        *(("no layout", other) for other in ("spatial first", "three-dimensional")),
        *((law, what) for law in ("Identity", "Sparse") for what in ("strided", "three-dimensional", "spatial first")),
        *((law, "mean") for law in ("Constant", "VarianceScaling", "Identity", "Dirac", "Sparse")),
        *((law, "mean") for law in ("Orthogonal", "DeltaOrthogonal")),
        *((law, "rank 6") for law in ("Identity", "Sparse")),
        *itertools.combinations(DTYPES, 2),
        *itertools.combinations(
            (
                *("Normal", "Uniform", "TruncatedNormal", "Constant", "VarianceScaling"),
                *("Identity", "Dirac", "Sparse", "Orthogonal", "DeltaOrthogonal"),
            ),
            2,
        ),
        ("sliced", "empty"),
    )
}


def test_the_cover_has_every_pair_of_features() -> None:
    """Read off the cases, so that a choice that is not carried out would show."""
    features = [_features(case) for case in pairwise_cases()]
    every = sorted(set().union(*features))
    assert len(every) == 17 + len(DTYPES) + 10
    missing = [
        pair
        for pair in itertools.combinations(every, 2)
        if frozenset(pair) not in MEANINGLESS and not any(set(pair) <= found for found in features)
    ]
    assert missing == []


def test_the_cover_is_the_same_at_every_call() -> None:
    first = pairwise_cases()
    pairwise_cases.cache_clear()
    assert pairwise_cases() == first
    assert len(first) < 260
    assert all(math.prod(case.shape) <= 500 for case in first)


def test_a_seed_gives_its_random_cases() -> None:
    one, again, other = (list(random_cases(seed, 20)) for seed in (3, 3, 4))
    assert one == again
    assert not set(one) & set(other)


def test_random_cases_are_those_that_are_accepted() -> None:
    cases = list(random_cases(5, 20, lambda case: case.dtype == "float16" and case.groups > 1))
    assert {(case.dtype, case.groups > 1) for case in cases} == {("float16", True)}


def test_with_one_law_a_rule_every_kind_of_rule_meets_every_layout() -> None:
    """A library that compiles each case has fewer of them, in which the rules meet what they did."""
    cases, few = pairwise_cases(), pairwise_cases(one_law_per_rule=True)
    assert len(few) < len(cases) / 2

    def met(cases: tuple[Any, ...]) -> set[tuple[str, str]]:
        kinds = {"Normal", "Uniform", "TruncatedNormal", "Constant", "VarianceScaling", *DTYPES}
        return {(case.plan().rule.kind, has) for case in cases for has in _features(case) if has not in kinds}

    assert met(few) == met(cases)


def test_a_result_names_the_seed_that_repeats_it() -> None:
    seeded, again, fresh = (
        run("numpy", ["exact"], only=["bits.random"], random_seed=seed).results for seed in (5, 5, None)
    )
    assert [result.on for result in seeded] == [result.on for result in again]
    assert len({result.on for result in seeded} & {result.on for result in fresh}) < 10
    assert {result.note for result in seeded} == {"one of the 300 cases of --random-seed 5"}
    assert len(seeded) == len(fresh) == 300
