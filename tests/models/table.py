"""Write the tables of docs/models.md from what `sweep.py` measured.

python tests/models/table.py results.jsonl [more.jsonl ...]
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[2] / "docs" / "models.md"
START, END = "<!-- Made by tests/models/table.py -->", "<!-- End of what is made -->"
KINDS = ("law", "parts", "computed", "replayed", "unknown")
WAYS = ("reseeded", "without drawing", "on meta")


def main(paths: list[str]) -> None:
    """Read the results, and write the tables between the two marks of the page."""
    lines = [line for path in paths for line in Path(path).read_text(encoding="utf-8").splitlines()]
    found = list({one["name"]: one for one in map(json.loads, lines)}.values())
    made = "\n".join([*counts(found), "", *reasons(found)])
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(START)
    PAGE.write_text(f"{before}{START}\n\n{made}\n\n{END}{rest.split(END)[1]}", encoding="utf-8")


def counts(found: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the table of counts, a row per library."""
    yield f"| library | models | {' | '.join(KINDS)} | laws tested | wrong | equal bits | finite |"
    yield "|---|" + "---|" * (len(KINDS) + 5)
    libraries: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for one in found:
        libraries[one["name"].partition(":")[0]].append(one)
    for library, models in sorted(libraries.items()):
        done = [one for one in models if "error" not in one]
        kinds = Counter[str]()
        for one in done:
            kinds.update(one["kinds"])
        equal = " / ".join(str(sum(one["equal"][way] == "equal" for one in done)) for way in WAYS)
        passed = [one for one in done if one["forward"] in ("finite", "not finite")]
        finite = sum(one["forward"] == "finite" for one in passed)
        row = [library, f"{len(done)} of {len(models)}", *(f"{kinds[kind]:,}" for kind in KINDS)]
        row += [f"{sum(one['tested'] for one in done):,}", str(sum(len(one["wrong"]) for one in done)), equal]
        yield f"| {' | '.join([*row, f'{finite} of {len(passed)}'])} |"


def reasons(found: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Yield the table of what follows no law, a row per reason."""
    yield "| what computes it | tensors | models | for example |"
    yield "|---|---|---|---|"
    tensors: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for one in found:
        for name, note in one.get("notes", {}).items():
            tensors[_reason(note)].append((one["name"], name))
    for reason, places in sorted(tensors.items(), key=lambda item: (_rank(item[0]), -len(item[1]))):
        models = {model for model, _ in places}
        model, name = places[0]
        yield f"| {reason} | {len(places):,} | {len(models):,} | `{model}`: `{_numbers(name)}` |"


def _reason(note: str) -> str:
    """Return a note without the details of tables that have no random numbers in them."""
    if note.startswith("computed"):
        outside = ", from numbers from outside of torch" if "outside" in note else ""
        return f"computed without random numbers{outside}"
    return note.replace("random, replayed by torch's arithmetic: ", "random, replayed: ")


def _rank(reason: str) -> int:
    return ["unknown", "random", "computed"].index(re.split(r"[,: ]", reason)[0])


def _numbers(name: str) -> str:
    return re.sub(r"\b\d+\b", "N", name)


if __name__ == "__main__":
    main(sys.argv[1:])
