"""Running the checks, and the report of a run: table, JSON, JUnit, command line."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.console import Console

from fanin import FaninTypeError, FaninValueError
from fanin.conformance import Check, Report, Result, checks_of, load_subject, run
from fanin.conformance.cli import add_arguments
from fanin.conformance.cli import run as run_command

from .doubles import OnesAdapter, ReferenceBackend, ShiftedBackend

SEEDS = ["bits.seeds"]


def _parse(*words: str) -> int:
    import argparse

    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return run_command(parser.parse_args(words))


@pytest.fixture
def importable(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.syspath_prepend(Path(__file__).parent)
    return "doubles"


def test_a_right_backend_passes_and_a_wrong_one_fails() -> None:
    assert run(ReferenceBackend(), ["exact"], only=SEEDS).passed
    report = run(ShiftedBackend(), ["exact"], only=SEEDS)
    assert not report.passed
    assert len(report.failures) == len(report.results) == 18
    assert "19 of 19 compared elements differ, by up to 1 units" in report.failures[0].note


def test_a_close_backend_may_differ_by_one_unit() -> None:
    class Close(ShiftedBackend):
        capabilities = type(ShiftedBackend.capabilities)(dtypes=frozenset({"float32"}), level="close")

    assert run(Close(), ["exact"], only=SEEDS).passed
    assert not run(Close(), ["exact"], only=["bits.golden"]).passed  # nothing was checked, so nothing passed


def test_an_exception_is_a_failure() -> None:
    def body(trial: object) -> list[Result]:
        raise ZeroDivisionError("by hand")

    (result,) = Check("a.b", "exact", "claim", body).run(None)
    assert result.failed
    assert result.got == "ZeroDivisionError: by hand"


def test_skips_are_not_passes() -> None:
    report = run(OnesAdapter(), only=["moments.mean"])
    assert {result.verdict for result in report.results} == {"skipped"}
    assert not report.failures
    assert not report.passed


def test_an_adapter_is_judged_on_what_it_claims() -> None:
    report = run(OnesAdapter(), only=["resolution.constants"])
    assert {result.verdict for result in report.results} == {"passed", "failed"}
    assert all("ones: (37, 11), " in result.call for result in report.failures)


@pytest.mark.parametrize(
    ("subject", "levels", "only", "error", "words"),
    [
        (ReferenceBackend(), ["bitwise"], [], FaninValueError, "levels must be among exact, distribution"),
        (ReferenceBackend(), None, ["bits.nothing"], FaninValueError, "no check is named bits.nothing"),
        (OnesAdapter(), ["exact"], [], FaninTypeError, "is an adapter"),
        ("no.such.module:Thing", None, [], FaninValueError, "names no object"),
        ("fanin:NoSuchThing", None, [], FaninValueError, "names no object"),
        ("fanin:Plan", None, [], FaninTypeError, "cannot be built without arguments"),
        ("fanin:DTYPES", None, [], FaninTypeError, "backend must be a name, None or a backend"),
    ],
)
def test_what_cannot_be_run_is_refused(
    subject: object, levels: list[str] | None, only: list[str], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        run(subject, levels, only=only)  # type: ignore[arg-type]


def test_a_subject_is_found_by_module_and_object(importable: str) -> None:
    assert load_subject(f"{importable}:OnesAdapter").name == "ones"
    assert load_subject(f"{importable}:ReferenceBackend").name == "reference"


def test_json_holds_every_result() -> None:
    report = run(ShiftedBackend(), ["exact"], only=SEEDS)
    data = json.loads(report.to_json())
    assert data["passed"] is False
    assert data["checks"] == [{"name": "bits.seeds", "level": "exact", "claim": "seeds of up to 64 bits"}]
    assert [Result(**result) for result in data["results"]] == list(report.results)


def test_junit_counts_failures_and_skips() -> None:
    report = run(ShiftedBackend(), ["exact"], only=["bits.seeds", "bits.dtypes", "bits.names"])
    root = ElementTree.fromstring(report.to_junit())
    (suite,) = root
    assert suite.get("name") == "shifted.exact"
    assert int(suite.get("tests", "")) == len(suite) == len(report.results)
    assert int(suite.get("failures", "")) == len(suite.findall("*/failure")) == len(report.failures) > 0
    assert int(suite.get("skipped", "")) == len(suite.findall("*/skipped")) == 5  # dtypes that are not declared
    message = suite.find("*/failure")
    assert message is not None
    assert "expected: " in str(message.text)


def test_the_table_shows_the_call_and_both_values() -> None:
    console = Console(width=200, record=True, file=io.StringIO())
    run(ShiftedBackend(), ["exact"], only=SEEDS).show(console)
    text = console.export_text()
    for words in (
        "seeds of up to 64 bits",
        "18 failed",
        "call: fanin.init((19,), fanin.Normal(mean=0.0, std=1.0), backend='shifted')[0]",
        "expected: ",
        "got: ",
        "and 15 more of bits.seeds",
        "shifted: FAILED: 18 of 18 results",
    ):
        assert words in text


def test_the_report_says_what_a_right_implementation_risks() -> None:
    results = tuple(Result(on="x", verdict="passed", check="c", alpha=2e-10) for _ in range(3))
    report = Report("s", (Check("c", "distribution", "claim", lambda trial: results),), results, 7, 1.0)
    console = Console(width=200, record=True, file=io.StringIO())
    report.show(console)
    assert report.false_alarm == pytest.approx(6e-10)
    assert "seeds from 7: a right implementation fails with probability 6.0e-10 at most (budget 1e-09)" in (
        console.export_text()
    )


def test_the_command_prints_and_writes(importable: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [tmp_path / "report.json", tmp_path / "report.xml"]
    options = ["--level", "exact", "--check", "bits.s*", "--json", str(files[0]), "--junit", str(files[1])]
    assert _parse(f"{importable}:ReferenceBackend", *options) == 0
    assert "reference: passed, 4 checks" in capsys.readouterr().out
    assert json.loads(files[0].read_text())["passed"] is True
    assert ElementTree.fromstring(files[1].read_text()).tag == "testsuites"
    assert _parse(f"{importable}:ShiftedBackend", "--level", "exact", "--check", "bits.seeds") == 1
    assert "shifted: FAILED" in capsys.readouterr().out


def test_fresh_seeds_are_fresh_and_named(importable: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seeds = []
    for name in ("first.json", "second.json"):
        _parse(f"{importable}:OnesAdapter", "--check", "network.zeros", "--fresh", "--json", str(tmp_path / name))
        seeds.append(json.loads((tmp_path / name).read_text())["seed"])
    assert len({0, *seeds}) == 3
    _parse(f"{importable}:OnesAdapter", "--check", "network.zeros", "--seed", "77", "--json", str(tmp_path / "x"))
    assert json.loads((tmp_path / "x").read_text())["seed"] == 77
    capsys.readouterr()


def test_the_module_runs_as_a_program() -> None:
    command = [sys.executable, "-m", "fanin.conformance", "no-such-backend"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("fanin: unknown backend 'no-such-backend'")


def test_a_missing_library_is_named_with_the_command_that_installs_it() -> None:
    program = (
        "import importlib.util as u; find = u.find_spec; "
        "u.find_spec = lambda name, *rest: None if name == 'scipy' else find(name, *rest); import fanin.conformance"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert 'needs scipy, not installed. Run: pip install "fanin[conformance]".' in done.stderr


def test_both_levels_have_checks_with_names_of_their_own() -> None:
    names = [check.name for level in ("exact", "distribution") for check in checks_of(level)]
    assert len(names) == len(set(names)) == 47
