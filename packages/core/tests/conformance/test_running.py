"""Running the checks, and the report of a run: table, JSON, command line."""

from __future__ import annotations

import io
import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from rich.console import Console

from fanin import reference
from fanin.cli.conformance import add_arguments
from fanin.cli.conformance import run as run_command
from fanin.conformance import Check, Report, Result, checks_of, load_subject, run
from fanin.conformance.distribution.judge import judge
from fanin.contract import Capabilities
from fanin.exceptions import FaninTypeError, FaninValueError
from fanin.plans import Plan
from fanin.plans.rules import Draw

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


CLOSE = Capabilities(dtypes=frozenset({"float32"}), level="close")


class TruncatingBackend(ReferenceBackend):
    """Rounds the product toward zero, which moves half of the weights."""

    capabilities = CLOSE

    def draw(self, plan: Plan, *, device: Any = None) -> npt.NDArray[Any]:
        if not isinstance(plan.rule, Draw):
            return super().draw(plan)
        (key,), rule = plan.keys, plan.rule
        points = [reference.lattice_point(rule, reference.word(key, i)) for i in range(plan.size)]
        exact = np.array([(point >> rule.shift) + rule.mean for point in points], np.float32).astype(np.float64)
        return _cut(exact * rule.factor).reshape(plan.shape)


def _cut(numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    near = numbers.astype(np.float32)
    cut: npt.NDArray[np.float32] = np.where(np.abs(near) > np.abs(numbers), np.nextafter(near, np.float32(0)), near)
    return cut


def test_a_close_backend_may_round_otherwise() -> None:
    report = run(TruncatingBackend(), ["exact"], only=["bits.dtypes"])
    assert report.passed
    moved = [result for result in report.results if result.statistic]
    assert len(moved) == 5  # all that are drawn: the constant is not
    assert not run(TruncatingBackend(), ["exact"], only=["bits.golden"]).passed  # nothing was checked
    console = Console(width=200, record=True, file=io.StringIO())
    report.show(console)
    promise = (
        "each weight is at most one unit of the last place from the specification's, and of a drawn tensor at most"
    )
    assert f'level "close": {promise}' in console.export_text().replace("\n", " ")
    assert promise in json.loads(report.to_json())["promise"]
    assert run(ReferenceBackend(), ["exact"], only=SEEDS).promise == ""


def test_a_close_backend_whose_every_weight_is_off_by_a_unit_fails() -> None:
    """In a tensor of more than 144 elements: 153, of which 151.9 may differ. In one of 19 all of them may."""

    class Shifted(ShiftedBackend):
        capabilities = CLOSE

    assert run(Shifted(), ["exact"], only=SEEDS).passed
    report = run(Shifted(), ["exact"], only=["bits.dtypes"])
    assert "153 of 153 compared elements differ, by up to 1 units of the last place, and rounding otherwise moves" in (
        report.failures[0].note
    )
    assert not any("Constant" in failure.call for failure in report.failures)


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
        ("fanin.plans:Plan", None, [], FaninTypeError, "cannot be built without arguments"),
        ("fanin.dtypes:DTYPES", None, [], FaninTypeError, "backend must be a name, None or a backend"),
    ],
)
def test_what_cannot_be_run_is_refused(
    subject: object, levels: list[str] | None, only: list[str], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        run(subject, levels, only=only)  # type: ignore[arg-type]


def test_a_device_for_an_adapter_is_refused() -> None:
    with pytest.raises(FaninTypeError, match=r"ones is an adapter, .*Received: device='cuda'\. Leave the device out"):
        run(OnesAdapter(), device="cuda")


def test_a_subject_is_found_by_module_and_object(importable: str) -> None:
    assert load_subject(f"{importable}:OnesAdapter").name == "ones"
    assert load_subject(f"{importable}:ReferenceBackend").name == "reference"


def test_json_holds_every_result() -> None:
    report = run(ShiftedBackend(), ["exact"], only=SEEDS)
    data = json.loads(report.to_json())
    assert data["passed"] is False
    assert data["checks"] == [{"name": "bits.seeds", "level": "exact", "claim": "seeds of up to 64 bits"}]
    assert [Result(**result) for result in data["results"]] == list(report.results)


def test_json_has_no_number_that_json_does_not_have() -> None:
    odd = [judge(f"{x}", "a statistic", x, n=1, low=-math.inf, high=1.0, detects="") for x in (math.nan, math.inf)]
    report = Report("s", (Check("c", "distribution", "claim", lambda trial: odd),), tuple(odd), 0, 1.0)

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    results = json.loads(report.to_json(), parse_constant=refuse)["results"]
    assert [(r["statistic"], r["low"], r["high"], r["got"]) for r in results] == [
        (None, None, 1.0, "nan"),
        (None, None, 1.0, "inf"),
    ]


def test_a_report_is_a_line() -> None:
    text = repr(run(ShiftedBackend(), ["exact"], only=SEEDS))
    assert text.startswith("<Report shifted: FAILED: 18 of 18 results, ")
    assert len(text) < 150


def test_the_table_shows_the_call_and_both_values() -> None:
    console = Console(width=200, record=True, file=io.StringIO())
    run(ShiftedBackend(), ["exact"], only=SEEDS).show(console)
    text = console.export_text()
    for words in (
        "seeds of up to 64 bits",
        "18 failed",
        "call: fanin.init((19,), fanin.normal(mean=0.0, std=1.0), backend='shifted')[0]",
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
    options = ["--level", "exact", "--check", "bits.s*", "--json", str(tmp_path / "report.json")]
    assert _parse(f"{importable}:ReferenceBackend", *options) == 0
    assert "reference: passed what it claims, " in (printed := capsys.readouterr().out)
    assert "claimed and checked, 5 of 5 checks in " in printed
    assert json.loads((tmp_path / "report.json").read_text())["passed"] is True
    assert _parse(f"{importable}:ShiftedBackend", "--level", "exact", "--check", "bits.seeds") == 1
    assert "shifted: FAILED" in capsys.readouterr().out


@pytest.mark.parametrize(("backend", "code"), [("ReferenceBackend", 0), ("ShiftedBackend", 1)])
def test_a_reader_that_has_seen_enough_is_no_failure(importable: str, tmp_path: Path, backend: str, code: int) -> None:
    """As `| head`: the exit code is that of the checks, and the other report is written."""
    program = (
        "import os, sys; r, w = os.pipe(); os.close(r); os.dup2(w, 1)\n"
        "from fanin.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    words = ["conformance", f"{importable}:{backend}", "--check", "bits.seeds", "--json", str(tmp_path / "report.json")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", program, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert (done.returncode, done.stderr) == (code, "")
    assert json.loads((tmp_path / "report.json").read_text())["passed"] is (code == 0)


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
    assert len(names) == len(set(names)) >= 50
