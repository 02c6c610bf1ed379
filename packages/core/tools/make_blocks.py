"""Write fanin/_data/blocks.json: digests of every block of some large tensors, from the scalar reference.

    python packages/core/tools/make_blocks.py

It takes some minutes. Nothing calls it: the file is written once, and holds every later version to the same bits.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from pathlib import Path

from fanin import reference
from fanin.conformance.exact.places import BLOCK, BLOCKS
from fanin.dtypes import DTYPES

FILE = Path(__file__).parents[1] / "src" / "fanin" / "_data" / "blocks.json"


def main() -> None:
    written = {}
    for title, case in BLOCKS.items():
        plan = case.plan()
        size = DTYPES[plan.dtype].itemsize
        patterns = reference.bits(plan)
        digests = []
        while block := b"".join(pattern.to_bytes(size, "little") for pattern in itertools.islice(patterns, BLOCK)):
            digests.append(hashlib.sha256(block).hexdigest()[:16])
        written[title] = digests
        print(title, len(digests), flush=True)
    FILE.write_text(json.dumps(written, indent=0) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
