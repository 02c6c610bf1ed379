"""The reference against the golden vectors; they are read here, and made only by tools/make_golden.py."""

from __future__ import annotations

import collections
import hashlib
import itertools
import json
from importlib import resources

import pytest
from golden_pairs import features, pairs

import fanin
from fanin import reference
from fanin.dtypes import DTYPES
from fanin.golden import GoldenCase, golden_cases
from fanin.plans.rules import Draw

SMALL = 3000  # elements; the reference takes some 20 microseconds for each, backends check the larger cases

CASES = {case.title: case for case in golden_cases()}

FIRST_VECTORS = {  # a few digests that an implementation of others computed, before this one was written
    "first vectors, 0": "8bc8e8a9bd6b8a0ba697cb94d75283b9ad16cb4df7206357d16afbea8d4886b2",
    "first vectors, 9": "0427cdbd77e765c3e55279064b059c462756943ad5fe1b274ad9237ae8699379",
    "first vectors, 16": "25b72ce096101d630070e753ffdfa9b242c2c4173d49f4fea74335cba1e5aeb9",
    "first vectors, 17": "9400e4526f091c900e032561c155238aa4c397ff0bdf25c30d743a57675916e1",
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_first_bits(case: GoldenCase) -> None:
    plan = case.plan()
    assert tuple(itertools.islice(reference.bits(plan), 8)) == case.first_bits
    assert len(case.first_bits) == min(8, plan.size)


@pytest.mark.parametrize("title", [title for title, case in CASES.items() if case.plan().size <= SMALL])
def test_digest(title: str) -> None:
    case = CASES[title]
    assert hashlib.sha256(reference.tobytes(case.plan())).hexdigest() == case.sha256


@pytest.mark.parametrize(("title", "sha256"), FIRST_VECTORS.items())
def test_the_file_holds_the_first_vectors(title: str, sha256: str) -> None:
    assert CASES[title].sha256 == sha256


def test_titles_differ() -> None:
    assert len(CASES) == len(golden_cases()) >= 120


def test_the_table_covers_the_specification() -> None:
    """What a backend may get wrong has a case, and each dtype has a million elements of one."""
    seen: dict[str, set[object]] = collections.defaultdict(set)
    for case in golden_cases():
        plan = case.plan()
        seen["dtype"].add(plan.dtype)
        seen["rule"].add(plan.rule.distribution if isinstance(plan.rule, Draw) else plan.rule.kind)
        if isinstance(plan.rule, Draw):
            seen["mean"].add((plan.rule.distribution, plan.rule.mean != 0))
            seen["shift"].add("none" if not plan.rule.shift else "all" if plan.rule.shift == 31 else "some")
        if plan.size >= 2**20:
            seen["big"].add(plan.dtype)
        for name in ("layout", "slices", "groups", "transposed", "stride"):
            if case.arguments.get(name) is not None:
                seen[name].add(str(case.arguments[name]))
        seen["period"].add(any(axis.period for axis in plan.axes))
        seen["phase"].add(any(axis.phase for axis in plan.axes))
        seen["stack"].add(plan.stack_axis)
        seen["block"].add(plan.offset >> 33 > 0)
        seen["seed"].add(case.seed)
        seen["name"].add(str(case.arguments.get("name")))
        seen["ndim"].add(len(plan.shape))
        seen["size"].add(min(plan.size, 1))
    assert seen["dtype"] == seen["big"] == set(DTYPES)
    assert seen["rule"] == {"fill", "uniform", "normal", "truncated_normal", "diagonal", "masked"}
    assert seen["mean"] == set(itertools.product(("uniform", "normal", "truncated_normal"), (True, False)))
    assert seen["shift"] == {"none", "some", "all"}
    assert seen["layout"] >= {"OI", "IO", "OIHW", "HWIO", "OHWI", "OIDHW", "DHWIO", "WIO", "IOO", "OOI", "IIO", "IOHW"}
    assert seen["layout"] >= {"SOI", "OSI", "S", "O"}
    assert seen["period"] == seen["phase"] == seen["block"] == {True, False}
    assert seen["stack"] >= {None, 0, 1}
    assert seen["seed"] >= {0, 2**32 - 1, 2**32, 2**63, 2**64 - 1}
    assert any(not name.isascii() for name in seen["name"] if isinstance(name, str))
    assert "" in seen["name"]
    assert seen["ndim"] >= {0, 1, 2, 3, 4, 5}
    assert seen["size"] == {0, 1}
    assert seen["slices"]
    assert seen["groups"]
    assert seen["stride"]


SPATIAL = ("W", "HW", "WH", "DHW", "HWD")
MATRICES = ("identity", "dirac", "sparse")
# Factor, choice, another factor, and its choices which have no meaning together with it.
MEANINGLESS: list[tuple[str, str, str, tuple[str, ...]]] = [
    ("channels", "unstated", "spatial", SPATIAL),
    ("channels", "unstated", "first", ("D", "H", "W", "S")),
    ("channels", "unstated", "groups", ("some", "each")),
    ("channels", "unstated", "transposed", ("True",)),
    ("channels", "unstated", "stride", ("some",)),
    ("channels", "unstated", "stack", ("stack",)),
    ("channels", "unstated", "ones", ("out", "in", "spatial")),
    (
        "channels",
        "unstated",
        "law",
        tuple(f"variance_scaling {law}" for law in ("normal", "truncated_normal", "uniform")),
    ),
    ("channels", "none", "first", ("channels",)),
    ("channels", "none", "groups", ("some", "each")),
    ("channels", "none", "ones", ("out", "in")),
    ("channels", "O", "ones", ("in",)),
    ("channels", "I", "ones", ("out",)),
    *(("channels", channels, "law", MATRICES) for channels in ("unstated", "none", "O", "I")),
    *(("spatial", spatial, "law", ("identity", "sparse")) for spatial in SPATIAL),
    *(("first", letter, "law", ("identity", "sparse")) for letter in "DHW"),
    *(("spatial", spatial, "first", tuple({*"DHW"} - {spatial[0]})) for spatial in SPATIAL),
    ("spatial", "none", "first", ("D", "H", "W")),
    ("spatial", "none", "ones", ("spatial",)),
    ("spatial", "none", "stride", ("some",)),
    ("first", "S", "stack", ("none",)),
    ("ones", "spatial", "law", ("identity", "sparse")),
    ("ones", "out", "law", ("sparse",)),  # a column of one weight is all zeros, or none
    ("stride", "some", "law", ("identity", "sparse")),
]


def test_every_two_features_occur_together() -> None:
    """Mistakes live between features: a slice of a grouped kernel, a stack of float16, a strided float64."""
    text = resources.files("fanin").joinpath("_data", "golden.json").read_text(encoding="utf-8")
    cases = [case for case in json.loads(text)["cases"] if case["title"].startswith("pairs")]
    choices: dict[str, set[str]] = collections.defaultdict(set)
    for case in cases:
        for factor, choice in features(case).items():
            choices[factor].add(choice)
    assert [len(found) for found in choices.values()] == [11, 6, 5, 3, 2, 2, 2, 3, 4, 6, 13]
    every = {
        frozenset({(one, a), (other, b)})
        for one, other in itertools.combinations(choices, 2)
        for a, b in itertools.product(choices[one], choices[other])
    }
    absent = every - set().union(*map(pairs, cases))
    assert absent == {frozenset({(one, a), (other, b)}) for one, a, other, found in MEANINGLESS for b in found}


def test_the_file_is_plain_json() -> None:
    """Any JSON reader can read it: no infinities, and every case has the keys that it needs."""
    text = resources.files("fanin").joinpath("_data", "golden.json").read_text(encoding="utf-8")

    def refuse(token: str) -> None:
        raise AssertionError(token)

    data = json.loads(text, parse_constant=refuse)
    assert data["spec"] == fanin.SPEC_VERSION
    for record in data["cases"]:
        assert set(record) >= {"title", "initializer", "shape", "layout", "seed", "first_bits", "sha256"}
        assert all(len(pattern) == DTYPES[record.get("dtype", "float32")].bits // 4 for pattern in record["first_bits"])
