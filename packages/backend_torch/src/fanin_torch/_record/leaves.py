"""The values in an operator's arguments or results, which are nested in lists, tuples and dictionaries alone.

`torch.utils._pytree` knows many more containers, and takes several times as long, which a tape pays per operation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["leaves_of", "with_leaves"]


def leaves_of(nested: object) -> list[Any]:
    """Return the values, in order.

    Example:
        >>> leaves_of(([1, (2.5,)], {"out": None}))
        [1, 2.5, None]
    """
    if isinstance(nested, dict):
        nested = nested.values()
    elif not isinstance(nested, (list, tuple)):
        return [nested]
    return [leaf for one in nested for leaf in leaves_of(one)]


def with_leaves(function: Callable[[Any], Any], nested: Any) -> Any:
    """Return the same lists, tuples and dictionaries, with what a function makes of each value.

    Example:
        >>> with_leaves(str, ([1, (2.5,)], {"out": None}))
        (['1', ('2.5',)], {'out': 'None'})
    """
    if isinstance(nested, dict):
        return {key: with_leaves(function, one) for key, one in nested.items()}
    if isinstance(nested, (list, tuple)):
        made = [with_leaves(function, one) for one in nested]
        return made if isinstance(nested, list) else tuple(made)
    return function(nested)
