"""Activations by their formulas, softmaxes between layers, dropouts, equal units and several outputs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from fanin_torch import init_module_, probe

ROWS = torch.randn(24, 40, generator=torch.Generator().manual_seed(4))
PICTURES = torch.randn(8, 3, 9, 9, generator=torch.Generator().manual_seed(4))


class Applied(nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, rows: Tensor) -> Tensor:
        return self.function(rows)


def net(function: Callable[[Tensor], Tensor], *, norm: bool = False) -> nn.Sequential:
    torch.manual_seed(3)
    inner = [part for _ in range(2) for part in (nn.Linear(40, 40), *([nn.BatchNorm1d(40)] * norm), Applied(function))]
    return nn.Sequential(*inner, nn.Linear(40, 7))


FORMULAS: dict[str, tuple[Callable[[Tensor], Tensor], str | None]] = {
    "clamp": (lambda x: x.clamp(min=0), "relu"),
    "clamp in place": (lambda x: x.clamp_(min=0), "relu"),
    "clamp to 6": (lambda x: x.clamp(0, 6), "relu6"),
    "clamp to 1": (lambda x: x.clamp(-1, 1), "hardtanh"),
    "clamp from below": (lambda x: x.clamp(min=-3), None),
    "maximum": (lambda x: torch.maximum(x, torch.zeros(())), "relu"),
    "threshold": (lambda x: functional.threshold(x, 0, 0), "relu"),
    "where": (lambda x: torch.where(x > 0, x, 0), "relu"),
    "a mask": (lambda x: x * (x > 0), "relu"),
    "silu": (lambda x: x * torch.sigmoid(x), "silu"),
    "silu, turned": (lambda x: x.sigmoid() * x, "silu"),
    "silu in place": (lambda x: x.mul_(x.sigmoid()), "silu"),
    "silu by exp": (lambda x: x / (1 + torch.exp(-x)), "silu"),
    "gelu": (lambda x: 0.5 * x * (1 + torch.erf(x / math.sqrt(2))), "gelu"),
    "gelu, halved last": (lambda x: x * (1 + torch.erf(x / math.sqrt(2))) * 0.5, "gelu"),
    "gelu by tanh": (lambda x: 0.5 * x * (1 + torch.tanh(0.7978846 * (x + 0.044715 * x**3))), "gelu"),
    "gelu by sigmoid": (lambda x: x * torch.sigmoid(1.702 * x), "gelu"),
    "mish": (lambda x: x * torch.tanh(functional.softplus(x)), "mish"),
    "a half": (lambda x: 1e-4 * x * 0.5, None),
    "a square": (lambda x: x * x, None),
    "tanh": (torch.tanh, "tanh"),
}


@pytest.mark.parametrize("norm", [False, True])
@pytest.mark.parametrize("case", FORMULAS)
def test_an_activation_that_is_written_out(case: str, norm: bool) -> None:
    function, name = FORMULAS[case]
    layers = [layer for layer in probe(net(function, norm=norm), ROWS).layers if not layer.is_norm]
    assert [layer.activation for layer in layers] == [name, name, None]


def test_half_of_a_small_number_is_no_silu() -> None:
    """Though it is one, but for rounding."""
    small = net(lambda x: x * 0.5)
    nn.init.normal_(small.get_parameter("0.weight"), std=1e-6)
    nn.init.zeros_(small.get_parameter("0.bias"))
    assert probe(small, ROWS).layers[0].activation is None


class Gated(nn.Module):
    """A layer that is multiplied by a sigmoid of another: no silu of either."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.value, self.gate, self.head = nn.Linear(40, 20), nn.Linear(40, 20), nn.Linear(20, 3)

    def forward(self, rows: Tensor) -> Tensor:
        result: Tensor = self.head(self.value(rows) * torch.sigmoid(self.gate(rows)))
        return result


def test_a_gate_is_no_formula() -> None:
    assert [layer.activation for layer in probe(Gated(), ROWS).layers] == [None, "sigmoid", None]


class Experts(nn.Module):
    """A router whose softmax weighs outputs, which is none between layers."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.router, self.experts = nn.Linear(40, 5), nn.Linear(40, 5 * 8)
        self.head = nn.Linear(8, 3)

    def forward(self, rows: Tensor) -> Tensor:
        shares = self.router(rows).softmax(-1)
        result: Tensor = self.head((self.experts(rows).view(-1, 5, 8) * shares[..., None]).sum(1))
        return result


def seq(*layers: nn.Module) -> nn.Sequential:
    return nn.Sequential(*layers)


@pytest.mark.parametrize(
    ("make", "batch", "layer"),
    [
        (lambda: seq(nn.Linear(40, 30), nn.Softmax(-1), nn.Linear(30, 9)), ROWS, "0"),
        (lambda: seq(nn.Linear(40, 9), nn.ReLU(), nn.Linear(9, 8), nn.Softmax(-1), nn.Linear(8, 9)), ROWS, "2"),
        (lambda: seq(nn.Conv2d(3, 8, 3), nn.Softmax(1), nn.Flatten(), nn.Linear(392, 4)), PICTURES, "0"),
        (lambda: seq(nn.Linear(40, 30), nn.ReLU(), nn.Linear(30, 9), nn.Softmax(-1)), ROWS, None),
        (lambda: seq(nn.Linear(40, 9), nn.Softmax(-1), nn.Linear(9, 3).requires_grad_(False)), ROWS, None),
        (Experts, ROWS, None),
    ],
)
def test_a_softmax_between_layers(make: Callable[[], nn.Module], batch: Tensor, layer: str | None) -> None:
    torch.manual_seed(3)
    found = probe(make(), batch)
    assert [one.layer for one in found.findings if one.kind == "softmax"] == ([] if layer is None else [layer])
    assert found.verdict.startswith("No, it looks like a softmax between layers.") == (layer is not None)


class DroppedByFunction(nn.Module):
    """A dropout without a module of its own."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.inner, self.head, self.rate = nn.Linear(40, 30), nn.Linear(30, 3), rate

    def forward(self, rows: Tensor) -> Tensor:
        result: Tensor = self.head(functional.dropout(self.inner(rows).relu(), self.rate, self.training))
        return result


class Sharpened(nn.Module):
    """A division by 0.05, which is no dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.head = nn.Linear(40, 30), nn.Linear(30, 3)

    def forward(self, rows: Tensor) -> Tensor:
        result: Tensor = self.head(self.inner(rows) / 0.05)
        return result


def dropping(rate: float) -> nn.Sequential:
    return nn.Sequential(nn.Linear(40, 30), nn.ReLU(), nn.Dropout(rate), nn.Linear(30, 3))


@pytest.mark.parametrize(
    ("model", "where"),
    [
        (dropping(0.95), "2"),
        (dropping(0.8), None),
        (dropping(0.95).eval(), None),
        (DroppedByFunction(0.9), "the model"),
        (Sharpened(), None),
    ],
)
def test_a_dropout_of_nearly_everything(model: nn.Module, where: str | None) -> None:
    found = probe(model, ROWS)
    assert [(one.kind, one.layer) for one in found.findings] == ([("dropout", where)] if where is not None else [])
    if where == "2":
        assert "sets 95% of the units to 0 and makes the others 20 times as large" in found.verdict


def repeated(first: slice, of: slice, *, columns: bool = False) -> nn.Sequential:
    """Return layers of which some units of the second have the weights of others, and feed the same to the third."""
    torch.manual_seed(3)
    model = init_module_(seq(nn.Linear(40, 40), nn.ReLU(), nn.Linear(40, 40), nn.ReLU(), nn.Linear(40, 40)), "he")
    with torch.no_grad():
        weight, behind = model.get_parameter("2.weight"), model.get_parameter("4.weight")
        weight[first] = weight[of].clone()
        if columns:
            behind[:, first] = behind[:, of].clone()
    return model


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (repeated(slice(0, 40), slice(7, 8)), "all of its units have the weights of another one"),
        (repeated(slice(0, 20), slice(20, 40), columns=True), "all of its units have"),
        (repeated(slice(0, 13), slice(13, 26), columns=True), "65% of its units have"),
        (repeated(slice(0, 9), slice(9, 18), columns=True), None),  # 45 %
        (repeated(slice(0, 20), slice(20, 40)), None),  # whose gradients part them
    ],
)
def test_units_that_are_alike(model: nn.Module, text: str | None) -> None:
    findings = probe(model, ROWS).findings
    assert [(one.kind, one.layer, one.severity) for one in findings] == [("symmetry", "2", "error")] * (
        text is not None
    )
    assert text is None or text in findings[0].text


class Several(nn.Module):
    """A model that returns several tensors, one of them twice, and numbers that cannot be differentiated."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.first, self.second, self.third = nn.Linear(40, 4), nn.Linear(40, 5), nn.Linear(40, 6)

    def forward(self, rows: Tensor) -> dict[str, Any]:
        first = self.first(rows)
        return {"ids": torch.arange(3), "a": first, "more": (self.second(rows), [self.third(rows), first]), "n": 3}


def test_all_outputs_count_without_a_loss() -> None:
    found = probe(Several(), ROWS)
    assert found.notes == (
        "Without loss=, the random direction is one of a, more.0, more.1.0, each scaled to its size.",
    )
    # each output's direction is of size 1, over the root of how many numbers it has
    for layer, width in zip(found.layers, (4, 5, 6), strict=True):
        assert layer.gradient == pytest.approx(1 / math.sqrt(24 * width), rel=0.2)
    with_loss = probe(Several(), ROWS, loss=lambda out: out["a"].sum())
    assert not [note for note in with_loss.notes if "direction" in note]
