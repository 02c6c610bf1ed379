"""From a seed and a name to the key of a stream (specification, section 1)."""

from __future__ import annotations

import math
from typing import Final

from fanin._checks import whole_number
from fanin.exceptions import FaninTypeError, FaninValueError
from fanin.stream.threefry import Words, threefry2x32

__all__ = ["further_key", "label_words", "named_key", "seed_words", "text_words"]

_NAMES: Final = b"fanin/1\0"
_LABELS: Final = b"fanin/1/stream\0"
"""Labels have their own prefix, so that a label of an unnamed parameter never gives the key of a name."""


def seed_words(seed: object) -> Words:
    """Return the key words `(seed >> 32, seed & 0xffffffff)` of a seed in [0, 2^64).

    Args:
        seed: An integer, or anything with `__index__` that is not a bool, such as a NumPy integer.

    Raises:
        FaninTypeError: `seed` is not an integer.
        FaninValueError: `seed` is outside [0, 2^64).

    Example:
        >>> seed_words(2**32 + 7)
        (1, 7)
    """
    try:
        number = whole_number(seed, "seed", -math.inf)
    except FaninTypeError as error:
        if type(seed).__module__.partition(".")[0] in ("jax", "jaxlib"):  # a number that jit or vmap traces, or a key
            raise FaninTypeError(
                f"{error} A seed must be known before JAX traces a function. Inside the function, use a key: "
                f'fanin_jax.initializer("he")(jax.random.key(seed), shape).'
            ) from error
        raise
    if not 0 <= number < 2**64:
        raise FaninValueError(
            f"seed must be an integer in [0, 2**64). Received: {number}. "
            f"Reduce it, for example with seed % 2**64, or pick another."
        )
    return number >> 32, number & 0xFFFFFFFF


def text_words(text: str) -> Words:
    r"""Return the counter that a name selects: the first two words of the SHA-256 of `"fanin/1\0" + text` in UTF-8.

    The words are big-endian.

    Raises:
        FaninTypeError: `text` is not a string.
        FaninValueError: `text` cannot be encoded in UTF-8 (a lone surrogate).
    """
    return _head(_NAMES, text, "name")


def label_words(label: str) -> Words:
    r"""Return the counter that a label selects: the first two words of the SHA-256 of `"fanin/1/stream\0" + label`.

    The words are big-endian, and the label is in UTF-8.

    Raises:
        FaninTypeError: `label` is not a string.
        FaninValueError: `label` cannot be encoded in UTF-8.
    """
    return _head(_LABELS, label, "label")


def _head(prefix: bytes, text: str, what: str) -> Words:
    if not isinstance(text, str):
        raise FaninTypeError(
            f"a {what} must be a string{' or None' if what == 'name' else ''}. Received: {text!r} of type "
            f'{type(text).__name__}. Pass, for example, "{"layers.0.weight" if what == "name" else "mask"}".'
        )
    try:
        encoded = text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise FaninValueError(
            f"a {what} must be text that UTF-8 can encode. Received: {text!r}. Remove the lone surrogates."
        ) from error
    import hashlib  # takes milliseconds to import

    digest = hashlib.sha256(prefix + encoded).digest()
    return int.from_bytes(digest[:4], "big"), int.from_bytes(digest[4:8], "big")


def named_key(seed: object, name: str | None) -> Words:
    """Return the key of the stream that belongs to one parameter.

    `threefry2x32(key=seed_words(seed), counter=text_words(name))`; without a name, the seed's own words.

    Args:
        seed: An integer in [0, 2^64).
        name: The parameter's name, any text. Names are compared by their UTF-8 bytes, without normalization.

    Raises:
        FaninTypeError: `seed` is not an integer, or `name` is neither a string nor None.
        FaninValueError: `seed` is out of range, or `name` cannot be encoded.

    Example:
        >>> named_key(0, None)
        (0, 0)
        >>> named_key(0, "fc.weight") == named_key(0, "fc.bias")
        False
    """
    words = seed_words(seed)
    return words if name is None else threefry2x32(words, text_words(name))


def further_key(key: Words, label: str) -> Words:
    """Return the key of a further stream of the same parameter, independent of its weights (for a mask, for example).

    `threefry2x32(key, counter=label_words(label))`.

    Args:
        key: The parameter's key.
        label: The purpose of the stream, for example "mask".
    """
    return threefry2x32(key, label_words(label))
