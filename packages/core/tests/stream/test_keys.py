"""From a seed and a name to a key."""

from __future__ import annotations

import hashlib

import pytest

from fanin.stream.keys import further_key, label_words, named_key, seed_words, text_words
from fanin.stream.threefry import threefry2x32

SEEDS = {
    0: (0, 0),
    1: (0, 1),
    2**32 - 1: (0, 0xFFFFFFFF),
    2**32: (1, 0),
    0x0123456789ABCDEF: (0x01234567, 0x89ABCDEF),
    2**64 - 1: (0xFFFFFFFF, 0xFFFFFFFF),
}

NAMES = ["", "w", "fc.weight", "блок.0.重み", "\N{GRINNING FACE}", "a\0b", "é", "e\N{COMBINING ACUTE ACCENT}"]


class Index:
    """An integer of another library."""

    def __index__(self) -> int:
        return 2**32 + 7


@pytest.mark.parametrize(("seed", "words"), SEEDS.items())
def test_seed_words(seed: int, words: tuple[int, int]) -> None:
    assert seed_words(seed) == words


def test_a_seed_may_be_any_integer_object() -> None:
    assert seed_words(Index()) == (1, 7)


@pytest.mark.parametrize("name", NAMES)
def test_text_words_are_the_head_of_the_digest(name: str) -> None:
    digest = hashlib.sha256(b"fanin/1" + bytes(1) + name.encode()).hexdigest()
    assert text_words(name) == (int(digest[:8], 16), int(digest[8:16], 16))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", NAMES)
def test_named_key_enciphers_the_name_by_the_seed(seed: int, name: str) -> None:
    assert named_key(seed, name) == threefry2x32(SEEDS[seed], text_words(name))


@pytest.mark.parametrize(("seed", "words"), SEEDS.items())
def test_without_a_name_the_seed_is_the_key(seed: int, words: tuple[int, int]) -> None:
    assert named_key(seed, None) == words


def test_known_keys() -> None:
    """The figures were computed with JAX's threefry_2x32 and hashlib."""
    assert named_key(0, "fc.weight") == (0x8C685953, 0x053230E4)
    assert named_key(2**64 - 1, "блок.0.重み") == (0x30C245F7, 0x3B09BBC7)
    assert further_key(named_key(0, "fc.weight"), "mask") == (0x615D8A1A, 0xF9F0E21F)


def test_names_are_told_apart_by_their_bytes() -> None:
    keys = {named_key(seed, name) for seed in SEEDS for name in [None, *NAMES]}
    assert len(keys) == len(SEEDS) * (len(NAMES) + 1)


@pytest.mark.parametrize("label", ["mask", "rows", "重み"])
def test_label_words_are_the_head_of_a_digest_of_their_own(label: str) -> None:
    digest = hashlib.sha256(b"fanin/1/stream" + bytes(1) + label.encode()).hexdigest()
    assert label_words(label) == (int(digest[:8], 16), int(digest[8:16], 16))


@pytest.mark.parametrize("name", [None, "w", "mask"])
def test_a_further_stream_has_a_key_of_its_own(name: str | None) -> None:
    key = named_key(5, name)
    assert further_key(key, "mask") == threefry2x32(key, label_words("mask"))
    others = {named_key(5, other) for other in (None, "w", "mask", "rows")}
    assert further_key(key, "mask") not in others | {further_key(key, "rows")}
