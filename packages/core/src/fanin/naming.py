"""Required names: the default value and the check of functions that write one tensor out of many."""

from __future__ import annotations

from enum import Enum
from typing import Final

from fanin.exceptions import FaninTypeError
from fanin.initializers import Initializer
from fanin.initializers.names import get_initializer

__all__ = ["OMITTED", "Omitted", "check_unnamed"]


class Omitted(Enum):
    """The type of `OMITTED`."""

    OMITTED = "omitted"

    def __repr__(self) -> str:
        return self.value


OMITTED: Final = Omitted.OMITTED
"""The default of a name that random weights require. None cannot be that default: it selects the seed's own stream."""


def check_unnamed(initialization: str | Initializer) -> None:
    """Check that the weights are not random, so that the tensor needs no name.

    Raises:
        FaninTypeError: The weights are random: without names, every tensor in a loop would get the same numbers.
        FaninError: As `get_initializer`.

    Example:
        >>> check_unnamed("zeros")
    """
    if get_initializer(initialization).is_random:
        text = f'"{initialization}"' if isinstance(initialization, str) else str(initialization)
        raise FaninTypeError(
            f"init_ needs name= for random weights: two tensors without a name get the same numbers. "
            f"Received: {text} without a name. Pass the parameter's own name, as torch's model.named_parameters() "
            f'gives it: init_(parameter, {text}, name="0.weight"). To use the seed\'s own stream, pass name=None.'
        )
