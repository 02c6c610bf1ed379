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


def test_another_shape_or_dtype_differs() -> None:
    models = copies(2)
    models[1]["norm.weight"] = models[1]["norm.weight"].astype(np.float64)
    (found,) = fanin.audit(models, MODELS["transformer"]).findings
    assert found.parameters == ("norm.weight",)


def test_faults_of_the_first_are_found_too() -> None:
    models = copies(2)
    for one in models:
        one["norm.weight"][0] = np.nan
    assert [one.kind for one in fanin.audit(models, MODELS["transformer"]).findings] == ["nan"]
