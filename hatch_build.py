"""Puts the native kernels into the package where there is a compiler; without one the package is complete, and slower.

The library has a plain C interface, so one build serves every version of Python. `SEQLOOM_NATIVE=0` builds none, and
`SEQLOOM_NATIVE=1` makes a failure an error.
"""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class NativeKernels(BuildHookInterface):  # type: ignore[type-arg]
    """Compiles the library into the source tree before the package is put together."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build, and say which platform the wheel is for if that worked."""
        if self.target_name == "sdist":
            return
        sys.path.insert(0, self.root)
        import native_build

        root, wish = Path(self.root), os.environ.get("SEQLOOM_NATIVE", "")
        if wish == "0":
            (root / native_build.LIBRARY).unlink(missing_ok=True)
            return
        try:
            native_build.update_library(root)
        except (OSError, subprocess.CalledProcessError) as error:
            (root / native_build.LIBRARY).unlink(missing_ok=True)  # one of other sources, which would be refused
            if wish == "1":
                raise
            said = getattr(error, "stderr", None) or str(error)
            self.app.display_warning(f"the native kernels could not be built, torch will do their work: {said}")
            return
        build_data["artifacts"].append(native_build.LIBRARY.as_posix())
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"
