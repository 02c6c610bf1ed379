"""The condition numbers that the tolerance of orthogonal weights is made of."""

from __future__ import annotations

import fanin
from fanin.conformance.exact.orthogonal import _condition


def test_a_slice_without_any_matrix_of_a_stack_has_the_least_condition_number() -> None:
    of_none = fanin.plan(
        (2, 3, 5), "orthogonal", layout="SOI", name=["a", "b"], slices=[slice(1, 1), slice(0, 3), slice(0, 5)]
    )
    assert not of_none.keys
    assert _condition(of_none) == 1.0


def test_a_stack_has_the_largest_of_its_matrices() -> None:
    a, b = (_condition(fanin.plan((3, 5), "orthogonal", layout="OI", name=name)) for name in ("a", "b"))
    assert a != b
    assert _condition(fanin.plan((2, 3, 5), "orthogonal", layout="SOI", name=["a", "b"])) == max(a, b) > 1.0
