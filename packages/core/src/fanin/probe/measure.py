"""Measuring the signal and the gradient of untrained networks, layer by layer."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from fanin.initializers.parse import parse_initialization
from fanin.lab.data import Data
from fanin.lab.network import Network, Study
from fanin.lab.snapshot import Snapshot, second_moment, snapshot
from fanin.lab.training import PROBED, build, check, one_thread
from fanin.probe.theory import Theory, predict
from fanin.signal.seeds import geometric_mean

__all__ = ["Measured", "Probe", "probe"]


@dataclass
class Measured:
    """One initialization's networks, one per seed.

    Attributes:
        initialization: Its label.
        theory: The predictions, or None where the theory has none.
        snapshots: What was measured, one per seed.
    """

    initialization: str
    theory: Theory | None
    snapshots: list[Snapshot] = field(default_factory=list)

    def activations(self) -> list[float]:
        """Return each layer's mean square: the geometric mean over the seeds whose signal is not 0."""
        return _means([taken.activation_moments for taken in self.snapshots])

    def gradients(self) -> list[float]:
        """Return each layer's mean square gradient: the geometric mean over the seeds whose gradient is not 0."""
        return _means([taken.gradient_moments for taken in self.snapshots])

    def worst(self, layer: int, *, backward: bool = False) -> float:
        """Return the mean square of a layer with the seed that is farthest from the mean over them."""
        moments = [taken.gradient_moments if backward else taken.activation_moments for taken in self.snapshots]
        mean = (self.gradients() if backward else self.activations())[layer]
        return max((one[layer] for one in moments), key=lambda found: _far(found, mean))

    @property
    def died(self) -> int:
        """How many of the seeds have a last hidden layer of zeros, where others have not."""
        zeros = sum(taken.activation_moments[-2] == 0 for taken in self.snapshots)
        return zeros if zeros < len(self.snapshots) else 0

    def predicted_gradients(self) -> list[float] | None:
        """Return the theory's gradients: its factors times what was measured at the output."""
        output = self.gradients()[-1]
        return None if self.theory is None else [output * factor for factor in self.theory.gradient_factors]

    @property
    def distinct(self) -> int:
        """The smallest number of distinct units of a hidden layer, over the seeds."""
        return min(min(taken.distinct[:-1]) for taken in self.snapshots)


@dataclass
class Probe:
    """What a probe gave.

    Attributes:
        network: The network.
        data: The data that was pushed through it.
        input_moment: Mean square of that data.
        measured: The findings, one per initialization.
        complete: Whether every network was measured.
        notes: What else there is to say of the initializations, in sentences.
    """

    network: Network
    data: Data
    input_moment: float
    measured: list[Measured] = field(default_factory=list)
    complete: bool = False
    notes: list[str] = field(default_factory=list)


def _means(rows: list[tuple[float, ...]]) -> list[float]:
    """Return the geometric mean of each column, without its zeros unless there is nothing else."""
    columns = zip(*rows, strict=True)
    return [geometric_mean([value for value in column if value != 0] or [0.0]) for column in columns]


def _far(found: float, mean: float) -> float:
    """Return how far a size is from the mean, by a factor: a zero and what is not finite are farthest."""
    usual = math.isfinite(found) and math.isfinite(mean) and found > 0 and mean > 0
    return abs(math.log(found / mean)) if usual else math.inf if found != mean else 0.0


def probe(study: Study, data: Data, on_network: Callable[[str, int], None] = lambda *_: None) -> Probe:
    """Draw each network, push training data through it once, and measure every layer; nothing is trained.

    A KeyboardInterrupt ends the measuring and not the program: the result is then marked as not complete.

    Args:
        study: What to probe, on its first backend.
        data: The data, from `fanin.lab.data.load_data`.
        on_network: Called with label and seed when a network begins.

    Raises:
        FaninError: The backend or its trainer cannot be loaded, or cannot draw what is asked for.
    """
    backend = check(study, data)[0]
    network = study.network(data.features, data.classes)
    data = data.astype(study.dtype)
    inputs, labels = data.train_inputs[:PROBED], data.train_labels[:PROBED]
    result = Probe(network, data, second_moment(inputs), notes=study.equal())
    with one_thread(), suppress(KeyboardInterrupt):
        for label in study.initializations:
            found = Measured(label, predict(network, parse_initialization(label), result.input_moment))
            for seed in study.seeds:
                on_network(label, seed)
                trainer, _ = build(backend, network, label, seed, study.dtype)
                found.snapshots.append(snapshot(trainer.trace(inputs, labels), trainer.parameters()))
                if len(found.snapshots) == 1:
                    result.measured.append(found)
        result.complete = True
    return result
