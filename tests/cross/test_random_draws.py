"""Random calls: every backend, and the scalar reference, against the program of tools/second_reference.

That program computes whole tensors from their arguments and imports nothing of the package, so a wrong fan, mean, rank
or index of the plan shows here, although all backends share the plan.
"""

from __future__ import annotations

from typing import Any

import pytest
from second_reference import tobytes

import fanin
from fanin import Haar, Initializer, reference
from fanin.conformance.cases import Case
from fanin.conformance.space import random_cases

DRAWS = {"numpy": 400, "torch": 400, "jax": 150}  # each jax draw compiles
SEEDS = {"numpy": 1, "torch": 2, "jax": 3}


def is_exact(case: Case) -> bool:
    return not isinstance(case.plan().rule, Haar)


def expected(case: Case) -> bytes:
    """Return the bytes of a case, by the second program, from its arguments alone."""
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
    drawer = fanin.backend(backend)
    for case in random_cases(SEEDS[backend], DRAWS[backend], is_exact):
        plan = case.plan()
        array = drawer.draw(plan, None)
        assert drawer.describe(array) == fanin.Description(plan.shape, plan.dtype), case.call(backend)
        data = expected(case)
        assert reference.tobytes(plan) == data, case.call("the reference")
        assert drawer.tobytes(array) == data, case.call(backend)
