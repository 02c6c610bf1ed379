"""Ctrl-C, as a signal to a process: whatever it cuts into, what is finished is in the report."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pytest

from fanin.cli.interruption import Interruption

ON_UNIX = pytest.mark.skipif(os.name != "posix", reason="Windows cannot send Ctrl-C to one process alone")

# Runs the command; the chosen function says each time that it begins, and then waits for a line. A process that was
# started where Ctrl-C is ignored, as by `nohup` or a shell's `&`, ignores it too, unless it says otherwise.
DRIVER = """
import importlib, signal, sys
if sys.argv.pop(1) == "heard":
    signal.signal(signal.SIGINT, signal.default_int_handler)
else:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
home, name = sys.argv[1].split(":")
module = importlib.import_module(home)
function = getattr(module, name)
def announced(*arguments, **settings):
    print("begins", file=sys.stderr, flush=True)
    sys.stdin.readline()
    return function(*arguments, **settings)
setattr(module, name, announced)
from fanin.cli import main
sys.exit(main(sys.argv[2:]))
"""
QUICK = ["--depth", "1", "--width", "4", "--epochs", "2"]


@contextmanager
def killed_after(seconds: float, process: subprocess.Popen[str]) -> Iterator[None]:
    """Kill a process that takes too long, so that reading from it ends, and one that a failed test leaves behind."""
    timer = threading.Timer(seconds, process.kill)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        process.kill()


def interrupted(
    function: str, nth: int, arguments: list[str], times: int = 1, ctrl_c: Literal["heard", "ignored"] = "heard"
) -> tuple[int, str, str]:
    """Run a command, and press Ctrl-C when a function begins for the nth time; return the exit code and the output."""
    with (
        subprocess.Popen(
            [sys.executable, "-c", DRIVER, ctrl_c, function, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
        killed_after(100, process),
    ):
        assert process.stdin is not None
        assert process.stderr is not None
        for k in range(nth):
            assert process.stderr.readline() == "begins\n"
            if k < nth - 1:
                process.stdin.write("\n")
                process.stdin.flush()
        for k in range(times):
            process.send_signal(signal.SIGINT)
            if k < times - 1:  # signals that are pending at the same time are one: wait until it was noticed
                assert process.stderr.readline() == "\n"
                assert process.stderr.readline().startswith("fanin: writing what is finished")
        out, err = process.communicate("\n" * 100)
        return process.returncode, out, err


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def assert_whole(out: Path, *names: str) -> None:
    """Check that the files are there, that each is whole, and that no temporary file is left."""
    for name in names:
        text = (out / name).read_text(encoding="utf-8")
        assert text.endswith({"html": "</html>", "csv": "\n", "json": "}\n"}[name.partition(".")[2]]), name
    for path in out.rglob("*.png"):
        assert path.read_bytes().endswith(b"IEND\xaeB`\x82"), path
    assert not list(out.rglob(".*"))


@ON_UNIX
def test_while_it_trains(tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ["compare", "--backends", "numpy", *QUICK, "--out", str(out)]
    # Snapshots are taken before and after each training: the third one is that before the second network's.
    code, text, err = interrupted("fanin.compare.running:snapshot", 3, arguments)
    assert code == 130
    assert "Traceback" not in err
    assert "- failure zeros: at chance after 2 epochs" in text
    assert "- unknown he: not trained" in text
    assert "Interrupted: the above is what was finished by then." in text
    assert_whole(out, "report.html", "results.json", "summary.csv", "curves.csv", "layers.csv")
    assert "Interrupted: this page holds what was finished by then." in (out / "report.html").read_text("utf-8")
    assert json.loads((out / "results.json").read_text("utf-8"))["complete"] is False
    assert "- unknown random: interrupted after 0 of 2 epochs" in text
    assert [(row["initialization"], row["epochs"]) for row in rows(out / "summary.csv")] == [("zeros", "2")]


@ON_UNIX
@pytest.mark.parametrize(
    ("command", "function", "tables"),
    [
        (["compare", "--backends", "numpy", *QUICK], "fanin.lab.files:write_plots", ["results.json", "curves.csv"]),
        (["compare", "--backends", "numpy", *QUICK], "fanin.lab.files:page", ["summary.csv", "layers.csv"]),
        (["compare", "--backends", "numpy", *QUICK], "fanin.cli.compare:_print", ["summary.csv", "layers.csv"]),
        (["probe", "--depth", "1", "--width", "4"], "fanin.lab.files:write_plots", ["probe.json", "layers.csv"]),
    ],
)
def test_while_the_report_is_written(command: list[str], function: str, tables: list[str], tmp_path: Path) -> None:
    out = tmp_path / "out"
    code, text, err = interrupted(function, 1, [*command, "--out", str(out)])
    assert code == 130
    assert err == "\nfanin: writing what is finished; Ctrl-C again stops at once\n"
    assert text.endswith(f"report: {out / 'report.html'}\n")
    assert_whole(out, "report.html", *tables)
    assert "Interrupted" not in (out / "report.html").read_text("utf-8")  # every network was trained
    assert (out / "plots").is_dir()


@ON_UNIX
def test_a_second_time_while_the_report_is_written(tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ["compare", "--backends", "numpy", *QUICK, "--out", str(out)]
    code, _, err = interrupted("fanin.lab.files:write_plots", 1, arguments, times=2)
    assert code == 130
    assert err == "fanin: interrupted\n"
    assert_whole(out, "results.json", "summary.csv", "curves.csv", "layers.csv")
    assert not (out / "report.html").exists()


@ON_UNIX
def test_while_networks_are_measured(tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ["probe", "--backend", "numpy", "--depth", "1", "--width", "4", "--out", str(out)]
    code, text, err = interrupted("fanin.probe.measure:snapshot", 2, arguments)
    assert code == 130
    assert "Traceback" not in err
    assert "Interrupted: the above is what was finished by then." in text
    assert_whole(out, "report.html", "probe.json", "layers.csv")
    assert {row["initialization"] for row in rows(out / "layers.csv")} == {"zeros", "random"}


@ON_UNIX
def test_an_ignored_signal_stays_ignored() -> None:
    arguments = ["compare", "--backends", "numpy", *QUICK]
    code, text, err = interrupted("fanin.compare.running:snapshot", 3, arguments, ctrl_c="ignored")
    assert (code, err.replace("begins\n", "")) == (0, "")
    assert "Interrupted" not in text


def test_a_reader_that_leaves_does_not_take_the_report_with_it(tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ["compare", "--backends", "numpy", *QUICK, "--out", str(out)]
    code = f"import os, sys; r, w = os.pipe(); os.close(r); os.dup2(w, 1); from fanin.cli import main; main({words})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert_whole(out, "report.html", "results.json", "summary.csv")


@pytest.fixture
def default_handler() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("default_handler")
def test_the_first_request_is_noted_and_the_second_obeyed() -> None:
    before = signal.getsignal(signal.SIGINT)
    with Interruption() as interruption:
        interruption.stop_here()
        signal.raise_signal(signal.SIGINT)
        assert interruption.requested
        with pytest.raises(KeyboardInterrupt):
            interruption.stop_here()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        interruption.finish("")  # what ended the training does not count for the report
        signal.raise_signal(signal.SIGINT)
        assert interruption.requested
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_in_a_thread_nothing_changes() -> None:
    def enter() -> None:
        with Interruption():
            handlers.append(signal.getsignal(signal.SIGINT))

    handlers: list[object] = [signal.getsignal(signal.SIGINT)]
    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert handlers[0] is handlers[1]
