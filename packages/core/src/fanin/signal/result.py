"""A probe of a model: the verdict first, then a table, a picture, a page, or plain data."""

from __future__ import annotations

import csv
import dataclasses
import importlib.util
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from fanin.cli.text import ExtraMissingError
from fanin.exceptions import FaninTypeError, FaninValueError
from fanin.lab.files import WriteError, write_text
from fanin.models.table import columns
from fanin.signal.finding import Finding, written
from fanin.signal.layer import Attention, Dropout, Layer, Recurrence, Sum
from fanin.signal.seeds import geometric_mean
from fanin.signal.verdict import answer_of, findings_of, sentence_of
from fanin.signal.width import common_activation, wanted_std

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["ModelProbe", "combined"]

_UNDERFLOW: Final = 0.1
"""Of a gradient that loses less to float16 nothing is said."""

_HEADINGS: Final = ("layer", "kind", "std", "worst", "rms", "gradient", "<= 0", "flat", "weight", "wanted", "update")


@dataclass(frozen=True)
class ModelProbe:
    """What a model's signal and gradient do before training.

    Attributes:
        layers: One per layer with weights, in the order in which they ran.
        sums: The residual sums.
        attentions: The attentions.
        notes: What was not measured, and why.
        framework: What the lines to write are for: "torch" or "jax".
        normalised: Whether anything in it is normalised, by a layer or without one.
        concatenated: Whether layers' outputs are joined to older ones, as in a DenseNet.
        dropouts: The dropouts that are at work.
        recurrences: The recurrent layers over their steps.
        has_loss: Whether the loss was given, so that the gradients' sizes mean something, and not only their ratios.
        seeds: The probes that this one is the geometric mean of, one per seed.
        training: The losses of a short run on the batch, before each step; those of several seeds are their means.
        kept: What torch calls the weights of the tables of vectors, measured or not, which a line leaves as they are.
    """

    layers: Sequence[Layer]
    sums: Sequence[Sum] = ()
    attentions: Sequence[Attention] = ()
    notes: Sequence[str] = ()
    framework: str = "torch"
    normalised: bool = False
    has_loss: bool = False
    seeds: Sequence[ModelProbe] = ()
    training: Sequence[float] = ()
    concatenated: bool = False
    dropouts: Sequence[Dropout] = ()
    recurrences: Sequence[Recurrence] = ()
    kept: Sequence[str] = ()

    @property
    def findings(self) -> list[Finding]:
        """What keeps the model from learning, the likeliest first; empty where the signal is fine."""
        found = findings_of(
            self.layers,
            self.sums,
            self.attentions,
            self.normalised,
            dropouts=self.dropouts,
            recurrences=self.recurrences,
            is_plain=not self.sums and not self.concatenated,
        )
        return [written(finding, self.framework, self.kept) for finding in found]

    @property
    def verdict(self) -> str:
        """Whether it is the initialization, in a sentence."""
        return sentence_of(self.findings, self.layers) + self._over_seeds()

    @property
    def answer(self) -> str:
        """The verdict without its cause: whether it is the initialization."""
        return answer_of(self.findings, self.layers) + self._over_seeds()

    def _over_seeds(self) -> str:
        if not self.seeds:
            return ""
        kinds = [one.findings[0].kind if one.findings else "" for one in self.seeds]
        same = kinds.count(self.findings[0].kind if self.findings else "")
        return f" (Geometric means of {len(kinds)} seeds, of which {same} alone would have the same verdict.)"

    @property
    def remarks(self) -> list[str]:
        """What else there is to say, in sentences."""
        lost = max(self.layers, key=lambda layer: layer.underflow or 0.0, default=None)
        remarks = list(self.notes)
        if self.training:
            ends = f"{self.training[0]:.3g} to {self.training[-1]:.3g}"
            remarks.append(f"In a short run, {len(self.training)} steps on this batch, the loss goes from {ends}.")
        if self.has_loss and lost is not None and (lost.underflow or 0.0) > _UNDERFLOW:
            remarks.append(
                f"float16 would round {lost.underflow:.0%} of the gradient at {lost.name} to 0: scale the loss, or "
                f"take bfloat16."
            )
        return remarks

    @property
    def tables(self) -> str:
        """The layers, the residual sums, the attentions and the recurrent layers, as text."""
        found = []
        if self.layers:
            found.append(columns([_HEADINGS, *map(self._cells, self.layers)]))
        if self.sums:
            rows = [(one.name, _number(one.std), _number(one.branch)) for one in self.sums]
            found.append(columns([("residual sum in", "std", "of the branch"), *rows]))
        if self.attentions:
            rows = [(one.name, _number(one.logits), f"{one.entropy:.0%}") for one in self.attentions]
            found.append(columns([("attention in", "std of logits", "entropy"), *rows]))
        if self.recurrences:
            headings = ("recurrent layer", "steps", "std of its state, first", "last", "flat gates")
            found.append(columns([headings, *map(_steps, self.recurrences)]))
        return "\n\n".join(found)

    def __str__(self) -> str:
        more = [f"- {finding.severity}: {finding}" for finding in self.findings[1:]]
        rest = "\n".join([*more, *(f"- {remark}" for remark in self.remarks)])
        return "\n\n".join(part for part in (self.verdict, self.tables, rest) if part)

    def _cells(self, layer: Layer) -> tuple[str, ...]:
        wanted = wanted_std(layer, common_activation(self.layers))
        return (
            layer.name,
            layer.kind,
            _number(layer.std),
            _number(layer.worst),
            _number(layer.rms),
            _number(layer.gradient),
            f"{layer.nonpositive:.0%}",
            "" if layer.saturated is None else f"{layer.saturated:.0%}",
            _number(layer.weight_std),
            _number(wanted),
            _number(layer.update),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return {
            "verdict": self.verdict,
            "findings": [dataclasses.asdict(one) for one in self.findings],
            "layers": [dataclasses.asdict(one) for one in self.layers],
            "sums": [dataclasses.asdict(one) for one in self.sums],
            "attentions": [dataclasses.asdict(one) for one in self.attentions],
            "dropouts": [dataclasses.asdict(one) for one in self.dropouts],
            "recurrences": [dataclasses.asdict(one) for one in self.recurrences],
            "training": list(self.training),
            "notes": self.remarks,
            "seeds": [one.to_dict() for one in self.seeds],
        }

    def to_csv(self) -> str:
        """Return the layers as comma-separated values, one line each."""
        text = io.StringIO()
        writer = csv.DictWriter(text, [one.name for one in dataclasses.fields(Layer)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(dataclasses.asdict(one) for one in self.layers)
        return text.getvalue()

    def figure(self, after: ModelProbe | None = None) -> Figure:
        """Return a picture: signal, gradient and dead units by layer, beside those of another probe if one is given.

        Args:
            after: A probe of the same model after a change.
        """
        _check_after(after)
        _check_matplotlib()
        from fanin.signal.figure import draw

        return draw(self, after)

    def to_html(self, after: ModelProbe | None = None) -> str:
        """Return a page that works offline: the verdict, the picture and the table."""
        _check_after(after)
        _check_matplotlib()
        from fanin.signal.page import page

        return page(self, after)

    def save(self, path: str | Path, after: ModelProbe | None = None) -> None:
        """Write the page: whole, or not at all.

        Raises:
            FaninError: The folder is not there, or cannot be written to.
        """
        place = Path(path)
        if not place.parent.is_dir() or place.is_dir():
            fault = "is a folder" if place.is_dir() else f"lies in a folder that is not there, {str(place.parent)!r}"
            raise WriteError(f"a page is a file in an existing folder. Received: {str(path)!r}, which {fault}.")
        write_text(place, self.to_html(after))

    def _repr_html_(self) -> str:
        return self.to_html()


def combined(probes: Sequence[ModelProbe]) -> ModelProbe:
    """Return one probe of several of the same model: geometric means, and of each layer the worst std.

    Raises:
        FaninValueError: Their layers differ.
    """
    first = probes[0]
    names = [[layer.name for layer in one.layers] for one in probes]
    if any(own != names[0] for own in names):
        raise FaninValueError(
            f"each seed must build the same model. Received: models of {', '.join(str(len(own)) for own in names)} "
            f"layers, or with other names. Build one without random choices."
        )
    return dataclasses.replace(
        first,
        layers=tuple(_mean_layer(same) for same in zip(*(one.layers for one in probes), strict=True)),
        sums=tuple(_mean(same) for same in zip(*(one.sums for one in probes), strict=False)),
        attentions=tuple(_mean(same) for same in zip(*(one.attentions for one in probes), strict=False)),
        recurrences=tuple(_mean_recurrence(same) for same in zip(*(one.recurrences for one in probes), strict=False)),
        notes=tuple(dict.fromkeys(note for one in probes for note in one.notes)),
        seeds=tuple(probes),
        training=tuple(sum(losses) / len(losses) for losses in zip(*(one.training for one in probes), strict=True)),
    )


_Part = TypeVar("_Part", Layer, Sum, Attention, Recurrence)


def _mean(same: Sequence[_Part]) -> _Part:
    """Return what is measured of one part of a model, each number its geometric mean over the probes."""
    values = {one.name: [getattr(part, one.name) for part in same] for one in dataclasses.fields(same[0])}
    means: dict[str, Any] = {
        name: geometric_mean(found) for name, found in values.items() if all(type(v) is float for v in found)
    }
    return dataclasses.replace(same[0], **means)


def _mean_recurrence(same: Sequence[Recurrence]) -> Recurrence:
    share = sum(one.saturated for one in same) / len(same)
    return dataclasses.replace(_mean(same), saturated=share)


def _mean_layer(same: Sequence[Layer]) -> Layer:
    shares = {name: [getattr(layer, name) for layer in same] for name in ("nonpositive", "saturated", "underflow")}
    arithmetic = {name: sum(found) / len(found) for name, found in shares.items() if None not in found}
    worst = max((layer.std for layer in same), key=lambda std: abs(math.log(std)) if 0 < std < math.inf else math.inf)
    return dataclasses.replace(_mean(same), **arithmetic, worst=worst)


def _check_after(after: object) -> None:
    if after is not None and not isinstance(after, ModelProbe):
        raise FaninTypeError(f"after is another probe, of the model after a change. Received: {type(after).__name__}.")


def _check_matplotlib() -> None:
    if importlib.util.find_spec("matplotlib") is None:
        raise ExtraMissingError("a picture needs matplotlib, which is not installed. Run: pip install matplotlib.")


def _steps(one: Recurrence) -> tuple[str, ...]:
    return one.name, str(one.steps), _number(one.first), _number(one.last), f"{one.saturated:.0%}"


def _number(value: float | None) -> str:
    if value is None:
        return ""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    return f"{value:.2g}" if 1e-3 <= abs(value) < 1e4 else f"{value:.0e}"
