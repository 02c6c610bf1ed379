"""Weights against fanin's draw of a seed: equal, moved, another draw, rounded, scaled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fanin
from fanin.auditing import Audit
from fanin.models import Part

from .models import MODELS, TABLE, Arrays

SEED = 5


def weights_of(model: str, seed: int = SEED) -> Arrays:
    scheme = MODELS[model]
    drawn = {name: parameter for name, parameter in scheme.items() if parameter.follows_laws}
    weights: Arrays = fanin.Scheme(drawn).draw(seed)
    return weights | {name: TABLE.astype(np.float32) for name in scheme if name not in drawn}


def audit(model: str, weights: Arrays, seed: int = SEED) -> Audit:
    return fanin.audit(weights, MODELS[model], seed=seed)


def verdicts(report: Audit) -> dict[str, str]:
    return {one.name + one.place: one.verdict for one in report.entries}


@pytest.mark.parametrize("model", MODELS)
def test_fanins_draw_has_no_findings(model: str) -> None:
    report = audit(model, weights_of(model))
    assert list(report.findings) == []
    assert report
    random = [name for name, parameter in MODELS[model].items() if parameter.is_random]
    assert {verdicts(report)[name] for name in random} == {"fanin's bits, seed 5"}


@pytest.mark.parametrize("model", MODELS)
def test_another_seed_is_one_finding(model: str) -> None:
    (found,) = audit(model, weights_of(model), seed=6).findings
    assert (found.kind, found.severity) == ("seed", "warning")
    assert "seed 6: with seed 5" in str(found)
    scheme = MODELS[model]
    random = {name for name, one in scheme.items() if one.is_random or any(p.parameter.is_random for p in one.parts)}
    assert set(found.parameters) == random


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("step", [1e-4, 1e-2])
def test_training_is_one_note(model: str, step: float) -> None:
    weights = weights_of(model)
    rng = np.random.default_rng(3)
    for name, array in weights.items():
        if array.dtype.kind == "f" and name in MODELS[model] and MODELS[model][name].follows_laws:
            array += rng.normal(0, step, array.shape).astype(array.dtype)
    report = audit(model, weights)
    assert [(one.kind, one.severity) for one in report.findings] == [("trained", "note")], str(report)
    assert report.is_well
    assert "fc1.bias" in report.findings[0].parameters or model != "mlp"


def test_the_distance_is_relative() -> None:
    weights = weights_of("mlp")
    right = weights["fc1.weight"].astype(np.float64)
    step = np.random.default_rng(3).normal(0, 0.02, right.shape)
    weights["fc1.weight"] += step.astype(np.float32)
    (found,) = audit("mlp", weights).findings
    expected = np.linalg.norm(step) / np.linalg.norm(right)
    assert found.evidence["relative distance"]["fc1.weight"] == pytest.approx(expected, rel=1e-3)


def scaled(weights: Arrays) -> None:
    weights["fc1.weight"] /= np.float32(2**0.5)


def rounded(weights: Arrays) -> None:
    bits = weights["fc1.weight"].view(np.uint32)
    bits[...] = (bits + 0x8000) & 0xFFFF0000


def swapped(weights: Arrays) -> None:
    weights["fc1.weight"] = np.ascontiguousarray(weights["fc1.weight"][::-1])


def one_weight(weights: Arrays) -> None:
    weights["fc1.weight"][3, 4] += np.float32(0.01)


CASES: dict[str, tuple[Callable[[Arrays], None], str]] = {
    "scaled": (scaled, "std"),
    "rounded": (rounded, "rounded"),
    "one weight": (one_weight, "seed"),
    "in another order": (swapped, "seed"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_not_the_draw(case: str) -> None:
    change, kind = CASES[case]
    weights = weights_of("mlp")
    change(weights)
    (found,) = audit("mlp", weights).findings
    assert (found.kind, found.parameters) == (kind, ("fc1.weight",))


def test_a_narrower_dtype_is_the_same_draw() -> None:
    scheme = fanin.Scheme({"w": fanin.Parameter((64, 48), "float32", fanin.he_normal(), layout="OI")})
    half = {"w": scheme.draw(SEED)["w"].astype(np.float16)}
    report = fanin.audit(half, scheme, seed=SEED)
    assert [(one.kind, one.severity) for one in report.findings] == [("dtype", "note")]
    assert verdicts(report)["w"] == "fanin's bits, seed 5"


def wide(dtype: str, stored: str, seed: int = SEED) -> tuple[fanin.Scheme, Arrays]:
    """A scheme in one dtype, and its draw stored in another."""
    scheme = fanin.Scheme(
        {
            "w": fanin.Parameter((64, 48), dtype, fanin.he_normal(), layout="OI"),
            "u": fanin.Parameter((96, 32), dtype, fanin.uniform(-0.1, 0.1)),
            "b": fanin.Parameter((40,), dtype, fanin.constant(0.01)),
        }
    )
    return scheme, {name: array.astype(stored) for name, array in scheme.draw(seed).items()}


@pytest.mark.parametrize(("dtype", "stored"), [("float32", "float64"), ("float16", "float32"), ("float16", "float64")])
@pytest.mark.parametrize("seed", [None, SEED])
def test_a_wider_dtype_is_no_training(dtype: str, stored: str, seed: int | None) -> None:
    scheme, weights = wide(dtype, stored)
    report = fanin.audit(weights, scheme, seed=seed)
    assert [(one.kind, one.severity) for one in report.findings] == [("dtype", "warning")]
    random = "follows" if seed is None else f"fanin's bits, stored as {stored}, seed 5"
    assert all(verdicts(report)[name].startswith(random) for name in "wu")
    assert verdicts(report)["b"] == "every weight is 0.01"


def test_a_draw_in_a_wider_dtype_is_the_same_draw() -> None:
    scheme, _ = wide("float32", "float64")
    weights = fanin.Scheme({name: one.with_dtype("float64") for name, one in scheme.items()}).draw(SEED)
    report = fanin.audit(weights, scheme, seed=SEED)
    assert [one.kind for one in report.findings] == ["dtype"]
    assert verdicts(report)["w"] == "fanin's bits, seed 5"


def test_training_in_a_wider_dtype_is_seen() -> None:
    scheme, weights = wide("float32", "float64")
    weights["w"] += np.random.default_rng(3).normal(0, 1e-4, (64, 48))
    assert [one.kind for one in fanin.audit(weights, scheme, seed=SEED).findings] == ["dtype", "trained"]


def test_the_seed_of_weights_in_a_wider_dtype_is_found() -> None:
    scheme, weights = wide("float32", "float64", seed=9)
    findings = fanin.audit(weights, scheme, seed=SEED).findings
    assert [one.kind for one in findings] == ["dtype", "seed"]
    assert findings[1].evidence["seeds"] == {"w": 9, "u": 9}


def test_a_draw_that_came_through_the_scheme_s_dtype_with_other_rounding() -> None:
    """As another program would compute it: no bits are equal, and nobody trained it."""
    scheme, weights = wide("float32", "float64")
    weights["w"] *= 1 + 1e-8
    report = fanin.audit(weights, scheme, seed=SEED)
    assert [(one.kind, one.severity) for one in report.findings] == [("dtype", "warning"), ("seed", "note")]
    assert "w is fanin's draw of seed 5 up to 3 ulp, in 3,072 of 3,072 elements" in str(report.findings[1])
    assert verdicts(report)["w"] == "fanin's draw, rounding aside, seed 5"


def by_ulps(count: int, steps: int) -> Callable[[Arrays], None]:
    def change(weights: Arrays) -> None:
        for name in ("w", "u"):
            weights[name].reshape(-1)[5 : 5 + count].view(np.uint32)[...] += np.uint32(steps)

    return change


ROUNDED: dict[str, tuple[int, int, str, str]] = {
    "one ulp": (7, 1, "note", "w and u are fanin's draw of seed 5 up to one ulp, in 14 of 6,144 elements: rounded"),
    "one ulp in most": (3000, 1, "note", "up to one ulp, in 6,000 of 6,144 elements: rounded elsewhere, by another"),
    "three": (7, 3, "note", "w and u are fanin's draw of seed 5 up to 3 ulp, in 14 of 6,144 elements"),
    "too far for rounding": (1, 200, "warning", "but for 1 of 3,072 weights: a part was changed"),
}


@pytest.mark.parametrize("case", ROUNDED)
def test_the_last_digits(case: str) -> None:
    count, steps, severity, text = ROUNDED[case]
    scheme, weights = wide("float32", "float32")
    by_ulps(count, steps)(weights)
    (found,) = fanin.audit(weights, scheme, seed=SEED).findings
    assert (found.kind, found.severity, found.parameters) == ("seed", severity, ("w", "u"))
    assert text in str(found)


def test_orthogonal_matrices_are_close_in_any_program() -> None:
    scheme = fanin.Scheme({"w": fanin.Parameter((40, 30), "float32", fanin.orthogonal(), "OI")})
    weights = scheme.draw(SEED)
    weights["w"].view(np.uint32)[3, 4:9] += 1
    assert fanin.audit(weights, scheme, seed=SEED).findings == ()


STD = 0.02
SHAPE = (256, 192)


def square() -> tuple[fanin.Scheme, Arrays]:
    scheme = fanin.Scheme({"w": fanin.Parameter(SHAPE, "float32", fanin.normal(std=STD))})
    return scheme, scheme.draw(SEED)


def some(share: float) -> np.ndarray[Any, np.dtype[np.bool_]]:
    chosen: np.ndarray[Any, np.dtype[np.bool_]] = np.random.default_rng(4).random(SHAPE) < share
    return chosen


VIOLATED: dict[str, tuple[Callable[[Any], Any], str, str]] = {
    "moved": (lambda w: w + STD, "mean", "all weights of fanin's draw were moved by 0.02"),
    "moved far": (lambda w: w - 20 * STD, "mean", "all weights of fanin's draw were moved by -0.4"),
    "moved a little": (lambda w: w + 0.15 * STD, "mean", "moved by 0.003"),
    "scaled and moved": (lambda w: 1.5 * w + STD, "std", "multiplied by 1.5 and moved by 0.02"),
    "rows scaled": (
        lambda w: np.concatenate([3 * w[:128], w[128:]]),
        "std",
        "24,576 of 49,152 weights of fanin's draw were multiplied by 3",
    ),
    "rows scaled unlike": (
        lambda w: np.concatenate([3 * w[:128], 1.5 * w[128:]]),
        "std",
        "all weights of fanin's draw were multiplied by 2.2",
    ),
    "columns shrunk": (lambda w: w * np.where(np.arange(192) < 90, 0.25, 1), "std", "were multiplied by 0.25"),
    "clipped": (lambda w: np.clip(w, -STD, STD), "std", "were set to -0.02 or 0.02"),
    "clipped at one end": (lambda w: np.maximum(w, -STD), "std", "were set to -0.02"),
    "half zeroed": (lambda w: np.where(some(0.5), 0, w), "std", "of fanin's draw were set to 0"),
    "half replaced": (
        lambda w: np.where(some(0.5), np.random.default_rng(6).normal(0, 2 * STD, SHAPE), w),
        "std",
        "were replaced by others",
    ),
}


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("case", VIOLATED)
def test_a_seed_hides_no_law_that_is_violated(case: str, dtype: str) -> None:
    change, kind, text = VIOLATED[case]
    scheme, weights = square()
    scheme = fanin.Scheme({"w": scheme["w"].with_dtype(dtype)})
    weights = scheme.draw(SEED)
    weights["w"] = change(weights["w"].astype(np.float64)).astype(dtype)
    report = fanin.audit(weights, scheme, seed=SEED)
    assert [(one.kind, one.severity) for one in report.findings] == [(kind, "error")], str(report)
    assert [(one.kind, one.severity) for one in fanin.audit(weights, scheme).findings] == [(kind, "error")]
    assert not report
    if dtype == "float32":
        assert text in str(report.findings[0])


def noise(std: float, seed: int = 3) -> Any:
    return np.random.default_rng(seed).normal(0, std, SHAPE)


TRAINED: dict[str, Callable[[Any], Any]] = {
    "steps": lambda w: w + noise(0.5 * STD),
    "long": lambda w: w + noise(3 * STD),
    "decayed": lambda w: 0.7 * w + noise(0.3 * STD),
    "rows that were never looked up": lambda w: np.concatenate([w[:100], (w + noise(STD))[100:]]),
    "three rows that forgot their start": lambda w: np.concatenate([noise(2.2 * STD)[:3], w[3:]]),  # 576 weights
    "a low rank": lambda w: w + 0.1 * np.outer(np.sin(np.arange(256)), np.cos(np.arange(192))),
    "a common direction": lambda w: w + STD / 2 + noise(0.1 * STD),
    "signs of a first step": lambda w: w - 0.006 * np.sign(noise(1.0)),
    "one sign of a first step": lambda w: w - 0.001,
    "grown a little": lambda w: 1.1 * w + noise(0.3 * STD),
}


@pytest.mark.parametrize("case", TRAINED)
def test_a_training_that_leaves_the_law_is_one_note(case: str) -> None:
    scheme, weights = square()
    weights["w"] = TRAINED[case](weights["w"].astype(np.float64)).astype(np.float32)
    assert fanin.audit(weights, scheme).findings  # the law is violated
    assert [(one.kind, one.severity) for one in fanin.audit(weights, scheme, seed=SEED).findings] == [
        ("trained", "note")
    ]


@pytest.mark.parametrize("count", [16, 24, 64])
def test_a_small_layer_that_left_its_bounds_was_trained(count: int) -> None:
    scheme = fanin.Scheme({"b": fanin.Parameter((count,), "float32", fanin.uniform(-0.1, 0.1))})
    for seed in range(8):
        weights = scheme.draw(SEED)
        weights["b"] += np.random.default_rng(seed).normal(0, 0.01, count).astype(np.float32)
        report = fanin.audit(weights, scheme, seed=SEED)
        assert not [one for one in report.findings if one.severity == "error"], str(report)


def of_biases(count: int, std: float) -> tuple[fanin.Scheme, Arrays]:
    """A kernel that was trained, if it was, and a bias that was, so far that nothing of its start is left."""
    scheme = fanin.Scheme(
        {
            "w": fanin.Parameter(SHAPE, "float32", fanin.normal(std=STD)),
            "b": fanin.Parameter((count,), "float32", fanin.uniform(-0.01, 0.01)),
        }
    )
    weights = scheme.draw(SEED)
    weights["w"] += noise(std).astype(np.float32)
    return scheme, weights


@pytest.mark.parametrize("size", [0.005, 0.3])
@pytest.mark.parametrize("count", [5, 40, 300])
def test_a_small_bias_that_forgot_its_start(count: int, size: float) -> None:
    """Within its law or beyond it: beside weights that were trained it was trained too, and else it was not."""
    for seed in range(5):
        bias = np.random.default_rng(seed).normal(0, size, count).astype(np.float32)
        scheme, weights = of_biases(count, 0.2 * STD)
        weights["b"] = bias
        (found,) = fanin.audit(weights, scheme, seed=SEED).findings
        assert (found.kind, found.severity, set(found.parameters)) == ("trained", "note", {"w", "b"})
        scheme, weights = of_biases(count, 0)
        weights["b"] = bias
        assert [one.severity for one in fanin.audit(weights, scheme, seed=SEED).findings] != ["note"]


def test_a_small_bias_of_another_seed_is_no_training() -> None:
    scheme, weights = of_biases(40, 0.2 * STD)
    weights["b"] = scheme.draw(9)["b"]
    assert {one.kind for one in fanin.audit(weights, scheme, seed=SEED).findings} == {"trained", "seed"}


def test_a_part_that_was_scaled() -> None:
    """Each part has a law: the other one's weights are the draw."""
    normal = fanin.Parameter((64, 48), "float32", fanin.normal(std=STD))
    parts = [Part(((64 * k, 64 * k + 64), (0, 48)), normal) for k in range(2)]
    scheme = fanin.Scheme({"w": fanin.Parameter((128, 48), "float32", parts=tuple(parts))})
    weights = scheme.draw(SEED)
    weights["w"][64:] += np.float32(STD)
    (found,) = fanin.audit(weights, scheme, seed=SEED).findings
    assert (found.kind, found.severity) == ("mean", "error")
    assert "[64:128, :]" in str(found)


def test_biases_that_all_moved_alike_were_trained() -> None:
    """As those of rare classes do in the first steps of Adam; a kernel's weights do not."""
    scheme = fanin.Scheme({"b": fanin.Parameter((50,), "float32", fanin.uniform(-0.1, 0.1))})
    weights = scheme.draw(SEED)
    weights["b"] -= np.float32(0.012)
    assert fanin.audit(weights, scheme).findings  # beyond the law's ends
    assert [one.kind for one in fanin.audit(weights, scheme, seed=SEED).findings] == ["trained"]
    weights = scheme.draw(SEED)
    weights["b"] *= np.float32(1.3)
    weights["b"] -= np.float32(0.012)
    assert [one.severity for one in fanin.audit(weights, scheme, seed=SEED).findings] == ["error"]


def test_a_dead_input_is_no_training() -> None:
    scheme, weights = square()
    weights["w"][:, 7] = 0
    weights["w"][:, 90:93] = 0
    (dead,) = fanin.audit(weights, scheme, seed=SEED).findings
    assert dead.kind == "dead columns"


def test_a_dead_input_of_a_trained_layer() -> None:
    scheme, weights = square()
    weights["w"] += noise(0.1 * STD).astype(np.float32)
    weights["w"][:, 90:93] = 0
    assert {one.kind for one in fanin.audit(weights, scheme, seed=SEED).findings} == {"dead columns", "trained"}


def test_a_dead_channel_of_a_depthwise_kernel_is_named_once() -> None:
    """Its few weights are its output and its input."""
    law = fanin.Parameter((16, 1, 3, 3), "float32", fanin.he_normal(), layout="OIHW", groups=16)
    scheme = fanin.Scheme({"w": law})
    weights = scheme.draw(SEED)
    weights["w"][5] = 0
    for seed in (None, SEED):
        (dead,) = fanin.audit(weights, scheme, seed=seed).findings
        assert dead.kind == "dead outputs"
