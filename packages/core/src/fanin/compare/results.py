"""What an experiment gives: one record per run, and all of them together."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

from fanin.compare.experiment import Experiment
from fanin.lab.data import Data
from fanin.lab.network import Network
from fanin.lab.snapshot import Snapshot

__all__ = ["Results", "Run"]


@dataclass
class Run:
    """One network's training, as far as it came.

    Attributes:
        backend: Name of the backend.
        initialization: Label of the initialization.
        seed: The seed.
        digest: SHA-256 of the initial parameters, layer by layer, as little-endian bytes.
        step_losses: Mean loss of each step's batch, before the step.
        train_losses: Mean loss over the training data: before training, and after each epoch.
        accuracies: Test accuracy at the same moments.
        distinct: The smallest number of distinct units that a hidden layer has, at the same moments.
        before: The network before training.
        after: The network at the end, or None where training was cut short.
        seconds: Wall time of the steps.
    """

    backend: str
    initialization: str
    seed: int
    digest: str
    step_losses: list[float] = field(default_factory=list)
    train_losses: list[float] = field(default_factory=list)
    accuracies: list[float] = field(default_factory=list)
    distinct: list[int] = field(default_factory=list)
    before: Snapshot | None = None
    after: Snapshot | None = None
    seconds: float = 0.0

    @property
    def epochs(self) -> int:
        """Finished epochs."""
        return len(self.accuracies) - 1

    @property
    def finished(self) -> bool:
        """Whether the training came to its end."""
        return self.after is not None

    @property
    def diverged(self) -> bool:
        """Whether the loss has become infinite, or no number."""
        return bool(self.train_losses) and not math.isfinite(self.train_losses[-1])

    def to_dict(self) -> dict[str, Any]:
        """Return the run as plain data, ready for JSON."""
        return {"finished": self.finished, **asdict(self)}


@dataclass
class Results:
    """All that an experiment gave.

    Attributes:
        experiment: What was asked for.
        network: The network that was trained.
        data: The data it was trained on.
        runs: The runs, in the order in which they were made; after an interruption the last one is not finished.
        exact: Whether each backend promises the specification's bits of elementwise rules.
        weight_differences: By initialization and seed, the largest difference of an initial parameter between two
            backends.
        controls: By initialization and seed, the losses of each step on numpy with the last bit of each initial weight
            changed: how far rounding alone takes this network. Only where numpy is compared with another backend.
        complete: Whether every run came to its end.
    """

    experiment: Experiment
    network: Network
    data: Data
    exact: bool = True
    runs: list[Run] = field(default_factory=list)
    weight_differences: dict[tuple[str, int], float] = field(default_factory=dict)
    controls: dict[tuple[str, int], list[float]] = field(default_factory=dict)
    complete: bool = False

    @property
    def shown(self) -> list[Run]:
        """The finished runs, for means are of whole runs only; if none is finished, the one that was begun."""
        return [run for run in self.runs if run.finished] or self.runs

    def of(self, initialization: str, backend: str | None = None) -> list[Run]:
        """Return the runs of an initialization that are shown, of one backend or of all."""
        return [run for run in self.shown if run.initialization == initialization and backend in (None, run.backend)]

    def groups(self, initialization: str) -> list[list[Run]]:
        """Return all runs of an initialization, those with one seed together."""
        runs = [run for run in self.runs if run.initialization == initialization]
        return [[run for run in runs if run.seed == seed] for seed in dict.fromkeys(run.seed for run in runs)]
