"""Which jobs of a study are done: a line of JSON each, written as soon as it is, so that nothing is done twice."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from cattrs.preconf.json import make_converter

T = TypeVar("T")
_CONVERTER = make_converter()


class Journal:
    """Results of finished jobs, by what defines a job.

    Parameters
    ----------
    path
        Read if it is there; a last line that was cut off by a crash is left out.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.added = 0
        """Jobs that were written down since it was opened."""
        self._done: dict[str, Any] = {}
        whole = path.read_bytes() if path.exists() else b""
        for line in whole.splitlines(keepends=True):
            if line.endswith(b"\n"):
                entry = json.loads(line)
                self._done[entry["job"]] = entry["result"]
        if whole and not whole.endswith(b"\n"):
            path.write_bytes(whole[: whole.rfind(b"\n") + 1])

    def __len__(self) -> int:
        return len(self._done)

    def find(self, job: str, kind: type[T]) -> T | None:
        """Return the result of a job; None if it is not done."""
        return _CONVERTER.structure(self._done[job], kind) if job in self._done else None

    def forget(self, job: str) -> None:
        """Take a job for not done: what it made is no longer there."""
        self._done.pop(job, None)

    def add(self, job: str, result: object) -> None:
        """Write down that a job is done; when this returns, it survives a crash."""
        data = _CONVERTER.unstructure(result)
        line = json.dumps({"job": job, "result": data}).encode() + b"\n"
        with self._path.open("ab") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        self._done[job] = data
        self.added += 1


def job_of(function: str, arguments: Sequence[object]) -> str:
    """Return a digest of all that defines a job: what is done, with what, and the contents of the files it names."""
    data = _CONVERTER.unstructure(list(arguments))
    text = json.dumps([function, data, _contents(data)], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _contents(data: object) -> list[str]:
    """Digest every file that a configuration names in a field called ``file``."""
    if isinstance(data, Mapping):
        file = data.get("file")
        own = (
            [hashlib.sha256(Path(file).read_bytes()).hexdigest()]
            if isinstance(file, str) and Path(file).is_file()
            else []
        )
        return own + [digest for value in data.values() for digest in _contents(value)]
    if isinstance(data, list | tuple):
        return [digest for value in data for digest in _contents(value)]
    return []
