"""Models with several heads, of which some start small, as the policies of actor-critic methods do."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from fanin_torch import probe

ROWS = torch.randn(32, 48, generator=torch.Generator().manual_seed(0))


def tanh_layers() -> nn.Sequential:
    layers = [nn.Linear(48, 48) for _ in range(2)]
    for one in layers:
        nn.init.orthogonal_(one.weight, 5 / 3)
    return nn.Sequential(*(part for one in layers for part in (one, nn.Tanh())))


class Shared(nn.Module):
    """A policy and a value of the same features."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.features, self.policy, self.value = tanh_layers(), nn.Linear(48, 4), nn.Linear(48, 1)
        nn.init.orthogonal_(self.policy.weight, 0.04)
        nn.init.zeros_(self.policy.bias)

    def forward(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.features(rows)
        return self.policy(hidden).softmax(-1), self.value(hidden)


class Apart(Shared):
    """A linear policy, and then a value of features."""

    def forward(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        return self.policy(rows).softmax(-1), self.value(self.features(rows))


class Chained(Shared):
    """The policy's outputs are what the value is computed from, by name: it is no head."""

    def __init__(self) -> None:
        super().__init__()
        self.policy = nn.Linear(48, 48)
        nn.init.orthogonal_(self.policy.weight, 1e-3)

    def forward(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        chosen = self.policy(self.features(rows))
        return chosen, self.value(input=torch.relu_(chosen + 0))


@pytest.mark.parametrize(
    ("make", "heads", "blamed"),
    [(Shared, ["policy", "value"], []), (Apart, ["policy", "value"], []), (Chained, ["value"], ["policy"])],
)
def test_heads_may_start_small(make: Callable[[], nn.Module], heads: list[str], blamed: list[str]) -> None:
    found = probe(make(), ROWS)
    assert [layer.name for layer in found.layers if layer.is_head] == heads
    assert [one.layer for one in found.findings] == blamed, found


class Frozen(Shared):
    """The same without derivatives."""

    @torch.no_grad()
    def forward(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        return super().forward(rows)


def test_without_derivatives_no_head_is_known() -> None:
    assert not any(layer.is_head for layer in probe(Frozen(), ROWS).layers)
