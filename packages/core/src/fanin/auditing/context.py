"""What all checks of an audit share: the false alarms that each test may raise, and how a line is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fanin.auditing.units import Unit
from fanin.initializers import Initializer
from fanin.models.parameter import Parameter

__all__ = ["Context", "line_of_law"]

TESTS_OF_A_UNIT: Final = 5
"""Mean, spread, distribution function, the end of the tail, and single weights beyond it."""

OTHER_TESTS: Final = 4
"""Of a tensor: its siblings, the rows, the columns and the tensors that may be equal by chance."""


@dataclass(frozen=True)
class Context:
    """What is known of the whole audit.

    Attributes:
        rate: The probability of any false finding of the whole model.
        units: How many units are tested.
        tensors: How many tensors there are.
        has_scheme: Whether a scheme says what is right.
        seed: The seed, or None.
    """

    rate: float
    units: int
    tensors: int
    has_scheme: bool
    seed: int | None

    @property
    def alpha(self) -> float:
        """The probability with which one test may fail by chance (Bonferroni)."""
        return self.rate / (TESTS_OF_A_UNIT * self.units + OTHER_TESTS * self.tensors + 1)

    def line(self, unit: Unit) -> str:
        """Return the line that gives a unit its right weights."""
        if unit.parameter is None or unit.parameter.initializer is None:
            shape = tuple(stop - start for start, stop in unit.region[1:]) if unit.index else unit.shape
            return line_of_shape(unit.name, shape, unit.index or "...")
        place = f"[{unit.index}]" if unit.index else unit.place or "[...]"
        return f'weights["{unit.name}"]{place} = {line_of_law(unit.parameter, unit.stream, self.seed)}'


def line_of_shape(name: str, shape: tuple[int, ...], index: str = "...") -> str:
    """Return the line that gives a tensor usual weights, where nothing says what is right."""
    if len(shape) >= 2:
        stream = name if index == "..." else f"{name}.{index}"
        call = f'fanin.init({shape}, "he", layout=..., name="{stream}")'
        return f'weights["{name}"][{index}] = {call}  # or the model\'s law'
    value = "ones" if name.endswith(("weight", "scale", "gamma")) else "zeros"
    return f'weights["{name}"][...] = fanin.init({shape}, "{value}")'


def line_of_law(parameter: Parameter, stream: object, seed: int | None) -> str:
    """Return the call that draws a parameter."""
    words = [str(parameter.shape), _law_text(parameter.initializer)]
    if parameter.layout is not None:
        words.append(f'layout="{parameter.layout}"')
    if parameter.groups > 1:
        words.append(f"groups={parameter.groups}")
    if parameter.transposed:
        words.append("transposed=True")
    if any(step > 1 for step in parameter.geometry.stride):
        words.append(f"stride={parameter.geometry.stride}")
    if parameter.is_random:
        words.append(f"name={stream!r}")
        words.append(f"seed={seed or 0}")
    if parameter.dtype != "float32":
        words.append(f'dtype="{parameter.dtype}"')
    return f"fanin.init({', '.join(words)})"


def _law_text(initializer: Initializer | None) -> str:
    home = type(initializer).__module__
    return f"{home if home.startswith('fanin.profiles') else 'fanin.initializers'}.{initializer!r}"
