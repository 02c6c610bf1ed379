"""What is not seen as a layer, and what is left behind: it is measured, refused or said."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrizations

from fanin.exceptions import FaninError, FaninTypeError, FaninValueError
from fanin_torch import probe

GENERATOR = torch.Generator().manual_seed(5)
ROWS = torch.randn(12, 9, generator=GENERATOR)


@pytest.mark.parametrize("wrap", [parametrizations.weight_norm, parametrizations.spectral_norm])
def test_a_layer_whose_weight_is_computed(wrap: Callable[[nn.Module], nn.Module]) -> None:
    net = nn.Sequential(wrap(nn.Linear(9, 20, bias=False)), nn.ReLU(), nn.BatchNorm1d(20), nn.Linear(20, 3)).eval()
    first, *_ = found = probe(net, ROWS).layers
    assert [layer.name for layer in found] == ["0", "2", "3"]
    with torch.no_grad():
        outputs, weight = net[0](ROWS), net[0].get_submodule("parametrizations.weight")()
    assert first.std == pytest.approx(float(outputs.var(dim=0).mean().sqrt()))
    assert first.weight_std == pytest.approx(float(weight.std()))
    assert (first.weight_fan_in, first.activation) == (9, "relu")
    assert first.gradient is not None


class OneByOne(nn.Module):
    """A model that takes its samples one at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(9, 4)

    def forward(self, rows: Tensor) -> Tensor:
        return torch.stack([self.fc(row) for row in rows])


def test_where_nothing_is_measured_nothing_is_claimed() -> None:
    found = probe(OneByOne(), ROWS)
    assert found.verdict == "It cannot be told: no layer could be measured."
    assert found.notes == (
        "fc, fc (use 2), fc (use 3) and 9 more left out: no axis of their outputs, such as (4,), counts the samples.",
    )
    assert str(found) == f"{found.verdict}\n\n- {found.notes[0]}"
    assert "It cannot be told" in found.to_html()


class ByHand(nn.Module):
    """A model with a weight of its own that reads a layer's, and has another layer that nothing uses."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(9))
        self.cell = nn.Linear(9, 9)
        self.spare = nn.Linear(9, 9)
        self.attention = nn.MultiheadAttention(9, 3, batch_first=True)
        self.head = nn.Linear(9, 3)

    def forward(self, rows: Tensor) -> Tensor:
        hidden = functional.linear(rows * self.scale, self.cell.weight)[:, None].repeat(1, 2, 1)
        result: Tensor = self.head(self.attention(hidden, hidden, hidden)[0].mean(1))
        return result


def test_a_weight_that_is_used_without_its_module_is_said() -> None:
    found = probe(ByHand(), ROWS)
    assert [layer.name for layer in found.layers] == ["attention", "head"]
    assert found.notes == ("cell not seen: the model uses the weights without calling the module.",)


class Alone(nn.Module):
    """A model of one layer, which is never called."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.Linear(9, 9)

    def forward(self, rows: Tensor) -> Tensor:
        return functional.linear(rows, self.cell.weight)


class Registering(nn.Module):
    """A model that registers a buffer when it runs."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(9, 3)

    def forward(self, rows: Tensor) -> Tensor:
        self.register_buffer("middle", rows.mean(0))
        result: Tensor = self.fc(rows - self.get_buffer("middle"))
        return result


def test_no_buffer_stays_behind() -> None:
    net = Registering()
    probe(net, ROWS)
    assert list(net.buffers()) == []


def test_generators_of_devices_that_are_not_used_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def seeded(seed: int) -> None:
        raise AssertionError

    monkeypatch.setattr(torch.cuda, "manual_seed_all", seeded)
    net = nn.Sequential(nn.Linear(9, 9), nn.Dropout(), nn.Linear(9, 2))
    before = torch.get_rng_state()
    first = probe(net, ROWS, loss=lambda out: out.square().mean(), train=2)
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(3)
    assert probe(net, ROWS, loss=lambda out: out.square().mean(), train=2) == first


def traced() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch's: TorchScript is on its way out
        made: nn.Module = torch.jit.trace(nn.Sequential(nn.Linear(9, 3)), ROWS)  # type: ignore[no-untyped-call]
        return made


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: probe(Alone(), ROWS), FaninValueError, "a layer is a module that is called.*which has 2 parameters"),
        (lambda: probe(traced(), ROWS), FaninTypeError, "TorchScript"),
        (
            lambda: probe(nn.Linear(9, 3).requires_grad_(False), ROWS, loss=lambda out: out.sum(), train=1),
            FaninValueError,
            "none does. Leave train out",
        ),
    ],
)
def test_refused(call: Callable[[], object], error: type[FaninError], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
