"""Planted causes, each named; healthy models without a finding; and everything left as it was."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, relu

import fanin
from fanin.exceptions import FaninTypeError, FaninValueError
from fanin_torch import init_module_, probe

GENERATOR = torch.Generator().manual_seed(0)
ROWS = torch.randn(32, 48, generator=GENERATOR)
PICTURES = torch.randn(16, 1, 12, 12, generator=GENERATOR)
WORDS = torch.randint(0, 50, (8, 12), generator=GENERATOR)
SEQUENCES = torch.randn(8, 12, 32, generator=GENERATOR)


no_module: Any = ROWS


def plain(activation: type[nn.Module] = nn.ReLU, depth: int = 16) -> nn.Sequential:
    torch.manual_seed(1)
    layers = [layer for _ in range(depth) for layer in (nn.Linear(48, 48), activation())]
    return nn.Sequential(*layers, nn.Linear(48, 10))


class Convolutions(nn.Module):
    """A plain network of convolutions, with activations that are no modules."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.stem = nn.Conv2d(1, 16, 3, padding=1)
        self.body = nn.ModuleList(nn.Conv2d(16, 16, 3, padding=1) for _ in range(12))
        self.head = nn.Linear(16, 10)

    def forward(self, inputs: Tensor) -> Tensor:
        hidden = relu(self.stem(inputs))
        for layer in self.body:
            hidden = relu(layer(hidden))
        result: Tensor = self.head(hidden.mean((2, 3)))
        return result


class Residual(nn.Module):
    """Branches without a scale and without normalization."""

    def __init__(self, scale: float = 1.0, depth: int = 14) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(nn.Linear(48, 48) for _ in range(depth))
        self.scale = scale

    def forward(self, inputs: Tensor) -> Tensor:
        for block in self.blocks:
            inputs = inputs + self.scale * relu(block(inputs))
        return inputs


class Language(nn.Module):
    """A small transformer with a norm before each branch."""

    def __init__(self, std: float) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.words = nn.Embedding(50, 32)
        nn.init.normal_(self.words.weight, std=std)
        layer = nn.TransformerEncoderLayer(32, 4, 64, dropout=0.1, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 3, enable_nested_tensor=False)
        self.head = nn.Linear(32, 50)

    def forward(self, words: Tensor) -> Tensor:
        result: Tensor = self.head(self.encoder(self.words(words)))
        return result


def wide_tanh() -> nn.Module:
    return init_module_(plain(nn.Tanh), fanin.normal(std=1.0))


def shifted() -> nn.Module:
    net = init_module_(plain(depth=6), "he")
    nn.init.constant_(net.get_parameter("4.bias"), -30.0)
    return net


def large_logits() -> nn.Module:
    net = nn.TransformerEncoder(nn.TransformerEncoderLayer(32, 4, 64, batch_first=True), 2, enable_nested_tensor=False)
    for layer in net.layers:
        nn.init.normal_(layer.self_attn.in_proj_weight, std=1.0)
    return net


def broken() -> nn.Module:
    net = plain(depth=4)
    nn.init.constant_(net.get_parameter("4.weight"), float("nan"))
    return net


CAUSES: dict[str, tuple[Callable[[], nn.Module], Tensor, str, str, str]] = {
    "torch's default": (
        plain,
        ROWS,
        "signal",
        "4",
        r"shrinks 2\.\d+× a layer.*Torch's default, .*0\.4\d times as wide as relu",
    ),
    "convolutions": (
        Convolutions,
        PICTURES,
        "signal",
        "body.1",
        r"Torch's default.*\(model, \"he\", seed=0\)",
    ),
    "a forgotten gain": (
        lambda: init_module_(plain(depth=24), "lecun_normal"),
        ROWS,
        "signal",
        "12",
        r"The initialization makes the weights 0\.7\d times",
    ),
    "too wide": (
        lambda: init_module_(plain(), fanin.normal(std=1.0)),
        ROWS,
        "signal",
        "2",
        r"grows 4\.\d+×.* times as wide",
    ),
    "saturated": (
        wide_tanh,
        ROWS,
        "saturated",
        "",
        r"tanh is flat. Its weights are 4\.\d times",
    ),
    "dead": (shifted, ROWS, "dead", "4", r"100% of its units are 0 or below for every sample"),
    "residual": (
        lambda: init_module_(Residual(), "he"),
        ROWS,
        "residual",
        "",
        r"a residual sum.*1/sqrt\(14\)",
    ),
    "attention": (large_logits, SEQUENCES, "attention", "layers.", r"logits have a standard deviation of \d+"),
    "embedding": (
        lambda: Language(20.0),
        WORDS,
        "embedding",
        "words",
        r"\d+ times as large.*is (19|20)",
    ),
    "zeros": (lambda: init_module_(plain(depth=4), "zeros"), ROWS, "signal", "0", "the same for every sample"),
    "not finite": (broken, ROWS, "not finite", "4", "its outputs are not finite"),
}


@pytest.mark.parametrize("case", CAUSES)
def test_a_planted_cause_is_named_first(case: str) -> None:
    make, batch, kind, layer, message = CAUSES[case]
    found = probe(make(), batch)
    first = found.findings[0]
    assert first.kind == kind, found
    assert first.layer.startswith(layer), found
    assert found.verdict.startswith("Yes, it looks like the initialization.")
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(str(first))


HEALTHY: dict[str, tuple[Callable[[], nn.Module], Tensor]] = {
    "he": (lambda: init_module_(plain(), "he"), ROWS),
    "he, convolutions": (lambda: init_module_(Convolutions(), "he"), PICTURES),
    "tanh": (lambda: init_module_(plain(nn.Tanh), fanin.he_normal(activation="tanh")), ROWS),
    "gelu": (lambda: init_module_(plain(nn.GELU), fanin.he_normal(activation="gelu")), ROWS),
    "scaled residuals": (lambda: init_module_(Residual(14**-0.5), "he"), ROWS),
    "a transformer": (lambda: Language(0.5), WORDS),
    "shallow": (lambda: plain(depth=1), ROWS),
}


def test_a_short_network_may_make_up_for_it() -> None:
    """Torch's default in LeNet-5 (LeCun et al. 1998), which trains with it: a warning, and no more than a perhaps."""
    torch.manual_seed(0)
    convolutions = [nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU()]
    dense = [nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)]
    found = probe(nn.Sequential(*convolutions, nn.MaxPool2d(2), nn.Flatten(), *dense), torch.randn(32, 1, 28, 28))
    assert [(one.kind, one.severity) for one in found.findings] == [("gradient", "warning")], found
    assert found.answer == "Perhaps: it may be the initialization, which training may also make up for."


@pytest.mark.parametrize("case", HEALTHY)
def test_a_healthy_model_has_no_finding(case: str) -> None:
    make, batch = HEALTHY[case]
    found = probe(make(), batch)
    assert found.findings == [], found
    assert found.verdict.startswith("No: the signal is fine.")


def test_what_is_measured() -> None:
    net = nn.Sequential(nn.Linear(48, 20), nn.ReLU(), nn.Linear(20, 3))
    labels = torch.arange(32) % 3
    first, second = probe(net, ROWS, loss=lambda out: cross_entropy(out, labels)).layers
    outputs = net[0](ROWS)
    assert first.std == pytest.approx(outputs.var(0).mean().sqrt().item())
    assert first.rms == pytest.approx(outputs.square().mean().sqrt().item())
    assert first.nonpositive == pytest.approx((outputs <= 0).all(0).float().mean().item())
    assert (first.activation, second.activation) == ("relu", None)
    assert (first.weight_fan_in, second.weight_fan_in) == (48, 20)
    weight = net.get_parameter("2.weight")
    (gradient,) = torch.autograd.grad(cross_entropy(net(ROWS), labels), weight)
    assert second.update == pytest.approx((gradient.square().mean() / weight.square().mean()).sqrt().item())


def test_everything_is_as_it_was() -> None:
    net = nn.Sequential(nn.Linear(48, 6), nn.BatchNorm1d(6), nn.Dropout(0.5), nn.Linear(6, 2))
    net[0].weight.requires_grad_(False)
    net[3].bias.grad = torch.ones(2)
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    state = torch.get_rng_state()
    probe(net, ROWS)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())
    assert [one.requires_grad for one in net.parameters()] == [False, True, True, True, True, True]
    assert net[3].bias.grad.tolist() == [1, 1]
    assert net[0].weight.grad is None
    assert net.training
    assert not net[0]._forward_hooks
    assert not net[0]._forward_pre_hooks


def test_after_an_exception_too() -> None:
    net = plain(depth=2)
    with pytest.raises(RuntimeError, match=r"^mat1 and mat2"):
        probe(net, torch.randn(4, 7))
    assert not net[0]._forward_hooks


def test_ways_to_call() -> None:
    class Named(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(48, 3)

        def forward(self, left: Tensor, right: Tensor) -> dict[str, Tensor]:
            return {"logits": self.fc(left + right)}

    net = Named()
    one, other = probe(net, (ROWS, ROWS)), probe(net, {"right": ROWS, "left": ROWS})
    assert one.layers == other.layers


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: probe(no_module, ROWS), FaninTypeError, "a torch.nn.Module. Received: Tensor"),
        (lambda: probe(nn.ReLU(), ROWS), FaninValueError, "no layer with weights ran"),
        (lambda: probe(plain(), ROWS[:1]), FaninValueError, r"two or more samples.*shape \(1, 48\)"),
        (lambda: probe(plain(), None), FaninValueError, "two or more samples.*no tensor"),
        (lambda: probe(plain(), torch.ones(4, 48)), FaninValueError, r"all the same.*\(4, 48\)"),
        (lambda: probe(plain(), ROWS, loss=lambda out: out), FaninTypeError, r"one number. Received: \(32, 10\)"),
        (lambda: probe(nn.Linear(3, 2, device="meta"), ROWS), FaninValueError, "meta device"),
    ],
)
def test_refused(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_it_can_be_kept_and_shown() -> None:
    net = plain(depth=8)
    found = probe(net, ROWS)
    after = probe(init_module_(net, "he"), ROWS)
    assert found.to_dict()["layers"][0]["name"] == "0"
    assert found.to_csv().splitlines()[1].startswith("0,Linear,")
    page = found.to_html(after)
    assert page.count("<svg") == 1
    assert html.escape(str(found.findings[0])) in page
    assert not re.search(r"<(script|link|img)[^>]*http", page)
