"""Which tensor of some weights is which parameter of a lock, whatever wraps the model or holds its state."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeAlias

from fanin.models.names import plain_name

__all__ = ["Naming", "naming"]

Reading: TypeAlias = Callable[[str], str | None]
"""Return what a name of the weights is in the model; None for what is not the model's."""

_TRIED: Final = 8
"""Names from which a prefix is guessed: a model may lack some of its tensors, but hardly so many."""


@dataclass(frozen=True)
class Naming:
    """How names of weights are read.

    Attributes:
        names: A lock's name to the weights' name.
        others: Names of the weights that are none of the lock's, but of the same model.
        prefix: What stands before each name of the weights, and not before the lock's.
    """

    names: Mapping[str, str]
    others: tuple[str, ...]
    prefix: str


def naming(known: Iterable[str], given: Iterable[str]) -> Naming:
    """Return which names of weights are which of a lock.

    What wrappers put into a name is left out: `_orig_mod`, `_fsdp_wrapped_module`, `_checkpoint_wrapped_module`, and
    `module`. So is what stands before every name, as "state_dict." or "params.": weights that are not under it, such
    as an optimizer's, are not the model's.

    Args:
        known: The lock's names.
        given: The weights' names.

    Example:
        >>> found = naming(["fc.weight"], ["model.module.fc.weight", "optimizer.fc.weight", "model.module.fc.bias"])
        >>> found.names, found.others, found.prefix
        ({'fc.weight': 'model.module.fc.weight'}, ('model.module.fc.bias',), 'model.')
    """
    ours, theirs = list(known), list(given)
    best: Naming | None = None
    for reading, prefix in _readings(ours, theirs):
        found: dict[str, str] = {}
        others = []
        own = set(ours)
        for name in theirs:
            read = reading(name)
            if read is None:
                continue
            if read in own and read not in found:
                found[read] = name
            else:
                others.append(name)
        if best is None or len(found) > len(best.names):
            best = Naming(found, tuple(others), prefix)
        if len(found) == len(ours):
            break
    assert best is not None
    return best


def _readings(ours: list[str], theirs: list[str]) -> Iterator[tuple[Reading, str]]:
    """Yield ways to read the weights' names, the plainest first, and the prefix that each leaves out."""
    yield plain_name, ""
    if any("module" in name.split(".") for name in theirs):
        yield _without_module, ""
    plain = [_without_module(name) for name in theirs]
    prefixes: dict[str, None] = {}
    for name in ours[:_TRIED]:
        ending = f".{name}"
        prefixes.update({one[: -len(name)]: None for one in plain if one.endswith(ending)})
    for prefix in sorted(prefixes, key=len)[: 4 * _TRIED]:
        yield partial(_behind, prefix), prefix
    before: dict[str, None] = {}
    for name in plain[:_TRIED]:
        ending = f".{name}"
        before.update({one[: -len(name)]: None for one in ours if one.endswith(ending)})
    for prefix in sorted(before, key=len)[: 4 * _TRIED]:
        yield partial(_under, prefix), ""


def _without_module(name: str) -> str:
    return ".".join(word for word in plain_name(name).split(".") if word != "module")


def _behind(prefix: str, name: str) -> str | None:
    plain = _without_module(name)
    return plain[len(prefix) :] if plain.startswith(prefix) else None


def _under(prefix: str, name: str) -> str:
    return prefix + _without_module(name)
