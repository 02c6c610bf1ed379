"""Schemes that a module cannot have: refused by name, before anything is written. And another dtype, which it can."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from fanin import Parameter, Scheme
from fanin.exceptions import FaninValueError
from fanin_torch import init_, init_module_, record


class Odd(nn.Module):
    """A parameter whose code reads its own numbers."""

    def __init__(self) -> None:
        super().__init__()
        odd = torch.randn(3) - 9.0
        while (odd < 0).any():
            odd = torch.where(odd < 0, torch.randn(3), odd)
        self.odd = nn.Parameter(odd)


def decided() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 2), Odd())


def lazy() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 2), nn.LazyLinear(2))


def dense() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 2))


@pytest.mark.parametrize(
    ("recorded", "made", "message"),
    [(decided, decided, "odd cannot be computed again"), (dense, lazy, r"1\.weight: .*no shape yet")],
)
def test_refused_before_anything_is_written(
    recorded: Callable[[], nn.Module], made: Callable[[], nn.Module], message: str
) -> None:
    with record() as recording:
        source = recorded()
    scheme, module = recording.scheme(source), made()
    before = next(module.parameters()).detach().clone()
    with pytest.raises(FaninValueError, match=message):
        init_module_(module, scheme, seed=5)
    assert torch.equal(next(module.parameters()), before)


def test_a_parameter_without_a_law_is_not_left_silently() -> None:
    module = nn.Linear(3, 2, bias=False)
    before = module.weight.detach().clone()
    with pytest.raises(FaninValueError, match="weight has no law in the scheme"):
        init_module_(module, Scheme({"weight": Parameter((2, 3))}))
    assert torch.equal(module.weight, before)


def test_a_module_in_another_dtype_keeps_it() -> None:
    with record(draw=False) as recording:
        source = nn.Linear(64, 32)
    scheme = recording.scheme(source)
    module = init_module_(nn.Linear(64, 32, dtype=torch.float64), scheme, seed=5)
    law = scheme["weight"].initializer
    assert law is not None
    wanted = init_(torch.empty(32, 64, dtype=torch.float64), law, seed=5, name="weight")
    assert module.weight.dtype == torch.float64
    assert torch.equal(module.weight, wanted)
