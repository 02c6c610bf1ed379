"""What the site makes of a page: prompts that are not copied, and no link to a file that the site does not have."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[2] / "packages" / "core" / "tools" / "site_pages.py"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("```python\n>>> 1 + 1\n2\n```", "```pycon\n>>> 1 + 1\n2\n```"),
        ("```python\nx = 1  # not >>> a prompt\n```", "```python\nx = 1  # not >>> a prompt\n```"),
        (
            "a\n\n```python\n>>> 1\n1\n\n```\n\n```python\n>>> 2\n2\n```",
            "a\n\n```pycon\n>>> 1\n1\n\n```\n\n```pycon\n>>> 2\n2\n```",
        ),
        ("[a script](../examples/he_2015.py)", "a script (`examples/he_2015.py`)"),
        ("[`examples/he_2015.py`](../examples/he_2015.py)", "`examples/he_2015.py`"),
        ("[changes](../../CHANGELOG.md)", "changes (`CHANGELOG.md`)"),
        (
            "[gains](../gains.md), [a figure](figures/promise.png)",
            "[gains](../gains.md), [a figure](figures/promise.png)",
        ),
    ],
)
def test_page(written: str, expected: str) -> None:
    spec = importlib.util.spec_from_file_location("site_pages", TOOL)
    assert spec
    assert spec.loader
    site_pages = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(site_pages)
    assert site_pages.on_page_markdown(written) == expected
