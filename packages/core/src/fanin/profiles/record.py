"""A profile: the distribution that a function of another framework draws from."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fanin.exceptions import FaninTypeError, FaninValueError
from fanin.initializers import Initializer, TruncatedNormal

__all__ = ["Profile", "Recorder", "parent_truncated"]

_Make = Callable[..., Initializer]


@dataclass(frozen=True)
class Profile:
    """One profile.

    Attributes:
        name: Its name, framework first: "torch:kaiming_uniform".
        of: The function that it reproduces, as its users write it.
        make: A function that takes the same settings and returns the initializer.
        remark: A note that it shares with other profiles.
    """

    name: str
    of: str
    make: _Make
    remark: str = ""

    @property
    def formula(self) -> str:
        """The distribution, in one line."""
        return self._text[0].rstrip(".")

    @property
    def note(self) -> str:
        """What is special about it, in full sentences; empty if nothing is."""
        return " ".join(" ".join([*self._text[1:], self.remark]).split())

    @property
    def settings(self) -> str:
        """The settings and their defaults, as text: "a=0, mode='fan_in'"."""
        parameters = inspect.signature(self.make).parameters.values()
        return ", ".join(str(parameter.replace(annotation=inspect.Parameter.empty)) for parameter in parameters)

    @property
    def needs_settings(self) -> bool:
        """Whether a setting has no default, so that the name alone is not an initializer."""
        parameters = inspect.signature(self.make).parameters.values()
        return any(parameter.default is inspect.Parameter.empty for parameter in parameters)

    def only_known(self, settings: Mapping[str, object]) -> dict[str, object]:
        """Return the given settings that the function has."""
        known = inspect.signature(self.make).parameters
        return {name: value for name, value in settings.items() if name in known}

    @property
    def _text(self) -> list[str]:
        return (inspect.getdoc(self.make) or "").split("\n\n")

    def __call__(self, **settings: object) -> Initializer:
        """Return the initializer with these settings.

        Raises:
            FaninValueError: A setting is unknown, missing or out of range.
            FaninTypeError: A setting has the wrong type.
        """
        try:
            inspect.signature(self.make).bind(**settings)
        except TypeError as error:
            given = ", ".join(f"{name}={value!r}" for name, value in settings.items()) or "none"
            raise FaninValueError(
                f"{self.name} has the settings ({self.settings}). Received: {given}, but {error}. Pass them as "
                f'fanin.profile("{self.name}", ...).'
            ) from error
        try:
            return self.make(**settings)
        except TypeError as error:
            if isinstance(error, FaninTypeError):
                raise
            raise FaninTypeError(
                f"{self.name} got a setting of the wrong type. Received: {settings}. Accepted: numbers and strings, as "
                f"in ({self.settings})."
            ) from error


class Recorder:
    """The profiles of one framework, registered by a decorator on the functions that make them."""

    def __init__(self, framework: str, home: str) -> None:
        self.framework = framework
        self.home = home
        self.profiles: dict[str, Profile] = {}

    def law_of(self, of: str, *names: str, remark: str = "") -> Callable[[_Make], _Make]:
        """Register the decorated function as the profile of `of`, under its own name and the given names.

        Args:
            of: The framework's function, relative to its home: "kaiming_uniform_"; or a phrase, which has a space.
            names: Further names.
            remark: A note that it shares with other profiles.
        """

        def record(make: _Make) -> _Make:
            for name in (make.__name__, *names):
                full = f"{self.framework}:{name}"
                self.profiles[full] = Profile(full, of if " " in of else f"{self.home}.{of}", make, remark)
            return make

        return record


def parent_truncated(mean: float, std: float, lower: float, upper: float) -> TruncatedNormal:
    """Return the truncated normal whose parent has the standard deviation `std`, as in most frameworks.

    `parent_std` of the result equals `std` to one unit in the last place of a double.

    Args:
        mean: Mean of the parent.
        std: Standard deviation of the parent, above 0.
        lower: Lower bound, in units of `std` from the mean.
        upper: Upper bound, in units of `std` from the mean.

    Raises:
        FaninValueError: The interval contains too little of the parent's probability, or a setting is out of range.
    """
    from fanin.stream.normal_tail import truncated_std  # takes milliseconds to import

    checked = TruncatedNormal(mean, std, lower, upper)
    return TruncatedNormal(mean, checked.std * truncated_std(checked.lower, checked.upper), lower, upper)
