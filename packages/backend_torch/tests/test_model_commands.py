"""`fanin probe --model` and `fanin compare --model`: a person's own module from the command line."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
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

class Faulty(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = build()

    def forward(self, rows):
        return self.inner(rows.absent)

class FaultyBack(torch.autograd.Function):
    @staticmethod
    def forward(context, rows):
        return rows.clone()

    @staticmethod
    def backward(context, gradient):
        return gradient / (1 // len(""))

class Backwards(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = build(layers=1)

    def forward(self, rows):
        return FaultyBack.apply(self.inner(rows))

def narrow():
    return nn.Sequential(nn.Flatten(), nn.Linear(63, 9), nn.Linear(9, 10))

def undefined():
    return inner()

def inner():
    return absent_name

def leaving():
    raise SystemExit(3)

class Tokens(nn.Module):
    def __init__(self, vectors=9):
        super().__init__()
        self.words = nn.Embedding(vectors, 16)
        self.inner = nn.Linear(16, 16)
        self.head = nn.Linear(16, 3)

    def forward(self, tokens):
        return self.head(torch.relu(self.inner(self.words(tokens).mean(1))))

class OneHot(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(54, 16)
        self.head = nn.Linear(16, 3)

    def forward(self, tokens):
        return self.head(torch.relu(self.inner(nn.functional.one_hot(tokens, 9).flatten(1).float())))

def few_vectors():
    return Tokens(4)

def of_rows():
    return nn.Sequential(nn.Linear(6, 9), nn.ReLU(), nn.Linear(9, 3))
"""
LINES = CODE.splitlines()


def place(text: str) -> str:
    """Return the place of a line of `CODE`."""
    return f"own_models.py:{next(k for k, line in enumerate(LINES, 1) if text in line)}"


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a module of models."""
    (tmp_path / "own_models.py").write_text(CODE, encoding="utf-8")
    (tmp_path / "own_broken.py").write_text("import os\n\nmodel = os.absent\n", encoding="utf-8")
    (tmp_path / "own_syntax.py").write_text("def build():\n    return (1\n", encoding="utf-8")
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
        ("tanh", [], ("he(activation='tanh')", fanin.he_normal(activation="tanh"))),
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
    answer, severity = "Yes, it looks like the initialization.", "Error"
    if build != "tanh":
        answer, severity = "Perhaps: it may be the initialization, which training may also make up for.", "Warning"
    assert before.startswith(f"{answer} {severity}: In ")
    assert "In a short run, 2 steps on this batch" in before
    weights = [line.split()[-3] for line in after.splitlines() if " Linear " in line]
    own = expected(law[1], activation=nn.Tanh if build == "tanh" else nn.ReLU)
    assert weights == [f"{layer.weight_std:.2g}" for layer in own.layers]
    assert f"report: {out / 'report.html'}" in after
    assert answer in (out / "report.html").read_text(encoding="utf-8")


def test_a_probe_of_a_fine_model_has_no_after(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["probe", "--model", f"{code}:short"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("No: the signal is fine.")
    assert "With " not in shown


def test_a_bias_that_kills_units_is_overwritten(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["probe", "--model", f"{code}:dead"]) == 0
    before, after = capsys.readouterr().out.split("\nWith he:\n")
    assert before.startswith("Yes, it looks like the initialization. Error: In 7, ")
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
        (["probe", "--model", "{}:short", "--train", "-1"], "train must be at least 0"),
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


@pytest.mark.parametrize(
    ("words", "unused"),
    [
        (["probe", "--model", "{}:short", "--depth", "8"], ["--depth"]),
        (["probe", "--model", "{}:short", "--width", "9", "--activation", "tanh"], ["--width", "--activation"]),
        (["probe", "--model", "{}:short", "--learning-rate", "0.02", "--train", "2"], ["--learning-rate"]),
        (["probe", "--model", "{}:short", "--backend", "torch"], ["--backend"]),
        (["probe", "--model", "{}:short", "--widths", "8", "16"], ["--widths"]),
        (["probe", "--model", "{}:short", "--seeds", "1"], ["--seeds"]),
        (["probe", "--train", "0"], ["--train"]),
        (["probe", "--device", "cpu", "--widths", "8", "16"], ["--device"]),
        (["probe", "--width", "9", "--widths", "8", "16", "--backend", "torch"], ["--width", "--backend"]),
        (["probe", "--learning-rate", "0.1"], ["--learning-rate"]),
        (["compare", "--model", "{}:short", "--network", "mlp"], ["--network"]),
        (["compare", "--model", "{}:short", "--depth", "3", "--width=4"], ["--depth", "--width"]),
        (["compare", "--model", "{}:short", "--activation", "relu", "--force"], ["--activation"]),
        (["compare", "--force"], ["--force"]),
        (["probe", "--model", "{}:short", "--force"], ["--force"]),
        (["probe", "--force"], ["--force"]),
    ],
)
def test_an_option_without_an_effect_is_refused(
    words: list[str], unused: list[str], code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([word.format(code) for word in words]) == 2
    captured = capsys.readouterr()
    assert f": {', '.join(unused)}." in captured.err
    assert captured.out == ""


@pytest.mark.parametrize("command", ["probe", "compare"])
@pytest.mark.parametrize(
    ("model", "raised", "message"),
    [
        ("own_models:undefined", "NameError at", "name 'absent_name' is not defined. It is called with"),
        ("own_models:leaving", "SystemExit at", ": 3. "),
        ("own_models:Faulty", "AttributeError at", "'Tensor' object has no attribute 'absent'"),
        ("own_models:Backwards", "ZeroDivisionError at", " by zero. It is called with "),
        ("own_models:narrow", "RuntimeError in its layer 1 (Linear)", "cannot be multiplied"),
        ("own_broken:build", "AttributeError at", "module 'os' has no attribute 'absent'"),
        ("own_syntax:build", "SyntaxError at", "'(' was never closed"),
    ],
)
def test_what_a_model_raises_is_one_message_with_its_place(
    command: str, model: str, raised: str, message: str, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = {
        "own_models:undefined": place("return absent_name"),
        "own_models:leaving": place("raise SystemExit"),
        "own_models:Faulty": place("rows.absent"),
        "own_models:Backwards": place("1 // len"),
        "own_broken:build": "own_broken.py:3",
        "own_syntax:build": "own_syntax.py:2",
    }
    assert main([command, "--model", model]) == 2
    captured = capsys.readouterr()
    assert f" {raised}" in captured.err
    assert f"{lines.get(model, '')}: " in captured.err
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert captured.err.startswith("fanin: ")
    assert captured.out == ""


@pytest.mark.parametrize(
    ("dtype", "model", "first"),
    [
        ("int64", "Tokens", "words  Embedding"),
        ("int32", "Tokens", "words  Embedding"),
        ("uint8", "Tokens", "words  Embedding"),
        ("int64", "OneHot", "inner  Linear"),
        ("uint8", "OneHot", "inner  Linear"),
        ("int32", "of_rows", "0      Linear"),
    ],
)
def test_whole_numbers_are_tokens_where_the_model_takes_them(
    dtype: str, model: str, first: str, code: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tokens, labels = np.arange(540).reshape(90, 6) * 7 % 9, np.arange(90) % 3
    path = str(tmp_path / "tokens.npz")
    np.savez(path, X=tokens.astype(dtype), y=labels)
    assert main(["probe", "--model", f"{code}:{model}", "--dataset", path]) == 0
    assert f"\n{first} " in capsys.readouterr().out
    words = ["--model", f"{code}:{model}", "--dataset", path, "--epochs", "1"]
    assert main(["compare", *words]) == 0
    assert "2 layers; inputs of 6, 3 classes" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["probe", "compare"])
def test_a_token_beyond_the_table_is_named(
    command: str, code: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(tmp_path / "tokens.npz")
    np.savez(path, X=np.arange(540).reshape(90, 6) % 9, y=np.arange(90) % 3)
    assert main([command, "--model", f"{code}:few_vectors", "--dataset", path]) == 2
    assert f"{place('self.words(tokens)')} in its layer words (Embedding): index out of" in capsys.readouterr().err
