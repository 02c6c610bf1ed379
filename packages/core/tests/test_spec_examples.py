"""The worked examples of the specification run, and give what the text says."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

import fanin
from fanin.dtypes import DTYPES
from fanin.golden import golden_cases
from fanin.stream.lattice import NORMAL_MAX
from fanin.stream.normal_table import NORMAL_TABLE_SHA256

SPEC = Path(__file__).parents[3] / "docs" / "spec.md"
TEXT = SPEC.read_text(encoding="utf-8")


def blocks() -> list[doctest.DocTest]:
    """Each Python block as a test; the blocks share their names, as a reader takes them."""
    found = []
    for block in re.finditer(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL):
        line = TEXT[: block.start(1)].count("\n")
        found.append(doctest.DocTestParser().get_doctest(block[1], {}, f"spec.md:{line}", str(SPEC), line))
    return found


def test_worked_examples() -> None:
    names: dict[str, object] = {}
    runner = doctest.DocTestRunner()
    report: list[str] = []
    for block in blocks():
        block.globs = names
        runner.run(block, out=report.append, clear_globs=False)
    assert runner.summarize(verbose=False).failed == 0, "".join(report)
    assert runner.tries > 50


@pytest.mark.parametrize("block", blocks(), ids=lambda block: block.name)
def test_blocks_hold_examples(block: doctest.DocTest) -> None:
    """Nothing in a Python block goes unchecked."""
    assert block.examples
    outside = [line for line in (block.docstring or "").splitlines() if line and not line.startswith((">>>", "..."))]
    assert sorted(outside) == sorted(line for example in block.examples for line in example.want.splitlines())


@pytest.mark.parametrize(
    "fact",
    [
        NORMAL_TABLE_SHA256,
        f"|a| = {NORMAL_MAX}",
        f"holds {len(golden_cases())} tensors",
        f"The fanin specification, version {fanin.SPEC_VERSION}",
        *(f"\n| {dtype} | {DTYPES[dtype].bits} |" for dtype in DTYPES),
        *(
            f"`{name}"
            for name in fanin.initializer_names()
            if not name.startswith(("glorot", "xavier", "lecun", "kaiming_"))
        ),
    ],
)
def test_the_text_states_the_code_s_facts(fact: str) -> None:
    assert fact in TEXT
