"""`fanin compare` on the real backends: one network, three libraries, the claims of the README."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import fanin
from fanin.compare.agreement import agreements
from fanin.compare.experiment import Experiment
from fanin.compare.results import Results
from fanin.compare.running import train
from fanin.gains.activations import activation_names, get_activation
from fanin.lab.data import Data, load_data
from fanin.lab.snapshot import evaluate
from fanin.lab.trainer import Trainer, load_trainer, trainable_backends

BACKENDS = ("numpy", "torch", "jax")
KNOWN = [name for name in activation_names() if name not in ("prelu", "celu")]  # leaky_relu and elu with a parameter


def trainer(backend: str, widths: list[int], activation: str, dtype: str, seed: int = 3) -> Trainer:
    parameters = fanin.init_parameters(widths, "he", seed=seed, backend=backend, dtype=dtype)
    return load_trainer(backend, activation)(parameters, activation=activation, learning_rate=0.05)


@pytest.fixture(scope="module")
def digits() -> Data:
    return load_data("digits")


@pytest.fixture(scope="module")
def results(digits: Data) -> Results:
    return train(Experiment(backends=BACKENDS, epochs=6), digits)


def test_every_backend_has_a_trainer() -> None:
    assert set(BACKENDS) <= set(trainable_backends())
    assert trainable_backends()[0] == "numpy"


def test_the_initial_weights_are_identical(results: Results) -> None:
    for found in agreements(results):
        assert found.exact
        assert found.identical
        assert found.largest_weight_difference == 0.0
        assert set(found.digests) == set(BACKENDS)


@pytest.mark.parametrize("backend", BACKENDS)
def test_zeros_stays_random_is_stuck_he_learns(results: Results, backend: str) -> None:
    # 355 test samples: guessing gives 0.101, and 0.15 is three standard deviations above it. He reaches 0.91 to 0.94.
    (zeros,), (random,), (he,) = (results.of(label, backend) for label in ("zeros", "random", "he"))
    assert zeros.accuracies[-1] < 0.15
    assert set(zeros.distinct) == {1}
    assert abs(zeros.step_losses[0] - np.log(10)) < 1e-6
    assert random.accuracies[-1] < 0.15
    assert random.distinct[-1] == 128
    assert he.accuracies[-1] > 0.85
    assert he.train_losses[-1] < 0.5 < random.train_losses[-1]


def test_losses_agree_to_rounding_in_float32(results: Results) -> None:
    # Rounding grows in a ReLU network (a sample on the other side of a kink has another gradient), so the bound is for
    # the first steps; a wrong gradient or batch is off by 1e-2 at the second step.
    for found in agreements(results):
        assert found.differences[:5].max() < 1e-5


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_losses_agree_all_along_in_float64(digits: Data, activation: str) -> None:
    experiment = Experiment(
        initializations=("he",), backends=BACKENDS, epochs=4, dtype="float64", activation=activation
    )
    (found,) = agreements(train(experiment, digits))
    assert found.identical
    assert len(found.differences) == 4 * 45
    assert found.differences.max() < 1e-10
    # The control shows that the losses do react to rounding, so that agreement is not for want of trying.
    assert found.control is not None
    assert 0 < found.control.max() < 1e-10


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", KNOWN)
def test_activations_and_their_slopes(backend: str, name: str) -> None:
    # One hidden unit with weight 1 and bias 0 and an output of weights (1, 0): the trace shows phi(x), and the gradient
    # by the hidden pre-activation is (softmax - onehot)[0] * phi'(x).
    x = np.array([[-50.0], [-4.0], [-2.5], [-0.7], [-1e-3], [1e-3], [0.7], [2.5], [4.0], [50.0]])
    parameters = fanin.init_parameters([1, 1, 2], "ones", backend=backend, dtype="float64")
    parameters["layers.1.weight"] = parameters["layers.1.weight"] * fanin.init(
        (2, 1), "identity", layout="OI", backend=backend, dtype="float64"
    )
    network = load_trainer(backend, name)(parameters, activation=name, learning_rate=0.1)
    taken = network.trace(x, np.zeros(10, dtype=np.int64))
    activation = get_activation(name)
    values = np.array([[activation.value(value)] for (value,) in x.tolist()])
    slopes = np.array([[activation.slope(value)] for (value,) in x.tolist()])
    assert taken.activations[0] == pytest.approx(values, rel=1e-9, abs=1e-12)
    share = 1 / (1 + np.exp(-values))  # of class 0, whose logit is phi(x); the other's is 0
    assert taken.gradients[0] == pytest.approx((share - 1) * slopes, rel=1e-8, abs=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_trainers_keep_their_contract(backend: str, dtype: str) -> None:
    widths, generator = [5, 7, 4, 3], np.random.default_rng(1)
    inputs, labels = generator.normal(size=(11, 5)).astype(dtype), generator.integers(0, 3, 11)
    network = trainer(backend, widths, "tanh", dtype)
    before = network.parameters()
    assert list(before) == [f"layers.{i}.{kind}" for i in range(3) for kind in ("weight", "bias")]
    assert [before[f"layers.{i}.weight"].shape for i in range(3)] == [(7, 5), (4, 7), (3, 4)]
    taken = network.trace(inputs, labels)
    shapes = [(11, 7), (11, 4), (11, 3)]
    assert [array.shape for array in taken.activations] == [array.shape for array in taken.gradients] == shapes
    assert {array.dtype.name for array in (*taken.activations, *taken.gradients, *before.values())} == {dtype}
    assert np.array_equal(taken.activations[-1], network.logits(inputs))
    loss, _ = evaluate(network.logits(inputs), labels)
    assert network.step(inputs, labels) == pytest.approx(loss, rel=1e-6)
    after = network.parameters()
    # A bias moves against the mean of its layer's gradients, a weight against their product with its input.
    for i, values in enumerate([inputs, *taken.activations[:-1]]):
        bias = before[f"layers.{i}.bias"] - 0.05 * taken.gradients[i].mean(axis=0)
        weight = before[f"layers.{i}.weight"] - 0.05 / 11 * taken.gradients[i].T @ values
        assert after[f"layers.{i}.bias"] == pytest.approx(bias, rel=1e-5, abs=1e-7)
        assert after[f"layers.{i}.weight"] == pytest.approx(weight, rel=1e-5, abs=1e-7)
    before["layers.0.weight"][:] = 0  # a copy
    assert np.array_equal(network.parameters()["layers.0.weight"], after["layers.0.weight"])


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_gradient_is_that_of_the_loss(backend: str) -> None:
    widths, generator = [4, 6, 5, 3], np.random.default_rng(2)
    inputs, labels = generator.normal(size=(9, 4)), generator.integers(0, 3, 9)
    rate, step = 0.05, 1e-6
    parameters = {
        name: np.array(array) for name, array in trainer(backend, widths, "gelu", "float64").parameters().items()
    }
    network = trainer(backend, widths, "gelu", "float64")
    network.step(inputs, labels)
    moved = network.parameters()
    reference = load_trainer("numpy", "gelu")
    for name, place in (("layers.0.weight", (2, 3)), ("layers.1.weight", (4, 0)), ("layers.2.bias", (1,))):
        losses = []
        for sign in (1, -1):
            nudged = {key: array.copy() for key, array in parameters.items()}
            nudged[name][place] += sign * step
            made = reference(nudged, activation="gelu", learning_rate=rate)
            losses.append(evaluate(made.logits(inputs), labels)[0])
        slope = (losses[0] - losses[1]) / (2 * step)
        assert (parameters[name][place] - moved[name][place]) / rate == pytest.approx(slope, rel=1e-6)


def test_a_wrong_library_is_noticed(digits: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    import fanin_torch._trainer as module

    monkeypatch.setitem(module.ACTIVATIONS, "relu", lambda z: z.clamp(min=1e-3))
    experiment = Experiment(initializations=("he",), backends=("numpy", "torch"), epochs=1)
    (found,) = agreements(train(experiment, digits))
    assert found.identical
    assert found.differences[:5].max() > 1e-4


def test_shorter_runs_are_prefixes_of_longer_ones(digits: Data) -> None:
    short = Experiment(initializations=("he",), epochs=1, depth=2, width=16)
    one = train(short, digits).runs[0]
    two = train(dataclasses.replace(short, epochs=2), digits).runs[0]
    assert two.step_losses[: len(one.step_losses)] == one.step_losses
