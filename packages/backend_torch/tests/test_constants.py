"""Constants that a model has set itself, under one law for all layers; and what a module on the meta device gets."""

from __future__ import annotations

import warnings

import pytest
import torch
from torch import nn

import fanin
from fanin_torch import init_module_
from fanin_torch._constants import Choice


class Detector(nn.Module):
    """A last scale of zero, a bias of a prior probability, and an output of zeros."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.BatchNorm1d(3)
        self.last = nn.BatchNorm1d(3)
        self.prior = nn.Linear(3, 2)
        self.out = nn.Linear(2, 4)
        self.single = nn.Linear(4, 1)
        self.act = nn.PReLU(init=0.1)
        nn.init.zeros_(self.last.weight)
        nn.init.constant_(self.prior.bias, -4.5)
        nn.init.zeros_(self.out.weight)


KEPT = {"last.weight": 0.0, "prior.bias": -4.5, "act.weight": 0.1}
USUAL = {"last.weight": 1.0, "prior.bias": 0.0, "act.weight": 0.25}


def _values(net: nn.Module) -> dict[str, float]:
    return {name: round(net.get_parameter(name).flatten()[0].item(), 6) for name in KEPT}


@pytest.mark.parametrize(
    ("choice", "kept", "out_is_zero"), [(None, KEPT, False), ("keep", KEPT, True), ("overwrite", USUAL, False)]
)
def test_what_stays(choice: Choice, kept: dict[str, float], out_is_zero: bool) -> None:
    net = Detector()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        init_module_(net, "he", seed=1, constants=choice)
    assert _values(net) == kept
    assert (net.out.weight.abs().sum().item() == 0) is out_is_zero
    assert net.single.bias.item() == 0  # a single number is no constant
    assert len(caught) == (choice is None)
    for one in caught:
        assert "kept last.weight = 0, prior.bias = -4.5, act.weight = 0.1; overwrote out.weight = 0" in str(one.message)
        assert one.filename == __file__


def test_what_is_asked_for_is_overwritten() -> None:
    net = init_module_(Detector(), constants="keep", bias="zeros", overrides={"last.weight": fanin.constant(2)})
    assert _values(net) == {"last.weight": 2.0, "prior.bias": 0.0, "act.weight": 0.1}


def test_undefined_memory_is_no_constant() -> None:
    """Zeros are what `to_empty` often leaves: a scale of zero everywhere would stop a network."""
    net = Detector()
    for tensor in (*net.parameters(), *net.buffers()):
        tensor.detach().zero_()
    with pytest.warns(UserWarning, match="overwrote first.weight = 0, last.weight = 0"):
        init_module_(net, "he")
    assert _values(net) == USUAL


def test_running_statistics_are_set_back() -> None:
    norms = nn.ModuleDict({"a": nn.BatchNorm2d(3), "b": nn.BatchNorm2d(3), "c": nn.BatchNorm2d(3, affine=False)})
    for buffer in norms.buffers():
        buffer.fill_(7)
    init_module_(norms, overrides={"b.*": None})
    state = {name: set(tensor.flatten().tolist()) for name, tensor in norms.state_dict().items() if "." in name}
    for name in "ac":
        assert [state[f"{name}.{key}"] for key in ("running_mean", "running_var", "num_batches_tracked")] == [
            {0},
            {1},
            {0},
        ]
    assert state["b.running_var"] == {7}


def test_a_module_on_the_meta_device_is_made_real() -> None:
    with torch.device("meta"):
        net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.LSTM(4, 2))
    init_module_(net, "he", seed=1)
    plain = init_module_(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.LSTM(4, 2)), "he", seed=1)
    for (name, tensor), other in zip(net.state_dict().items(), plain.state_dict().values(), strict=True):
        assert torch.equal(tensor, other), name
