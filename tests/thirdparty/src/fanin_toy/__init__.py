"""A fanin backend as small as one can be: NumPy alone, each step a method, nothing optimised."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fanin.contract import Capabilities, Description
from fanin.exceptions import FaninValueError
from fanin.plans import Plan
from fanin.plans.rules import Draw, Fill
from fanin.stream.normal_table import normal_table_bytes
from fanin.stream.threefry import PARITY, ROTATIONS

__all__ = ["ToyBackend"]

Ints = npt.NDArray[np.int64]
Uint32s = npt.NDArray[np.uint32]
Uint64s = npt.NDArray[np.uint64]
Array = npt.NDArray[np.floating[Any]]

TABLE: Final = np.frombuffer(normal_table_bytes(), dtype=[("c0", "<i4"), ("c1", "<u2"), ("c2", "<u2")])


class ToyBackend:
    """Draws plans as NumPy arrays."""

    name = "toy"
    SPEC_VERSION = 1
    capabilities = Capabilities(dtypes=frozenset({"float16", "float32", "float64"}))

    def draw(self, plan: Plan, *, device: Any = None) -> Array:
        """Return the array that `plan` describes."""
        if device not in (None, "cpu"):
            raise FaninValueError(f'device must be None or "cpu". Received: {device!r}. NumPy arrays live on the CPU.')
        if isinstance(plan.rule, Fill):
            return np.full(plan.shape, plan.rule.value, plan.compute).astype(plan.dtype)
        if plan.size == 0:
            return np.empty(plan.shape, plan.dtype)
        assert isinstance(plan.rule, Draw)  # no other rule is declared, so the core sends none
        return self.weights(plan, plan.rule, self.points(plan.rule, self.words(plan))).reshape(plan.shape)

    def tobytes(self, array: Array) -> bytes:
        """Return the elements as little-endian bytes, in C order."""
        return array.astype(array.dtype.newbyteorder("<")).tobytes()

    def describe(self, array: Array) -> Description:
        """Return the shape and the name of the dtype."""
        return Description(array.shape, array.dtype.name)

    def index(self, plan: Plan) -> Uint64s:
        """Return each element's logical index."""
        index = np.full(plan.shape, plan.offset, np.int64)
        for k, axis in enumerate(plan.axes):
            position = np.arange(axis.size)
            if axis.period:
                group, within = np.divmod(axis.phase + position, axis.period)
                steps = group * axis.outer_stride + within * axis.stride
            else:
                steps = position * axis.stride
            index += steps.reshape(-1, *[1] * (len(plan.shape) - k - 1))
        return index.astype(np.uint64)

    def keys(self, plan: Plan) -> tuple[Uint32s, Uint32s]:
        """Return the two key words, in a shape that broadcasts against the array's."""
        words = np.array(plan.keys, np.uint32)
        if plan.stack_axis is not None:
            words = words.reshape(-1, *[1] * (len(plan.shape) - plan.stack_axis - 1), 2)
        return words[..., 0], words[..., 1]

    def words(self, plan: Plan) -> Uint32s:
        """Return each element's word: lane `i & 1` of block `i >> 1`."""
        index = self.index(plan)
        block = index >> np.uint64(1)
        high, low = (block >> np.uint64(32)).astype(np.uint32), block.astype(np.uint32)
        first, second = self.threefry(self.keys(plan), (high, low))
        return np.where(index & np.uint64(1), second, first)

    def threefry(self, key: tuple[Uint32s, Uint32s], counter: tuple[Uint32s, Uint32s]) -> tuple[Uint32s, Uint32s]:
        """Return the two words of each block, after 20 rounds."""
        schedule = (key[0], key[1], key[0] ^ key[1] ^ np.uint32(PARITY))
        x0, x1 = counter[0] + schedule[0], counter[1] + schedule[1]
        for group in range(5):
            for rotation in ROTATIONS[4 * (group % 2) : 4 * (group % 2) + 4]:
                x0 = x0 + x1
                x1 = ((x1 << np.uint32(rotation)) | (x1 >> np.uint32(32 - rotation))) ^ x0
            x0 = x0 + schedule[(group + 1) % 3]
            x1 = x1 + schedule[(group + 2) % 3] + np.uint32(group + 1)
        return x0, x1

    def points(self, rule: Draw, words: Uint32s) -> Ints:
        """Return each word's lattice point."""
        if rule.distribution == "uniform":
            return self.uniform(words)
        if rule.distribution == "normal":
            return self.normal(words)
        ranks = rule.first_rank + ((words.astype(np.uint64) * np.uint64(rule.ranks)) >> np.uint64(32)).astype(np.int64)
        return np.clip(self.normal(ranks.astype(np.uint32)), rule.low, rule.high)

    def uniform(self, words: Uint32s) -> Ints:
        """Return the odd integer k of each word; its value is `k * 2^-24`."""
        k: Ints = (((words.astype(np.int32).astype(np.int64) ^ 0x7FFFFFFF) >> 8) << 1) | 1
        return k

    def normal(self, words: Uint32s) -> Ints:
        """Return the integer a of each word, by the table; its value is `a * 2^-28` standard deviations."""
        p = words.astype(np.int32)
        sign = p >> 31
        bits = ((p ^ sign) | 1).astype(np.float32).view(np.int32).astype(np.int64) - (127 << 23)
        s = (bits & 0xFFFF) - 32768
        segment = TABLE[bits >> 16]
        c0, c1, c2 = (segment[name].astype(np.int64) for name in ("c0", "c1", "c2"))
        a = c0 - ((s * c1) >> 11) + ((((s * s) >> 15) * c2) >> 15)
        signed: Ints = (a ^ sign) - sign
        return signed

    def weights(self, plan: Plan, rule: Draw, points: Ints) -> Array:
        """Return RN(RN((a >> shift) + mean) * factor), rounded to the dtype."""
        number = ((points >> rule.shift) + rule.mean).astype(plan.compute)
        weights: Array = (number * number.dtype.type(rule.factor)).astype(plan.dtype)
        return weights
