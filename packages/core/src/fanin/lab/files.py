"""Writing results: each file appears whole or not at all, so that an interruption leaves what was finished."""

from __future__ import annotations

import csv
import io
import itertools
import json
import math
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fanin.exceptions import FaninError, FaninValueError

if TYPE_CHECKING:
    from fanin.lab.figures import Plot

__all__ = ["WriteError", "clear", "make_folder", "page", "write_csv", "write_json", "write_plots", "write_text"]


class WriteError(FaninError, OSError):
    """A file of a report cannot be written: the disk is full, or the folder is gone."""


_TABLES: Final = (
    "results.json",
    "probe.json",
    "coordinates.json",
    "coordinates.csv",
    *(f"{name}.csv" for name in ("summary", "curves", "layers", "differences")),
)
_PLOTS: Final = (
    "loss",
    "accuracy",
    "distinct",
    "differences",
    "signal",
    "gradient*",
    "weights-*",
    "activations*",
    "coordinates-*",
)
_REPORT: Final = ("report.html", *_TABLES, *(f"plots/{name}.png" for name in _PLOTS))
"""Whatever the reports of `fanin compare` and `fanin probe` consist of."""


def make_folder(path: str, *, force: bool = False) -> Path:
    """Make the folder of a report and return it.

    Args:
        path: The folder, which may be there.
        force: Whether it may hold a report, which is then to be overwritten.

    Raises:
        FaninValueError: It cannot be made, there is a file of that name, or it holds a report.
    """
    folder = Path(path)
    try:
        if path:
            folder.mkdir(parents=True, exist_ok=True)
        reason = (
            "it has no name" if not path else "" if os.access(folder, os.W_OK | os.X_OK) else "it cannot be written"
        )
    except FileExistsError:
        reason = "a file has this name"
    except OSError as error:
        reason = f"it cannot be made ({error.strerror})"
    if reason:
        raise FaninValueError(f"--out must be a folder that can be written. Received: {path!r}, and {reason}.")
    if not force and (held := next(_report(folder), None)):
        raise FaninValueError(
            f"--out would overwrite an earlier report. Received: {path!r}, which holds {held.relative_to(folder)}. "
            f"Choose another folder, or add --force to replace the report."
        )
    return folder


def clear(folder: Path) -> None:
    """Remove an earlier report, so that a folder never holds files of two; nothing else."""
    for path in list(_report(folder)):
        path.unlink(missing_ok=True)


def _report(folder: Path) -> Iterator[Path]:
    return itertools.chain.from_iterable(map(folder.glob, _REPORT))


def _write(path: Path, fill: Callable[[Path], object]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".", suffix=path.suffix, dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        try:
            fill(temporary)
            temporary.chmod(0o644)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise WriteError(f"{path} cannot be written: {error.strerror or error}. Use another folder.") from error


def write_text(path: Path, text: str) -> None:
    """Write text as UTF-8."""
    _write(path, lambda temporary: temporary.write_text(text, encoding="utf-8", newline="\n"))


def write_json(path: Path, data: object) -> None:
    """Write plain data as JSON; numbers that are not finite become null, which JSON has no other word for."""
    write_text(path, json.dumps(_finite(data), indent=1) + "\n")


def _finite(data: object) -> object:
    if isinstance(data, float):
        return data if math.isfinite(data) else None
    if isinstance(data, dict):
        return {key: _finite(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [_finite(value) for value in data]
    return data


def write_csv(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write rows with the same keys as CSV, the keys as headings; nothing if there are no rows."""
    if rows:
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_text(path, text.getvalue())


def write_plots(folder: Path, plots: Sequence[Plot]) -> None:
    """Write each plot as a PNG."""
    for plot in plots:
        _write(folder / f"{plot.name}.png", plot.save)


def page(template: str, **content: Any) -> str:
    """Return a page made from a template of this folder."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("fanin.lab"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**content)
