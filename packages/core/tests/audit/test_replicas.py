"""Copies of a model that should be equal."""

from __future__ import annotations

import numpy as np
import pytest

import fanin

from .models import MODELS, Arrays, drawn


def copies(count: int) -> list[Arrays]:
    first = drawn(MODELS["transformer"], np.random.default_rng(3))
    return [{name: array.copy() for name, array in first.items()} for _ in range(count)]


def test_equal_replicas_have_no_findings() -> None:
    assert list(fanin.audit(copies(3), MODELS["transformer"]).findings) == []


def test_a_replica_that_differs_is_named() -> None:
    models = copies(3)
    models[2]["position.weight"][4, 7] += np.float32(0.25)
    models[2]["layers.1.mlp.up.weight"][0, 0] = 0
    (found,) = fanin.audit(models, MODELS["transformer"]).findings
    assert (found.kind, found.severity) == ("replicas", "error")
    assert found.parameters == ("position.weight", "layers.1.mlp.up.weight")
    assert "between replicas 0 and 2" in str(found)
    assert found.evidence["elements"] == 2
    assert found.evidence["largest difference"] == pytest.approx(0.25, abs=0.02)


def test_a_replica_that_lacks_a_tensor() -> None:
    models = copies(2)
    del models[1]["norm.weight"]
    (found,) = fanin.audit(models, MODELS["transformer"]).findings
    assert (found.kind, found.parameters) == ("replicas", ("norm.weight",))


PREFIXES: dict[str, tuple[str, str]] = {
    "data parallel": ("", "module."),
    "the first in data parallel": ("module.", ""),
    "compiled": ("", "_orig_mod."),
    "fully sharded": ("_fsdp_wrapped_module.", "_orig_mod."),
    "both": ("module._orig_mod.", "module."),
}


@pytest.mark.parametrize("case", PREFIXES)
def test_what_wrappers_put_into_names(case: str) -> None:
    """The names of a wrapped replica are the others' names."""
    first, second = copies(2)
    before, behind = PREFIXES[case]
    first = {before + name: array for name, array in first.items()}
    second = {behind + name: array for name, array in second.items()}
    assert [one for one in fanin.audit([first, second]).findings if one.kind == "replicas"] == []
    second[behind + "position.weight"][4, 7] += np.float32(0.25)
    del second[behind + "norm.weight"]
    lacking, found = (one for one in fanin.audit([first, second]).findings if one.kind == "replicas")
    assert found.parameters == (before + "position.weight",)
    assert lacking.parameters == (before + "norm.weight",)


def test_what_wrappers_put_within_names() -> None:
    first, second = copies(2)
    first = {name.replace("layers.1.", "layers.1._fsdp_wrapped_module."): array for name, array in first.items()}
    assert [one for one in fanin.audit([first, second]).findings if one.kind == "replicas"] == []


def test_another_shape_differs() -> None:
    models = copies(2)
    models[1]["norm.weight"] = models[1]["norm.weight"][:8]
    (found,) = fanin.audit(models, MODELS["transformer"]).findings
    assert (found.kind, found.severity, found.parameters) == ("replicas", "error", ("norm.weight",))
    assert str(found) == "norm.weight differs between replicas 0 and 1, in shape: 48 and 8"


@pytest.mark.parametrize("dtype", ["float64", "float16"])
def test_another_dtype_of_the_same_weights(dtype: str) -> None:
    models = copies(2)
    models[1]["position.weight"] = models[1]["position.weight"].astype(dtype)
    (found,) = fanin.audit(models, MODELS["transformer"]).findings
    assert (found.kind, found.severity, found.parameters) == ("replicas", "warning", ("position.weight",))
    assert f"in dtype alone: the weights are equal, rounding aside, as float32 and {dtype}" in str(found)


@pytest.mark.parametrize("dtype", ["float64", "float16"])
def test_another_dtype_and_other_weights(dtype: str) -> None:
    models = copies(2)
    models[1]["position.weight"] = models[1]["position.weight"].astype(dtype)
    models[1]["position.weight"][4, 7] += 0.25
    (found,) = fanin.audit(models, MODELS["transformer"]).findings
    assert (found.severity, found.evidence["elements"]) == ("error", 1)
    assert f"in dtype, float32 and {dtype}, and rounding aside by 0.25 at most" in str(found)


def test_whole_numbers_of_another_dtype() -> None:
    first = {"n": np.arange(5), "w": np.ones(9)}
    (found,) = fanin.audit([first, first | {"n": np.arange(5, dtype=np.float32)}]).findings
    assert "in dtype: int64 and float32" in str(found)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_replica_that_is_not_finite(value: float) -> None:
    models = copies(2)
    models[1]["position.weight"][4, 7] = value
    (found,) = fanin.audit(models, MODELS["transformer"]).findings
    assert "where one of them is not finite" in str(found)


def test_faults_of_the_first_are_found_too() -> None:
    models = copies(2)
    for one in models:
        one["norm.weight"][0] = np.nan
    assert [one.kind for one in fanin.audit(models, MODELS["transformer"]).findings] == ["nan"]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_the_signs_of_zeros(dtype: str) -> None:
    first = {"w": np.array([0.5, 0.0, 0.0, -2.0], dtype)}
    second = {"w": np.array([0.5, -0.0, 0.0, -2.0], dtype)}
    (found,) = fanin.audit([first, second]).findings
    assert str(found) == "w differs between replicas 0 and 1, in the signs of zeros alone"
    assert (found.severity, found.evidence["elements"]) == ("error", 1)
    second["w"][0] = 0.75
    (found,) = fanin.audit([first, second]).findings
    assert str(found) == "w differs between replicas 0 and 1, by 0.25 at most"


def test_whole_numbers_that_differ() -> None:
    first, second = {"n": np.arange(5)}, {"n": np.array([0, 1, 2, 3, 9])}
    (found,) = fanin.audit([first, second]).findings
    assert str(found) == "n differs between replicas 0 and 1, by 5 at most"


def test_complex_numbers_that_differ() -> None:
    first, second = {"z": np.full(4, 1 + 2j)}, {"z": np.full(4, 1 + 3j)}
    (found,) = fanin.audit([first, second]).findings
    assert str(found) == "z differs between replicas 0 and 1, in bits of complex128"
