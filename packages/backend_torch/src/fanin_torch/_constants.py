"""Constants that a model has set itself, a last scale of zero or a bias of a prior probability: kept, or told."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

import torch
from torch import Tensor

from fanin.exceptions import FaninValueError
from fanin_torch._layers import NORMS
from fanin_torch._names import Named

__all__ = ["Choice", "Constants"]

Choice: TypeAlias = Literal["keep", "overwrite"] | None
"""What happens to constants that a model has set; None keeps scales and biases, overwrites weights, and warns."""

_CHOICES: Final = (None, "keep", "overwrite")


@dataclass
class Constants:
    """What a module's parameters hold now, where all of their values are the same.

    A constant that the model has set can only be told from undefined memory while some normalization still has the
    scale of 1 that it was made with: where none has, nothing is kept. The parts of distributed tensors are not looked
    at, since the processes would decide differently.

    Attributes:
        choice: What the caller wants.
        trusted: Whether the module's values are those of its constructor, as far as can be told.
        kept: Names and constants that stay although they are not what is usual.
        lost: Names and constants that are overwritten.
    """

    choice: Choice
    trusted: bool
    kept: dict[str, float] = field(default_factory=dict)
    lost: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, tensors: list[Named], choice: object) -> Constants:
        """Look at a module's parameters.

        Raises:
            FaninValueError: The choice is none.
        """
        if choice not in _CHOICES:
            raise FaninValueError(f'constants must be "keep", "overwrite" or None. Received: {choice!r}.')
        scales = [
            _constant(one.tensor)
            for one in tensors
            if any(isinstance(owner, NORMS) and key == "weight" for owner, key in one.places)
        ]
        return cls(choice, not scales or 1.0 in scales)

    def keep(self, one: Named, usual: float | None, is_scale: bool) -> float | None:
        """Return the constant that a parameter keeps, or None if it is to be overwritten.

        Args:
            one: The parameter.
            usual: The constant that it is overwritten with; None for a law, which leaves no constant.
            is_scale: Whether it is always made as a constant, so that even a single value is one.
        """
        value = _constant(one.tensor)
        if value is None or (one.tensor.numel() < 2 and not is_scale) or value == usual:
            return None
        if self.choice == "keep" or (self.choice is None and usual is not None and self.trusted):
            self.kept[one.names[0]] = value
            return value
        self.lost[one.names[0]] = value
        return None

    def tell(self) -> None:
        """Warn of what is kept and of what is overwritten, unless the caller said which."""
        if self.choice is not None or not (self.kept or self.lost):
            return
        told = [f"{verb} {_listed(found)}" for verb, found in (("kept", self.kept), ("overwrote", self.lost)) if found]
        warnings.warn(
            f'init_module_ found constants that the model has set itself: {"; ".join(told)}. Say constants="keep" to '
            f'keep all of them, or constants="overwrite" to overwrite all, for example after to_empty().',
            stacklevel=3,
        )


def _constant(tensor: Tensor) -> float | None:
    """Return the one finite value of all elements of a tensor in this process's memory, or None."""
    if tensor.is_meta or hasattr(tensor, "device_mesh") or not tensor.numel() or tensor.is_complex():
        return None
    values = tensor.detach()
    if values.is_contiguous() and len(set(values.view(-1)[:4].tolist())) > 1:
        return None  # nearly all weights end here, and to compare them all would take longer
    first = values[(0,) * values.ndim]
    value = float(first)
    return value if math.isfinite(value) and bool(torch.all(values == first)) else None


def _listed(found: dict[str, float], most: int = 5) -> str:
    texts = [f"{name} = {value:g}" for name, value in found.items()]
    return ", ".join(texts[:most]) + (f" and {len(texts) - most} more" if len(texts) > most else "")
