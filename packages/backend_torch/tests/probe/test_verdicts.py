"""What a probe blames, and the line that it says mends it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import fanin_torch
from fanin.exceptions import FaninValueError
from fanin_torch import init_module_, probe

ROWS = torch.randn(16, 48, generator=torch.Generator().manual_seed(3))


def plain(depth: int, width: int = 48, *, norm: bool = False) -> nn.Sequential:
    """Layers with relu and a head, by he."""
    layers: list[nn.Module] = []
    for _ in range(depth):
        layers += [nn.Linear(48 if not layers else width, width), *([nn.BatchNorm1d(width)] * norm), nn.ReLU()]
    return init_module_(nn.Sequential(*layers, nn.Linear(width, 10)), "he", seed=0, prefix="")


def scaled(model: nn.Module, **factors: float) -> nn.Module:
    """Return the model with some weights multiplied, by name: `_4=0.01` for "4.weight"; `every` for all matrices."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            factor = factors.get("_" + name.removesuffix(".weight"), factors.get("every", 1.0))
            if parameter.ndim > 1:
                parameter.mul_(factor)
    return model


@pytest.mark.parametrize(
    ("depth", "factor", "course"),
    [(120, 0.81, "shrinks"), (100, 1.2, "grows")],
)
def test_a_small_change_in_each_of_many_layers_is_found(depth: int, factor: float, course: str) -> None:
    """Less than 1.25 times a layer, and more than 10,000 times in all."""
    (found,) = probe(scaled(plain(depth), every=factor), ROWS).findings
    assert (found.kind, found.severity) == ("signal", "error")
    assert course in found.text


@pytest.mark.parametrize(("depth", "found"), [(40, []), (60, [("depth", "error")]), (120, [("depth", "error")])])
def test_gradients_explode_in_deep_networks_of_batch_normalizations(depth: int, found: list[tuple[str, str]]) -> None:
    """By sqrt(pi / (pi - 1)), 1.21, for each layer with relu (Yang et al. 2019)."""
    torch.manual_seed(0)
    result = probe(plain(depth, norm=True).train(), ROWS)
    assert [(one.kind, one.severity) for one in result.findings] == found
    if found:
        assert re.search(r"grows 1\.2\d× a layer.* skips .*\(Yang et al. 2019\)", result.verdict)
        assert result.verdict.startswith("No, it looks like the depth")
        assert result.findings[0].line is None


class Joined(nn.Module):
    """Layers whose outputs are joined to what came in, as in a DenseNet, and whose gradients grow all the same."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = plain(60, norm=True)
        self.head = nn.Linear(58, 3)

    def forward(self, rows: Tensor) -> Tensor:
        result: Tensor = self.head(torch.cat([rows, self.layers(rows)], 1))
        return result


def test_what_skips_layers_by_joining_is_not_plain() -> None:
    assert probe(Joined().train(), ROWS).findings == []


@pytest.mark.parametrize(("layer", "factor"), [("10", 0.01), ("8", 100.0), ("10", 0.03)])
def test_one_layer_that_is_off_is_named(layer: str, factor: float) -> None:
    (found,) = probe(scaled(plain(10), **{f"_{layer}": factor}), ROWS).findings
    assert f"The weights of {layer} are {factor:.1g}"[:-1] in found.cause
    assert "and the others fit" in found.cause


@pytest.mark.parametrize(
    ("layer", "factor", "text"),
    [
        ("0", 1e4, "its outputs, and what follows"),
        ("0", 1e-4, "its outputs, and what follows"),
        ("20", 1e4, "the model's outputs"),
    ],
)
def test_the_scale_of_a_first_or_last_layer(layer: str, factor: float, text: str) -> None:
    (found,) = probe(scaled(plain(10), **{f"_{layer}": factor}), ROWS).findings
    assert (found.kind, found.layer) == ("signal", layer)
    assert found.text.startswith(text)


class Halved(nn.Module):
    """What comes in, halved: no weight of it."""

    def forward(self, hidden: Tensor) -> Tensor:
        return 0.5 * hidden


def test_a_small_last_layer_is_not_to_blame_for_what_lies_before_it() -> None:
    layers = [part for one in plain(10) for part in ([one, Halved()] if isinstance(one, nn.ReLU) else [one])]
    (found,) = probe(scaled(nn.Sequential(*layers), _30=1e-3), ROWS).findings
    assert found.cause.endswith("so look at what lies between the layers.")
    assert (found.blamed, found.line) == ("what lies between the layers", None)


def test_a_small_last_layer_is_meant() -> None:
    assert probe(scaled(plain(10), _20=1e-4), ROWS).findings == []


class Recurrent(nn.Module):
    """A cell in a loop of Python, and a head."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.cell, self.head, self.steps = nn.GRUCell(48, 32), nn.Linear(32, 5), steps

    def forward(self, rows: Tensor) -> Tensor:
        hidden = rows.new_zeros(len(rows), 32)
        for k in range(self.steps):
            hidden = self.cell(rows.roll(k, 1), hidden)
        result: Tensor = self.head(hidden)
        return result


def test_a_gradient_that_fades_over_the_steps_of_a_loop_is_no_fault() -> None:
    assert probe(Recurrent(30), ROWS).findings == []


def with_dead_units() -> nn.Module:
    model = plain(4)
    nn.init.constant_(model.get_parameter("2.bias"), -20.0)
    return model


class Tokens(nn.Module):
    """A table of vectors, and layers behind it that are too narrow."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.table = nn.Embedding(50, 48)
        self.rest = scaled(plain(12), every=0.3)

    def forward(self, tokens: Tensor) -> Tensor:
        result: Tensor = self.rest(self.table(tokens))
        return result


class Placed(Tokens):
    """The same with a second table, whose vectors no axis of samples tells apart."""

    def __init__(self) -> None:
        super().__init__()
        self.places = nn.Embedding(3, 48)

    def forward(self, tokens: Tensor) -> Tensor:
        result: Tensor = self.rest(self.table(tokens) + self.places(torch.tensor(1)))
        return result


@pytest.mark.parametrize(
    ("make", "batch", "kind", "line"),
    [
        (
            with_dead_units,
            ROWS,
            "dead",
            'fanin_torch.init_module_(model, "he", seed=0, constants="overwrite")',
        ),
        (
            Tokens,
            torch.arange(16),
            "signal",
            'fanin_torch.init_module_(model, "he", seed=0, overrides={"table.weight": None})',
        ),
        (
            Placed,
            torch.arange(16),
            "signal",
            'fanin_torch.init_module_(model, "he", seed=0, overrides={"table.weight": None, "places.weight": None})',
        ),
    ],
)
def test_the_line_mends_the_model(make: Callable[[], nn.Module], batch: Tensor, kind: str, line: str) -> None:
    model = make()
    (found,) = probe(model, batch).findings
    assert (found.kind, found.line) == (kind, line)
    exec(line, {"fanin_torch": fanin_torch, "model": model})
    assert probe(model, batch).findings == []


def test_what_gets_no_gradient_yet_is_told() -> None:
    """A head of zeros: its own first step lets the others learn."""
    verdict = probe(scaled(plain(3), _6=0.0), ROWS, loss=lambda out: out.square().mean() + out.sum()).verdict
    assert "but none arrives yet at 3 of them, from 4 on backwards" in verdict


def test_a_normalization_alone_cannot_be_judged() -> None:
    assert probe(nn.BatchNorm1d(48), ROWS).verdict.startswith("It cannot be told")


def test_nan_in_the_data_is_refused() -> None:
    rows = ROWS.clone()
    rows[3, 4] = torch.nan
    with pytest.raises(FaninValueError, match="data without NaN"):
        probe(plain(2), rows)


class Masked(nn.Module):
    """A layer, and a mask that is added to its outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(48, 3)

    def forward(self, rows: Tensor, mask: Tensor) -> Tensor:
        result: Tensor = (self.layer(rows) + mask).softmax(-1)
        return result


def test_an_infinity_in_the_samples_is_refused_and_one_in_a_mask_is_not() -> None:
    mask = torch.tensor([0.0, -torch.inf, 0.0])
    assert probe(Masked(), (ROWS, mask)).findings == []
    rows = ROWS.clone()
    rows[3, 4] = torch.inf
    with pytest.raises(FaninValueError, match="needs finite samples"):
        probe(Masked(), (rows, mask))
