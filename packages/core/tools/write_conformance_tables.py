"""Write the tables of docs/conformance.md: run every mutant through every check, and every check on the NumPy backend.

    python packages/core/tools/write_conformance_tables.py [--only checks|mutants|adapters] [--kills kills.jsonl]

It takes about ten seconds a mutant; what was found goes into the file a line a mutant, so that an interrupted run goes
on where it stopped. The tests do not call it: they hold the document to what the suite does.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path

from rich.progress import track

ROOT = Path(__file__).parents[3]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "thirdparty" / "src")]

from fanin.conformance import Level, run  # noqa: E402  # the paths come first
from packages.core.tests.meta.document import (  # noqa: E402
    adapters_table,
    checks_table,
    mutants_table,
    replace_section,
)
from packages.core.tests.meta.mutants.adapters import placed  # noqa: E402
from packages.core.tests.meta.mutants.adapters.record import Placed  # noqa: E402
from packages.core.tests.meta.mutants.backends import MUTANTS, Mutant  # noqa: E402

SEEDS = 3
LEVELS: tuple[Level, ...] = ("exact", "distribution")


def kills_of(mutant: Mutant) -> dict[str, dict[str, str]]:
    """Return which checks catch a mutant at each level, and what they most often call it."""
    found: dict[str, dict[str, str]] = {}
    for level in LEVELS:
        failures = run(mutant.backend(), [level], random_seed=0).failures
        named = {
            name: Counter(failure.mistake for failure in failures if failure.check == name)
            for name in dict.fromkeys(failure.check for failure in failures)
        }
        found[level] = {name: mistakes.most_common(1)[0][0] for name, mistakes in named.items()}
    return found


def catches(mutant: Placed) -> bool:
    """Return whether the check that a placed mutant names catches it; an exception does not count."""
    return any(failure.expected != "no exception" for failure in run(mutant.adapter(), only=[mutant.check]).failures)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("checks", "mutants", "adapters"))
    parser.add_argument("--kills", type=Path, default=Path("kills.jsonl"))
    arguments = parser.parse_args()
    if arguments.only in (None, "checks"):
        for level in LEVELS:
            replace_section(level, checks_table(run("numpy", [level], random_seed=0)))
    if arguments.only in (None, "adapters"):
        mutants = [mutant for seed in range(1, SEEDS + 1) for mutant in placed(seed)]
        replace_section("adapters", adapters_table([(m, catches(m)) for m in track(mutants, description="adapters")]))
    if arguments.only in (None, "mutants"):
        lines = arguments.kills.read_text(encoding="utf-8").splitlines() if arguments.kills.exists() else []
        kills = dict(json.loads(line) for line in lines)
        with arguments.kills.open("a", encoding="utf-8") as file:
            for mutant in track([mutant for mutant in MUTANTS if mutant.name not in kills], description="mutants"):
                kills[mutant.name] = kills_of(mutant)
                file.write(json.dumps([mutant.name, kills[mutant.name]]) + "\n")
                file.flush()
        replace_section("mutants", mutants_table(kills))


if __name__ == "__main__":
    main()
