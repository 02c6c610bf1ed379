"""What tests of the recording share: code as a module, its scheme, and laws that are equal to rounding."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from fanin.initializers import Initializer
from fanin.models import Parameter, Scheme
from fanin_torch import record

__all__ = ["Code", "close", "inverted", "one", "recorded"]

Code = Callable[[], Tensor]


class Holder(nn.Module):
    """One parameter, made by some code."""

    def __init__(self, code: Code) -> None:
        super().__init__()
        made = code()
        self.weight = made if isinstance(made, nn.Parameter) else nn.Parameter(made, requires_grad=False)


def recorded(build: Callable[[], nn.Module], draw: bool = False, device: str = "cpu") -> Scheme:
    with record(draw=draw) as recording, torch.device(device):
        model = build()
    return recording.scheme(model)


def one(code: Code, draw: bool = False, device: str = "cpu") -> Parameter:
    return recorded(lambda: Holder(code), draw, device)["weight"]


def close(found: Initializer | None, wanted: Initializer) -> None:
    """Compare two laws, their numbers to rounding in float32."""
    assert found is not None
    assert type(found) is type(wanted), found
    for key, value in wanted.to_dict().items():
        got = found.to_dict()[key]
        assert got == pytest.approx(value, rel=1e-6, abs=1e-7) if isinstance(value, float) else got == value, found


def inverted(tensor: Tensor, mean: float, std: float, low: float, high: float) -> Tensor:
    """The truncated normal by inversion, as timm and torch before 2.13 have it."""
    ends = [math.erf((end - mean) / std / math.sqrt(2.0)) for end in (low, high)]
    tensor.uniform_(*ends).erfinv_().mul_(std * math.sqrt(2.0)).add_(mean)
    return tensor.clamp_(min=low, max=high)
