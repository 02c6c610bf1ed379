"""The names of a Keras model's variables: paths within the model, with automatic names numbered by position.

Nothing here imports Keras. The name of the model itself is in none of them: Keras puts it first in some paths, leaves
it out of others, and counts it up with each model of a process.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from fanin.exceptions import FaninValueError

__all__ = ["Named", "is_automatic", "layers_of", "own_variables", "walk"]

_VARIABLE: Final = "Variable"


@dataclass(frozen=True, eq=False)
class Named:
    """A variable of a model.

    Attributes:
        name: The names of the layers that lead to it, from the model down, and its own: "attention/query/kernel".
        variable: The variable.
        layer: The layer that has it; of several, the one that made it, or else the first.
        key: Its name in that layer: "kernel".
    """

    name: str
    variable: Any
    layer: Any
    key: str


def walk(model: Any) -> list[Named]:
    """Return the weights of a built model, each once: no state of seeds, of metrics or of optimizers.

    Raises:
        FaninValueError: No layer holds one of them.
    """
    found = list(_walk(model, "", _Seen(model)))
    known = {id(one.variable) for one in found}
    if others := [variable for variable in model.weights if id(variable) not in known]:
        raise FaninValueError(
            f"the layers of {model.name} do not have all of its weights. Left over: {others[0].path}. Keep each "
            f"variable as an attribute of a layer."
        )
    return found


def layers_of(layer: Any) -> Iterator[Any]:
    """Yield a layer and all layers in it, in the order in which they were assigned, each once."""
    seen: set[int] = set()

    def walk(one: Any) -> Iterator[Any]:
        if id(one) not in seen:
            seen.add(id(one))
            yield one
            for inner in one._layers:
                yield from walk(inner)

    return walk(layer)


def is_automatic(name: str, class_name: str) -> bool:
    """Return whether Keras would have given a name to an object of this class, by counting them: "dense_1".

    Example:
        >>> is_automatic("multi_head_attention_3", "MultiHeadAttention"), is_automatic("query", "EinsumDense")
        (True, False)
    """
    return re.fullmatch(rf"(?:(?:forward|backward)_)?{snake_case(class_name)}(?:_\d+)?", name) is not None


def snake_case(class_name: str) -> str:
    """Return a class's name as Keras writes it in automatic names.

    Example:
        >>> snake_case("Conv2DTranspose")
        'conv2d_transpose'
    """
    split = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", class_name))
    return re.sub("([a-z])([A-Z])", r"\1_\2", split).lower()


def _walk(layer: Any, prefix: str, seen: _Seen) -> Iterator[Named]:
    own = [one for one in own_variables(layer) if seen.is_new(one, layer)]
    for variable, key in zip(own, _numbered((one.name, _VARIABLE) for one in own), strict=True):
        yield Named(f"{prefix}{key}", variable, layer, key)
    inner = [one for one in layer._layers if seen.is_new(one) and one.weights]
    for one, name in zip(inner, _numbered((one.name, type(one).__name__) for one in inner), strict=True):
        yield from _walk(one, f"{prefix}{name}/", seen)


class _Seen:
    """What has been met on the way through a model.

    A wrapper may hold a variable of the layer that it wraps: it is that layer's, which has made it.
    """

    def __init__(self, model: Any) -> None:
        self._seen = {id(model)}
        self._makers: dict[int, int] = {}
        for layer in layers_of(model):
            for one in own_variables(layer):
                if one.path.split("/")[-2:-1] == [layer.name]:
                    self._makers.setdefault(id(one), id(layer))

    def is_new(self, one: Any, layer: Any = None) -> bool:
        """Return whether a layer, or a layer's variable, is met for the first time, and note it."""
        if id(one) in self._seen or (layer is not None and self._makers.get(id(one), id(layer)) != id(layer)):
            return False
        self._seen.add(id(one))
        return True


def own_variables(layer: Any) -> list[Any]:
    """Return the variables that a layer itself holds, without those of the layers in it."""
    return [*layer._trainable_variables, *layer._non_trainable_variables]


def _numbered(given: Iterable[tuple[str, str]]) -> list[str]:
    """Return names with the automatic ones numbered by position: "dense", "dense_1", whatever was built before.

    Args:
        given: Name and class of each.

    Example:
        >>> _numbered([("dense_7", "Dense"), ("dense_1", "Head"), ("dense_8", "Dense")])
        ['dense', 'dense_1', 'dense_2']
    """
    pairs = list(given)
    stems = [re.sub(r"_\d+$", "", name) if is_automatic(name, kind) else None for name, kind in pairs]
    taken = {name for (name, _), stem in zip(pairs, stems, strict=True) if stem is None}
    used: set[str] = set()
    result = []
    for (name, _), stem in zip(pairs, stems, strict=True):
        base, number = (name, 0) if stem is None else (stem, 0)
        made = base
        while made in used or (stem is not None and made in taken):
            number += 1
            made = f"{base}_{number}"
        used.add(made)
        result.append(made)
    return result
