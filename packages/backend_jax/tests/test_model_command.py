"""`fanin probe --model` of a function of weights and a batch."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from fanin.cli import main

CODE = """
import jax
import jax.numpy as jnp
from flax import linen

def of_rows(init=jax.nn.initializers.he_normal(), classes=3, layers=2):
    parts = [part for _ in range(layers) for part in (linen.Dense(16, kernel_init=init), linen.relu)]
    model = linen.Sequential([*parts, linen.Dense(classes)])
    return model.apply, model.init(jax.random.key(0), jnp.ones((2, 6)))

def narrow():
    return of_rows(jax.nn.initializers.normal(0.02), layers=8)

def two_classes():
    return of_rows(classes=2)

def of_tokens():
    model = linen.Sequential([linen.Embed(9, 16), lambda one: one.mean(1), linen.Dense(3)])
    return model.apply, model.init(jax.random.key(0), jnp.ones((2, 6), int))

def faulty():
    return lambda weights, batch: batch @ weights.absent, jnp.ones((6, 3))

def of_fewer():
    model = linen.Dense(3)
    return model.apply, model.init(jax.random.key(0), jnp.ones((2, 5)))
"""
LINE = next(k for k, line in enumerate(CODE.splitlines(), 1) if "weights.absent" in line)


@pytest.fixture
def words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The words behind the model: a data set of whole numbers."""
    (tmp_path / "own_functions.py").write_text(CODE, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "own_functions", raising=False)
    path = tmp_path / "whole.npz"
    np.savez(path, X=np.arange(540).reshape(90, 6) * 7 % 9, y=np.arange(90) % 3)
    return ["--dataset", str(path)]


@pytest.mark.parametrize(
    ("function", "first", "verdict"),
    [
        ("of_tokens", "params.layers_0 embedding", "No: the signal is fine."),
        ("of_rows", "params.layers_0 dense", "No: the signal is fine."),
        ("narrow", "params.layers_0 dense", "Yes, it looks like the initialization."),
    ],
)
def test_a_function_and_its_weights(
    function: str, first: str, verdict: str, words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["probe", "--model", f"own_functions:{function}", *words, "--train", "2", "--out", str(out)]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(verdict)
    assert any(line.split()[:2] == first.split() for line in shown.splitlines())
    assert "In a short run, 2 steps on this batch" in shown
    assert ("kernel_init=fanin_jax.initializer(" in shown) == (function == "narrow")
    assert verdict in (out / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["own_functions:two_classes"], "of shape (72, 3) here. Received: (72, 2)."),
        (["own_functions:of_rows", "--device", "cpu"], "Received with them: --device."),
        (["own_functions:of_rows", "--initializations", "he"], "Received with them: --initializations."),
        (["own_functions:of_rows", "--depth", "3"], "Received with it: --depth."),
        (["own_functions:faulty"], f"own_functions.py:{LINE}: "),
        (["own_functions:of_fewer"], "raised ScopeParamShapeError: "),
    ],
)
def test_refused(more: list[str], message: str, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["probe", "--model", *more, *words]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""
