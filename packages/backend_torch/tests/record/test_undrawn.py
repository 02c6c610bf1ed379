"""Whole random numbers in a recording that draws nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from fanin_torch import record


@pytest.mark.parametrize(
    "code",
    [lambda: torch.randint(5, (4,)), lambda: torch.randint(2, 5, (4,)), lambda: torch.randperm(4)],
    ids=["high", "low and high", "permutation"],
)
def test_whole_numbers_can_be_drawn(code: Callable[[], Tensor]) -> None:
    with record(draw=False):
        assert code().shape == (4,)
