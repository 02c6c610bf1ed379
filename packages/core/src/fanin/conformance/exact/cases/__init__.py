"""The tensors of the checks `bits.*`: each case is one call of `fanin.init`, asymmetric so that a swap shows."""

from __future__ import annotations

from typing import Final

from fanin.conformance.case import Case
from fanin.conformance.exact.cases.edges import SCALARS, VALUES
from fanin.conformance.exact.cases.geometry import GROUPS, LAYOUTS, SIZES, SLICES, STACKS
from fanin.conformance.exact.cases.lattice import TABLE, WORDS
from fanin.conformance.exact.cases.laws import DTYPES, LAWS, MEANS
from fanin.conformance.exact.cases.matrices import MATRICES
from fanin.conformance.exact.cases.streams import NAMES, SEEDS

__all__ = ["CASES_OF_CHECKS"]

CASES_OF_CHECKS: Final[dict[str, tuple[str, tuple[Case, ...]]]] = {
    "bits.laws": ("every initializer, by name and by value", LAWS),
    "bits.means": ("means are added on the lattice, before the one multiplication", MEANS),
    "bits.dtypes": ("every declared dtype: low precision is the float32 weight, rounded", DTYPES),
    "bits.layouts": ("the logical order is (out, in, *kernel) in every stored axis order", LAYOUTS),
    "bits.groups": ("grouped, depthwise and transposed convolutions", GROUPS),
    "bits.seeds": ("seeds of up to 64 bits", SEEDS),
    "bits.names": ("names are compared by their UTF-8 bytes", NAMES),
    "bits.slices": ("a shard equals the slice of the whole, also beyond 2^32 elements", SLICES),
    "bits.stacks": ("each slice of a stack has the stream of its own name", STACKS),
    "bits.matrices": ("identity matrices, Dirac kernels and sparse matrices", MATRICES),
    "bits.sizes": ("sizes from none to several chunks", SIZES),
    "bits.words": ("the words at the ends of the lattices", WORDS),
    "bits.table": ("every segment of the normal table that a word can reach, in both halves", TABLE),
    "bits.values": ("signed zeros, subnormals, ties, weights rounded twice, the largest numbers", VALUES),
    "bits.scalars": ("tensors of one element or of none, of each law and dtype", SCALARS),
}
"""The check's name, its claim, and its cases."""
