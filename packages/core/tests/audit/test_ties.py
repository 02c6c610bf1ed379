"""Weights that are stored twice: tied ones, and copies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fanin
from fanin import Parameter, Scheme

from .models import MODELS, Arrays, drawn

SMALL = fanin.normal(std=0.02)


def model(*own: str) -> tuple[Scheme, Arrays]:
    """A scheme that knows the embedding, a layer, and names with streams of their own; all three are stored."""
    names = ("embed.weight", "layers.0.weight", *own)
    scheme = Scheme({name: Parameter((60, 40), "float32", SMALL) for name in names})
    weights = scheme.draw(seed=5)
    weights["head.weight"] = weights["embed.weight"].copy()
    return scheme, weights


@pytest.mark.parametrize("seed", [None, 5])
def test_a_tied_weight_that_is_stored_twice(seed: int | None) -> None:
    """The scheme has it once, under one of its names."""
    scheme, weights = model()
    report = fanin.audit(weights, scheme, seed=seed)
    assert report.findings == ()
    assert report.entries[-1].verdict == "the same as embed.weight"
    assert report.notes[0] == "Not in the scheme, but the same as what is in it, bit for bit: head.weight."


def test_a_tied_weight_that_was_trained() -> None:
    scheme, weights = model()
    for name in ("embed.weight", "head.weight"):
        weights[name] += np.random.default_rng(3).normal(0, 1e-3, (60, 40)).astype(np.float32)
    assert [one.kind for one in fanin.audit(weights, scheme, seed=5).findings] == ["trained"]


def test_almost_the_same_is_unknown() -> None:
    scheme, weights = model()
    weights["head.weight"][3, 4] += np.float32(0.01)
    (found,) = (one for one in fanin.audit(weights, scheme).findings if one.kind == "extra")
    assert found.parameters == ("head.weight",)


def test_a_constant_is_the_same_as_nothing() -> None:
    weights = drawn(MODELS["mlp"], np.random.default_rng(3))
    weights["fc4.bias"] = weights["fc1.bias"].copy()
    (found,) = fanin.audit(weights, MODELS["mlp"]).findings
    assert (found.kind, found.parameters) == ("extra", ("fc4.bias",))


@pytest.mark.parametrize("seed", [None, 5])
def test_a_tie_that_the_scheme_does_not_know_is_a_note(seed: int | None) -> None:
    scheme, weights = model("head.weight")
    (found,) = fanin.audit(weights, scheme, seed=seed).findings
    assert (found.kind, found.severity) == ("equal parameters", "note")
    assert "tied, perhaps, and the scheme draws each from a stream of its own" in str(found)
    names = {"fanin": fanin, "scheme": scheme}
    exec(found.line, names)
    told = names["scheme"]
    assert isinstance(told, Scheme)
    assert fanin.audit(weights, told, seed=seed).findings == ()


def test_layers_that_are_equal_are_an_error() -> None:
    """No names of an embedding and of what is often tied to it."""
    scheme, weights = model("layers.1.weight")
    weights["layers.1.weight"] = weights["layers.0.weight"].copy()
    del weights["head.weight"]
    (found,) = fanin.audit(weights, scheme, seed=5).findings
    assert (found.kind, found.severity) == ("equal parameters", "error")


LAYERS = 4


def one_object(rows: int = 60) -> tuple[Scheme, Arrays]:
    """A scheme with a stream for each layer, and weights of which three layers are one object."""
    found = {}
    for k in range(LAYERS):
        found[f"{k}.weight"] = Parameter((rows, 40), "float32", SMALL)
        found[f"{k}.bias"] = Parameter((rows,), "float32", fanin.zeros())
    scheme = Scheme(found)
    weights = scheme.draw(seed=5)
    for k in (1, 3):
        weights |= {f"{k}.weight": weights["0.weight"], f"{k}.bias": weights["0.bias"]}
    return scheme, weights


def to_numpy(weights: Arrays) -> object:
    return weights


def to_jax(weights: Arrays) -> object:
    numpy = pytest.importorskip("jax.numpy")
    shared = {id(array): numpy.asarray(array) for array in weights.values()}
    return {name: shared[id(array)] for name, array in weights.items()}


def to_torch(weights: Arrays) -> Any:
    torch = pytest.importorskip("torch")
    made: dict[int, Any] = {}
    modules = []
    for k in range(LAYERS):
        weight, bias = weights[f"{k}.weight"], weights[f"{k}.bias"]
        if id(weight) not in made:
            made[id(weight)] = torch.nn.Linear(weight.shape[1], weight.shape[0])
            with torch.no_grad():
                made[id(weight)].weight.copy_(torch.from_numpy(weight))
                made[id(weight)].bias.copy_(torch.from_numpy(bias))
        modules.append(made[id(weight)])
    return torch.nn.Sequential(*modules)


@pytest.mark.parametrize("form", [to_numpy, to_jax, to_torch])
@pytest.mark.parametrize("seed", [None, 5])
@pytest.mark.parametrize("rows", [60, 1])
def test_layers_that_are_one_object(form: Callable[[Arrays], object], seed: int | None, rows: int) -> None:
    scheme, weights = one_object(rows)
    (found,) = fanin.audit(form(weights), scheme, seed=seed).findings
    assert (found.kind, found.severity) == ("equal parameters", "error")
    assert set(found.parameters) == {"0.weight", "1.weight", "3.weight"}
    assert "are one tensor in memory: layers that are one object" in str(found)


def test_a_file_of_layers_that_are_one_object(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    scheme, weights = one_object()
    torch.save(to_torch(weights).state_dict(), tmp_path / "model.pt")
    (found,) = fanin.audit(tmp_path / "model.pt", scheme).findings
    assert (found.kind, found.severity) == ("equal parameters", "error")
    assert set(found.parameters) == {"0.weight", "1.weight", "3.weight"}


def test_small_layers_that_are_one_object() -> None:
    """So few weights might be equal by chance, were they not in one memory."""
    scheme = Scheme({name: Parameter((1, 2), "float32", SMALL) for name in ("a", "b", "c")})
    weights = scheme.draw(seed=5)
    weights["c"] = weights["a"]
    (found,) = fanin.audit(weights, scheme).findings
    assert (found.severity, set(found.parameters)) == ("error", {"a", "c"})


def test_layers_that_are_one_object_and_were_trained() -> None:
    scheme, weights = one_object()
    for name in ("0.weight", "2.weight"):
        weights[name] += np.random.default_rng(3).normal(0, 1e-3, (60, 40)).astype(np.float32)
    found, trained = fanin.audit(weights, scheme, seed=5).findings
    assert (trained.kind, trained.severity) == ("trained", "note")
    assert (found.kind, found.severity) == ("equal parameters", "error")
    assert set(found.parameters) == {"0.weight", "1.weight", "3.weight"}


@pytest.mark.parametrize("seed", [None, 5])
def test_one_object_that_the_scheme_ties(seed: int | None) -> None:
    scheme, weights = one_object()
    tied = {f"{k}.weight": scheme["0.weight"].with_streams_of("0.weight") for k in (1, 3)}
    assert fanin.audit(weights, Scheme({**scheme, **tied}), seed=seed).findings == ()


def test_an_embedding_and_its_head_that_are_one_object() -> None:
    scheme, weights = model("head.weight")
    weights["head.weight"] = weights["embed.weight"]
    (found,) = fanin.audit(weights, scheme).findings
    assert (found.kind, found.severity) == ("equal parameters", "note")
    assert "are one tensor in memory: tied, perhaps" in str(found)
