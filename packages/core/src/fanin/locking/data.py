"""A lock as text: versioned JSON, one line per parameter, of which those of a scheme are a part."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from fanin._checks import whole_number
from fanin.exceptions import FaninError, FaninValueError
from fanin.locking.digest import locked_dtypes
from fanin.models import Scheme
from fanin.models.data import parameter_data, parameter_of_data
from fanin.models.strict_json import read_json
from fanin.stream.keys import seed_words

__all__ = ["lock_of_text", "text_of_lock"]

_VERSION: Final = 1
_KEYS: Final = ("fanin_lock", "specification", "seed", "parameters")
_DIGEST: Final = re.compile(r"[0-9a-f]{32}")

Digests = Mapping[str, Mapping[str, str]]


def text_of_lock(spec_version: int, seed: int, scheme: Scheme, digests: Digests) -> str:
    """Return JSON: stable, versioned, and one line per parameter, so that a diff reads well."""
    lines = []
    for name, parameter in scheme.items():
        data = parameter_data(parameter)
        if name in digests:
            data["digests"] = dict(digests[name])
        lines.append(f"    {json.dumps(name)}: {json.dumps(data, allow_nan=False)}")
    body = "{\n" + ",\n".join(lines) + "\n  }" if lines else "{}"
    return (
        f'{{\n  "fanin_lock": {_VERSION},\n  "specification": {spec_version},\n  "seed": {seed},\n'
        f'  "parameters": {body}\n}}\n'
    )


def lock_of_text(text: object) -> tuple[int, int, Scheme, dict[str, dict[str, str]]]:
    """Return what `text_of_lock` described.

    Raises:
        FaninValueError: The text is no JSON, no lock, or of another version.
        FaninTypeError: It is no text, or a setting has the wrong type.
    """
    data = read_json(text, "a lock", "lock.to_json()")
    if not isinstance(data, dict) or "fanin_lock" not in data:
        received = f"the keys {', '.join(data) or 'none'}" if isinstance(data, dict) else type(data).__name__
        hint = " That is a scheme: fanin.lock(scheme, seed) makes a lock of it." * ("fanin_scheme" in received)
        raise FaninValueError(f"a lock's JSON is an object with {', '.join(_KEYS)}. Received: {received}.{hint}")
    version = data["fanin_lock"]
    if version != _VERSION or isinstance(version, bool):
        raise FaninValueError(f"this fanin reads locks of version {_VERSION}. Received: version {version!r}.")
    if set(data) != set(_KEYS) or not isinstance(data["parameters"], dict):
        raise FaninValueError(
            f"a lock's JSON is an object with {', '.join(_KEYS)}, the last an object too. Received: the keys "
            f"{', '.join(data)}."
        )
    spec_version = whole_number(data["specification"], "specification", 1)
    seed_words(data["seed"])
    parameters, digests = {}, {}
    for name, record in data["parameters"].items():
        try:
            own = dict(record) if isinstance(record, dict) else record
            written = own.pop("digests", None) if isinstance(own, dict) else None
            parameters[name] = parameter_of_data(own)
            if written is not None:
                digests[name] = _digests(written, parameters[name].dtype)
            elif parameters[name].follows_laws:
                raise FaninValueError("it follows laws, and has no digests. Lock the scheme again.")
        except FaninError as error:
            raise type(error)(f"{name}: {error}") from error
    return spec_version, int(data["seed"]), Scheme(parameters), digests


def _digests(written: Any, dtype: str) -> dict[str, str]:
    known = locked_dtypes(dtype)
    if not isinstance(written, dict) or dtype not in written or not set(written) <= set(known):
        raise FaninValueError(
            f"digests is an object with {dtype}, and perhaps {', '.join(known[1:]) or 'nothing else'}. Received: "
            f"{written!r}."
        )
    for text in written.values():
        if not isinstance(text, str) or not _DIGEST.fullmatch(text):
            raise FaninValueError(f"a digest has 32 digits from 0 to f. Received: {text!r}.")
    return written
