"""Write docs/schemes/*.json and the results in docs/published-schemes.md, by doing what the page's commands say.

python tests/models/scheme_page.py            # record the models, then write the page
python tests/models/scheme_page.py --page     # write the page from the schemes that are kept
"""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fanin import Scheme, cli
from fanin.cli.sources import scheme_of_text

DOCS: Final = Path(__file__).parents[2] / "docs"
PAGE: Final = DOCS / "published-schemes.md"
KEPT: Final = DOCS / "schemes"
"""Where the page's commands run."""

_BLOCK: Final = re.compile(r"(?<=^```console\n).*?(?=^```$)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Recorded:
    """A model of the page: what `fanin scheme` calls it, and the file that keeps its scheme."""

    model: str
    path: Path

    def scheme(self) -> Scheme:
        """Record the model again."""
        from published_models import declare_torchvision  # it needs torch, which the page does not

        declare_torchvision()
        with contextlib.chdir(KEPT):
            return scheme_of_text(self.model)


def commands(text: str) -> Iterator[list[str]]:
    """Yield the words of each command on a page."""
    for block in _BLOCK.findall(text):
        yield from (shlex.split(line.removeprefix("$ ")) for line in block.splitlines() if line.startswith("$ "))


def recorded() -> list[Recorded]:
    """Return the models of the page."""
    words = [command for command in commands(PAGE.read_text(encoding="utf-8")) if command[1] == "scheme"]
    return [Recorded(command[2], KEPT / command[4]) for command in words]


def printed(command: list[str]) -> str:
    """Return what a command prints, given the schemes that are kept."""
    if ">" in command:
        return ""
    if command[1] == "scheme":
        return f"{Scheme.from_json((KEPT / command[4]).read_text(encoding='utf-8'))}\n"
    with contextlib.chdir(KEPT), contextlib.redirect_stdout(io.StringIO()) as out:
        code = cli.main(command[1:])
    if code == 2:
        raise RuntimeError(f"{shlex.join(command)} failed")
    return out.getvalue()


def page(text: str) -> str:
    """Return the page with what its commands print."""

    def block(found: re.Match[str]) -> str:
        lines = [line for line in found[0].splitlines() if line.startswith("$ ")]
        return "".join(f"{line}\n{printed(shlex.split(line.removeprefix('$ ')))}" for line in lines)

    return _BLOCK.sub(block, text)


def main(words: list[str]) -> None:
    """Write the files and the page."""
    if words != ["--page"]:
        for one in recorded():
            made = one.path.with_suffix(".new")
            made.write_text(one.scheme().to_json(), encoding="utf-8", newline="\n")
            made.replace(one.path)
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main(sys.argv[1:])
