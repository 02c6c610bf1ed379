"""A fault of a network's start, and the line to write against it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

__all__ = ["Finding", "Severity", "line_of", "written"]

Severity: TypeAlias = Literal["error", "warning"]

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
            "residual", "embedding", "not finite", "loss", "depth", "softmax", "dropout", "recurrent".
        layer: The layer where it shows first.
        text: What was found, with its numbers.
        cause: Its likely cause, or what to look at.
        law: The initialization that mends it, as a text that `fanin.init` and the command line take; None where none
            does. It is for all layers, or of an "embedding" for that table alone.
        severity: "error" where next to nothing can be learnt like this, "warning" where it costs time or range.
        constants: Whether the cause is a constant, such as a bias, which a line must overwrite.
        blamed: What it comes of, if not of the initialization.
        line: What to write in the model's framework, where one line mends it.
    """

    kind: str
    layer: str
    text: str
    cause: str
    law: str | None = None
    severity: Severity = "error"
    constants: bool = False
    blamed: str = "the initialization"
    line: str | None = None

    def __str__(self) -> str:
        return f"In {self.layer}, {self.text}. {self.cause}" + (f" Try: {self.line}" if self.line else "")


def line_of(law: str) -> str:
    """Return an initialization as one writes it in Python.

    Example:
        >>> line_of("he"), line_of("he(activation='tanh')"), line_of("normal(std=0.02)")
        ('"he"', "fanin.he_normal(activation='tanh')", 'fanin.normal(std=0.02)')
    """
    return f"fanin.{law.replace('he(', 'he_normal(', 1)}" if "(" in law else f'"{law}"'


def written(finding: Finding, framework: str, tables: Sequence[str] = ()) -> Finding:
    """Return a finding with the line that one writes in a framework.

    Args:
        finding: The finding.
        framework: "torch" or "jax".
        tables: The weights of the tables of vectors, which torch's line leaves as they are.
    """
    if finding.law is None:
        return finding
    kept = ", ".join(f'"{name}": None' for name in tables)
    more = (f", overrides={{{kept}}}" if kept else "") + (', constants="overwrite"' if finding.constants else "")
    form = (_EMBEDDINGS if finding.kind == "embedding" else _LAYERS)[framework]
    line = form.format(line=line_of(finding.law), layer=finding.layer, more=more)
    return dataclasses.replace(finding, line=line)
