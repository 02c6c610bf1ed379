"""Mistakes in one combination: what a tensor has to have for them to show is drawn at random, from a seed."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import lru_cache
from random import Random
from typing import Any, Final

import numpy as np
from fanin_toy import Array

from fanin.conformance.exact.cover import random_cases
from fanin.plans import Plan
from fanin.plans.rules import Draw, Masked

from .matrix_toy import MatrixBackend
from .record import Mutant

SEED: Final = 20261125
"""Another one gives other mutants of the same classes, most of which the suite has to catch too."""


def _letters(plan: Plan, letter: str) -> int:
    return (plan.geometry.layout or "").count(letter)


def _law(plan: Plan) -> Draw | None:
    rule = plan.rule.draw if isinstance(plan.rule, Masked) else plan.rule
    return rule if isinstance(rule, Draw) else None


def _channels(plan: Plan, letter: str) -> int:
    """Return the channels of a group; 0 where there are none stored."""
    if not _letters(plan, letter):
        return 0
    split = "I" if plan.geometry.transposed else "O"
    return plan.geometry.channels(letter) // (plan.geometry.groups if letter == split else 1)


FEATURES: Final[dict[str, Callable[[Plan], Any]]] = {
    "a part": lambda plan: plan.shape != plan.geometry.shape,
    "groups": lambda plan: plan.geometry.groups > 1,
    "transposition": lambda plan: plan.geometry.transposed,
    "a stack": lambda plan: plan.stack_axis is not None,
    "float16": lambda plan: plan.dtype == "float16",
    "float64": lambda plan: plan.dtype == "float64",
    "a uniform law": lambda plan: (law := _law(plan)) and law.distribution == "uniform",
    "a normal law": lambda plan: (law := _law(plan)) and law.distribution == "normal",
    "truncation": lambda plan: (law := _law(plan)) and law.distribution == "truncated_normal",
    "a mean": lambda plan: (law := _law(plan)) and law.mean,
    "several out-axes": lambda plan: _letters(plan, "O") > 1,
    "several in-axes": lambda plan: _letters(plan, "I") > 1,
    "three spatial axes": lambda plan: _letters(plan, "D"),
    "no layout": lambda plan: plan.geometry.layout is None,
    "one out-channel a group": lambda plan: _channels(plan, "O") == 1,
    "one in-channel a group": lambda plan: _channels(plan, "I") == 1,
    "six axes": lambda plan: len(plan.geometry.shape) >= 6,
    "spatial axes first": lambda plan: (plan.geometry.layout or "O")[0] in "DHW",
    "a seed of two words": lambda plan: plan.seed >= 1 << 32,
    "no name": lambda plan: plan.name is None,
    "a name of 1,025 bytes": lambda plan: len(str(plan.name).encode()) > 1024,
}


def _ulp(drawn: Array) -> Array:
    flat = drawn.reshape(-1)
    flat[-1] = np.nextafter(flat[-1], flat.dtype.type(np.inf))
    return drawn


def _turned(drawn: Array) -> Array:
    return np.flip(drawn).copy()


def _rolled(drawn: Array) -> Array:
    return np.roll(drawn, 1)


def _sign(drawn: Array) -> Array:
    drawn.reshape(-1)[drawn.size // 2] *= -1
    return drawn


DAMAGES: Final[dict[str, Callable[[Array], Array]]] = {
    "the last weight is a unit off": _ulp,
    "the elements are turned round": _turned,
    "the elements are off by one": _rolled,
    "one weight has the other sign": _sign,
}


def where(has: Callable[[Plan], Any], damage: Callable[[Array], Array]) -> Callable[[], MatrixBackend]:
    """Return a backend that damages the tensors that have something."""

    class Combined(MatrixBackend):
        def draw(self, plan: Plan, *, device: Any = None) -> Array:
            drawn = super().draw(plan, device=device)
            return damage(drawn) if drawn.size and has(plan) else drawn

    return Combined


def _all(names: tuple[str, ...]) -> Callable[[Plan], bool]:
    return lambda plan: all(FEATURES[name](plan) for name in names)


@lru_cache(maxsize=1)
def _plans() -> tuple[Plan, ...]:
    cases = random_cases(SEED, 500, lambda case: case.dtype in MatrixBackend.capabilities.dtypes)
    return tuple(plan for plan in (case.plan() for case in cases) if plan.size > 8 and plan.rule.kind != "fill")


def _is_met(names: tuple[str, ...]) -> bool:
    """Whether some tensor has all of it, and weights in which a damage shows."""
    return any(_all(names)(plan) for plan in _plans())


def combined_mutants(seed: int, pairs: int, triples: int) -> tuple[Mutant, ...]:
    """Return mutants that are wrong where two or three random features meet, as far as they can."""
    random = Random(seed)
    found: list[Mutant] = []
    for size, count in ((2, pairs), (3, triples)):
        wanted = len(found) + count
        every = list(itertools.combinations(FEATURES, size))
        for names in random.sample(every, len(every)):
            if len(found) == wanted:
                break
            if _is_met(names):
                what = random.choice(list(DAMAGES))
                met = " with ".join(names)
                found.append(Mutant(f"only {met}", f"{what} in {met}", where(_all(names), DAMAGES[what])))
    return tuple(found)


COMBINED: Final = combined_mutants(SEED, 10, 6)
