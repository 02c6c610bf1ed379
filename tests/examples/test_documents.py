"""Every Python block of the README and the docs runs: one document's blocks in order, in one namespace.

A block with prompts (>>>) is a doctest, whose results are compared; any other is executed.
"""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OWN_TEST = ("backend.md", "spec.md")
"""Documents whose blocks are tested beside what they describe."""

DOCUMENTS = sorted(
    path
    for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    if "```python" in path.read_text(encoding="utf-8") and path.name not in OWN_TEST
)
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("path", DOCUMENTS, ids=[str(path.relative_to(ROOT)) for path in DOCUMENTS])
def test_blocks_run(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {"__name__": "__example__"}
    for number, block in enumerate(BLOCK.findall(path.read_text(encoding="utf-8"))):
        if ">>> " not in block:
            exec(compile(block, str(path), "exec"), namespace)
            continue
        example = doctest.DocTestParser().get_doctest(block, namespace, f"{path.name}, block {number}", str(path), 0)
        output: list[str] = []
        failed, attempted = doctest.DocTestRunner().run(example, out=output.append, clear_globs=False)
        namespace = example.globs
        assert attempted, "a block with prompts holds examples"
        assert not failed, "".join(output)


def test_the_readme_is_among_them() -> None:
    assert ROOT / "README.md" in DOCUMENTS
