"""`fanin probe --model` and `fanin compare --model`: a person's own module from the command line."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

import fanin
import fanin_torch
from fanin.cli import main
from fanin.lab.data import load_data
from fanin.signal import ModelProbe

CODE = """
import torch
from torch import nn

def build(activation=nn.ReLU, layers=9):
    inner = (layer for _ in range(layers) for layer in (nn.Linear(64, 64), activation()))
    return nn.Sequential(nn.Flatten(), *inner, nn.Linear(64, 10))

def tanh():
    net = build(nn.Tanh)
    for one in net.modules():
        if isinstance(one, nn.Linear):
            nn.init.normal_(one.weight, std=0.04)
    return net

def short():
    return build(layers=1)

def dead():
    net = build()
    nn.init.constant_(net[7].bias, -50.0)
    return net

CODE = "text"

def number():
    return 3

def five_classes():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 9), nn.Linear(9, 5))
"""


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a module of models."""
    (tmp_path / "own_models.py").write_text(CODE, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "own_models", raising=False)
    return "own_models"


def expected(law: str | fanin.Initializer, layers: int = 9, activation: type[nn.Module] = nn.ReLU) -> ModelProbe:
    """Return the probe of the module of `CODE`, initialized by a law, on the digits that the command takes."""
    data = load_data("digits")
    batch = torch.from_numpy(data.train_inputs[:256].astype("float32")).reshape(256, *data.shape)
    inner = (layer for _ in range(layers) for layer in (nn.Linear(64, 64), activation()))
    net = fanin_torch.init_module_(nn.Sequential(nn.Flatten(), *inner, nn.Linear(64, 10)), law, seed=0)
    labels = torch.from_numpy(data.train_labels[:256])
    return fanin_torch.probe(net, batch, lambda out: nn.functional.cross_entropy(out, labels))


@pytest.mark.parametrize(
    ("build", "words", "law"),
    [
        ("build", [], ("he", "he")),
        ("tanh", [], ("he(activation=tanh)", fanin.he_normal(activation="tanh"))),
        ("build", ["--initializations", "normal(std=0.3)"], ("normal(std=0.3)", fanin.normal(std=0.3))),
    ],
)
def test_a_probe_before_and_after(
    build: str,
    words: list[str],
    law: tuple[str, str | fanin.Initializer],
    code: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out"
    assert main(["probe", "--model", f"{code}:{build}", *words, "--train", "2", "--out", str(out)]) == 0
    before, after = capsys.readouterr().out.split(f"\nWith {law[0]}:\n")
    assert before.startswith("Yes, it looks like the initialization. In ")
    assert "In a short run, 2 steps on this batch" in before
    weights = [line.split()[-3] for line in after.splitlines() if " Linear " in line]
    own = expected(law[1], activation=nn.Tanh if build == "tanh" else nn.ReLU)
    assert weights == [f"{layer.weight_std:.2g}" for layer in own.layers]
    assert f"report: {out / 'report.html'}" in after
    assert "Yes, it looks like the initialization." in (out / "report.html").read_text(encoding="utf-8")


def test_a_probe_of_a_fine_model_has_no_after(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["probe", "--model", f"{code}:short"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("No: the signal is fine.")
    assert "With " not in shown


def test_a_bias_that_kills_units_is_overwritten(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["probe", "--model", f"{code}:dead"]) == 0
    before, after = capsys.readouterr().out.split("\nWith he:\n")
    assert before.startswith("Yes, it looks like the initialization. In 7, ")
    assert 'constants="overwrite")' in before
    assert after.startswith("No: the signal is fine.")


def test_a_comparison(code: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    words = ["--initializations", "own", "normal(std=0.2)", "--epochs", "1", "--out", str(out)]
    assert main(["compare", "--model", f"{code}:short", *words]) == 0
    shown = capsys.readouterr().out
    assert f"network: {code}:short, 2 layers; inputs of 8 × 8, 10 classes" in shown
    data = json.loads((out / "results.json").read_text(encoding="utf-8"))
    assert [(run["initialization"], run["backend"]) for run in data["runs"]] == [(name, "torch") for name in words[1:3]]
    assert len({run["digest"] for run in data["runs"]}) == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["probe", "--model", "{}:number"], "a function that builds a torch.nn.Module. Received: 3"),
        (["probe", "--model", "{}:CODE"], "own_models:CODE, which is no function, but str"),
        (["probe", "--model", "torch.nn:Linear"], "torch.nn:Linear, which cannot be called so: missing a required arg"),
        (["probe", "--model", "{}:nothing"], "has no 'nothing'"),
        (["probe", "--model", "{}"], "my.module:function. Received: 'own_models'"),
        (["probe", "--model", "{}:five_classes"], "of shape (256, 10) here. Received: (256, 5)"),
        (["probe", "--model", "{}:short", "--device", "nowhere"], "the device 'nowhere'"),
        (
            ["probe", "--model", "{}:short", "--initializations", "he", "zeros"],
            "one initialization. Received: he, zeros",
        ),
        (["probe", "--model", "{}:short", "--widths", "8", "16"], "Received with it: --widths."),
        (["probe", "--model", "{}:short", "--seeds", "3"], "Received with it: --seeds."),
        (["probe", "--model", "{}:short", "--train", "-1"], "train must be at least 0"),
        (["probe", "--train", "3"], "of a model of your own. Received without --model: --train."),
        (["probe", "--device", "cpu"], "of a model of your own. Received without --model: --device."),
        (["compare", "--model", "{}:number"], "a function that builds a torch.nn.Module. Received: 3"),
        (["compare", "--model", "{}:five_classes"], "(2, 10) here. Received: (2, 5)"),
        (["compare", "--model", "{}:short", "--backends", "numpy"], "trains no model of one's own. Accepted: torch"),
    ],
)
def test_refused(words: list[str], message: str, code: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([word.format(code) for word in words]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""
