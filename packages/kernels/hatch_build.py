"""The build hook: compile the library and put it into the wheel, whose tag names the platform and no Python.

Without a C compiler, the build asks pip for Zig's, which is a package like any other. `FANIN_KERNELS_TARGET` names
another machine (`build_library.TARGETS`). If nothing compiles, the wheel has no library, and the backends draw without
it; `FANIN_KERNELS_REQUIRED=1` makes that an error.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).parent))
import build_library


class Hook(BuildHookInterface[Any]):
    """Compiles the library for a wheel."""

    _folder: tempfile.TemporaryDirectory[str] | None = None

    @staticmethod
    def _target() -> build_library.Target:
        name = os.environ.get("FANIN_KERNELS_TARGET")
        return build_library.target_named(name) if name else build_library.local_target()

    def dependencies(self) -> list[str]:
        """Return what the build needs: a C compiler, if this machine has none for its target."""
        own = self._target().triple is None and build_library.has_own_compiler()
        return [] if own or self.target_name != "wheel" else ["ziglang"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and say what is in the wheel."""
        target = self._target()
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{target.tag}"
        self._folder = tempfile.TemporaryDirectory()
        library = Path(self._folder.name) / target.library
        if version == "editable":
            library = Path(self.root) / "src/fanin_kernels" / target.library
        try:
            build_library.build(library, target)
        except (RuntimeError, OSError) as error:
            if os.environ.get("FANIN_KERNELS_REQUIRED") == "1":
                raise
            self.app.display_warning(f"fanin-kernels is built without its library: {error}")
            return
        if version != "editable":
            build_data["force_include"][str(library)] = f"fanin_kernels/{target.library}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what was compiled."""
        if self._folder is not None:
            self._folder.cleanup()
