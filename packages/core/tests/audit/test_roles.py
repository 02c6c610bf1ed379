"""What the class of a module says of its tensors: norms under any name, and the state of generators."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

import fanin
from fanin.weights.roles import Role, is_random_state, role_in

from .files import write_npz
from .models import Arrays


def of_class(name: str, base: type = object) -> Any:
    return type(name, (base,), {})()


class LayerNorm: ...


ROLES: Final[dict[str, tuple[object, str, int, Role]]] = {
    "a layer norm": (LayerNorm(), "weight", 1, "scale"),
    "of several axes": (LayerNorm(), "weight", 3, "scale"),
    "its shift": (LayerNorm(), "bias", 1, "shift"),
    "a subclass": (of_class("Stabilizer", LayerNorm), "weight", 1, "scale"),
    "a batch norm and an activation": (of_class("BatchNormAct2d"), "weight", 1, "scale"),
    "an RMS norm": (of_class("Qwen3RMSNorm"), "g", 1, "scale"),
    "of Keras": (of_class("LayerNormalization"), "gamma", 1, "scale"),
    "its beta": (of_class("BatchNormalization"), "beta", 1, "shift"),
    "a statistic": (of_class("BatchNorm"), "running_var", 1, ""),
    "of Keras too": (of_class("BatchNormalization"), "moving_mean", 1, ""),
    "a counter": (of_class("BatchNorm2d"), "num_batches_tracked", 0, ""),
    "a norm of weights": (of_class("WeightNorm"), "scale", 1, ""),
    "normal": (of_class("NormalEmbedding"), "weight", 1, ""),
    "a block that has one": (of_class("PreNormBlock"), "weight", 1, ""),
    "an embedding that is normed": (of_class("NormedEmbedding"), "weight", 2, ""),
    "a convolution that is normed": (of_class("NormConv2d"), "weight", 4, ""),
    "a norm for ConvNeXt": (of_class("ConvNextLayerNorm"), "weight", 1, "scale"),
    "a dense layer": (of_class("Linear"), "weight", 2, ""),
    "no module": (None, "weight", 1, ""),
    "a key of Flax": (of_class("RngKey"), "", 0, "random state"),
}


@pytest.mark.parametrize("case", ROLES)
def test_roles(case: str) -> None:
    owner, key, axes, role = ROLES[case]
    assert role_in(owner, key, axes) == role


STATES: Final = {
    ("dropout.rngs.count", "uint32"): True,
    ("rngs.default.key", "key<fry>"): True,
    ("layers/rng/key", "uint32"): True,
    ("rngs.default.key", "float32"): False,
    ("attn.key", "uint32"): False,
    ("strings.count", "uint32"): False,
}


@pytest.mark.parametrize("case", STATES)
def test_states_by_their_names(case: tuple[str, str]) -> None:
    assert is_random_state(*case) == STATES[case]


def torch_model() -> Any:
    torch: Any = pytest.importorskip("torch")

    class Stabilizer(torch.nn.LayerNorm):  # type: ignore[misc]
        pass

    class MyRMSNorm(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.gain = torch.nn.Parameter(torch.ones(24))

    model = torch.nn.Module()
    model.a = Stabilizer(24)
    model.b = MyRMSNorm()
    model.c = torch.nn.BatchNorm2d(24)
    model.d = torch.nn.LayerNorm((6, 5))
    model.e = torch.nn.Linear(24, 25)
    return model


def put(model: Any, name: str, value: Any) -> None:
    torch: Any = pytest.importorskip("torch")
    with torch.no_grad():
        model.get_parameter(name).copy_(torch.as_tensor(value))


def test_a_right_model_of_norms_under_any_name() -> None:
    """A scale of two axes is no matrix of ones."""
    assert fanin.audit(torch_model()).findings == ()


@pytest.mark.parametrize("name", ["a.weight", "b.gain", "c.weight", "d.weight"])
def test_a_scale_under_any_name(name: str) -> None:
    model = torch_model()
    put(model, name, 0.5)
    (found,) = fanin.audit(model).findings
    assert (found.kind, found.severity) == ("norm", "warning")
    assert str(found) == f"{name} scales a norm by 0.5, and not by 1"


@pytest.mark.parametrize("name", ["a.bias", "c.bias", "d.bias"])
def test_a_shift_under_any_name(name: str) -> None:
    model = torch_model()
    put(model, name, 0.5)
    (found,) = fanin.audit(model).findings
    assert str(found) == f"{name} shifts a norm by 0.5, and not by 0"
    exec(found.line, {"weights": {name: model.get_parameter(name).data}})
    assert fanin.audit(model).findings == ()


def test_a_random_shift() -> None:
    """Beside scales of 1: a trained norm has neither."""
    model = torch_model()
    put(model, "a.bias", np.random.default_rng(3).normal(0, 0.1, 24))
    (found,) = fanin.audit(model).findings
    assert "a.bias shifts a norm by random numbers, std 0.1" in str(found)
    for name in ("a.weight", "b.gain", "c.weight", "d.weight", "c.bias", "d.bias"):
        shape = tuple(model.get_parameter(name).shape)
        put(model, name, np.random.default_rng(4).normal(1, 0.1, shape))
    assert [one for one in fanin.audit(model).findings if one.kind == "norm"] == []


def test_a_random_matrix_of_a_norm_is_no_scale() -> None:
    model = torch_model()
    put(model, "d.weight", np.random.default_rng(3).normal(0, 0.02, (6, 5)))
    assert fanin.audit(model).findings == ()


def keras_model(shift: bool) -> Any:
    keras: Any = pytest.importorskip("keras")
    model = keras.Sequential([keras.layers.Dense(12, name="first"), keras.layers.LayerNormalization(name="calm")])
    model.build((None, 8))
    (model.layers[1].beta if shift else model.layers[1].gamma).assign(np.full(12, 0.5))
    return model


def nnx_model(shift: bool) -> Any:
    nnx: Any = pytest.importorskip("flax.nnx")
    numpy: Any = pytest.importorskip("jax.numpy")

    class Model(nnx.Module):  # type: ignore[misc]
        def __init__(self, rngs: Any) -> None:
            self.first = nnx.Linear(8, 12, rngs=rngs)
            self.calm = nnx.LayerNorm(12, rngs=rngs)
            self.drop = nnx.Dropout(0.1, rngs=rngs)

    model = Model(nnx.Rngs(0))
    place = model.calm.bias if shift else model.calm.scale
    place[...] = numpy.full(12, 0.5)
    return model


@pytest.mark.parametrize("build", [keras_model, nnx_model])
@pytest.mark.parametrize("shift", [False, True])
def test_a_norm_of_another_framework(build: Callable[[bool], Any], shift: bool) -> None:
    (found,) = fanin.audit(build(shift)).findings
    assert found.parameters[0].replace("/", ".").startswith("calm.")
    assert f"{'shifts' if shift else 'scales'} a norm by 0.5" in str(found)


@pytest.mark.parametrize("as_state", [False, True])
def test_keys_and_counters_of_flax_are_no_weights(as_state: bool) -> None:
    nnx: Any = pytest.importorskip("flax.nnx")
    model = nnx_model(False)
    weights = nnx.state(model) if as_state else model
    law = fanin.Parameter((8, 12), "float32", fanin.lecun_truncated_normal(), "IO")
    constant = {
        "calm.scale": fanin.constant(0.5),
        "calm.bias": fanin.zeros(),
        "first.bias": fanin.zeros(),
    }
    rest = {name: fanin.Parameter((12,), "float32", value) for name, value in constant.items()}
    report = fanin.audit(weights, fanin.Scheme({"first.kernel": law, **rest}))
    assert report.findings == ()
    assert report.notes[-1] == "Keys and counters of random numbers, and no weights: drop.rngs.count and drop.rngs.key."
    assert not any("rngs" in one.name for one in report.entries)


def test_keys_and_counters_in_a_file(tmp_path: Path) -> None:
    weights: Arrays = {"fc.kernel": np.random.default_rng(3).normal(size=(40, 30)).astype(np.float32)}
    states: Arrays = {"drop.rngs.key": np.array([3, 7], np.uint32), "drop.rngs.count": np.array(5, np.uint32)}
    paths = []
    for k in range(2):
        (tmp_path / str(k)).mkdir()
        paths.append(write_npz(weights | {name: value + k for name, value in states.items()}, tmp_path / str(k)))
    report = fanin.audit(paths)
    assert report.findings == ()
    assert [one.name for one in report.entries] == ["fc.kernel"]
