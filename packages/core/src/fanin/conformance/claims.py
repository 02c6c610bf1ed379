"""What an implementation claims: which parts of the specification it was asked for, and which of them it drew."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, get_args

from fanin.dtypes import DTYPES
from fanin.initializers import Mode, VarianceScaling
from fanin.plans import Plan
from fanin.plans.rules import RULES

__all__ = ["PARTS", "Claims"]

PARTS: Final[dict[str, tuple[str, ...]]] = {
    "laws": (
        "constant",
        "uniform",
        "normal",
        "truncated_normal",
        "variance_scaling (uniform)",
        "variance_scaling (normal)",
        "variance_scaling (truncated_normal)",
        "identity",
        "dirac",
        "sparse",
        "orthogonal",
        "delta_orthogonal",
    ),
    "fans": get_args(Mode),
    "dtypes": tuple(DTYPES),
    "rules": tuple(sorted(RULES)),
    "layouts": ("no layout", "O", "OI", "IO", "OIW", "WIO", "OIHW", "HWIO", "OHWI", "OIDHW", "DHWIO"),
    "kernels": ("groups", "transposed", "strides", "several in- or out-axes", "stacks", "slices"),
    "streams": ("seeds", "names"),
}
"""The parts of the specification, by kind. What a check finds of one, it finds on tensors that have it."""

_NAMES: Final = ("streams", "names")
_TOTAL: Final = sum(map(len, PARTS.values()))


class Claims:
    """The parts of the specification that an implementation was asked for, filled as the checks go.

    Attributes:
        checked: (kind, part): of these, weights were drawn and looked at.
        refused: (kind, part): these were asked for, and at least once not offered.
    """

    def __init__(self) -> None:
        self.checked: set[tuple[str, str]] = set()
        self.refused: set[tuple[str, str]] = set()

    def draw(self, plan: Plan, *, named: bool = True) -> None:
        """Note that a plan was drawn, by an implementation that may or may not have streams by name."""
        parts = set(_parts(plan))
        self.checked |= parts if named else parts - {_NAMES}
        self.refused |= set() if named else parts & {_NAMES}

    def refuse(self, plan: Plan) -> None:
        """Note that a plan is not offered."""
        self.refused.update(_parts(plan))

    @property
    def share(self) -> str:
        """How many parts were checked, of how many that there are."""
        return f"{sum(len(self._of(kind, self.checked)) for kind in PARTS)} of {_TOTAL} parts of the specification"

    def lines(self) -> Iterator[str]:
        """Yield what was checked, kind by kind, and by name what was not claimed, and what was not asked for."""
        yield "claimed and checked: " + ", ".join(
            f"{kind} {len(self._of(kind, self.checked))} of {len(parts)}" for kind, parts in PARTS.items()
        )
        for what, missing in (("not claimed", self.not_claimed()), ("in none of these checks", self.not_asked())):
            if missing:
                yield f"{what}: " + "; ".join(f"{kind} {', '.join(parts)}" for kind, parts in missing.items())

    def not_claimed(self) -> dict[str, list[str]]:
        """Return the parts that were asked for and never drawn."""
        return self._missing(self.refused - self.checked)

    def not_asked(self) -> dict[str, list[str]]:
        """Return the parts that no check that ran asked for."""
        every = {(kind, part) for kind, parts in PARTS.items() for part in parts}
        return self._missing(every - self.refused - self.checked)

    def to_dict(self) -> dict[str, dict[str, list[str]]]:
        """Return what was checked, not claimed and not asked for, as plain data."""
        return {
            "checked": self._missing(self.checked),
            "not_claimed": self.not_claimed(),
            "not_asked": self.not_asked(),
        }

    @staticmethod
    def _of(kind: str, found: set[tuple[str, str]]) -> list[str]:
        return [part for part in PARTS[kind] if (kind, part) in found]

    def _missing(self, found: set[tuple[str, str]]) -> dict[str, list[str]]:
        return {kind: parts for kind in PARTS if (parts := self._of(kind, found))}


def _parts(plan: Plan) -> Iterator[tuple[str, str]]:
    law, geometry = plan.initializer, plan.geometry
    layout = geometry.layout
    yield "rules", plan.rule.kind
    yield "dtypes", plan.dtype
    if isinstance(law, VarianceScaling):
        yield "laws", f"{law.kind} ({law.distribution})"
        yield "fans", law.mode
    else:
        yield "laws", law.kind
    yield "layouts", "no layout" if layout is None else layout
    if law.is_random:
        yield "streams", "seeds"
        if plan.name is not None:
            yield _NAMES
    for part, has in (
        ("groups", geometry.groups > 1),
        ("transposed", geometry.transposed),
        ("strides", geometry.transposed and any(step > 1 for step in geometry.stride)),
        ("several in- or out-axes", layout is not None and any(layout.count(letter) > 1 for letter in "OI")),
        ("stacks", geometry.stack_axis is not None),
        ("slices", plan.shape != geometry.shape),
    ):
        if has:
            yield "kernels", part
