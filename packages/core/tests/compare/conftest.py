"""What the tests of `fanin compare` share: blobs to classify, and backends that need no array library but NumPy."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fanin.compare.training
import fanin.probe.measure
from fanin.compare.data import Data, prepare

from .fakes import ReferenceBackend, ReluTrainer

Install = Callable[..., list[ReluTrainer]]


def make_blobs() -> Data:
    """Return three classes around three points, of 40 samples with 5 features each."""
    generator = np.random.default_rng(3)
    labels = np.repeat([0, 1, 2], 40)
    inputs = generator.normal(size=(120, 5)) + 4 * np.eye(3, 5)[labels]
    return prepare("blobs", inputs, labels)


def install_backends(monkeypatch: pytest.MonkeyPatch, *backends: ReferenceBackend) -> list[ReluTrainer]:
    """Make the given backends the only ones, and return the list of trainers to come."""
    by_name = {backend.name: backend for backend in backends}
    made: list[ReluTrainer] = []

    def load(name: str) -> Callable[..., ReluTrainer]:
        assert name in by_name

        def make(*arguments: Any, **settings: Any) -> ReluTrainer:
            made.append(ReluTrainer(*arguments, **settings))
            return made[-1]

        return make

    for module in (fanin.compare.training, fanin.probe.measure):
        monkeypatch.setattr(module, "get_backend", by_name.__getitem__)
    monkeypatch.setattr(fanin.compare.training, "load_trainer", load)
    return made


@pytest.fixture
def blobs() -> Data:
    return make_blobs()


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Install:
    return functools.partial(install_backends, monkeypatch)
