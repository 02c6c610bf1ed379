"""Compute the golden vectors (`fanin/_data/golden.json`) with the program in second_reference/.

    python packages/core/tools/make_golden.py packages/core/src/fanin/_data/golden.json

It is run by hand, where the specification is amended or a case is added, and takes some minutes for the million-element
tensors. The cases are those of golden_table.py, and after them the cover of all pairs, whose arguments are kept in the
file itself; `--pairs` makes a new one. With `--vectors FILE` the cases of a file of vectors from elsewhere must come
out too.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any

from golden_table import CASES
from second_reference import tobytes
from second_reference.formats import FORMATS

Case = dict[str, Any]

RESULTS = ("title", "first_bits", "sha256")


def patterns(case: Case, data: bytes, count: int) -> list[str]:
    """Return the first bit patterns of an array as hexadecimal text."""
    size = FORMATS[case.get("dtype", "float32")].width // 8
    return [data[k : k + size][::-1].hex() for k in range(0, min(len(data), count * size), size)]


def record(title: str, case: Case) -> Case:
    """Return a case with its bits."""
    data = tobytes(**case)
    digest = hashlib.sha256(data).hexdigest()
    return {"title": title, **case, "first_bits": patterns(case, data, 8), "sha256": digest}


def stored_pairs(path: Path) -> dict[str, Case]:
    """Return the arguments of the cases beyond the table that a file of vectors holds."""
    cases = json.loads(path.read_text(encoding="utf-8"))["cases"]
    return {
        case["title"]: {key: value for key, value in case.items() if key not in RESULTS}
        for case in cases
        if case["title"] not in CASES
    }


def check_vectors(path: Path) -> int:
    """Compare with vectors of the form of this project's first file of them."""
    cases = json.loads(path.read_text(encoding="utf-8"))["cases"]
    for stored in cases:
        case = dict(stored)
        given = case.pop("law")
        head, digest = case.pop("first_bits_hex"), case.pop("sha256")
        case.pop("first_values")
        kind = given.pop("distribution")
        if "scale" in given:
            initializer = {"initializer": "variance_scaling", "distribution": kind, **given}
        else:
            names = {"lo": "lower", "hi": "upper"}
            initializer = {"initializer": kind, **{names.get(key, key): value for key, value in given.items()}}
        data = tobytes(initializer=initializer, **case)
        assert hashlib.sha256(data).hexdigest() == digest, stored
        assert patterns(case, data, 6) == head, stored
    return len(cases)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path, help="where to write the vectors")
    parser.add_argument("--pairs", action="store_true", help="make a new cover of all pairs")
    parser.add_argument("--vectors", type=Path, help="a file of vectors from elsewhere to check first")
    arguments = parser.parse_args()
    if arguments.vectors:
        print(f"{check_vectors(arguments.vectors)} cases of {arguments.vectors.name} agree")
    if arguments.pairs:
        from golden_pairs import cover  # the package's own table of what a call combines

        pairs = cover()
    else:
        pairs = stored_pairs(arguments.path)
    entries = [record(title, {"seed": 0, **case}) for title, case in {**CASES, **pairs}.items()]
    lines = ",\n".join("  " + json.dumps(entry, ensure_ascii=False) for entry in entries)
    arguments.path.write_text(f'{{"spec": 1, "cases": [\n{lines}\n]}}\n', encoding="utf-8")
    print(f"{len(entries)} cases")


if __name__ == "__main__":
    main()
