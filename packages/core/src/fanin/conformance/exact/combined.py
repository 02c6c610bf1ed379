"""Features combined: the checks `bits.pairs`, of a fixed all-pairs cover, and `bits.random`, of fresh cases."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from functools import lru_cache, partial
from typing import Final

from fanin.conformance.case import Case
from fanin.conformance.check import Check, Result, attempt
from fanin.conformance.exact.bits import judge
from fanin.conformance.exact.cover import pairwise_cases, random_cases
from fanin.conformance.exact.orthogonal import judge_close
from fanin.conformance.exact.trial import BackendTrial
from fanin.plans.rules import Haar

__all__ = ["COMBINED_CHECKS"]

_FRESH: Final = 300
_FRESH_COMPILED: Final = 40
"""A library that compiles does so for each structure, and here every case has another: a tenth of a second each."""


def pairs(trial: BackendTrial) -> Iterator[Result]:
    """Yield whether the cases of the all-pairs cover are right, those of them that the backend declares."""
    compiles = trial.backend.capabilities.jit is True
    yield from _judge(trial, (case for case in pairwise_cases(compiles) if _declares(trial, case)), "")


def fresh(trial: BackendTrial) -> Iterator[Result]:
    """Yield whether fresh cases are right, drawn from what the backend declares."""
    count = _FRESH_COMPILED if trial.backend.capabilities.jit is True else _FRESH
    capabilities = trial.backend.capabilities
    cases = _fresh_cases(trial.random_seed, count, frozenset(capabilities.dtypes), frozenset(capabilities.rules))
    yield from _judge(trial, cases, f"one of the {count} cases of --random-seed {trial.random_seed}")


@lru_cache(maxsize=4)
def _fresh_cases(seed: int, count: int, dtypes: frozenset[str], rules: frozenset[str]) -> tuple[Case, ...]:
    return tuple(random_cases(seed, count, lambda case: _is_among(case, dtypes, rules)))


def _declares(trial: BackendTrial, case: Case) -> bool:
    """Return whether a backend declares a case; what of a random one it does not is nothing that it was asked for."""
    return _is_among(case, trial.backend.capabilities.dtypes, trial.backend.capabilities.rules)


def _is_among(case: Case, dtypes: frozenset[str], rules: frozenset[str]) -> bool:
    plan = case.plan()
    return plan.dtype in dtypes and plan.rule.kind in rules


def _judge(trial: BackendTrial, cases: Iterable[Case], note: str) -> Iterator[Result]:
    for case in cases:
        how = judge_close if isinstance(case.plan().rule, Haar) else judge
        found = attempt(case.call(trial.backend.name), partial(how, case, trial))
        yield dataclasses.replace(found, note="; ".join(filter(None, (found.note, note))))


COMBINED_CHECKS: Final = (
    Check("bits.pairs", "exact", "every two choices of layout, groups, part, stack, dtype, law, ... together", pairs),
    Check("bits.random", "exact", "tensors whose every feature is chosen at random", fresh),
)
