"""A fault of a network's start, and the line to write against it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from fanin.signal.layer import Layer

__all__ = ["Finding", "Severity", "line_of", "tables_of", "written"]

Severity: TypeAlias = Literal["severe", "mild"]

_LAYERS: Final = {
    "torch": "fanin_torch.init_module_(model, {line}, seed=0{more})",
    "jax": "kernel_init=fanin_jax.initializer({line})",
}
_EMBEDDINGS: Final = {
    "torch": 'fanin_torch.init_(model.get_parameter("{layer}.weight"), {line}, name="{layer}.weight", seed=0)',
    "jax": "embedding_init=fanin_jax.initializer({line})",
}
"""What one writes in each framework: {line} is the initialization, {more} other arguments."""


@dataclass(frozen=True)
class Finding:
    """Something that keeps a model from learning at the start.

    Attributes:
        kind: What it is, in a word or two: "signal", "gradient", "dead", "saturated", "symmetry", "attention",
            "residual", "embedding", "not finite", "loss".
        layer: The layer where it shows first.
        text: What was found, with its numbers.
        cause: Its likely cause, or what to look at.
        line: What to write, where one line mends it.
        severity: "severe" where next to nothing can be learnt like this, "mild" where it costs time or range.
        constants: Whether the cause is a constant, such as a bias, which a line must overwrite.
    """

    kind: str
    layer: str
    text: str
    cause: str
    line: str | None = None
    severity: Severity = "severe"
    constants: bool = False

    def __str__(self) -> str:
        return f"In {self.layer}, {self.text}. {self.cause}" + (f" Try: {self.line}" if self.line else "")


def line_of(initialization: str) -> str:
    """Return an initialization as one writes it in Python.

    Example:
        >>> line_of("he"), line_of("he(activation='tanh')")
        ('"he"', "fanin.he_normal(activation='tanh')")
    """
    called = initialization.replace("he(", "fanin.he_normal(")
    return called if "(" in initialization else f'"{initialization}"'


def tables_of(layers: Sequence[Layer]) -> list[str]:
    """Return what torch calls the weights of the tables of vectors."""
    names = (layer.name.partition(" (use ")[0] for layer in layers if layer.is_embedding)
    return [f"{name}.weight" for name in dict.fromkeys(names)]


def written(finding: Finding, framework: str, layers: Sequence[Layer] = ()) -> Finding:
    """Return a finding whose line is what one writes in a framework, and not only the initialization.

    Args:
        finding: The finding.
        framework: "torch" or "jax".
        layers: The layers, of which torch's line leaves the tables of vectors as they are.
    """
    if finding.line is None:
        return finding
    kept = ", ".join(f'"{name}": None' for name in tables_of(layers))
    more = (f", overrides={{{kept}}}" if kept else "") + (', constants="overwrite"' if finding.constants else "")
    form = (_EMBEDDINGS if finding.kind == "embedding" else _LAYERS)[framework]
    return dataclasses.replace(finding, line=form.format(line=finding.line, layer=finding.layer, more=more))
