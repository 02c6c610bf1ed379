"""`assert_follows` on tensors of torch: those that have values, and what is said of those that have none."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from fanin import FaninError
from fanin.testing import assert_follows
from fanin_torch import init_


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_tensors_and_parameters_are_read(dtype: torch.dtype) -> None:
    weight = init_(torch.nn.Parameter(torch.empty(96, 64, dtype=dtype)), "he", layout="OI", name="w")
    assert_follows(weight, "he", layout="OI")
    assert_follows(weight.detach().t(), "he", layout="IO")
    with pytest.raises(AssertionError, match="forgotten gain"):
        assert_follows(weight.detach() / 2**0.5, "he", layout="OI")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: torch.empty(8, 4, device="meta"), "on the meta device has no values"),
        (lambda: torch.eye(8).to_sparse(), "one that is torch.sparse_coo. Pass"),
        (lambda: torch.nested.nested_tensor([torch.ones(3), torch.ones(2)]), "one that is nested"),
        (lambda: torch.zeros(8, 4, dtype=torch.int64), "Received: Tensor of dtype int64"),
        (lambda: torch.zeros(8, 4, dtype=torch.complex64, device="meta"), "Received: Tensor of dtype complex64"),
    ],
)
@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_what_has_no_values_is_refused(make: Callable[[], torch.Tensor], message: str) -> None:
    with pytest.raises(FaninError, match=message):
        assert_follows(make(), "he", layout="OI")
