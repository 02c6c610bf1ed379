"""`fanin compare` and `fanin probe` from the words of a command line to the exit code."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import fanin.compare.running
import fanin.lab.trainer
import fanin.lab.training
from fanin.cli import main
from fanin.cli.options import seeds, words

from .conftest import Install
from .fakes import ReferenceBackend

SMALL = ["--depth", "2", "--width", "4"]
QUICK = [*SMALL, "--epochs", "2", "--batch-size", "16", "--learning-rate", "0.2"]


@pytest.fixture
def dataset(tmp_path: Path) -> str:
    generator = np.random.default_rng(3)
    labels = np.repeat(["red", "green", "blue"], 40)
    places = np.repeat([0, 1, 2], 40)
    np.savez(tmp_path / "colours.npz", X=generator.normal(size=(120, 5)) + 4 * np.eye(3, 5)[places], y=labels)
    return str(tmp_path / "colours.npz")


def test_compare(install: Install, dataset: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    install(ReferenceBackend("numpy"), ReferenceBackend("other"))
    arguments = ["compare", "--backends", "numpy,other", "--dataset", dataset, *QUICK, "--out", str(tmp_path / "out")]
    assert main(arguments) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "\x1b" not in out  # no colour in a pipe
    for part in (
        "colours: 96 training and 24 test samples",
        "5 inputs, 2 hidden layers of 4 relu units, 3 classes",
        "loss at epoch",
        "test accuracy %",
        "- failure zeros: at chance after 2 epochs (test accuracy 33.3%, guessing 33.3%), all units",
        "- fine    he: initial weights identical in numpy and other",
        f"report: {tmp_path / 'out' / 'report.html'}",
    ):
        assert part in out
    assert max(map(len, out.splitlines())) < 200
    assert (tmp_path / "out" / "report.html").is_file()


def test_backends_that_disagree_are_a_fault(install: Install, dataset: str, capsys: pytest.CaptureFixture[str]) -> None:
    install(ReferenceBackend("numpy"), ReferenceBackend("other", wrong=True))
    arguments = ["compare", "--backends", "numpy", "other", "--dataset", dataset, *QUICK]
    assert main([*arguments, "--initializations", "he", "kaiming"]) == 1
    out = capsys.readouterr().out
    assert "initial weights DIFFER" in out
    assert "he and kaiming are the same initialization" in out


@pytest.mark.parametrize("command", ["compare", "probe"])
def test_an_interruption_leaves_the_report(
    command: str,
    install: Install,
    dataset: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    install(ReferenceBackend("numpy"))
    from fanin.compare import running
    from fanin.probe import measure

    calls = 0
    build = fanin.lab.training.build

    def interrupted(*arguments: object) -> object:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt
        return build(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(running, "build", interrupted)
    monkeypatch.setattr(measure, "build", interrupted)
    backend = ["--backends" if command == "compare" else "--backend", "numpy"]
    quick = QUICK if command == "compare" else SMALL
    assert main([command, *backend, "--dataset", dataset, *quick, "--out", str(tmp_path / "out")]) == 130
    out = capsys.readouterr().out
    assert "Interrupted: the above is what was finished by then." in out
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Interrupted" in page
    assert "random" in page


def test_an_interruption_before_anything_is_finished(
    install: Install, dataset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(ReferenceBackend("numpy"))

    def interrupted(*_: object) -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr(fanin.compare.running, "build", interrupted)
    out = tmp_path / "out"
    assert main(["compare", "--backends", "numpy", "--dataset", dataset, *QUICK, "--out", str(out)]) == 130
    assert list(out.iterdir()) == []


def test_probe(install: Install, dataset: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    install(ReferenceBackend("numpy"))
    arguments = ["probe", "--backend", "numpy", "--dataset", dataset, *SMALL, "--seeds", "3", "--out", str(tmp_path)]
    arguments.append("--force")
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots" / "weights-9.png").write_text("of an earlier run, with more initializations")
    assert main([*arguments, "--initializations", "he", "constant(0.5)", "constant(5e-1)"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "RMS x: root mean square of a layer's output" in out
    assert out.count("RMS x") == out.count("RMS g") == 1 + 3  # the legend, and a heading of each table
    assert "- fine    he (variance 2/fan_in): the signal keeps its size" in out
    assert "all 4 units of a hidden layer are identical and get identical gradients" in out
    assert "The theory has no prediction" in out
    assert "constant(0.5) and constant(5e-1) are the same initialization" in out
    assert (tmp_path / "plots" / "signal.png").is_file()
    assert not (tmp_path / "plots" / "weights-9.png").exists()


@pytest.mark.parametrize("held", ["report.html", "results.json", "probe.json", "curves.csv", "plots/signal.png"])
@pytest.mark.parametrize("command", ["compare", "probe"])
def test_a_report_is_not_overwritten_unasked(
    command: str, held: str, install: Install, dataset: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install(ReferenceBackend("numpy"))
    quick = QUICK if command == "compare" else SMALL
    backend = "--backends" if command == "compare" else "--backend"
    out = tmp_path / "out"
    (out / "plots").mkdir(parents=True)
    (out / "notes.txt").write_text("mine")
    (out / "plots" / "mine.png").write_text("mine")
    (out / held).write_text("of an earlier run")
    arguments = [command, backend, "numpy", "--dataset", dataset, *quick, "--out", str(out)]
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""  # it says so before it trains
    assert f"which holds {held}. Choose another folder, or add --force to replace the report." in captured.err
    assert (out / held).read_text() == "of an earlier run"
    assert main([*arguments, "--force"]) == 0
    assert (out / "report.html").is_file()
    assert not (out / held).exists() or (out / held).read_bytes() != b"of an earlier run"
    assert (out / "notes.txt").read_text() == (out / "plots" / "mine.png").read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--dataset", "nowhere.npz"], "there is no such dataset"),
        (["--dataset", "."], "the dataset cannot be read: Is a directory"),
        (["--dataset", __file__], "the dataset is not an .npz file"),
        (["--initializations", "normal("], "a parenthesis is not closed"),
        (["--initializations", "he", "dirac(gain=0)"], "gain must be above 0"),
        (["--out", ""], "--out must be a folder that can be written. Received: '', and it has no name."),
        (["--dataset", ""], "the dataset has no name. Received: ''. Accepted: \"digits\""),
        (["--depth", "0"], "depth must be at least 1"),
        (["--seeds", "1", "２"], "--seeds takes whole numbers"),
        (
            ["--activation", "prelu"],
            "the trainer of backend 'numpy' does not know the activation 'prelu'. Did you mean 'relu'? Accepted: lin",
        ),
        (["--activation", "rellu"], "Did you mean 'relu'"),
        (["--initializations", "hee"], "Did you mean 'he'"),
        (["--seeds", "0"], "at least one seed"),
        (["--seeds", "one"], "--seeds takes whole numbers"),
        (
            ["--seeds", str(2**64)],
            f"Received: {2**64}. For the seed of this number put a comma behind it",
        ),
        (["--seeds", "1001"], "at most 1000. Received: 1001."),
        (["--seeds", f"{2**64},"], "seed must be an integer in [0, 2**64)"),
        (
            ["--out", __file__],
            "--out must be a folder that can be written. Received: {file!r}, and a file has",
        ),
        (["--out", f"{__file__}/out"], "/out', and it cannot be made (Not a directory)."),
    ],
)
@pytest.mark.parametrize("command", ["compare", "probe"])
def test_mistakes(
    command: str, arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    backend = "--backends" if command == "compare" else "--backend"
    out = [] if "--out" in arguments else ["--out", str(tmp_path / "out")]
    assert main([command, backend, "numpy", *arguments, *out]) == 2
    err = capsys.readouterr().err
    assert not (tmp_path / "out").exists()  # nothing is made before everything was checked
    assert message.format(file=__file__) in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--depth", "1.5"], "argument --depth: it must be a whole number. Received: '1.5'."),
        (["--width", "１２"], "argument --width: it must be a whole number. Received: '１２'."),
        (["--epochs", "many"], "argument --epochs: it must be a whole number. Received: 'many'."),
        (["--learning-rate", "fast"], "argument --learning-rate: it must be a number. Received: 'fast'."),
    ],
)
def test_numbers_that_are_none(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["compare", *arguments])
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(("option", "command"), [("--backends", "compare"), ("--backend", "probe")])
def test_a_backend_nobody_knows(option: str, command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, option, "nunpy", *SMALL, "--out", str(tmp_path / "out")]) == 2
    assert not (tmp_path / "out").exists()
    assert "unknown backend 'nunpy'. Did you mean 'numpy'" in capsys.readouterr().err


def test_a_backend_without_a_trainer(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    toy = ReferenceBackend("toy")
    monkeypatch.setattr(fanin.lab.training, "get_backend", lambda name: toy)
    assert main(["compare", "--backends", "toy", *QUICK]) == 2
    assert "backend 'toy' draws weights and has no trainer" in capsys.readouterr().err


@pytest.mark.parametrize(("option", "command"), [("--backends", "compare"), ("--backend", "probe")])
def test_a_law_that_a_backend_does_not_draw(
    option: str,
    command: str,
    install: Install,
    dataset: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    install(ReferenceBackend("numpy"))  # which draws no orthogonal matrices
    arguments = ["--initializations", "he", "orthogonal", "--dataset", dataset, "--out", str(tmp_path / "out")]
    assert main([command, option, "numpy", *arguments, *SMALL]) == 2
    out, err = capsys.readouterr()
    assert "backend 'numpy' does not support the rule 'haar', which Orthogonal(gain=1.0) needs" in err
    assert out == ""
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("option", "command"), [("--backends", "compare"), ("--backend", "probe")])
def test_a_backend_that_is_not_installed(option: str, command: str) -> None:
    hide = "import importlib.metadata, sys; importlib.metadata.entry_points = lambda **_: ()"
    code = f"{hide}\nfrom fanin.cli import main; sys.exit(main({[command, option, 'torch', *SMALL]}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "backend 'torch' is not installed. Run: pip install \"fanin[torch]\"" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "encoding",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": ""},
    ],
)
def test_an_encoding_without_our_letters(encoding: dict[str, str], dataset: str) -> None:
    only = ["--initializations", "he"]
    done = subprocess.run(
        [sys.executable, "-m", "fanin", "probe", "--backend", "numpy", "--dataset", dataset, *SMALL, *only],
        capture_output=True,
        env={**os.environ, **encoding},
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"x a layer" in done.stdout
    assert re.search(rb"\([0-9.]+x a layer\)", done.stdout)
    assert b"?" not in done.stdout
    rows = [line for line in done.stdout.splitlines() if b"|" in line or b"-+-" in line]
    assert rows
    assert {len(line) for line in rows} == {len(rows[0])}  # headings over their columns


@pytest.mark.parametrize(
    "words", [["compare", "--backends", ""], ["compare", "--backends", ","], ["probe", "--backend", ""]]
)
def test_a_backend_without_a_name(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words, *SMALL]) == 2
    assert capsys.readouterr().err.startswith("fanin: a backend has a name. Received: none.")


def test_no_backend_at_all(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(fanin.lab.trainer, "trainable_backends", lambda: ())
    assert main(["compare"]) == 2
    assert 'Run: pip install "fanin[cli,numpy]"' in capsys.readouterr().err


def test_lists_are_split_at_spaces_and_commas() -> None:
    assert words(["he,zeros", "uniform(0.0, 0.1)", " random ,"]) == ("he", "zeros", "uniform(0.0, 0.1)", "random")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["3"], (0, 1, 2)),
        (["3", "5"], (3, 5)),
        (["7,9"], (7, 9)),
        (["1"], (0,)),
        (["7,"], (7,)),
        (["0,"], (0,)),
        (["7", ","], (7,)),
        (["18446744073709551615,"], (2**64 - 1,)),
    ],
)
def test_seeds(given: list[str], expected: tuple[int, ...]) -> None:
    assert seeds(given) == expected


def test_tables_fit_a_terminal_of_80_columns(
    install: Install, dataset: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install(ReferenceBackend("numpy"), ReferenceBackend("other"))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    arguments = ["compare", "--backends", "numpy", "other", "--dataset", dataset, *QUICK]
    assert main([*arguments, "--initializations", "glorot_normal", "he"]) == 0
    assert main(["probe", "--backend", "numpy", "--dataset", dataset, *SMALL]) == 0
    text = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
    rows = [line for line in text.splitlines() if line.startswith(("glorot_normal ", "he  ", "output", "─"))]
    assert len(rows) == (1 + 4) + (1 + 2) + 3 * (1 + 1)
    assert max(map(len, rows)) <= 80
    assert "…" not in text
    assert all(line.rstrip().endswith(("/4", "/3")) for line in rows if "numpy" in line or "output" in line)


class Narrow(io.StringIO):
    """A terminal of 80 columns."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


LONG = ["glorot_uniform", "torch:kaiming_uniform(a=0.2)", "truncated_normal(std=0.02)"]


@pytest.mark.parametrize("command", ["compare", "probe"])
def test_a_table_fits_80_columns_and_breaks_no_word(
    command: str, install: Install, dataset: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(ReferenceBackend("numpy"), ReferenceBackend("other"))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    screen = Narrow()
    monkeypatch.setattr(sys, "stdout", screen)
    names = [LONG[0], LONG[2]] if command == "probe" else LONG
    quick = [*SMALL, "--backend", "numpy"] if command == "probe" else [*QUICK, "--backends", "numpy", "other"]
    assert main([command, "--dataset", dataset, *quick, "--seeds", "2", "--initializations", *names]) == 0
    lines = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", screen.getvalue()).splitlines()
    rules = [k for k, line in enumerate(lines) if line.startswith("──")]
    assert len(rules) == 2
    rows = [line for k in rules for line in (*lines[max(k - 2, 0) : k], *lines[k : k + 4])]
    assert max(map(len, rows)) <= 80
    for name in names:
        assert any(line.startswith(name) for line in lines)
