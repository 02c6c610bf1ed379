"""Loops, ambiguous axes, operations in place, constants, losses that are cut off: nothing is silently wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.checkpoint import checkpoint

import fanin
from fanin.exceptions import FaninError, FaninTypeError, FaninValueError
from fanin_torch import init_module_, probe

GENERATOR = torch.Generator().manual_seed(5)
ROWS = torch.randn(12, 48, generator=GENERATOR)
PAIR = nn.Sequential(nn.Linear(48, 20), nn.ReLU(), nn.Linear(20, 3))


def std_of(outputs: Tensor, axis: int = 0) -> float:
    return float(outputs.detach().var(dim=axis).mean().sqrt())


class Loop(nn.Module):
    """One layer, used again and again."""

    def __init__(self, uses: int = 20) -> None:
        super().__init__()
        torch.manual_seed(2)
        self.cell = nn.Linear(48, 48)
        self.head = nn.Linear(48, 5)
        self.uses = uses

    def forward(self, hidden: Tensor) -> Tensor:
        for _ in range(self.uses):
            hidden = torch.relu(self.cell(hidden))
        result: Tensor = self.head(hidden)
        return result


def test_a_layer_in_a_loop_is_seen_each_time() -> None:
    net = Loop(4)
    found = probe(net, ROWS)
    assert [layer.name for layer in found.layers] == ["cell", "cell (use 2)", "cell (use 3)", "cell (use 4)", "head"]
    hidden = ROWS
    for layer in found.layers[:-1]:
        hidden = net.cell(hidden)
        assert layer.std == pytest.approx(std_of(hidden))
        hidden = hidden.relu()
    assert len({layer.gradient for layer in found.layers}) == 5
    assert probe(Loop(), ROWS).findings[0].kind == "signal"


class TokensFirst(nn.Module):
    """A model that works on (tokens, samples, width), and on (samples times tokens, width)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        torch.manual_seed(2)
        self.first = nn.Linear(7, width)
        self.second = nn.Linear(width, 6)

    def forward(self, batch: Tensor) -> Tensor:
        hidden = torch.relu(self.first(batch.transpose(0, 1)))
        result: Tensor = self.second(hidden.transpose(0, 1).flatten(0, 1))
        return result.view(len(batch), -1)


@pytest.mark.parametrize(("samples", "tokens", "width"), [(5, 5, 5), (5, 10, 4), (5, 3, 10), (6, 6, 12)])
def test_the_samples_are_found_along_any_axis(samples: int, tokens: int, width: int) -> None:
    batch = torch.randn(samples, tokens, 7, generator=GENERATOR)
    net = TokensFirst(width)
    first, second = probe(net, batch).layers
    hidden = net.first(batch)
    assert first.std == pytest.approx(std_of(hidden))
    assert first.nonpositive == pytest.approx(float((hidden <= 0).flatten(0, 1).all(0).float().mean()))
    assert second.std == pytest.approx(std_of(net.second(hidden.relu())))


def test_an_operation_in_place_hides_nothing() -> None:
    plain = nn.Sequential(nn.Linear(48, 20), nn.ReLU(), nn.Linear(20, 3))
    hasty = nn.Sequential(plain[0], nn.ReLU(inplace=True), plain[2])
    assert probe(plain, ROWS).layers == probe(hasty, ROWS).layers


class Added(nn.Module):
    """A sum in place, as ResNets write it."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(2)
        self.branch = nn.Linear(48, 48)

    def forward(self, inputs: Tensor) -> Tensor:
        out = self.branch(inputs) * 0.1
        out += inputs
        return torch.relu_(out)


def test_a_sum_in_place_is_measured_before_and_after() -> None:
    net = Added()
    found = probe(net, ROWS)
    branch = net.branch(ROWS) * 0.1
    assert found.sums[0].branch == pytest.approx(std_of(branch))
    assert found.sums[0].std == pytest.approx(std_of(branch + ROWS))


class Checkpointed(nn.Module):
    """Layers that run again on the way back, the first of them to its end."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Linear(48, 9), nn.Tanh(), nn.Linear(9, 9))
        self.second = nn.Linear(9, 3)

    def forward(self, inputs: Tensor) -> Tensor:
        result: Tensor = self.second(torch.relu(checkpoint(self.first, inputs, use_reentrant=False)))
        return result


class ZeroedBranch(nn.Module):
    """A branch that ends in a normalization of zeros, added in place, as torchvision's ResNets have it."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(2)
        self.stem, self.branch, self.norm, self.head = (
            nn.Linear(48, 48),
            nn.Linear(48, 48),
            nn.BatchNorm1d(48),
            nn.Linear(48, 3),
        )
        nn.init.zeros_(self.norm.weight)

    def forward(self, inputs: Tensor) -> Tensor:
        hidden = torch.relu(self.stem(inputs))
        out = self.norm(self.branch(hidden))
        out += hidden
        result: Tensor = self.head(torch.relu_(out))
        return result


def test_the_activation_of_a_sum_in_place_is_not_that_of_the_branch() -> None:
    found = probe(ZeroedBranch(), ROWS)
    assert [layer.activation for layer in found.layers] == ["relu", None, None, None]
    assert found.findings == []


def test_what_is_computed_again_is_seen_once() -> None:
    assert [layer.name for layer in probe(Checkpointed(), ROWS).layers] == ["first.0", "first.2", "second"]


def ones(everywhere: bool) -> nn.Module:
    net = nn.Sequential(*(layer for _ in range(6) for layer in (nn.Linear(48, 48), nn.ReLU())), nn.Linear(48, 10))
    if everywhere:
        return init_module_(net, "ones")
    init_module_(net, "he")
    nn.init.constant_(net.get_parameter("4.weight"), 0.3)
    return net


@pytest.mark.parametrize(("everywhere", "layer", "size"), [(True, "0", "1"), (False, "4", "0.3")])
def test_equal_weights_are_named(everywhere: bool, layer: str, size: str) -> None:
    (found,) = probe(ones(everywhere), ROWS).findings
    assert (found.kind, found.layer, found.severity) == ("symmetry", layer, "error")
    assert f"(of size {size})" in found.text


def zero_branch() -> nn.Module:
    class Branches(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.up = nn.ModuleList(nn.Linear(48, 20) for _ in range(3))
            self.down = nn.ModuleList(nn.Linear(20, 48) for _ in range(3))
            self.head = nn.Linear(48, 7)
            for one in (*self.down, self.head):
                nn.init.zeros_(one.weight)

        def forward(self, inputs: Tensor) -> Tensor:
            for up, down in zip(self.up, self.down, strict=True):
                inputs = inputs + down(torch.relu(up(inputs)))
            result: Tensor = self.head(inputs)
            return result

    return Branches()


def test_branches_and_a_head_of_zeros_are_meant() -> None:
    assert probe(zero_branch(), ROWS).findings == []


def test_a_deep_network_of_zeros_is_not() -> None:
    net = init_module_(nn.Sequential(nn.Linear(48, 9), nn.ReLU(), nn.Linear(9, 3)), "zeros")
    assert probe(net, ROWS).findings[0].kind == "signal"


def test_a_lazy_model_stays_lazy() -> None:
    net = nn.Sequential(nn.LazyLinear(4), nn.ReLU(), nn.Linear(4, 2))
    with pytest.raises(FaninValueError, match="lazy layers"):
        probe(net, ROWS)
    assert isinstance(net[0], nn.LazyLinear)


class Rebinding(nn.Module):
    """A buffer that the forward pass replaces."""

    steps: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(48, 3)
        self.register_buffer("steps", torch.zeros(2))

    def forward(self, inputs: Tensor) -> Tensor:
        self.steps = self.steps + 1
        result: Tensor = self.fc(inputs)
        return result


def test_a_buffer_that_is_replaced_is_put_back() -> None:
    net = Rebinding()
    before = net.steps
    probe(net, ROWS)
    assert net.steps is before
    assert net.steps.tolist() == [0, 0]


class PartlyDetached(nn.Module):
    """Two layers, the first cut off."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(48, 9)
        self.second = nn.Linear(9, 3)

    def forward(self, inputs: Tensor) -> Tensor:
        result: Tensor = self.second(self.first(inputs).detach())
        return result


def test_what_gets_no_gradient_is_said() -> None:
    found = probe(PartlyDetached(), ROWS)
    assert [note for note in found.notes if "No gradient arrives at first:" in note]
    assert found.layers[0].gradient is None
    assert "No gradient arrives at first" in str(found)


class WithoutGradients(nn.Module):
    """A forward pass without gradients."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(48, 3)

    @torch.no_grad()
    def forward(self, inputs: Tensor) -> Tensor:
        result: Tensor = self.fc(inputs)
        return result


def test_a_model_without_gradients_is_said() -> None:
    assert "There are no gradients" in str(probe(WithoutGradients(), ROWS))


def test_a_loss_that_is_not_finite_is_not_the_initialization() -> None:
    found = probe(PAIR, ROWS, loss=lambda out: (out - out).sum().sqrt() * out.sum())
    assert found.findings[0].kind == "loss"
    assert found.verdict.startswith("No, it looks like the loss.")


def test_batch_norm_for_evaluation_is_said() -> None:
    net = nn.Sequential(nn.Linear(48, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 2)).eval()
    assert "try train()" in str(probe(net, ROWS))
    assert "try train()" not in str(probe(net.train(), ROWS))


def test_underflow_is_said_where_a_loss_is_given() -> None:
    found = probe(PAIR, ROWS, loss=lambda out: 1e-7 * out.square().mean())
    assert "float16 would round" in str(found)
    assert "float16 would round" not in str(probe(PAIR, ROWS, loss=lambda out: out.square().mean()))


def test_seeds_are_geometric_means_with_the_worst() -> None:
    found = probe(lambda: nn.Sequential(nn.Linear(48, 20), nn.Tanh(), nn.Linear(20, 3)), ROWS, seeds=3)
    own = [one.layers[1].std for one in found.seeds]
    assert len(set(own)) == 3
    assert found.layers[1].std == pytest.approx((own[0] * own[1] * own[2]) ** (1 / 3))
    assert found.layers[1].worst == min(own)
    assert "Geometric means of 3 seeds, of which 3" in found.verdict


any_loss: Any = 3
any_after: Any = 4


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: probe(PAIR, ROWS, loss=any_loss), FaninTypeError, "loss is a function.* Received: 3"),
        (lambda: probe(PAIR, ROWS, loss=lambda out: out.detach().sum()), FaninValueError, "no gradient comes from the"),
        (lambda: probe(PAIR, ROWS, loss=lambda out: out.sum().item()), FaninTypeError, "one number. Received: float"),
        (lambda: probe(PAIR, ROWS.numpy()), FaninValueError, "no tensor, but ndarray. Pass torch tensors"),
        (lambda: probe(PAIR, ROWS).to_html(any_after), FaninTypeError, "after is another probe.* Received: int"),
        (lambda: probe(PAIR, ROWS).save(Path("/nowhere/at/all.html")), FaninError, "a folder that is not there"),
        (lambda: probe(PAIR, ROWS, seeds=2), FaninTypeError, "a function that builds the model"),
        (lambda: probe(lambda: PAIR, ROWS, seeds=0), FaninValueError, "seeds"),
        (lambda: probe(lambda: PAIR, ROWS), FaninTypeError, "a torch.nn.Module"),
    ],
)
def test_refused(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_selu_is_no_elu() -> None:
    net = nn.Sequential(nn.Linear(48, 20), nn.SELU(), nn.Linear(20, 3), nn.ELU(), nn.Linear(3, 2), nn.ReLU6())
    found = probe(init_module_(net, fanin.lecun_normal()), ROWS)
    assert [layer.activation for layer in found.layers] == ["selu", "elu", "relu6"]


def test_a_short_run_trains_a_copy() -> None:
    net = Loop(2)
    before = {name: one.clone() for name, one in net.state_dict().items()}
    labels = torch.arange(12) % 5
    found = probe(net, ROWS, loss=lambda out: cross_entropy(out, labels), train=30)
    assert all(torch.equal(one, before[name]) for name, one in net.state_dict().items())
    assert len(found.training) == 30
    assert found.training[0] == pytest.approx(float(cross_entropy(net(ROWS), labels).detach()))
    assert found.training[-1] < 0.8 * found.training[0]
    assert "30 steps on this batch" in str(found)
    assert found.figure(found).axes[-1].get_title(loc="left").startswith("a short run")
    with pytest.raises(FaninValueError, match="a short run needs a loss"):
        probe(net, ROWS, train=3)


def test_the_figure_shades_where_float16_has_no_numbers() -> None:
    found = probe(Loop(30), ROWS)
    texts = [text.get_text() for text in found.figure().axes[0].texts]
    assert "0 in\nfloat16" in texts
    assert "fewer digits\nin float16" in texts
    assert "healthy" in texts
    assert any(text.startswith("÷ ") and text.endswith("a layer") for text in texts)
    fine = probe(init_module_(Loop(30), "he"), ROWS)
    assert "0 in\nfloat16" not in [text.get_text() for text in fine.figure().axes[0].texts]
