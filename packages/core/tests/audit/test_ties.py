"""Weights that are stored twice: tied ones, and copies."""

from __future__ import annotations

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
