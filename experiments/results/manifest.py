"""What stands beside every result: how it was asked for, and with what it was made."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from profiles.profile import Profile

SCHEMA = "tetriplan/manifest/2"
PACKAGES = (
    "tetriplan", "numpy", "scipy", "ortools", "pulp", "highspy", "networkx", "pyarrow", "hydra-core",
    "joblib", "matplotlib", "torch", "diffusers",
)  # fmt: skip
PROJECT = Path(__file__).resolve().parents[2]
_HIDDEN = "(not kept)"


def manifest(
    config: Mapping[str, Any],
    seeds: Mapping[str, int],
    started: datetime,
    ended: datetime | None = None,
    profile: Profile | None = None,
    command: Sequence[str] | None = None,
    kind: str = "run",
    files: Sequence[str] = (),
) -> dict[str, Any]:
    """Describe a run, as plain data; keys that clients must send (``api_key``) are left out.

    Parameters
    ----------
    config
        The whole configuration, resolved.
    seeds
        Name of each source of chance to its seed.
    started, ended
        Wall-clock times with a time zone; ``ended`` is None while the run goes on.
    profile
        The profile of the run; its digest tells whether two runs had the same one.
    command
        The command line; by default that of this process.
    kind
        The command that made the results, below ``experiments``.
    files
        Names of the files that it wrote beside the manifest.
    """
    return {
        "schema": SCHEMA,
        "kind": kind,
        "config": _readable(config),
        "seeds": dict(seeds),
        "command": without_keys(_command_line() if command is None else command),
        "started": started.isoformat(timespec="seconds"),
        "ended": None if ended is None else ended.isoformat(timespec="seconds"),
        "profile": None if profile is None else {"name": profile.name, "digest": profile.digest},
        "git": git_state(PROJECT),
        "versions": versions(),
        "machine": machine(),
        "files": sorted(files),
    }


def _command_line() -> list[str]:
    """Return the command line of this process; the program by its path in the project, not on this machine."""
    program = Path(sys.argv[0])
    inside = program.is_absolute() and program.is_relative_to(PROJECT)
    return [str(program.relative_to(PROJECT)) if inside else program.name, *sys.argv[1:]]


def without_keys(command: Sequence[str]) -> list[str]:
    """Return a command line as others may read it: ``api_key=...`` and ``--api-key ...`` without their values."""
    shown: list[str] = []
    for argument in command:
        name, equals, _ = argument.partition("=")
        if shown and shown[-1] == "--api-key":
            shown.append(_HIDDEN)
        else:
            shown.append(f"{name}={_HIDDEN}" if equals and _is_key(name) else argument)
    return shown


def _readable(config: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _readable(value) if isinstance(value, Mapping) else _HIDDEN if _is_key(name) and value else value
        for name, value in config.items()
    }


def _is_key(name: str) -> bool:
    return name.replace("-", "_").endswith("api_key")


def versions() -> dict[str, str | None]:
    """Return the versions of Python and of what results may depend on; None for what is not installed."""
    found: dict[str, str | None] = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    return found


def git_state(root: Path) -> dict[str, Any] | None:
    """Return the revision of the checkout at ``root``, and whether tracked files differ from it.

    None if there is no checkout. One that merely contains ``root``, such as one around a virtual environment,
    does not count.
    """
    top = _git(root, "rev-parse", "--show-toplevel")
    revision = _git(root, "rev-parse", "HEAD")
    changes = _git(root, "status", "--porcelain", "--untracked-files=no")
    if top is None or revision is None or Path(top).resolve() != root.resolve():
        return None
    return {"revision": revision, "dirty": bool(changes)}


def machine() -> dict[str, Any]:
    """Return the operating system, the processor and the memory, as far as the machine tells."""
    return {
        "platform": platform.platform(),
        "cpu": _cpu_model(),
        "cpus": os.cpu_count(),
        "memory_bytes": _memory(),
    }


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _cpu_model() -> str | None:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or None


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None
