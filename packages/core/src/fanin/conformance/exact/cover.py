"""Which cases of the space are drawn: a cover of every pair of choices that two factors can have, and random ones."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from functools import lru_cache
from random import Random
from typing import Any, Final

from fanin.conformance.case import Case
from fanin.conformance.exact.space import FACTORS, Choices, case_of
from fanin.initializers import Initializer
from fanin.initializers.presets import (
    constant,
    delta_orthogonal,
    dirac,
    he_normal,
    identity,
    normal,
    orthogonal,
    sparse,
    truncated_normal,
    uniform,
)

__all__ = ["pairs_of", "pairwise_cases", "random_cases"]

Pair = tuple[tuple[str, int], tuple[str, int]]
"""Two factors, each with the number of a choice."""

_ONE_PER_RULE: Final = (
    normal(mean=0.7, std=0.1),
    uniform(0.1, 0.9),
    truncated_normal(mean=0.2, std=0.3, lower=-0.5, upper=1.5),
    he_normal(),
    constant(0.1),
    identity(0.3),
    dirac(1.1),
    sparse(0.6, std=0.5),
    orthogonal(1.7),
    delta_orthogonal(0.7),
)

_EMPTY: Final = 0.75
"""The share of the random cases without elements that are left out: otherwise a third would be such."""


def pairs_of(choices: Choices) -> set[Pair]:
    """Return the pairs of choices that a case has."""
    numbers = [(factor, options.index(choices[factor])) for factor, options in FACTORS.items()]
    return set(itertools.combinations(numbers, 2))


def _complete(start: Choices, details: Random, score: Callable[[Choices, str, int], float]) -> Choices | None:
    """Return a meaningful choice per factor, of which some are given, with the highest scores; None if there is none.

    Factors are chosen one after the other, such that they have a meaning together with the first choices of the rest.
    """
    rest = {factor: options[0] for factor, options in FACTORS.items()} | dict(start)
    if case_of(rest, Random(0)) is None:
        changes = ({**rest, factor: option} for factor in FACTORS if factor not in start for option in FACTORS[factor])
        found = next((change for change in changes if case_of(change, Random(0)) is not None), None)
        if found is None:
            return None
        start = {factor: found[factor] for factor in FACTORS if factor in start or found[factor] != rest[factor]}
        rest = found
    chosen = dict(start)
    for factor in details.sample([factor for factor in FACTORS if factor not in start], len(FACTORS) - len(start)):
        options = FACTORS[factor]
        numbers = details.sample(range(len(options)), len(options))
        for k in sorted(numbers, key=lambda k: -score(chosen, factor, k)):
            if case_of({**rest, factor: options[k]}, Random(0)) is not None:
                chosen[factor] = rest[factor] = options[k]
                break
    return rest


@lru_cache(maxsize=2)
def pairwise_cases(one_law_per_rule: bool = False) -> tuple[Case, ...]:
    """Return cases in which every two choices of two factors that have a meaning together occur together.

    The same ones at every call: greedily, each case has as many pairs that are new as are found one by one.

    Args:
        one_law_per_rule: Of the initializers that a backend is sent as the same rule, only one is paired with all: less
            than half as many cases, for a library that compiles each.
    """
    numbered = [
        [(factor, k) for k, choice in enumerate(options) if not one_law_per_rule or _is_usual(choice)]
        for factor, options in FACTORS.items()
    ]
    missing = dict.fromkeys(
        pair for one, other in itertools.combinations(numbered, 2) for pair in itertools.product(one, other)
    )
    details = Random(1)
    order = list(FACTORS)

    def new(chosen: Choices, factor: str, k: int) -> float:
        mine = (factor, k)
        others = [(other, FACTORS[other].index(choice)) for other, choice in chosen.items()]
        return sum(
            ((other, mine) if order.index(other[0]) < order.index(factor) else (mine, other)) in missing
            for other in others
        )

    cases: list[Case] = []
    while missing:
        pair = next(iter(missing))
        choices = _complete({factor: FACTORS[factor][k] for factor, k in pair}, details, new)
        missing.pop(pair)
        if choices is None:
            continue
        for covered in pairs_of(choices):
            missing.pop(covered, None)
        case = case_of(choices, Random(len(cases)))
        if case is not None:
            cases.append(case)
    return tuple(cases)


def _is_usual(choice: Any) -> bool:
    return not isinstance(choice, Initializer) or choice in _ONE_PER_RULE


def random_cases(seed: int, count: int, accepts: Callable[[Case], bool] = lambda case: True) -> Iterator[Case]:
    """Yield fresh cases: each choice, the sizes, the seed and the name of each are drawn at random.

    Args:
        seed: The same seed gives the same cases.
        count: How many.
        accepts: Whether a case is to be yielded: what a backend does not claim is drawn again.
    """
    details = Random(seed)
    found = 0
    while found < count:
        choices = _complete({}, details, lambda chosen, factor, k: 0.0)
        case = None if choices is None else case_of(choices, details)
        if case is None or (not case.plan().size and details.random() < _EMPTY):
            continue
        if accepts(case):
            found += 1
            yield case
