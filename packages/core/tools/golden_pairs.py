"""A cover of all pairs for the golden vectors: small tensors in which every two features occur together.

`make_golden.py --pairs` drew it once from the conformance suite's random cases; since then its arguments are data in
`golden.json`, and only `features` is in use: a test asks that every pair which has a meaning is there.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

Case = dict[str, Any]
Pair = frozenset[tuple[str, str]]

POOL = 4000
LEAST, MOST = 5, 150  # elements of a case


def features(case: Case) -> dict[str, str]:
    """Return what a case has of each factor, read off its arguments."""
    layout, shape = case.get("layout"), case["shape"]
    letters = layout or ""
    spatial = "".join(letter for letter in letters if letter in "DHW")
    groups = case.get("groups", 1)
    channels = "".join(letter for letter in letters if letter in "OI")
    stored = {
        role: [size for size, letter in zip(shape, letters, strict=False) if letter in role] for role in ("O", "I")
    }
    split = math.prod(stored["I" if case.get("transposed") else "O"])
    ones = [letter for letter, size in zip(letters, shape, strict=False) if size == 1]
    return {
        "channels": "unstated" if layout is None else channels or "none",
        "spatial": spatial or "none",
        "first": letters[:1] if letters[:1] in ("D", "H", "W", "S") else "channels",
        "groups": "one" if groups == 1 else "each" if groups == split else "some",
        "transposed": str(case.get("transposed", False)),
        "stride": "none" if set(case.get("stride", [1])) <= {1} else "some",
        "stack": "stack" if "S" in letters else "none",
        "slices": _slices(case),
        "ones": "out" if "O" in ones else "in" if "I" in ones else "spatial" if set(ones) & set("DHW") else "none",
        "dtype": case.get("dtype", "float32"),
        "law": _law(case["initializer"]),
    }


def _slices(case: Case) -> str:
    cut = [part != [0, size] for part, size in zip(case.get("slices", []), case["shape"], strict=False)]
    return "none" if not any(cut) else "one axis" if sum(cut) == 1 else "axes"


def _law(settings: Case) -> str:
    kind = settings["initializer"]
    if kind == "variance_scaling":
        return f"{kind} {settings['distribution']}"
    mean = settings.get("mean", settings.get("low", 0.0) + settings.get("high", 0.0))
    return f"{kind} about a mean" if mean else str(kind)


def pairs(case: Case) -> set[Pair]:
    """Return every two features of a case."""
    return {frozenset(pair) for pair in itertools.combinations(features(case).items(), 2)}


def pool(seed: int) -> Iterator[Case]:
    """Yield random cases of the suite as data: exact, of some elements that differ, with names of moderate length."""
    from fanin import reference
    from fanin.conformance.case import Case as Call
    from fanin.conformance.exact.cover import random_cases
    from fanin.plans.rules import Fill, Haar

    def accepts(call: Call) -> bool:
        plan = call.plan()
        if isinstance(plan.rule, Haar) or not LEAST <= plan.size <= MOST or len(str(call.name)) > 100:
            return False
        return isinstance(plan.rule, Fill) or len(set(reference.values(plan))) > 1

    for call in random_cases(seed, POOL, accepts):
        plan = call.plan()
        given = {
            "layout": call.layout,
            "seed": call.seed,
            "name": list(call.name) if isinstance(call.name, tuple) else call.name,
            "dtype": call.dtype,
            "slices": call.slices and [list(part) for part in plan.slices],
            "groups": call.groups,
            "transposed": call.transposed,
            "stride": list(plan.geometry.stride) if call.stride else None,
        }
        defaults = {"seed": 0, "dtype": "float32", "groups": 1, "transposed": False}
        kept = {key: value for key, value in given.items() if key == "layout" or value != defaults.get(key)}
        settings = plan.initializer.to_dict()
        finite = {key: max(-1e300, min(1e300, v)) if isinstance(v, float) else v for key, v in settings.items()}
        yield {"seed": 0, "initializer": finite, "shape": list(call.shape), **kept}


def cover(seed: int = 1) -> dict[str, Case]:
    """Return cases with every pair of features that the pool has, by greed."""
    cases = [(case, pairs(case)) for case in pool(seed)]
    missing = set().union(*(found for _, found in cases))
    chosen: list[Case] = []
    while missing:
        case, found = max(cases, key=lambda entry: len(entry[1] & missing))
        missing -= found
        chosen.append(case)
    return {f"pairs, {k}": case for k, case in enumerate(chosen)}
