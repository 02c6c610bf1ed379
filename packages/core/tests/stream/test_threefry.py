"""Threefry-2x32 against values that others published."""

from __future__ import annotations

import pytest

from fanin.stream.threefry import Words, threefry2x32

KNOWN_ANSWERS: list[tuple[Words, Words, Words]] = [
    # key, counter, block: the file kat_vectors of Random123, the lines "threefry2x32 20"
    ((0x00000000, 0x00000000), (0x00000000, 0x00000000), (0x6B200159, 0x99BA4EFE)),
    ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
    ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
]

JAX_BITS = {  # jax.random.bits(jax.random.key(seed), (n,), "uint32") with jax_threefry_partitionable, JAX 0.10.2
    0: [0xF29A4FA7, 0xFA843692, 0x55110E28],
    42: [0x7D1C13A2, 0xAE0730D9, 0x9DC3F9F9, 0x8F9EC1D7, 0x735D7315, 0x95FB4ED8],
}


@pytest.mark.parametrize(("key", "counter", "block"), KNOWN_ANSWERS)
def test_known_answers(key: Words, counter: Words, block: Words) -> None:
    assert threefry2x32(key, counter) == block


@pytest.mark.parametrize("seed", JAX_BITS)
def test_jax_draws_the_xor_of_a_block(seed: int) -> None:
    blocks = [threefry2x32((0, seed), (0, b)) for b in range(len(JAX_BITS[seed]))]
    assert [first ^ second for first, second in blocks] == JAX_BITS[seed]


@pytest.mark.parametrize("place", [(0, 0), (0, 1), (1, 0), (1, 1)], ids=str)
def test_every_input_word_matters(place: tuple[int, int]) -> None:
    inputs = [[3, 5], [7, 11]]
    before = threefry2x32((3, 5), (7, 11))
    inputs[place[0]][place[1]] ^= 1 << 31
    (k0, k1), (c0, c1) = inputs
    after = threefry2x32((k0, k1), (c0, c1))
    assert all(old != new for old, new in zip(before, after, strict=True))
