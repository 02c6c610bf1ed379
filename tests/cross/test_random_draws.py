"""Random calls: every backend, and the scalar reference, against the program of tools/second_reference.

That program computes whole tensors from their arguments and imports nothing of the package, so a wrong fan, mean, rank
or index of the plan shows here, although all backends share the plan.
"""

from __future__ import annotations

import dataclasses
import random
from typing import Any, get_args

import pytest
from second_reference import Refused, tobytes

import fanin
from fanin import Initializer, reference
from fanin.conformance.case import Case
from fanin.conformance.exact.cover import random_cases
from fanin.contract import Description
from fanin.exceptions import FaninValueError
from fanin.initializers import Constant, Mode, Normal, TruncatedNormal, Uniform, VarianceScaling
from fanin.plans.rules import Haar

DRAWS = {"numpy": 400, "torch": 400, "jax": 150}  # each jax draw compiles
SEEDS = {"numpy": 1, "torch": 2, "jax": 3}
REFUSED = 0.2
"""The largest share of the draws that may be refused."""


def is_exact(case: Case) -> bool:
    return not isinstance(case.plan().rule, Haar)


def varied(initializer: str | Initializer, draw: random.Random) -> str | Initializer:
    """Return the same law with settings that no table holds."""
    mean = draw.choice([0.0, draw.uniform(-3, 3), -200.0, 1e-9])
    std = 10 ** draw.uniform(-6, 3)  # the widest are beyond the narrow dtypes, and refused
    low, high = sorted((draw.uniform(-2, 2), draw.uniform(-2, 2)))
    if isinstance(initializer, Constant):
        return fanin.constant(mean)
    if isinstance(initializer, Normal):
        return fanin.normal(mean=mean, std=std)
    if isinstance(initializer, Uniform):
        return fanin.uniform(low, high)
    if isinstance(initializer, TruncatedNormal):
        return fanin.truncated_normal(mean=mean, std=std, lower=low, upper=high)
    if isinstance(initializer, VarianceScaling):
        return dataclasses.replace(initializer, scale=draw.uniform(0.5, 3), mode=draw.choice(get_args(Mode)))
    return initializer


def expected(case: Case) -> bytes:
    """Return the bytes of a case by the second program, from its arguments alone."""
    assert isinstance(case.initialization, Initializer)
    arguments: dict[str, Any] = {
        "layout": case.layout,
        "seed": case.seed,
        "name": case.name,
        "dtype": case.dtype,
        "slices": case.slices,
        "groups": case.groups,
        "transposed": case.transposed,
        "stride": case.stride,
    }
    return tobytes(case.shape, case.initialization.to_dict(), **arguments)


@pytest.mark.parametrize("backend", DRAWS)
def test_random_draws(backend: str) -> None:
    drawer, draw = fanin.backend(backend), random.Random(SEEDS[backend])
    refused = 0
    for found in random_cases(SEEDS[backend], DRAWS[backend], is_exact):
        case = dataclasses.replace(found, initialization=varied(found.initialization, draw))
        try:
            plan = case.plan()
        except FaninValueError:
            with pytest.raises(Refused):
                expected(case)
            refused += 1
            continue
        data = expected(case)
        array = drawer.draw(plan)
        assert drawer.describe(array) == Description(plan.shape, plan.dtype), case.call(backend)
        assert reference.tobytes(plan) == data, case.call("the reference")
        assert drawer.tobytes(array) == data, case.call(backend)
    assert 0 < refused < REFUSED * DRAWS[backend]
