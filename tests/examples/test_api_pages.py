"""The API pages of the site hold every public name."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest

import fanin
import fanin.conformance
import fanin.recipes
import fanin_jax
import fanin_keras
import fanin_numpy
import fanin_torch

PAGES = Path(__file__).parents[2] / "docs" / "api"
DIRECTIVES = set(re.findall(r"^::: (\S+)$", "\n".join(page.read_text() for page in PAGES.glob("*.md")), re.MULTILINE))

MODULES = (fanin, fanin.conformance, fanin.recipes, fanin_jax, fanin_keras, fanin_numpy, fanin_torch)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_every_public_name_is_on_a_page(module: ModuleType) -> None:
    """A second name of a function has no entry of its own."""
    first = {id(getattr(module, name)): name for name in reversed(module.__all__)}
    missing = [name for name in set(first.values()) if f"{module.__name__}.{name}" not in DIRECTIVES]
    assert set(missing) <= {"__version__"}
