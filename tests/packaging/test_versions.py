"""Six distributions, one version: literal everywhere, and each pinned to exactly the others of its release."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {
    "core": "fanin",
    "kernels": "fanin_kernels",
    "backend_numpy": "fanin_numpy",
    "backend_torch": "fanin_torch",
    "backend_jax": "fanin_jax",
    "keras": "fanin_keras",
}


def project(folder: str) -> dict[str, Any]:
    with (ROOT / "packages" / folder / "pyproject.toml").open("rb") as file:
        table: dict[str, Any] = tomllib.load(file)["project"]
        return table


@pytest.mark.parametrize("folder", PACKAGES)
def test_one_version(folder: str) -> None:
    version = project("core")["version"]
    assert project(folder)["version"] == version
    source = (ROOT / "packages" / folder / "src" / PACKAGES[folder] / "__init__.py").read_text(encoding="utf-8")
    assert re.findall(r'^__version__ = "(.+)"$', source, re.MULTILINE) == [version]
    optional = project(folder).get("optional-dependencies", {})
    requirements = [*project(folder)["dependencies"], *(one for extra in optional.values() for one in extra)]
    own = [requirement for requirement in requirements if requirement.startswith("fanin")]
    assert own, "every package depends on another of this project"
    assert all(requirement.endswith(f"=={version}") for requirement in own)


def test_the_citation_knows_the_version() -> None:
    assert f"\nversion: {project('core')['version']}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")


@pytest.mark.skipif("FANIN_RELEASE" not in os.environ, reason="nothing is released")
def test_the_tag_of_a_release_is_its_version() -> None:
    assert os.environ["FANIN_RELEASE"] == f"v{project('core')['version']}"


def test_the_hooks_run_the_pinned_ruff() -> None:
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    assert re.findall(r"ruff-pre-commit\n +rev: v(.+)\n", hooks) == re.findall(r"^ruff==(.+)$", pins, re.MULTILINE)


def test_changelog_knows_the_version() -> None:
    assert f"## {project('core')['version']}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
