"""Where results go: a new directory, or one of ours of the same kind. What we did not write is never touched."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

MANIFEST = "manifest.json"
JOURNAL = "finished.jsonl"
"""Jobs of a study that are done (:mod:`experiments.studies.journal`)."""
ASIDE = ".earlier"
"""Where results are until those that replace them have begun."""


def prepare_directory(
    path: str | Path,
    kind: str = "run",
    files: Collection[str] = (),
    overwrite: bool = False,
    resume: bool = False,
) -> Path:
    """Make sure, before anything runs, that results can be written and will not mix with others.

    Parameters
    ----------
    path
        Made if it is not there, with its parents.
    kind
        What is written: ``"run"``, ``"bound"``, ...; a directory keeps to one kind.
    files
        All names that will be written. Empty if they are not known before: then the directory must be empty or ours.
    overwrite
        Delete the files of earlier results of this kind, those that their manifest names. All others stay.
    resume
        Leave earlier results of this kind as they are: they will be added to.

    Raises
    ------
    ValueError
        If the path is a file or lies below one, cannot be made or written to, or holds something that is not to be
        replaced. The message names the path and says what would be right.
    """
    directory = Path(path).expanduser()
    if directory.is_dir():
        _check(directory, kind, files, overwrite, resume)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            pass
    except (FileExistsError, NotADirectoryError) as error:
        raise ValueError(
            f"output directory {directory}: there is a file in its place or above it; "
            "give a directory, or a path that is free"
        ) from error
    except OSError as error:
        raise ValueError(
            f"output directory {directory} cannot be written to ({error.strerror}); "
            "give a directory that you may write to"
        ) from error
    if not resume:
        for file in _earlier(directory, files):
            file.unlink()
    return directory


def read_manifest(directory: Path) -> Mapping[str, Any] | None:
    """Return the manifest of results, or None where there is none that can be read."""
    try:
        data = json.loads((directory / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return data if isinstance(data, dict) and str(data.get("schema", "")).startswith("tetriplan/") else None


def _check(directory: Path, kind: str, files: Collection[str], overwrite: bool, resume: bool) -> None:
    found = read_manifest(directory)
    present = sorted(file.name for file in directory.iterdir() if not file.name.startswith("."))
    if found is None:
        clash = [name for name in present if name in files] if files else present
        if clash:
            raise ValueError(
                f"output directory {directory} has {clash[0]}, which is not known as a result of ours; "
                "give a new directory"
            )
        return
    if found.get("kind") != kind:
        raise ValueError(
            f"output directory {directory} holds results of another kind ({found.get('kind', 'an older version')}, not "
            f"{kind}); give another directory"
        )
    if not overwrite and not resume:
        raise ValueError(
            f"output directory {directory} holds an earlier {kind} ({MANIFEST}); give another directory, "
            "set overwrite=true (--overwrite) to replace it, or resume=true (--resume) to go on with it"
        )


def set_aside(directory: Path) -> None:
    """Move what the manifest of earlier results names out of the way, so that it can be brought back."""
    for path in _earlier(directory, ()):
        kept = directory / ASIDE / path.relative_to(directory)
        kept.parent.mkdir(parents=True, exist_ok=True)
        path.replace(kept)


def bring_back(directory: Path) -> None:
    """Put what was set aside in its place again."""
    aside = directory / ASIDE
    for kept in [path for path in aside.rglob("*") if path.is_file()]:
        place = directory / kept.relative_to(aside)
        place.parent.mkdir(parents=True, exist_ok=True)
        kept.replace(place)
    forget(directory)


def forget(directory: Path) -> None:
    """Delete what was set aside."""
    shutil.rmtree(directory / ASIDE, ignore_errors=True)


def _earlier(directory: Path, files: Collection[str]) -> list[Path]:
    """Return what earlier results left: what their manifest names, and what would be written now."""
    found = read_manifest(directory)
    if found is None:
        return []
    names = {MANIFEST, JOURNAL, *files, *map(str, found.get("files", ()))}
    paths = [directory / name for name in sorted(names)]
    return [path for path in paths if path.is_file() and path.resolve().is_relative_to(directory.resolve())]
