"""Whether the backends agree: on the initial weights to the bit, and on the loss curves to rounding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fanin.compare.results import Results
from fanin.initializers.parse import parse_initialization

__all__ = ["HEADINGS", "ROUNDING_ALONE", "Agreement", "agreements", "loss_differences"]


@dataclass(frozen=True)
class Agreement:
    """How the backends compare on one initialization, over all its seeds.

    Attributes:
        initialization: Its label.
        backends: The backends compared, at least two.
        exact: Whether the specification promises equal bits.
        digests: The digests seen with the first seed, by backend.
        identical: Whether the digests agree for every seed.
        largest_weight_difference: Largest absolute difference of an initial weight.
        differences: Largest difference between two backends' losses at each step, over the seeds.
        control: Largest difference at each step between numpy and its control (`Results.controls`), or None.
    """

    initialization: str
    backends: tuple[str, ...]
    exact: bool
    digests: dict[str, str]
    identical: bool
    largest_weight_difference: float
    differences: NDArray[np.float64]
    control: NDArray[np.float64] | None = None

    @property
    def broken(self) -> bool:
        """Whether a promise is broken."""
        return self.exact and not self.identical

    def sentence(self) -> str:
        """Return the finding about the initial weights in a sentence."""
        names = f"{', '.join(self.backends[:-1])} and {self.backends[-1]}"
        if self.identical:
            return f"{self.initialization}: initial weights identical in {names}"
        if self.exact:
            digests = ", ".join(f"{name} {value[:10]}" for name, value in self.digests.items())
            return f"{self.initialization}: initial weights DIFFER, which the specification forbids ({digests})"
        return (
            f"{self.initialization}: initial weights equal to {self.largest_weight_difference:.1e} in {names}; the "
            f"specification promises no more for this initializer"
        )

    def cells(self) -> list[str]:
        """Return the loss differences as text: first step, median, largest; then the control's median and largest."""
        if not self.differences.size:
            return ["-"] * 5
        own = [self.differences[0], np.median(self.differences), self.differences.max()]
        control = [] if self.control is None else [np.median(self.control), self.control.max()]
        return [f"{value:.1e}" for value in (*own, *control)] + ["-"] * (2 - len(control))


HEADINGS: Final = (
    "loss differs at\nthe first step",
    "\nmedian",
    "\nlargest",
    "rounding alone:\nmedian",
    "\nlargest",
)
"""Of `Agreement.cells`."""

ROUNDING_ALONE: Final = (
    "rounding alone: numpy against numpy with the last bit of each initial weight changed; no two libraries can be "
    "expected to be closer, unless it is 0: no signal comes through"
)


def loss_differences(losses: list[list[float]]) -> NDArray[np.float64]:
    """Return the largest difference between any two loss curves at each step that all of them reached.

    Losses that are equally not finite do not differ.
    """
    steps = min(map(len, losses))
    curves = np.array([curve[:steps] for curve in losses], dtype=np.float64)
    with np.errstate(invalid="ignore"):
        difference = curves.max(axis=0) - curves.min(axis=0)
    alike = (np.isnan(curves).all(axis=0)) | (curves == curves[:1]).all(axis=0)
    return np.where(alike, 0.0, np.where(np.isnan(difference), np.inf, difference))


def agreements(results: Results) -> list[Agreement]:
    """Compare the backends on each initialization; empty where only one backend ran."""
    found = []
    for label in results.experiment.initializations:
        groups = results.groups(label)
        compared = [group for group in groups if len(group) > 1]
        if not compared:
            continue
        whole = [group for group in compared if all(run.finished for run in group)] or compared
        plans = results.network.plans(parse_initialization(label))
        found.append(
            Agreement(
                initialization=label,
                backends=tuple(run.backend for run in compared[0]),
                exact=results.exact and all(plan.rule.kind != "haar" for plan in plans),
                digests={run.backend: run.digest for run in compared[0]},
                identical=all(len({run.digest for run in group}) == 1 for group in compared),
                largest_weight_difference=max(results.weight_differences[label, group[0].seed] for group in compared),
                differences=_largest([[run.step_losses for run in group] for group in whole]),
                control=_control(results, label, [group[0].seed for group in whole]),
            )
        )
    return found


def _control(results: Results, label: str, seeds: Sequence[int]) -> NDArray[np.float64] | None:
    plain = {run.seed: run.step_losses for run in results.of(label, "numpy")}
    pairs = [
        [plain[seed], losses] for seed in seeds if seed in plain and (losses := results.controls.get((label, seed)))
    ]
    return _largest(pairs) if pairs else None


def _largest(groups: list[list[list[float]]]) -> NDArray[np.float64]:
    """Return the largest difference at each step over the groups, each a list of loss curves."""
    differences = [loss_differences(group) for group in groups]
    length = max(map(len, differences))
    padded = np.array([np.pad(curve, (0, length - len(curve))) for curve in differences])
    largest: NDArray[np.float64] = padded.max(axis=0)
    return largest
