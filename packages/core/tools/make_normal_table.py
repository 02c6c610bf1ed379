"""Compute the normal lattice's table with mpmath (specification, section 3).

    python packages/core/tools/make_normal_table.py packages/core/src/fanin/_data/normal_table.bin

It is run once, by hand; a test runs `table_bytes` again and compares every byte.
"""

from __future__ import annotations

import argparse
import hashlib
import struct
from pathlib import Path

import mpmath

OCTAVES, SEGMENTS, PRECISION = 31, 128, 256


def upper_quantile(tail: mpmath.mpf, start: mpmath.mpf) -> mpmath.mpf:
    """Return x with Q(x) = tail, by Newton's method on log Q from a start nearby."""
    x = start
    for _ in range(60):
        q = mpmath.erfc(x / mpmath.sqrt(2)) / 2
        density = mpmath.exp(-x * x / 2) / mpmath.sqrt(2 * mpmath.pi)
        step = q / density * mpmath.log(q / tail)
        x += step
        if abs(step) < mpmath.mpf(2) ** (-PRECISION // 2 - 16):  # quadratic: the error is now its square
            return x
    raise ArithmeticError(f"no convergence at tail {tail}")


def table_bytes() -> bytes:
    """Return the table: 31 octaves of 128 records `int32 C0, uint16 C1, uint16 C2`, and one record of zeros."""
    with mpmath.workprec(PRECISION):
        node = mpmath.sqrt(3) / 2
        one = mpmath.mpf(1 << 28)
        records = []
        x = mpmath.mpf("6.3")
        for octave in range(OCTAVES):
            for segment in range(SEGMENTS):
                values = []
                for offset in (-node, mpmath.mpf(0), node):
                    tail = mpmath.ldexp(1 + (segment + mpmath.mpf(1) / 2 + offset / 2) / SEGMENTS, octave - 32)
                    x = upper_quantile(tail, x)
                    values.append(x * one)
                low, middle, high = values
                c0 = int(mpmath.nint(middle))
                c1 = int(mpmath.nint(-(high - low) / (16 * mpmath.sqrt(3))))
                c2 = int(mpmath.nint(2 * (high + low - 2 * middle) / 3))
                records.append(struct.pack("<iHH", c0, c1, c2))
        records.append(struct.pack("<iHH", 0, 0, 0))
        return b"".join(records)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path, help="where to write the table")
    path: Path = parser.parse_args().path
    data = table_bytes()
    path.write_bytes(data)
    print(f"{len(data)} bytes, SHA-256 {hashlib.sha256(data).hexdigest()}")


if __name__ == "__main__":
    main()
