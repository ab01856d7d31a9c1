"""A study that is open: its jobs, and the directory for its tables, data and manifest."""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from experiments.cli import guarded
from experiments.results.directory import (
    JOURNAL,
    MANIFEST,
    bring_back,
    forget,
    prepare_directory,
    read_manifest,
    set_aside,
)
from experiments.results.manifest import manifest
from experiments.results.text import Table, markdown, print_table
from experiments.results.writer import write_json
from experiments.studies.jobs import Jobs
from experiments.studies.journal import Journal
from experiments.studies.options import parse


class Study:
    """What a study needs while it is open.

    Parameters
    ----------
    kind
        The command below ``experiments``.
    directory
        Where results go; None if they are only printed.
    jobs
        How its jobs are done.
    config
        What was asked for, as plain data, for the manifest.
    seeds
        Of its runs.
    files
        Those of the directory that are there already and are its own.
    """

    def __init__(
        self,
        kind: str,
        directory: Path | None,
        jobs: Jobs,
        config: Mapping[str, Any],
        seeds: Sequence[int] = (),
        files: Sequence[str] = (),
    ) -> None:
        self.kind, self.directory, self.jobs = kind, directory, jobs
        self.files = list(files)
        used = {f"seed {seed}": seed for seed in seeds}
        self._manifest = manifest(config, used, datetime.now(UTC), kind=kind)
        self._save()

    def table(self, name: str, table: Table, title: str = "", show: bool = True) -> None:
        """Write a table as Markdown, and print it."""
        self.write(f"{name}.md", lambda path: path.write_text(markdown(table), encoding="utf-8"))
        if show:
            print_table(table, title)

    def rows(self, name: str, rows: Sequence[Any], leave_out: Sequence[str] = ()) -> None:
        """Write dataclasses of one kind as CSV, a column per field; floats in full, so that equal results give equal bytes.

        ``leave_out`` names fields that differ from run to run, such as times. A name with ``.csv.gz`` is compressed.
        """
        names = [field.name for field in fields(rows[0]) if field.name not in leave_out]

        def write(path: Path) -> None:
            text = io.StringIO()
            writer = csv.writer(text, lineterminator="\n")
            writer.writerow(names)
            writer.writerows([_cell(getattr(row, name)) for name in names] for row in rows)
            data = text.getvalue().encode()
            path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)

        self.write(name if "." in name else f"{name}.csv", write)

    def write(self, name: str, write: Callable[[Path], object]) -> None:
        """Let a function write a file of the directory, if there is one; its name is in the manifest before."""
        if self.directory is None:
            return
        if name not in self.files:
            self.files.append(name)
            self._save()
        (self.directory / name).parent.mkdir(exist_ok=True)
        write(self.directory / name)

    def finish(self) -> None:
        """Say in the manifest that the study is complete, and on the terminal where its files are."""
        if self.directory is None:
            return
        self._manifest["ended"] = datetime.now(UTC).isoformat(timespec="seconds")
        self._save()
        print(f"Results are in {self.directory}: {', '.join([*self.files, MANIFEST])}")

    def _save(self) -> None:
        if self.directory is not None:
            write_json(self._manifest | {"files": sorted(self.files)}, self.directory / MANIFEST)


def _cell(value: Any) -> Any:
    return int(value) if isinstance(value, bool) else value


@contextmanager
def open_study(
    kind: str,
    options: argparse.Namespace,
    config: Mapping[str, Any],
    seeds: Sequence[int] = (),
    fresh: bool = False,
) -> Iterator[Study]:
    """Open a study as its options say (:func:`experiments.studies.options.study_parser`).

    A study that fails or is interrupted leaves its finished jobs, and says how to go on; without any, all is as it was:
    earlier results go only when those that replace them have begun.

    Parameters
    ----------
    kind, config, seeds
        See :class:`Study`.
    options
        What was parsed.
    fresh
        Whether results go to a new directory below ``results`` where ``--output`` is not given; else they are only printed.
    """
    path = options.output or (fresh_directory(kind) if fresh else None)
    if path is None:
        yield Study(kind, None, Jobs(options.jobs, options.on), config, seeds)
        return
    new = not path.exists()
    directory = prepare_directory(path, kind, overwrite=options.overwrite, resume=options.overwrite or options.resume)
    earlier = (read_manifest(directory) or {}) if options.resume else {}
    if earlier:
        _check_versions(directory, earlier)
    if options.overwrite:
        set_aside(directory)
    journal = Journal(directory / JOURNAL)
    jobs = Jobs(options.jobs, options.on, journal)
    study = Study(kind, directory, jobs, config, seeds, earlier.get("files", ()))
    try:
        yield study
    except BaseException:
        if journal.added:
            go_on = f"the same command with --output {directory} --resume goes on"
            print(f"{len(journal)} finished jobs are in {directory}; {go_on}", file=sys.stderr)
            forget(directory)
        elif earlier:
            write_json(earlier, directory / MANIFEST)
        else:
            for name in (*study.files, MANIFEST, JOURNAL):
                (directory / name).unlink(missing_ok=True)
            bring_back(directory)
            if new:
                directory.rmdir()
        raise
    forget(directory)
    study.finish()


def run_study(
    parser: argparse.ArgumentParser, command: Callable[[argparse.Namespace], None], arguments: Sequence[str] | None
) -> int:
    """Parse a command line and do what it says; returns the exit code."""

    def main() -> int:
        command(parse(parser, arguments))
        return 0

    return guarded(main)


def fresh_directory(kind: str) -> Path:
    """Name a directory below ``results`` that is not there yet."""
    stem = f"{kind}_{datetime.now(UTC):%Y-%m-%d_%H-%M-%S}"
    names = (stem if number == 1 else f"{stem}_{number}" for number in range(1, 10**6))
    return next(path for path in (Path("results") / name for name in names) if not path.exists())


def _check_versions(directory: Path, earlier: Mapping[str, Any]) -> None:
    """Refuse to mix results of different versions in one table; say so where the sources are others."""
    now = manifest({}, {}, datetime.now(UTC))
    versions = now["versions"]
    other = {
        name: (old, versions.get(name))
        for name, old in earlier.get("versions", {}).items()
        if old != versions.get(name)
    }
    if other:
        changes = ", ".join(f"{name} {old} is now {new}" for name, (old, new) in other.items())
        raise ValueError(
            f"--resume: {directory} was begun with other versions ({changes}); use --overwrite to begin anew"
        )
    if earlier.get("git") != now["git"]:
        print(f"note: {directory} was begun with other sources; what was finished then stays as it is", file=sys.stderr)
