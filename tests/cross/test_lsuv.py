"""LSUV on each backend: the same loop, the network in that library's own arithmetic, the same factors."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

import fanin
from fanin.recipes import Scaled, lsuv

WIDTHS = [20, 48, 40, 32, 10]
LAYERS = [f"layers.{i}.weight" for i in range(len(WIDTHS) - 1)]
BATCH = np.random.default_rng(0).standard_normal((256, WIDTHS[0])).astype(np.float32)
BATCH[:, 3] *= 7.0  # data that are not white


def weights(backend: str) -> dict[str, Any]:
    return {
        name: fanin.init((WIDTHS[i + 1], WIDTHS[i]), "orthogonal", layout="OI", name=name, backend=backend)
        for i, name in enumerate(LAYERS)
    }


def forward(parameters: dict[str, Any], x: Any, until: str, relu: Callable[[Any], Any]) -> Any:
    """The output of a layer, before its activation."""
    for name in LAYERS:
        x = x @ parameters[name].T
        if name == until:
            return x
        x = relu(x)
    raise KeyError(until)


def in_numpy() -> tuple[dict[str, Scaled], dict[str, Any]]:
    parameters = weights("numpy")

    def variance(name: str) -> float:
        return float(forward(parameters, BATCH, name, lambda x: np.maximum(x, 0)).var())

    def scale(name: str, factor: float) -> None:
        parameters[name] *= np.float32(factor)

    return lsuv(LAYERS, variance, scale, tolerance=0.01), parameters


def in_torch() -> tuple[dict[str, Scaled], dict[str, Any]]:
    """With a module, whose layer's output a hook catches."""
    linears = [torch.nn.Linear(a, b, bias=False) for a, b in itertools.pairwise(WIDTHS)]
    modules: list[torch.nn.Module] = []
    for linear in linears:
        modules += [linear, torch.nn.ReLU()]
    model = torch.nn.Sequential(*modules)
    layers = dict(zip(LAYERS, linears, strict=True))
    caught: dict[str, float] = {}
    with torch.no_grad():
        for name, tensor in weights("torch").items():
            layers[name].weight.copy_(tensor)
            layers[name].register_forward_hook(
                lambda module, inputs, output, name=name: caught.update({name: float(output.var(correction=0))})
            )

        def variance(name: str) -> float:
            model(torch.from_numpy(BATCH))
            return caught[name]

        done = lsuv(LAYERS, variance, lambda name, factor: layers[name].weight.mul_(factor), tolerance=0.01)
    return done, {name: layer.weight.detach().numpy() for name, layer in layers.items()}


def in_jax() -> tuple[dict[str, Scaled], dict[str, Any]]:
    parameters = weights("jax")

    def variance(name: str) -> float:
        return float(forward(parameters, jnp.asarray(BATCH), name, jax.nn.relu).var())

    def scale(name: str, factor: float) -> None:
        parameters[name] = parameters[name] * jnp.float32(factor)

    done = lsuv(LAYERS, variance, scale, tolerance=0.01)
    return done, {name: np.asarray(array) for name, array in parameters.items()}


@pytest.mark.parametrize("run", [in_numpy, in_torch, in_jax])
def test_every_layer_has_unit_variance(run: Callable[[], tuple[dict[str, Scaled], dict[str, Any]]]) -> None:
    done, parameters = run()
    assert list(done) == LAYERS
    for name in LAYERS:
        output = forward(
            {key: np.asarray(value, np.float64) for key, value in parameters.items()},
            BATCH.astype(np.float64),
            name,
            lambda x: np.maximum(x, 0),
        )
        assert abs(output.var() - 1.0) <= 0.0101
        assert done[name].iterations >= 1  # without it, this network's variances are 0.1 to 3


def test_the_backends_agree() -> None:
    expected, reference = in_numpy()
    for run in (in_torch, in_jax):
        done, parameters = run()
        for name in LAYERS:
            assert done[name].factor == pytest.approx(expected[name].factor, rel=1e-5)
            np.testing.assert_allclose(parameters[name], reference[name], atol=1e-5)
