"""Writing results: each file appears whole or not at all, so that an interruption leaves what was finished."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fanin.exceptions import FaninError, FaninValueError

if TYPE_CHECKING:
    from fanin.compare.plot import Plot

__all__ = ["WriteError", "make_folder", "page", "remove", "write_csv", "write_json", "write_plots", "write_text"]


class WriteError(FaninError, OSError):
    """A file of a report cannot be written: the disk is full, or the folder is gone."""


def make_folder(path: str) -> Path:
    """Make a folder and return it.

    Raises:
        FaninValueError: It cannot be made, or there is a file of that name.
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
    return folder


def remove(folder: Path, *patterns: str) -> None:
    """Remove what an earlier run wrote, so that a folder never holds files of two."""
    for pattern in patterns:
        for path in folder.glob(pattern):
            path.unlink(missing_ok=True)


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
    """Return a page made from a template of this package."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("fanin", "_templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**content)
