"""The values in an operator's arguments: in order, and in the same containers."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from fanin_torch._record.leaves import leaves_of, with_leaves

CASES: list[tuple[Any, list[Any], Any]] = [
    (3, [3], "3"),
    (None, [None], "None"),
    ("text", ["text"], "text"),
    ((), [], ()),
    ([1, 2.5, None], [1, 2.5, None], ["1", "2.5", "None"]),
    (([1, (2, [3])], {"b": 4, "a": [5, 6]}), [1, 2, 3, 4, 5, 6], (["1", ("2", ["3"])], {"b": "4", "a": ["5", "6"]})),
]


@pytest.mark.parametrize(("nested", "leaves", "made"), CASES)
def test_nested_values(nested: Any, leaves: list[Any], made: Any) -> None:
    assert leaves_of(nested) == leaves
    assert with_leaves(str, nested) == made


def test_results_of_operators() -> None:
    values, indices = torch.tensor([3.0, 1.0, 2.0]).sort()
    found = leaves_of(torch.tensor([3.0, 1.0, 2.0]).sort())  # a named tuple of torch's own
    assert [one.tolist() for one in found] == [values.tolist(), indices.tolist()] == [[1.0, 2.0, 3.0], [1, 2, 0]]
