"""A plan's structure is kept for the next plan with equal arguments: those that only look equal are still refused."""

from __future__ import annotations

from typing import Any

import pytest

import fanin
from fanin.exceptions import FaninTypeError, FaninValueError

GOOD: dict[str, Any] = {"shape": (1, 2), "initialization": "he", "layout": "OI", "name": "w", "groups": 1, "seed": 1}

BAD: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "a bool for a size": ({"shape": (True, 2)}, FaninTypeError, "shape must be"),
    "a float for a size": ({"shape": (1.0, 2)}, FaninTypeError, "shape must be"),
    "a bool for the groups": ({"groups": True}, FaninTypeError, "groups"),
    "a float for the groups": ({"groups": 1.0}, FaninTypeError, "groups"),
    "a number for transposed": ({"transposed": 0}, FaninTypeError, "transposed"),
    "a bool for the stride": ({"layout": "OH", "stride": (True,)}, FaninTypeError, "stride"),
    "a bool for the seed": ({"seed": True}, FaninTypeError, "seed"),
    "a list for the layout": ({"layout": ["O", "I"]}, FaninTypeError, "layout must be"),
    "a list for the initialization": ({"initialization": ["he"]}, FaninTypeError, "initialization"),
    "a list for the dtype": ({"dtype": ["float32"]}, FaninTypeError, "dtype"),
    "a list for the name": ({"name": ["w"]}, FaninTypeError, "name must be"),
    "an unknown name": ({"initialization": "hee"}, FaninValueError, "hee"),
}


@pytest.mark.parametrize(("change", "error", "message"), BAD.values(), ids=BAD)
def test_arguments_that_equal_good_ones_are_refused(
    change: dict[str, Any], error: type[Exception], message: str
) -> None:
    for _ in range(2):
        fanin.plan(**GOOD)
        fanin.plan(**GOOD | {"layout": "OH", "stride": (1,)})
        with pytest.raises(error, match=message):
            fanin.plan(**GOOD | change)


def test_equal_plans() -> None:
    """By the kept structure or not: a list is a shape too, and a slice may be the whole axis."""
    plan = fanin.plan(**GOOD)
    assert plan == fanin.plan(**GOOD | {"shape": [1, 2]})
    assert plan == fanin.plan(**GOOD, slices=(slice(0, 1), None))
    assert plan != fanin.plan(**GOOD | {"name": "v"})
    stack = GOOD | {"layout": "SI", "name": ["a"], "initialization": "random"}
    assert fanin.plan(**stack) == fanin.plan(**stack | {"shape": [1, 2]})
    assert fanin.plan(**stack).keys != fanin.plan(**stack | {"name": ["b"]}).keys
    assert fanin.plan(**stack | {"initialization": "zeros", "name": None}).keys == ()
