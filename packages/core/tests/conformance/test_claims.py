"""What share of the specification a run is about, and what it left out."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.console import Console

from fanin import Initializer, get_initializer, plan
from fanin.conformance import NotClaimed, Report, run
from fanin.conformance.calls import call_of
from fanin.conformance.claims import PARTS, Claims
from fanin.conformance.exact.cases import CASES_OF_CHECKS
from fanin.conformance.exact.cases.matrices import ORTHOGONAL

from .doubles import OnesAdapter, ReferenceBackend


def _shown(report: Report) -> str:
    console = Console(width=200, record=True, file=io.StringIO())
    report.show(console)
    return console.export_text()


class HeOnly(OnesAdapter):
    """Draws he of matrices alone, and no name selects a stream."""

    name = "he only"

    def sample(self, initializer: Initializer, shape: tuple[int, ...], **rest: Any) -> npt.NDArray[Any]:
        if initializer != get_initializer("he") or rest["layout"] != "OI" or rest["dtype"] != "float32":
            raise NotClaimed("he only")
        return np.random.default_rng(rest["seed"]).normal(0.0, (2 / shape[1]) ** 0.5, shape).astype("float32")


def test_one_law_is_named_as_one_law() -> None:
    report = run(HeOnly(), only=["streams.*", "resolution.constants"])
    assert report.passed
    text = _shown(report)
    assert report.headline.startswith(
        "he only: passed what it claims, 6 of 46 parts of the specification claimed and checked, 3 of 7 checks in "
    )
    assert report.headline in text
    assert "claimed and checked: laws 1 of 12, fans 1 of 4, dtypes 1 of 6, rules 1 of 5, layouts 1 of 11, " in text
    left_out = next(line for line in text.splitlines() if line.startswith("not claimed: "))
    for words in ("laws constant, uniform, normal,", "dtypes float64, float16, bfloat16;", "streams names"):
        assert words in left_out
    assert "float8" not in left_out  # which no check of this level asks for
    assert any(line.startswith("in none of these checks: ") and "float8_e5m2" in line for line in text.splitlines())


def test_nothing_claimed_is_a_failure_that_says_so() -> None:
    report = run(OnesAdapter(), only=["moments.*", "fans.width"])
    assert not report.passed
    assert report.headline.startswith(
        "ones: FAILED: nothing was checked, since nothing was claimed of what was asked for, 0 of 46 parts "
    )


def test_a_backend_claims_what_it_declares() -> None:
    report = run(ReferenceBackend(), ["exact"], only=["bits.laws"])
    assert report.headline.startswith("reference: passed, ")  # all laws of single weights, in its only dtype
    claims = run(ReferenceBackend(), ["exact"], only=["bits.dtypes", "bits.matrices"]).claims
    found = claims.to_dict()["not_claimed"]
    assert found["laws"] == ["identity", "dirac", "sparse"]
    assert found["dtypes"] == [name for name in PARTS["dtypes"] if name != "float32"]
    assert found["rules"] == ["diagonal", "masked"]


def test_the_cases_reach_every_part() -> None:
    claims = Claims()
    for case in (*ORTHOGONAL, *(case for _, cases in CASES_OF_CHECKS.values() for case in cases)):
        claims.draw(case.plan())
    assert claims.share == "46 of 46 parts of the specification"
    assert claims.not_asked() == claims.not_claimed() == {}


def test_without_names_none_are_claimed() -> None:
    claims = Claims()
    claims.draw(plan((2, 3), "he", layout="OI", name="w"), named=False)
    assert claims.not_claimed() == {"streams": ["names"]}


def test_the_call_of_a_plan_is_the_call() -> None:
    kernel = {"layout": "IOW", "groups": 2, "transposed": True, "stride": 2}
    made = plan((6, 4, 3), "he", seed=5, name="w", slices=(slice(1, 4),), **kernel)  # type: ignore[arg-type]
    assert call_of(made, "mine") == (
        "fanin.init((6, 4, 3), 'he', layout='IOW', seed=5, name='w', slices=[slice(1, 4), slice(0, 4), slice(0, 3)], "
        "groups=2, transposed=True, stride=(2,), backend='mine')"
    )
    assert call_of(plan((3,), "zeros"), "mine") == "fanin.init((3,), 'zeros', backend='mine')"
