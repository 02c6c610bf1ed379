"""A stranger's backend: built from the tutorial, installed from its wheel, found by name, tested by the suite.

Everything of fanin runs in an environment outside the checkout, which holds the wheels of the core and of the toy, and
no other backend. `FANIN_DIST` names a folder with the core's wheel, as the nox session `wheels` sets it; it is built
otherwise.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import venv
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
TUTORIAL = (ROOT / "docs" / "backend.md").read_text(encoding="utf-8")
FILES = ("pyproject.toml", "src/fanin_toy/__init__.py", "tests/test_toy.py")
FENCE = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
SCRIPTS = "Scripts" if sys.platform == "win32" else "bin"


def written(title: str) -> list[str]:
    """Return the lines of a file as the tutorial gives them, without the blank ones."""
    blocks = [body for _, name, body in FENCE.findall(TUTORIAL) if name == title]
    return [line for block in blocks for line in block.splitlines() if line.strip()]


@pytest.mark.parametrize("name", FILES)
def test_the_tutorial_builds_this_distribution(name: str) -> None:
    stored = [line for line in (HERE / name).read_text(encoding="utf-8").splitlines() if line.strip()]
    assert written(name) == stored


def test_the_tutorial_says_how_long_it_is() -> None:
    lines = (HERE / "src/fanin_toy/__init__.py").read_text(encoding="utf-8").count("\n")
    assert f"Its {lines} lines pass every check" in TUTORIAL


def test_every_titled_block_is_a_file() -> None:
    assert {name for _, name, _ in FENCE.findall(TUTORIAL) if name} == set(FILES)


def run(*command: str | Path, cwd: Path) -> str:
    clean = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "FANIN_DIST")}
    done = subprocess.run(command, cwd=cwd, env=clean, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def build(project: Path, dist: Path) -> Path:
    run(sys.executable, "-m", "build", "--wheel", "--outdir", dist, project, cwd=dist)
    return next(dist.glob("*.whl"))


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the programs of an environment with the two wheels."""
    folder = tmp_path_factory.mktemp("stranger")
    venv.create(folder / "env", with_pip=True)
    if "FANIN_DIST" in os.environ:
        core = next(Path(os.environ["FANIN_DIST"]).glob("fanin-*.whl"))
    else:
        core = build(ROOT / "packages" / "core", tmp_path_factory.mktemp("core"))
    toy = build(HERE, tmp_path_factory.mktemp("toy"))
    wheels = [f"{core}[conformance]", f"{toy}[test]"]
    programs = folder / "env" / SCRIPTS
    run(programs / "python", "-m", "pip", "install", "-q", "-c", ROOT / "constraints.txt", *wheels, cwd=folder)
    return programs


def test_the_tutorials_examples_run(scripts: Path, tmp_path: Path) -> None:
    examples = "\n".join(body for kind, name, body in FENCE.findall(TUTORIAL) if kind == "python" and not name)
    assert examples.count(">>> ") >= 8
    (tmp_path / "examples.txt").write_text(examples, encoding="utf-8")
    run(scripts / "python", "-m", "doctest", "examples.txt", cwd=tmp_path)


def test_nothing_private_is_imported(scripts: Path, tmp_path: Path) -> None:
    tree = ast.parse((HERE / "src/fanin_toy/__init__.py").read_text(encoding="utf-8"))
    imported = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    taken = {(str(node.module), alias.name) for node in imported for alias in node.names}
    taken = {(module, name) for module, name in taken if module.partition(".")[0] == "fanin"}
    assert len(taken) >= 6
    assert not any(part.startswith("_") for module, name in taken for part in (*module.split("."), name))
    public = (
        f"import importlib; print([x for x in {sorted(taken)} if x[1] not in importlib.import_module(x[0]).__all__])"
    )
    assert run(scripts / "python", "-c", public, cwd=tmp_path) == "[]\n"


def test_its_four_lines_pass(scripts: Path, tmp_path: Path) -> None:
    test = (HERE / "tests/test_toy.py").read_text(encoding="utf-8")
    assert len([line for line in test.splitlines() if line.strip()]) <= 4
    (tmp_path / "test_toy.py").write_text(test, encoding="utf-8")
    output = run(scripts / "python", "-m", "pytest", "-q", "-W", "error", cwd=tmp_path)
    assert re.search(r"^55 passed, 7 skipped", output, re.MULTILINE), output


def test_its_command_passes(scripts: Path, tmp_path: Path) -> None:
    output = run(scripts / "fanin", "conformance", "toy", "--level", "exact", cwd=tmp_path)
    assert "toy: passed what it claims, " in output
    assert "25 of 28 checks" in output


def test_it_is_the_default_where_it_is_the_only_one(scripts: Path, tmp_path: Path) -> None:
    program = "import fanin; print(fanin.available_backends(), type(fanin.init((2, 3), 'random')).__name__)"
    assert run(scripts / "python", "-c", program, cwd=tmp_path) == "('toy',) ndarray\n"
