"""What to compare: a study, and one way of training its networks."""

from __future__ import annotations

from dataclasses import dataclass

from fanin._checks import finite_number, whole_number
from fanin.exceptions import FaninValueError
from fanin.lab.network import Study

__all__ = ["Experiment"]


@dataclass(frozen=True)
class Experiment(Study):
    """A study whose networks are trained; each seed gives another order of the batches too.

    Attributes:
        learning_rate: Step size of plain stochastic gradient descent, above 0.
        epochs: Passes over the training data, at least 1.
        batch_size: Samples of one step, at least 1.
    """

    learning_rate: float = 0.02
    epochs: int = 20
    batch_size: int = 32

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("epochs", "batch_size"):
            whole_number(getattr(self, name), name.replace("_", " "), 1)
        if finite_number(self.learning_rate, "learning rate") <= 0:
            raise FaninValueError(f"learning rate must be above 0. Received: {self.learning_rate}.")
