"""The trainer of a person's own module: it trains what the function builds, and finds its layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from fanin.exceptions import FaninTypeError, FaninValueError
from fanin_torch import init_module_
from fanin_torch._model_trainer import ModelTrainer

GENERATOR = np.random.default_rng(4)
INPUTS = GENERATOR.normal(size=(12, 12)).astype(np.float32)
LABELS = np.arange(12) % 5


def net() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv1d(3, 6, 2, bias=False), nn.BatchNorm1d(6), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(18, 5)
    )


def trainer(label: str = "he", build: Callable[[], object] = net, **settings: Any) -> ModelTrainer:
    return ModelTrainer(build, label, **{"seed": 3, "sample": (3, 4), "classes": 5, "learning_rate": 0.1, **settings})


def seeded(seed: int = 3) -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return net()


def test_the_weights_are_those_of_the_law_or_the_code() -> None:
    for label, expected in (("he", init_module_(seeded(), "he", seed=3)), ("own", seeded())):
        found = trainer(label).tensors
        assert list(found) == [name for name, _ in expected.named_parameters()]
        assert all(torch.equal(found[name], one) for name, one in expected.named_parameters())


def test_layers() -> None:
    found = trainer()
    assert found.units == [6, 5]
    shapes = {name: values.shape for name, values in found.parameters().items()}
    assert shapes == {
        "layers.0.weight": (6, 6),
        "layers.0.bias": (6,),
        "layers.1.weight": (5, 18),
        "layers.1.bias": (5,),
    }


def test_a_step_is_one_of_gradient_descent() -> None:
    model = init_module_(seeded(), "he", seed=3).train()
    loss = cross_entropy(model(torch.from_numpy(INPUTS).reshape(-1, 3, 4)), torch.from_numpy(LABELS))
    loss.backward()  # type: ignore[no-untyped-call]
    own = trainer()
    assert own.step(INPUTS, LABELS) == pytest.approx(loss.item())
    for name, one in model.named_parameters():
        assert one.grad is not None
        assert torch.allclose(own.tensors[name], (one - 0.1 * one.grad).detach(), atol=1e-6)


def test_a_trace_changes_nothing_and_sees_what_an_operation_in_place_overwrites() -> None:
    own = trainer()
    before = {name: one.clone() for name, one in own._model.state_dict().items()}
    trace = own.trace(INPUTS, LABELS)
    assert all(torch.equal(one, before[name]) for name, one in own._model.state_dict().items())
    model = seeded()
    init_module_(model, "he", seed=3)
    assert trace.activations[0] == pytest.approx(model[0](torch.from_numpy(INPUTS).reshape(-1, 3, 4)).detach().numpy())
    assert trace.activations[0].min() < 0
    shares = np.exp(trace.activations[1]) / np.exp(trace.activations[1]).sum(1, keepdims=True)
    assert trace.gradients[1] == pytest.approx(shares - np.eye(5)[LABELS], abs=1e-5)


def frozen() -> nn.Sequential:
    model = net()
    model[0].requires_grad_(False)
    return model


def test_a_frozen_layer_stays_and_is_seen() -> None:
    own, free = trainer(build=frozen), trainer()
    before = own.parameters()["layers.0.weight"]
    for found, expected in zip(own.trace(INPUTS, LABELS).gradients, free.trace(INPUTS, LABELS).gradients, strict=True):
        assert found == pytest.approx(expected)
    own.step(INPUTS, LABELS)
    assert (own.parameters()["layers.0.weight"] == before).all()
    assert (own.parameters()["layers.1.weight"] != free.parameters()["layers.1.weight"]).any()


class Registering(nn.Module):
    """A model that registers a buffer when it runs."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(12, 4), nn.Linear(4, 5))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        self.register_buffer("middle", inputs.mean(0))
        result: torch.Tensor = self.body(inputs - self.get_buffer("middle"))
        return result


def test_a_buffer_that_a_trace_registers_goes() -> None:
    own = trainer(build=Registering)
    own.trace(INPUTS, LABELS)
    assert list(own._model.buffers()) == []


def test_logits_are_those_for_evaluation() -> None:
    own = trainer()
    model = init_module_(seeded(), "he", seed=3).eval()
    assert own.logits(INPUTS) == pytest.approx(model(torch.from_numpy(INPUTS).reshape(-1, 3, 4)).detach().numpy())


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda: 3, FaninTypeError, "builds a torch.nn.Module. Received: 3"),
        (lambda: nn.Linear(12, 5), FaninValueError, "two or more dense or convolutional layers. Received: 1"),
        (
            lambda: nn.Sequential(nn.Flatten(), nn.Linear(12, 4), nn.Linear(4, 3)),
            FaninValueError,
            r"\(12, 5\) here. Received: \(12, 3\)",
        ),
        (lambda: nn.Sequential(nn.Flatten(), nn.LazyLinear(4), nn.Linear(4, 5)), FaninValueError, "has lazy layers"),
        (lambda: net().requires_grad_(False), FaninValueError, "nothing to train"),
    ],
)
def test_refused(build: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        trainer(build=build).logits(INPUTS)
