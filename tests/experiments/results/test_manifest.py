from __future__ import annotations

import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from experiments.results.manifest import PROJECT, git_state, manifest
from profiles.store import list_profiles, load_profile

STARTED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_a_manifest_says_how_and_with_what() -> None:
    """Configuration, seeds, command, times, profile digest, versions and machine are there, as plain JSON."""
    profile = load_profile(list_profiles()[0])
    data = manifest({"solver": {"name": "dp"}}, {"workload": 3}, STARTED, profile=profile, command=["run", "a=1"])
    assert json.loads(json.dumps(data)) == data
    assert data["config"] == {"solver": {"name": "dp"}}
    assert data["seeds"] == {"workload": 3}
    assert data["command"] == ["run", "a=1"]
    assert (data["started"], data["ended"]) == ("2026-01-02T03:04:05+00:00", None)
    assert data["profile"] == {"name": profile.name, "digest": profile.digest}
    assert data["versions"]["python"] == sys.version.split()[0]
    assert data["versions"]["numpy"]
    assert data["machine"]["cpus"] >= 1


def test_defaults_are_this_command_and_no_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a command line the process's own stands in, with no path of this machine; without a profile there is none."""
    monkeypatch.setattr(sys, "argv", [str(PROJECT / "experiments" / "run.py"), "solver=dp"])
    data = manifest({}, {}, STARTED, ended=STARTED)
    assert data["command"] == ["experiments/run.py", "solver=dp"]
    monkeypatch.setattr(sys, "argv", ["/elsewhere/bin/pytest", "-q"])
    assert manifest({}, {}, STARTED)["command"] == ["pytest", "-q"]
    assert data["profile"] is None
    assert data["ended"] == data["started"]


def test_keys_are_not_kept() -> None:
    """A key that clients must send is neither in the configuration nor in the command; that there was one is seen."""
    command = [
        "serve.py",
        "serve.api_key=se=cret",
        "+serve.api_key=secret",
        "--api-key",
        "secret",
        "--api-key=secret",
        "x=1",
    ]
    config = {"serve": {"api_key": "secret", "port": 1}, "other": {"api_key": ""}}
    data = manifest(config, {}, STARTED, command=command)
    assert "cret" not in json.dumps(data)
    assert data["config"] == {"serve": {"api_key": "(not kept)", "port": 1}, "other": {"api_key": ""}}
    assert data["command"][0] == "serve.py" and data["command"][-1] == "x=1" and len(data["command"]) == len(command)
    assert config["serve"]["api_key"] == "secret"


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_git_state_of_a_checkout(tmp_path: Path) -> None:
    """The revision is found, changes to tracked files make it dirty, new files do not."""

    def git(*arguments: str) -> str:
        identity = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
        command = ["git", "-C", str(tmp_path), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    git("init")
    (tmp_path / "file").write_text("1")
    git("add", "file")
    git("commit", "-m", "first")
    (tmp_path / "new").write_text("1")
    assert git_state(tmp_path) == {"revision": git("rev-parse", "HEAD"), "dirty": False}
    (tmp_path / "file").write_text("2")
    assert git_state(tmp_path) == {"revision": git("rev-parse", "HEAD"), "dirty": True}
    (tmp_path / "inside").mkdir()
    assert git_state(tmp_path / "inside") is None


def test_git_state_without_a_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside a checkout, and without git, there is no state and no error."""
    assert git_state(tmp_path) is None
    monkeypatch.setenv("PATH", "")
    assert git_state(tmp_path) is None
