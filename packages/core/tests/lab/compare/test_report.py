"""The report: every file whole, a page that needs nothing else, tables that other programs read."""

from __future__ import annotations

import csv
import dataclasses
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from fanin import FaninError
from fanin.compare.experiment import Experiment
from fanin.compare.report import write_report
from fanin.compare.running import train
from fanin.exceptions import FaninValueError
from fanin.lab import files
from fanin.lab.data import Data
from fanin.lab.figures import Plot

from ..conftest import Install, install_backends, make_blobs
from ..fakes import ReferenceBackend

PNG = b"\x89PNG\r\n\x1a\n"
EXPERIMENT = Experiment(
    initializations=("zeros", "he", "normal(std=1e25)"),
    backends=("numpy", "other"),
    depth=2,
    width=4,
    learning_rate=0.2,
    epochs=3,
    seeds=(0, 5),
)


class Page(HTMLParser):
    """Collects ids, whatever a browser would load, and the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.loaded: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in ("src", "href", "srcset", "data", "poster", "xlink:href") and not (value or "").startswith("#"):
                self.loaded.append(value or "")

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("report") / "out"
    with pytest.MonkeyPatch.context() as monkeypatch, np.errstate(all="ignore"):
        install_backends(monkeypatch, ReferenceBackend("numpy"), ReferenceBackend("other"))
        results = train(EXPERIMENT, make_blobs())
    assert write_report(results, out) == out / "report.html"
    return out


def test_the_files_are_there_and_whole(folder: Path) -> None:
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    plots = ["loss", "accuracy", "activations", "gradients", "distinct", "differences"]
    plots += [f"{what}-{k}" for what in ("weights", "activations", "gradients") for k in (1, 2, 3)]
    tables = ["summary.csv", "curves.csv", "layers.csv", "differences.csv", "results.json", "report.html"]
    assert names == {*tables, *(f"plots/{name}.png" for name in plots)}
    for path in (folder / "plots").iterdir():
        assert path.read_bytes().startswith(PNG)


def test_a_folder_holds_the_files_of_one_run(install: Install, blobs: Data, tmp_path: Path) -> None:
    install(ReferenceBackend("numpy"), ReferenceBackend("other"))
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots" / "mine.png").write_text("mine")
    small = dataclasses.replace(EXPERIMENT, epochs=1, seeds=(0,), initializations=("zeros", "he"))
    write_report(train(small, blobs), tmp_path)
    assert (tmp_path / "differences.csv").is_file()
    write_report(train(dataclasses.replace(small, backends=("numpy",), initializations=("he",)), blobs), tmp_path)
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    plots = ["loss", "accuracy", "activations", "gradients", "distinct", "mine"]
    plots += ["weights-1", "activations-1", "gradients-1"]
    tables = ["summary.csv", "curves.csv", "layers.csv", "results.json", "report.html", "notes.txt"]
    assert left == {*tables, *(f"plots/{name}.png" for name in plots)}


def test_the_page_needs_nothing_else(folder: Path) -> None:
    text = (folder / "report.html").read_text(encoding="utf-8")
    page = Page(text)
    assert page.loaded == []
    assert "url(http" not in text
    assert "@import" not in text
    assert "script" not in page.tags
    assert len(set(page.ids)) == len(page.ids)
    assert page.tags.count("svg") == 15
    assert set(re.findall(r"url\(#([^)]*)\)", text)) <= set(page.ids)


def test_the_page_says_what_was_found(folder: Path) -> None:
    page = Page((folder / "report.html").read_text(encoding="utf-8"))
    for words in (
        "zeros: at chance after 3 epochs",
        "all units of a hidden layer still identical",
        "normal(std=1e25): diverged in 4 of 4 runs",
        "initial weights identical in numpy and other",
        "5 inputs, 2 hidden layers of 4 relu units, 3 classes",
    ):
        assert words in page.text
    assert "Interrupted" not in page.text


def test_the_tables_are_for_programs(folder: Path) -> None:
    data = json.loads((folder / "results.json").read_text(encoding="utf-8"), parse_constant=pytest.fail)
    assert data["complete"] is True
    assert data["widths"] == [5, 4, 4, 3]
    assert len(data["runs"]) == 12
    assert data["runs"][4]["initialization"] == "normal(std=1e25)"
    assert data["runs"][4]["train_losses"][-1] is None
    summary = list(csv.DictReader((folder / "summary.csv").read_text(encoding="utf-8").splitlines()))
    assert len(summary) == 12
    diverged = [row for row in summary if row["initialization"] == "normal(std=1e25)"]
    assert [row["fewest_distinct_units"] for row in diverged] == [""] * 4
    assert data["severities"] == ["failure", "fine", "failure"]
    assert summary[0]["fewest_distinct_units"] == "1"
    assert summary[0]["digest"] == data["runs"][0]["digest"] == summary[1]["digest"]
    assert len((folder / "curves.csv").read_text().splitlines()) == 1 + 12 * 4
    assert len((folder / "layers.csv").read_text().splitlines()) == 1 + 12 * 2 * 3


def test_an_interrupted_page_says_so(install: Install, blobs: Data, tmp_path: Path) -> None:
    install(ReferenceBackend("numpy"), ReferenceBackend("other"))

    def interrupt(text: str) -> None:
        raise KeyboardInterrupt

    write_report(train(EXPERIMENT, blobs, interrupt), tmp_path)
    page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert "Interrupted: this page holds what was finished by then." in page.text
    assert "he: not trained" in page.text


def test_text_in_a_page_is_escaped() -> None:
    page = files.page(
        "probe.html.j2",
        title="<script>alert(1)</script>",
        version="1",
        complete=True,
        verdicts=[],
        facts=["a < b"],
        legend="x < y",
        headings=[],
        tables=[],
        moments=[],
        histograms=[],
    )
    assert "<script>" not in page
    assert "a &lt; b" in page


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    files.write_json(path, {"a": [1.0, float("nan")]})
    assert json.loads(path.read_text()) == {"a": [1.0, None]}
    with pytest.raises(TypeError):
        files.write_json(path, {"a": object()})
    assert json.loads(path.read_text()) == {"a": [1.0, None]}
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(ZeroDivisionError):
        files.write_plots(tmp_path, [Plot("broken", "", "", lambda axes: print(1 / 0))])
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "plots").write_text("")
    with pytest.raises(files.WriteError, match=r"plots/loss\.png cannot be written: .*Use another folder") as caught:
        files.write_plots(tmp_path / "plots", [Plot("loss", "", "", lambda axes: None)])
    assert isinstance(caught.value, FaninError)


def test_a_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: False)  # root may write everywhere
    with pytest.raises(FaninValueError, match="and it cannot be written"):
        files.make_folder(str(tmp_path))


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FaninValueError, match="--out must be a folder"):
        files.make_folder(str(tmp_path / "file"))
