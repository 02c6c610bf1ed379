"""A case: the arguments of one call of `fanin.init`, which every check of either level draws its weights by."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import lru_cache

from fanin.initializers import Initializer
from fanin.initializers.names import get_initializer, initializer_names
from fanin.plans import Name, Plan, plan
from fanin.plans.rules import Draw

__all__ = ["Case"]


@dataclass(frozen=True)
class Case:
    """One call of `fanin.init`, and for the lattice's own cases the ranks it is restricted to.

    Attributes:
        ranks: (first, count): draw only these ranks of the normal lattice, which is how each segment of its table is
            reached without drawing 2^32 elements. None for the initializer's own.
    """

    shape: tuple[int, ...]
    initialization: str | Initializer
    layout: str | None = None
    seed: int = 0
    name: Name = None
    dtype: str = "float32"
    slices: tuple[tuple[int, int], ...] | None = None
    groups: int = 1
    transposed: bool = False
    stride: int | tuple[int, ...] | None = None
    ranks: tuple[int, int] | None = None

    def plan(self) -> Plan:
        """Return the case as a plan."""
        return _plan(self)

    def call(self, backend: str) -> str:
        """Return the call of `fanin.init` as a line of Python."""
        call = f"fanin.init({self.arguments()}, backend={backend!r})"
        return call if self.ranks is None else f"{call} with rule.first_rank, rule.ranks = {self.ranks}"

    def arguments(self) -> str:
        """Return the arguments that are not the default as Python text."""
        given = [repr(self.shape), _text(self.initialization)]
        for field in dataclasses.fields(self)[2:-1]:
            value = getattr(self, field.name)
            if value != field.default:
                text = f"[{', '.join(f'slice{part}' for part in value)}]" if field.name == "slices" else repr(value)
                given.append(f"{field.name}={text}")
        return ", ".join(given)


@lru_cache(maxsize=4096)
def _plan(case: Case) -> Plan:
    made = plan(
        case.shape,
        case.initialization,
        layout=case.layout,
        seed=case.seed,
        name=case.name,
        dtype=case.dtype,
        slices=None if case.slices is None else [slice(*part) for part in case.slices],
        groups=case.groups,
        transposed=case.transposed,
        stride=case.stride,
    )
    if case.ranks is None:
        return made
    assert isinstance(made.rule, Draw)
    first, count = case.ranks
    rule = dataclasses.replace(made.rule, distribution="truncated_normal", first_rank=first, ranks=count)
    return dataclasses.replace(made, rule=rule)


def _text(initialization: str | Initializer) -> str:
    """Return the shortest text that stands for an initializer: the name of a preset where it is one."""
    if isinstance(initialization, str):
        return repr(initialization)
    names = (name for name in initializer_names() if get_initializer(name) == initialization)
    preset = next(names, None)
    if preset is not None:
        return repr(preset)
    settings = initialization.to_dict()
    kind = settings.pop("initializer")
    return f"fanin.{kind}({', '.join(f'{name}={value!r}' for name, value in settings.items())})"
