"""Results on disk: one small JSON file per piece of work, found by the hash of everything that defines it.

That includes what the code of planner, simulator and workloads does (:mod:`paper_figs.sources`), so that results of an
earlier version are never shown as those of the present one.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paper_figs.sources import RUN, digest
from paper_figs.work import Task


@dataclass(frozen=True)
class Cache:
    """Cached results below a directory.

    Parameters
    ----------
    directory
        Made when first written to; any file in it may be deleted at any time.
    """

    directory: Path

    def path(self, task: Task) -> Path:
        """Return where the result of a piece of work is, or would be."""
        return self._file("runs", {"sources": digest(RUN), **task.identity()})

    def get(self, task: Task) -> Any | None:
        """Return a result, or None if there is none that can be read."""
        return self._read(self.path(task))

    def put(self, task: Task, result: Any) -> None:
        """Keep a result, with what it is the result of."""
        self._write(self.path(task), {"task": task.identity(), "result": result})

    def get_config(self, identity: Any) -> Any | None:
        """Return a composed configuration."""
        return self._read(self._file("configs", identity))

    def put_config(self, identity: Any, config: Any) -> None:
        """Keep a composed configuration."""
        self._write(self._file("configs", identity), {"overrides": identity, "result": config})

    def _file(self, folder: str, identity: Any) -> Path:
        text = json.dumps(identity, sort_keys=True, separators=(",", ":"))
        return self.directory / folder / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.json"

    @staticmethod
    def _read(path: Path) -> Any | None:
        try:
            return json.loads(path.read_text())["result"]
        except (OSError, ValueError, KeyError):
            return None

    @staticmethod
    def _write(path: Path, data: Any) -> None:
        """Write in one piece, so that an interrupted run leaves no half file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        ignore = path.parent.parent / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")
        handle, name = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
        with os.fdopen(handle, "w") as file:
            json.dump(data, file, separators=(",", ":"))
        Path(name).replace(path)
