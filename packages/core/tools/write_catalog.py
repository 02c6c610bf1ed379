"""Write docs/initializers.md and docs/profiles.md from the catalog, or with --check say whether they are up to date."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

from fanin.catalog import Entry, entries, facts, find, namesakes
from fanin.exceptions import FaninValueError
from fanin.initializers import Constant
from fanin.layout import Geometry
from fanin.profiles import PROFILES

DOCS = Path(__file__).parents[3] / "docs"
MADE = "<!-- Made by packages/core/tools/write_catalog.py from fanin.catalog; change the texts there. -->"
DENSE = ("a dense layer from 64 to 256, shape (256, 64), layout OI", Geometry.of((256, 64), "OI"))
GROUPED = (
    "a 3 × 3 convolution from 64 to 128 in 4 groups, shape (128, 16, 3, 3), layout OIHW",
    Geometry.of((128, 16, 3, 3), "OIHW", 4),
)
TRANSPOSED = (
    "a transposed 4 × 4 convolution from 64 to 32 with stride 2, shape (64, 32, 4, 4), layout IOHW",
    Geometry.of((64, 32, 4, 4), "IOHW", 1, True, 2),
)


INITIALIZERS = f"""# The initializers

{MADE}

This page lists each name with its *law*, which is the distribution of a weight once the fans are known, and shows how
functions of the same name differ in other frameworks. For a tensor of your own, use the command line:
`fanin explain NAME --shape 128,64,3,3 --layout OIHW`. The laws of other frameworks' functions are available as
[profiles](profiles.md). [Which initializer](which.md) helps to choose.

An *exact* initializer gives the same bits on every backend; a *close* one agrees to a tolerance
([specification](spec.md)).
"""
PROFILE_PAGE = f"""# Profiles: the laws of other frameworks

{MADE}

A profile reproduces the law of another framework's function, that is, the distribution of a weight once the fans are
known. It takes the same arguments, and has the same standard deviation, bounds, truncation and way of counting fans,
including the quirks. The weights are drawn by fanin, so they are the same on every framework. They are not the numbers
that the other framework would draw.

```python
>>> import fanin
>>> weight = fanin.init((256, 64), "torch:linear_default", layout="OI", name="fc.weight", backend="numpy")
>>> wide = fanin.profile("torch:kaiming_uniform", a=0.2, mode="fan_out")  # with arguments
>>> float(abs(weight).max()) < 0.125  # 1 / sqrt(64)
True

```

A tensor of any layout is converted to the framework's own order of axes, and its fans are counted as the framework
counts them. The profiles of torch, JAX, Flax and Keras are tested against each function and layer of the framework
(`tests/cross/test_profiles_*.py`); those of timm were checked by hand.
"""


def pages() -> dict[str, str]:
    return {
        "initializers.md": INITIALIZERS + "\n".join(_initializers()) + "\n",
        "profiles.md": PROFILE_PAGE + "\n".join(_profiles()) + "\n",
    }


def _initializers() -> Iterator[str]:
    yield ""
    yield from _table(
        ["name", "law", "level", "also called"],
        [[f"[`{e.name}`](#{e.name})", _plain(e.formula), e.level, _codes(e.aliases)] for e in entries()],
    )
    for entry in entries():
        yield from ("", f"## {entry.name}", "", f"`{entry.call}`", "", *_wrapped(_plain(entry.formula) + "."))
        for label, text in (("For", entry.when), ("Source", entry.source), ("Elsewhere", entry.elsewhere)):
            if text:
                yield from ("", *_wrapped(f"**{label}.** {_plain(text.removesuffix('.'))}."))
        if namesakes(entry) and entry.example.needs_fans:
            for words, geometry in (DENSE, GROUPED, TRANSPOSED):
                yield from ("", f"With its defaults, for {words}:", "", *_numbers(entry, geometry))
        elif namesakes(entry) and not isinstance(entry.example, Constant):
            words, geometry = DENSE
            intro = f"With {_codes([str(entry.example)])} and the other functions' defaults, for {words}:"
            yield from ("", *_wrapped(intro), "", *_numbers(entry, geometry))


def _profiles() -> Iterator[str]:
    for framework in dict.fromkeys(name.partition(":")[0] for name in PROFILES):
        yield from ("", f"## {framework}", "")
        names = [name for name in PROFILES if name.startswith(framework + ":")]
        found = [find(name) for name in names if not set(find(name).aliases) & set(names[: names.index(name)])]
        yield from _table(
            ["profile", "law", "reproduces"],
            [[_codes([e.name, *e.aliases]), _plain(e.formula), _code_if_function(e.source)] for e in found],
        )
        notes: dict[str, list[str]] = {}
        for entry in found:
            if entry.elsewhere and not entry.source.startswith("flax.linen.initializers"):  # they are JAX's
                notes.setdefault(entry.elsewhere, []).append(entry.name)
        for note, names in notes.items():
            yield from ("", *_wrapped(f"{_codes(names)}: {_plain(note)}"))


def _numbers(entry: Entry, geometry: Geometry) -> Iterator[str]:
    rows = []
    for other in (entry, *namesakes(entry)):
        try:
            found = facts(other.example, geometry)
        except FaninValueError:
            rows.append([f"`{other.name}`", "not defined for it", "", "", ""])
            continue
        fans = "" if found.fans is None else f"{found.fans.fan_in:g}, {found.fans.fan_out:g}"
        ends = f"{found.low:.5g} to {found.high:.5g}"
        rows.append([f"`{other.name}`", _plain(found.law), fans, f"{found.std:.5g}", ends])
    yield from _table(["", "law of a weight", "fans", "std", "from, to"], rows)


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(headings) + " |"
    yield "|" + " --- |" * len(headings)
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"


def _codes(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _code_if_function(source: str) -> str:
    return f"`{source}`" if " " not in source else source


def _plain(text: str) -> str:
    """Keep Markdown from taking a product for emphasis."""
    return text.replace("*", "\\*")


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, 120, break_long_words=False, break_on_hyphens=False)


if __name__ == "__main__":
    made = pages()
    if sys.argv[1:] == ["--check"]:
        old = [
            name
            for name, text in made.items()
            if not (DOCS / name).is_file() or (DOCS / name).read_text("utf-8") != text
        ]
        sys.exit(f"not up to date: {', '.join(old)}; run {Path(__file__).name}" if old else 0)
    for name, text in made.items():
        (DOCS / name).write_text(text, encoding="utf-8")
