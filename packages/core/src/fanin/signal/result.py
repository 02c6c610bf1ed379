"""A probe of a model: the verdict first, then a table, a picture, a page, or plain data."""

from __future__ import annotations

import csv
import dataclasses
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fanin.models.table import columns
from fanin.signal.layer import Attention, Layer, Sum
from fanin.signal.verdict import Finding, common_activation, findings_of, sentence_of, wanted_std, written

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["ModelProbe"]

_HEADINGS: Final = ("layer", "kind", "std", "rms", "gradient", "<= 0", "flat", "weight", "wanted", "update")


@dataclass(frozen=True)
class ModelProbe:
    """What a model's signal and gradient do before training.

    Attributes:
        layers: One per layer with weights, in the order in which they ran.
        sums: The residual sums.
        attentions: The attentions.
        notes: What was not measured, and why.
        framework: What the lines to write are for: "torch" or "jax".
    """

    layers: Sequence[Layer]
    sums: Sequence[Sum] = ()
    attentions: Sequence[Attention] = ()
    notes: Sequence[str] = ()
    framework: str = "torch"

    @property
    def findings(self) -> list[Finding]:
        """What keeps the model from learning, the likeliest first; empty where the signal is fine."""
        found = findings_of(self.layers, self.sums, self.attentions)
        return [written(finding, self.framework) for finding in found]

    @property
    def verdict(self) -> str:
        """Whether it is the initialization, in a sentence."""
        return sentence_of(self.findings, self.layers)

    def __str__(self) -> str:
        lines = [self.verdict, "", columns([_HEADINGS, *map(self._cells, self.layers)])]
        if self.sums:
            rows = [(one.name, _number(one.std), _number(one.branch)) for one in self.sums]
            lines += ["", columns([("residual sum in", "std", "of the branch"), *rows])]
        if self.attentions:
            rows = [(one.name, _number(one.logits), f"{one.entropy:.0%}") for one in self.attentions]
            lines += ["", columns([("attention in", "std of logits", "entropy"), *rows])]
        more = [f"- {finding}" for finding in self.findings[1:]]
        return "\n".join([*lines, *([""] if more or self.notes else []), *more, *(f"- {note}" for note in self.notes)])

    def _cells(self, layer: Layer) -> tuple[str, ...]:
        wanted = wanted_std(layer, common_activation(self.layers))
        return (
            layer.name,
            layer.kind,
            _number(layer.std),
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
            "notes": list(self.notes),
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
        from fanin.signal.figure import draw

        return draw(self, after)

    def to_html(self, after: ModelProbe | None = None) -> str:
        """Return a page that works offline: the verdict, the picture and the table."""
        from fanin.signal.page import page

        return page(self, after)

    def save(self, path: str | Path, after: ModelProbe | None = None) -> None:
        """Write the page."""
        Path(path).write_text(self.to_html(after), encoding="utf-8")

    def _repr_html_(self) -> str:
        return self.to_html()


def _number(value: float | None) -> str:
    if value is None:
        return ""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    return f"{value:.2g}" if 1e-3 <= abs(value) < 1e4 else f"{value:.0e}"
