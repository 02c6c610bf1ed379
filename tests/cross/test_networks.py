"""The networks of `fanin compare` beyond plain ones: torch and JAX against sums in NumPy, with the same weights."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from fanin.compare.agreement import agreements
from fanin.compare.experiment import Experiment
from fanin.compare.running import train
from fanin.exceptions import FaninValueError
from fanin.lab.data import Data, load_data, sequences
from fanin.lab.network import Network, Study
from fanin.lab.training import build, check
from fanin.lab.wiring import Kind
from fanin.registry import backend as get_backend

SAMPLES = {"cnn": (2, 5, 4), "resnet": (2, 5, 4), "transformer": (5, 3)}
CASES = list(itertools.product(("torch", "jax"), SAMPLES))


class Sums:
    """The operations in float64, written as sums."""

    def __init__(self, parameters: Mapping[str, Any]) -> None:
        self.named = {name: np.asarray(values, np.float64) for name, values in parameters.items()}
        self.outputs: dict[int, Any] = {}

    def layer(self, number: int, inputs: Any) -> Any:
        weight, bias = self.named[f"layers.{number}.weight"], self.named[f"layers.{number}.bias"]
        if weight.ndim == 2:
            self.outputs[number] = inputs @ weight.T + bias
            return self.outputs[number]
        padded = np.pad(inputs, ((0, 0), (0, 0), (1, 1), (1, 1)))
        height, width = inputs.shape[2:]
        found = np.zeros((len(inputs), len(weight), height, width))
        for y, x in itertools.product(range(3), range(3)):
            found += np.einsum("nihw,oi->nohw", padded[:, :, y : y + height, x : x + width], weight[:, :, y, x])
        self.outputs[number] = found + bias[:, None, None]
        return self.outputs[number]

    def activate(self, number: int, inputs: Any) -> Any:
        self.outputs[number] = np.maximum(inputs, 0)
        return self.outputs[number]

    def normalize(self, inputs: Any) -> Any:
        return (inputs - inputs.mean(-1, keepdims=True)) / np.sqrt(inputs.var(-1, keepdims=True) + 1e-5)

    def attend(self, queries: Any, keys: Any, values: Any) -> Any:
        powers = np.exp(np.einsum("nhqd,nhkd->nhqk", queries, keys) / math.sqrt(queries.shape[-1]))
        return np.einsum("nhqk,nhkd->nhqd", powers / powers.sum(-1, keepdims=True), values)

    def constant(self, array: Any, like: Any) -> Any:
        return array


def network(kind: Kind) -> Network:
    return Network(math.prod(SAMPLES[kind]), 2, 8, 3, "relu", kind, SAMPLES[kind])


def connected(kind: Kind, sums: Sums, inputs: Any) -> Any:
    """Return the logits, with the two layers of depth written out."""
    hidden = inputs.reshape(-1, *SAMPLES[kind])
    if kind == "cnn":
        hidden = sums.activate(1, sums.layer(1, sums.activate(0, sums.layer(0, hidden))))
        return sums.layer(2, hidden.mean((2, 3)))
    if kind == "resnet":
        stem = sums.layer(0, hidden)
        once = stem + sums.layer(2, sums.activate(1, sums.layer(1, sums.activate(0, stem))))
        twice = once + sums.layer(4, sums.activate(3, sums.layer(3, sums.activate(2, once))))
        return sums.layer(5, sums.activate(4, twice).mean((2, 3)))
    hidden = sums.layer(0, hidden).copy()
    for place, unit in itertools.product(range(hidden.shape[1]), range(hidden.shape[2])):
        angle = place / 10000 ** (2 * (unit // 2) / hidden.shape[2])
        hidden[:, place, unit] += math.cos(angle) if unit % 2 else math.sin(angle)
    for first in (1, 7):
        normal = sums.normalize(hidden)
        heads = [sums.layer(first + k, normal).reshape(len(hidden), -1, 4, 2).transpose(0, 2, 1, 3) for k in range(3)]
        found = sums.attend(*heads).transpose(0, 2, 1, 3).reshape(hidden.shape)
        hidden = hidden + sums.layer(first + 3, found)
        inner = sums.activate(first + 4, sums.layer(first + 4, sums.normalize(hidden)))
        hidden = hidden + sums.layer(first + 5, inner)
    return sums.layer(13, sums.normalize(hidden).mean(1))


def logits_and_loss(kind: Kind, parameters: Mapping[str, Any], inputs: Any, labels: Any) -> tuple[Any, float, Sums]:
    sums = Sums(parameters)
    logits = connected(kind, sums, inputs)
    powers = np.exp(logits)
    return logits, float(-np.log(powers / powers.sum(1, keepdims=True))[np.arange(len(labels)), labels].sum()), sums


@pytest.mark.parametrize(("backend", "kind"), CASES)
def test_forward_and_back_are_those_of_the_sums(backend: str, kind: Kind) -> None:
    form = network(kind)
    trainer, _ = build(get_backend(backend), form, "he", 3, "float64", 0.1)
    generator = np.random.default_rng(5)
    inputs, labels = generator.normal(size=(7, form.inputs)), np.array([0, 1, 2, 0, 1, 2, 2])
    parameters = trainer.parameters()
    logits, _, sums = logits_and_loss(kind, parameters, inputs, labels)
    assert trainer.logits(inputs) == pytest.approx(logits, rel=1e-9, abs=1e-9)
    trace = trainer.trace(inputs, labels)
    assert [one.shape for one in trace.activations] == [sums.outputs[k].shape for k in range(len(form.units))]
    for number, found in enumerate(trace.activations):
        assert found == pytest.approx(sums.outputs[number], rel=1e-9, abs=1e-9)
    for number in range(len(form.units)):  # a bias adds to every sample and position alike
        name, step = f"layers.{number}.bias", 1e-5
        for unit in (0, form.units[number] - 1):
            moved = []
            for sign in (1, -1):
                nudged = {key: values.copy() for key, values in parameters.items()}
                nudged[name][unit] += sign * step
                moved.append(logits_and_loss(kind, nudged, inputs, labels)[1])
            own = trace.gradients[number]
            axis = 1 if own.ndim == 4 else own.ndim - 1
            total = float(np.moveaxis(own, axis, 0)[unit].sum())
            assert total == pytest.approx((moved[0] - moved[1]) / (2 * step), rel=1e-4, abs=1e-6)


@pytest.mark.parametrize(("backend", "kind"), CASES)
def test_a_step_goes_down_the_gradient(backend: str, kind: Kind) -> None:
    form = network(kind)
    trainer, _ = build(get_backend(backend), form, "glorot_normal", 3, "float64", 0.05)
    inputs, labels = np.random.default_rng(5).normal(size=(9, form.inputs)), np.arange(9) % 3
    before = trainer.parameters()
    trace = trainer.trace(inputs, labels)
    losses = [trainer.step(inputs, labels) for _ in range(5)]
    assert losses[0] == pytest.approx(logits_and_loss(kind, before, inputs, labels)[1] / 9)
    assert losses == sorted(losses, reverse=True)
    first, _ = build(get_backend(backend), form, "glorot_normal", 3, "float64", 0.05)
    first.step(inputs, labels)
    last = f"layers.{len(form.units) - 1}.bias"
    assert first.parameters()[last] == pytest.approx(before[last] - 0.05 * trace.gradients[-1].mean(0))


@pytest.mark.parametrize("kind", SAMPLES)
def test_torch_and_jax_start_from_the_same_bits_and_stay_together(kind: Kind) -> None:
    data = load_data("sequences" if kind == "transformer" else "digits")
    few = dataclasses.replace(data, train_inputs=data.train_inputs[:320], train_labels=data.train_labels[:320])
    settings = {"depth": 2, "width": 8, "epochs": 1, "kind": kind, "initializations": ("he", "glorot_uniform")}
    for found in agreements(train(Experiment(backends=("torch", "jax"), **settings), few)):  # type: ignore[arg-type]
        assert found.identical
        assert found.differences.max() < 1e-4


def test_a_transformer_learns_the_sequences() -> None:
    data = load_data("sequences")
    assert data.shape == (12, 7)
    experiment = Experiment(
        backends=("torch",),
        kind="transformer",
        dataset="sequences",
        depth=2,
        width=32,
        epochs=20,
        learning_rate=0.2,
        initializations=("glorot_uniform",),
    )
    (run,) = train(experiment, data).runs
    assert run.accuracies[-1] > 0.5  # guessing gives 0.17; this gives 0.99


def test_the_symbol_behind_the_mark_is_the_label() -> None:
    inputs, labels = sequences(samples=50, tokens=7, symbols=4)
    symbols = inputs.argmax(-1)
    assert inputs.shape == (50, 7, 5)
    assert ((symbols == 4).sum(1) == 1).all()
    places = (symbols == 4).argmax(1)
    assert (symbols[np.arange(50), places + 1] == labels).all()
    assert set(labels) == {0, 1, 2, 3}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "cnn", "backends": ("numpy",)}, "trains no cnn. Accepted: mlp; or other backends"),
        ({"kind": "cnn", "backends": ("torch",), "dataset": "flat"}, "a cnn takes images"),
        ({"kind": "lstm"}, "unknown network 'lstm'"),
        ({"initializations": ("own",)}, "unknown initialization 'own'"),
    ],
)
def test_refused(settings: dict[str, Any], message: str) -> None:
    flat = Data("flat", np.ones((4, 6)), np.arange(4) % 2, np.ones((2, 6)), np.arange(2), 2, (6,))
    with pytest.raises(FaninValueError, match=message):
        check(Study(**settings), flat)
