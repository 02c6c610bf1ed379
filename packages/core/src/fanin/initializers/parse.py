"""Initializations as text: a name, or a name with its settings in parentheses, as the command line takes them.

Names and settings are the same as in Python: `he(activation='gelu')` is `fanin.he_normal(activation="gelu")`, and
`torch:kaiming_uniform(a=0.2)` is `fanin.profile("torch:kaiming_uniform", a=0.2)`. Nothing in the text is executed.
"""

from __future__ import annotations

import ast
import inspect
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from fanin._checks import closest
from fanin.exceptions import FaninError, FaninValueError
from fanin.initializers.base import Initializer
from fanin.initializers.names import PRESETS, profile

__all__ = ["Call", "parse_call", "parse_initialization"]

_EXAMPLE: Final = 'For example: he, or in quotes "normal(std=0.02)", "torch:kaiming_uniform(a=0.2)"'


@dataclass(frozen=True)
class Call:
    """An initialization as it was written.

    Attributes:
        text: The whole text.
        name: The name of an initializer or a profile, which may be unknown.
        values: The positional settings.
        settings: The settings that were given by name.
    """

    text: str
    name: str
    values: tuple[object, ...] = ()
    settings: dict[str, object] = field(default_factory=dict)

    def initializer(self) -> Initializer:
        """Return the initializer that the text stands for.

        Raises:
            FaninValueError: The name is unknown, or a setting is unknown, missing or out of range.
            FaninTypeError: A setting has the wrong type.
        """
        make = self._function()
        self._check(make)
        try:
            if ":" in self.name:
                return profile(self.name, **self.settings)
            return make(*self.values, **self.settings)
        except FaninError as error:
            raise type(error)(f"{self.text}: {' '.join(str(error).split())}") from error

    def named(self) -> dict[str, object]:
        """Return all settings by name, including the positional ones. The call must be valid."""
        places = inspect.signature(self._function()).parameters
        return {**dict(zip(places, self.values, strict=False)), **self.settings}

    def _function(self) -> Callable[..., Initializer]:
        if ":" in self.name:
            from fanin.profiles import get_profile  # loaded only when needed

            return get_profile(self.name).make
        if self.name not in PRESETS:
            raise FaninValueError(
                f"unknown initialization {self.name!r}.{closest(self.name, PRESETS)} Received: {self.text!r}. "
                f"Accepted: {', '.join(PRESETS)}, and the profiles of other frameworks, such as "
                f"torch:kaiming_uniform; fanin list shows all."
            )
        return PRESETS[self.name]

    def _check(self, make: Callable[..., Initializer]) -> None:
        """Check that the settings are those of the function."""
        known = inspect.signature(make).parameters
        # A profile takes no positional settings: in its framework, a tensor, a key or a dtype may come before them.
        placed = [name for name, one in known.items() if one.kind is one.POSITIONAL_OR_KEYWORD and ":" not in self.name]
        by_name = known and not placed and ":" not in self.name  # such a function itself suggests what was meant
        given = [*placed[: len(self.values)], *self.settings]
        missing = [name for name, one in known.items() if one.default is one.empty and name not in given]
        unknown = [name for name in self.settings if name not in known]
        fault = ""
        if unknown:
            fault = f"{self.name} has no setting {unknown[0]!r}.{closest(unknown[0], known)}"
        elif len(self.values) > len(placed) and not by_name:
            number = f"at most {len(placed)}" if placed else "no"
            fault = f"{self.name} takes {number} settings by position."
        elif len(set(given)) < len(given):
            fault = f"{self.name} got the setting {next(name for name in given if given.count(name) > 1)!r} twice."
        elif missing:
            fault = f"{self.name} needs settings: {' and '.join(missing)}."
        if fault:
            example = _example(self, placed, missing) if missing else ""
            accepted = _signature(self.name, make)
            raise FaninValueError(f"{fault} Received: {self.text!r}. Accepted: {accepted}.{example}")


def _signature(name: str, make: Callable[..., Initializer]) -> str:
    """Return the call with its settings and their defaults, as text."""
    settings = [str(one.replace(annotation=one.empty)) for one in inspect.signature(make).parameters.values()]
    return f"{name}({', '.join(settings)})" if settings else f"{name}, without settings"


def parse_initialization(text: str) -> Initializer:
    """Return the initializer that a text stands for: the name of a preset or profile, alone or with settings.

    Raises:
        FaninValueError: The name is unknown, a setting is unknown or out of range, or the text is not a call.
        FaninTypeError: A setting has the wrong type.

    Example:
        >>> parse_initialization("normal(std=0.02)")
        Normal(mean=0.0, std=0.02)
        >>> parse_initialization("variance_scaling(2.0, fan_in, normal)").kind
        'variance_scaling'
        >>> parse_initialization("torch:kaiming_uniform(a=0.5, mode=fan_out)").scale
        1.6
    """
    return parse_call(text).initializer()


def parse_call(text: str) -> Call:
    """Return the name and settings in a text. A setting is a number, True, False, None, a word, or a list of these.

    Raises:
        FaninValueError: It is neither a name nor a name with settings.

    Example:
        >>> parse_call("he(0.1, mode=fan_out)").values, parse_call("he(0.1, mode=fan_out)").settings
        ((0.1,), {'mode': 'fan_out'})
    """
    text = " ".join(text.split())  # on one line, as messages are
    parts = re.fullmatch(r"(?:fanin\.)?([^\s().]+) ?(?:\((.*)\))?", text)
    if parts is None:
        opened, closed = text.count("("), text.count(")")
        reason = "a parenthesis is not closed" if opened > closed else "it is neither"
        raise _no_call(text, reason, closest(text.rpartition(".")[2], PRESETS))
    name, inside = parts.groups()
    if name.endswith(":"):
        raise _no_call(text, "the name after the colon is missing; fanin list shows all")
    if inside is None:
        return Call(text, name)
    source = f"f({inside})"
    call = _tree(text, source)
    values = [_setting(text, source, node) for node in call.args]
    names = [keyword.arg for keyword in call.keywords]
    if None in names:
        raise _no_call(text, "settings cannot be unpacked with **")
    if twice := [name for k, name in enumerate(names) if name in names[:k]]:
        raise _no_call(text, f"the setting {twice[0]!r} is given twice")
    settings = {str(keyword.arg): _setting(text, source, keyword.value) for keyword in call.keywords}
    if name == "profile" and values and isinstance(values[0], str):  # as in Python
        name = values.pop(0)
    return Call(text, name, tuple(values), settings)


def _tree(text: str, source: str) -> ast.Call:
    """Return the settings as the arguments of a Python call, which is parsed and not executed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python warns about odd literals, which are rejected anyway
        try:
            tree = ast.parse(source, mode="eval").body
        except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
            raise _no_call(text, "the text in parentheses cannot be read as settings") from error
    if not isinstance(tree, ast.Call) or not isinstance(tree.func, ast.Name):
        raise _no_call(text, "there is text after the settings")
    return tree


def _setting(text: str, source: str, node: ast.expr) -> object:
    if isinstance(node, ast.Name):  # a word without quotes, which a shell would remove
        return node.id
    try:
        value: Any = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as error:
        raise _not_plain(text, source, node) from error
    parts = value if isinstance(value, (list, tuple)) else [value]
    if not all(part is None or isinstance(part, (bool, int, float, str)) for part in parts):
        raise _not_plain(text, source, node)
    return value


def _not_plain(text: str, source: str, node: ast.expr) -> FaninValueError:
    part = ast.get_source_segment(source, node)
    return _no_call(text, f"the setting {part} is not a plain value (a number, a word, True, False or None)")


def _no_call(text: str, reason: str, hint: str = "") -> FaninValueError:
    return FaninValueError(
        f"an initialization is a name, or a name with settings in parentheses. Received: {text!r}, but "
        f"{reason}.{hint} {_EXAMPLE}."
    )


def _example(call: Call, placed: list[str], missing: list[str]) -> str:
    """Return an example call: the given settings and a value for each missing one; "" if that does not work."""
    given: dict[str, Any] = {**dict(zip(placed, call.values, strict=False)), **call.settings}
    samples: dict[str, object] = {"mode": "fan_in", "distribution": "normal", "scale": 2.0, "low": -0.05, "high": 0.05}
    samples |= {"hidden_size": 64, "fan_in": 64}
    low, high = given.get("low"), given.get("high")
    if isinstance(low, (int, float)):
        samples["high"] = -low if low < 0 else low + 1
    if isinstance(high, (int, float)):
        samples["low"] = -high if high > 0 else high - 1
    settings = {**given, **{name: samples.get(name, 0.5) for name in missing}}
    text = f"{call.name}({', '.join(f'{name}={value}' for name, value in settings.items())})"
    try:
        parse_initialization(text)
    except FaninError:
        return ""
    return f' For example: "{text}".'
