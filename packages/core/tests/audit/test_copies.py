"""What a text says of several equal tensors: which are equal to which, and a model that is there twice."""

from __future__ import annotations

from typing import Final

import numpy as np
import pytest

import fanin
from fanin import Parameter, Scheme

from .models import Arrays

NAMES: Final = [f"layers.{k}.{word}" for k in range(3) for word in ("q.weight", "k.weight")]


def net(prefix: str = "") -> Arrays:
    rng = np.random.default_rng(3)
    weights = {prefix + name: rng.normal(0, 0.02, (40, 30)).astype(np.float32) for name in NAMES}
    return weights | {f"{prefix}layers.{k}.bias": np.zeros(30, np.float32) for k in range(3)}


def scheme_of(weights: Arrays) -> Scheme:
    law, zeros = fanin.normal(std=0.02), fanin.zeros()
    return Scheme(
        {name: Parameter(array.shape, "float32", zeros if array.ndim < 2 else law) for name, array in weights.items()}
    )


TWICE: Final = {
    "a student and its teacher": ("student.", "teacher.", "note", "student.* and teacher.* are equal"),
    "an average": ("", "ema.", "note", "ema.* and the rest are equal"),
    "a target network": ("model.online.", "model.target.", "note", "model.online.* and model.target.* are equal"),
    "an encoder and its decoder": ("encoder.", "decoder.", "error", "encoder.* and decoder.* are equal"),
}


@pytest.mark.parametrize("has_scheme", [False, True])
@pytest.mark.parametrize("case", TWICE)
def test_a_model_that_is_there_twice(case: str, has_scheme: bool) -> None:
    original, copy, severity, text = TWICE[case]
    weights = net(original) | net(copy)
    (found,) = fanin.audit(weights, scheme_of(weights) if has_scheme else None).findings
    assert (found.kind, found.severity) == ("equal parameters", severity)
    assert str(found).startswith(f"{text} bit for bit, in all 6 tensors that are no constants: ")
    assert set(found.parameters) == {prefix + name for prefix in (original, copy) for name in NAMES}


def test_a_teacher_that_differs_in_one_tensor() -> None:
    weights = net("student.") | net("teacher.")
    weights["teacher.layers.1.q.weight"] = np.random.default_rng(4).normal(0, 0.02, (40, 30)).astype(np.float32)
    (found,) = fanin.audit(weights).findings
    assert found.severity == "note"
    assert "in 5 of 6 tensors that are no constants, but for teacher.layers.1.q.weight: a copy" in str(found)


def test_a_decoder_that_is_a_copy_in_part() -> None:
    """No copy of a model: each pair is an error of its own."""
    weights = net("encoder.") | net("decoder.")
    for name in NAMES[2:]:
        weights[f"decoder.{name}"] = np.random.default_rng(4).normal(0, 0.02, (40, 30)).astype(np.float32)
        weights[f"decoder.{name}"] *= np.float32(1 + NAMES.index(name))
    pairs = [one for one in fanin.audit(weights).findings if one.parameters[0].startswith("encoder.")]
    assert [(one.severity, one.parameters) for one in pairs] == [
        ("error", (f"encoder.{name}", f"decoder.{name}")) for name in NAMES[:2]
    ]


TABLE: Final = (1 / 10_000 ** (np.arange(0, 64, 2) / 64)).astype(np.float32)


def test_tables_are_no_copy_of_a_model() -> None:
    weights = {f"{part}.{name}": TABLE * k for part in ("rotary", "plain") for k, name in enumerate("ab", 1)}
    assert {one.severity for one in fanin.audit(weights).findings} == {"note"}
    twice = net("student.") | net("teacher.") | {f"{part}.freq": TABLE.copy() for part in ("student", "teacher")}
    (found,) = fanin.audit(twice).findings
    assert "in all 7 tensors that are no constants: a copy" in str(found)


def test_layers_that_are_copies_each_of_its_name() -> None:
    """Equal across layers, and not to each other."""
    weights = net()
    for name in NAMES[:2]:
        for k in (1, 2):
            weights[name.replace("0", str(k))] = weights[name].copy()
    (found,) = fanin.audit(weights).findings
    assert found.severity == "error"
    assert str(found) == (
        "layers.{0..2}.q.weight and layers.{0..2}.k.weight are equal bit for bit within each of 2 groups, not across "
        "them (layers.{0..2}.q.weight; layers.{0..2}.k.weight): copies, or drawn from one stream"
    )
    assert found.evidence["groups"] == [[f"layers.{k}.{word}.weight" for k in range(3)] for word in "qk"]
