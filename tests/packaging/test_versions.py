"""Four distributions, one version: literal everywhere, and each pinned to exactly the others of its release."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {"core": "fanin", "backend_numpy": "fanin_numpy", "backend_torch": "fanin_torch", "backend_jax": "fanin_jax"}


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


def test_changelog_knows_the_version() -> None:
    assert f"## {project('core')['version']}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
