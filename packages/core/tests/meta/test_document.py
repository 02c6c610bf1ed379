"""docs/conformance.md says of each check what the suite does: on what, with which false alarm, with which power."""

from __future__ import annotations

from typing import Literal

import pytest

from fanin.conformance import run
from fanin.conformance.distribution.statistics import BUDGET

from .document import checks_table, section


@pytest.mark.parametrize("level", ["exact", "distribution"])
def test_the_table_of_checks_is_what_the_suite_does(level: Literal["exact", "distribution"]) -> None:
    """Sizes, false alarms and powers depend on the design alone, not on what is drawn."""
    report = run("numpy", [level], random_seed=0)
    assert report.passed, "\n".join(result.text() for result in report.failures)
    assert section(level) == checks_table(report)
    assert report.false_alarm <= BUDGET
