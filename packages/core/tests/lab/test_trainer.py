"""A trainer says which activations it knows; one that is added to fanin is refused until a trainer has it."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from fanin.compare.experiment import Experiment
from fanin.compare.running import train
from fanin.exceptions import BackendImportError, FaninValueError
from fanin.gains import activations
from fanin.gains.activations import Activation
from fanin.lab import trainer
from fanin.lab.data import Data
from fanin.lab.trainer import load_trainer
from fanin.probe.measure import probe

from .fakes import ReferenceBackend, ReluTrainer

HALF_RELU = Activation("halfrelu", "max(x, 0) / 2", lambda x: max(x, 0.0) / 2, lambda x: 0.5 * (x > 0), 0.125, 0.125)


class HalfReluTrainer(ReluTrainer):
    activations = ("relu", "halfrelu")

    def __init__(self, parameters: Any, *, activation: str, learning_rate: float) -> None:
        super().__init__(parameters, activation="relu", learning_rate=learning_rate)


@pytest.fixture
def install_trainer(monkeypatch: pytest.MonkeyPatch) -> Callable[[object], None]:
    """Return a function that makes an object the only trainer that is installed."""
    monkeypatch.setattr("fanin.lab.training.get_backend", lambda name: ReferenceBackend(name))
    monkeypatch.setattr(
        trainer, "entry_points", lambda **_: [EntryPoint("numpy", "nowhere:trainer", trainer.TRAINER_GROUP)]
    )
    return lambda factory: monkeypatch.setattr(EntryPoint, "load", lambda self: factory)


def test_an_activation_that_is_added(
    install_trainer: Callable[[object], None], blobs: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    def experiment() -> Experiment:
        return Experiment(activation="halfrelu", initializations=("he",), depth=2, width=4, epochs=1)

    with pytest.raises(FaninValueError, match=r"unknown activation 'halfrelu'\. Did you mean 'relu'"):
        experiment()
    monkeypatch.setitem(activations._PLAIN, "halfrelu", HALF_RELU)  # all that adding one takes
    added = experiment()
    install_trainer(ReluTrainer)
    words = r"^the trainer of backend 'numpy' does not know the activation 'halfrelu'\..* Accepted: relu\.$"
    with pytest.raises(FaninValueError, match=words):
        train(added, blobs)
    with pytest.raises(FaninValueError, match=words):
        probe(added, blobs)
    install_trainer(HalfReluTrainer)
    assert train(added, blobs).complete
    assert probe(added, blobs).complete


def test_a_trainer_that_declares_nothing(install_trainer: Callable[[object], None]) -> None:
    install_trainer(object())
    with pytest.raises(BackendImportError, match="AttributeError: 'object' object has no attribute 'activations'"):
        load_trainer("numpy", "relu")
