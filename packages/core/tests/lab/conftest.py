"""What the tests of the laboratory share: blobs to classify, and backends that need no array library but NumPy."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fanin.compare.running
import fanin.lab.training
from fanin.lab.data import Data, prepare

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

    def load(name: str, activation: str) -> Callable[..., ReluTrainer]:
        assert name in by_name
        assert activation == "relu"

        def make(*arguments: Any, **settings: Any) -> ReluTrainer:
            made.append(ReluTrainer(*arguments, **settings))
            return made[-1]

        return make

    monkeypatch.setattr(fanin.lab.training, "get_backend", by_name.__getitem__)
    for module in (fanin.lab.training, fanin.compare.running):
        monkeypatch.setattr(module, "load_trainer", load)
    return made


@pytest.fixture
def blobs() -> Data:
    return make_blobs()


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Install:
    return functools.partial(install_backends, monkeypatch)
