"""Names that must be said: what a function asks for that writes one tensor of many."""

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
"""The default of a name that must be said where weights are random: None is a name too, of the seed's own stream."""


def check_unnamed(initialization: str | Initializer) -> None:
    """Check that a tensor may go without a name, since its weights are not random.

    Raises:
        FaninTypeError: They are random: a loop over tensors without names would give each the same numbers.
        FaninError: As `get_initializer`.

    Example:
        >>> check_unnamed("zeros")
    """
    if get_initializer(initialization).is_random:
        text = f'"{initialization}"' if isinstance(initialization, str) else str(initialization)
        raise FaninTypeError(
            f"init_ needs name= where the weights are random: two tensors without a name get the same numbers. "
            f"Received: {text} and no name. Pass the parameter's own, as torch's model.named_parameters() has it: "
            f'init_(parameter, {text}, name="0.weight"). Or say name=None, which is the seed\'s own stream.'
        )
