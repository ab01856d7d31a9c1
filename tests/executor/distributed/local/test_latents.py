"""State that survives its writer."""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from executor.distributed.local.latents import Latents, Shared, new_folder


@pytest.fixture
def folder() -> Iterator[Path]:
    """Make the folder of a run."""
    made = new_folder()
    yield made
    Shared(made).remove()
    assert not made.exists()


def test_last_write_is_read(folder: Path) -> None:
    """Tests that another process's reader sees the last of several writes, of different lengths."""
    writer, reader = Latents(folder), Latents(folder)
    writer.admit(7, b"prompt", b"noise")
    assert reader.fixed(7) == b"prompt"
    assert reader.read(7) == (0, b"noise")
    for steps in range(1, 6):
        writer.write(7, steps, bytes([steps]) * 1000 * steps * steps)
        assert reader.read(7) == (steps, bytes([steps]) * 1000 * steps * steps)


def test_writers_take_turns(folder: Path) -> None:
    """Tests that one worker goes on where another stopped, also after the file has grown under its feet."""
    one, other = Latents(folder), Latents(folder)
    one.admit(1, b"", b"a" * 10)
    other.write(1, 1, b"b" * 100_000)
    other.release(1)
    one.release(1)
    one.write(1, 2, b"c")
    assert other.read(1) == (2, b"c")


def test_unfinished_write_is_not_seen(folder: Path) -> None:
    """Tests that a write that did not come to its end leaves the state before it."""
    latents = Latents(folder)
    latents.admit(1, b"", b"step 0")
    latents.write(1, 1, b"step 1")
    latents.write(1, 2, b"step 2")
    path = folder / "1.moving"
    raw = bytearray(path.read_bytes())
    raw[24] ^= 1
    path.write_bytes(raw)
    assert Latents(folder).read(1) == (1, b"step 1")
    raw[0:8] = bytes(8)
    path.write_bytes(raw)
    assert Latents(folder).read(1) == (1, b"step 1")


def _write_forever(folder: Path) -> None:
    latents = Latents(folder)
    for steps in range(latents.read(1).steps + 1, 10**9):
        latents.write(1, steps, steps.to_bytes(8, "little") * 50_000)


def test_killed_writer(folder: Path) -> None:
    """Tests that a state is whole, and not older than one seen before, when its writer is killed."""
    Latents(folder).admit(1, b"", bytes(400_000))
    seen = 0
    for attempt in range(5):
        process = multiprocessing.get_context("fork").Process(target=_write_forever, args=(folder,))
        process.start()
        time.sleep(0.05 + 0.003 * attempt)
        before = Latents(folder).read(1).steps
        os.kill(process.pid or 0, signal.SIGKILL)
        process.join()
        saved = Latents(folder).read(1)
        assert saved.steps >= before
        assert saved.data == saved.steps.to_bytes(8, "little") * 50_000
        seen = max(seen, saved.steps)
    assert seen > 10


def test_removed(folder: Path) -> None:
    """Tests that nothing of a request is left, and that reading it then fails."""
    latents = Latents(folder)
    latents.admit(1, b"prompt", b"noise")
    latents.remove(1)
    latents.remove(1)
    assert not list(folder.iterdir())
    with pytest.raises(FileNotFoundError):
        latents.read(1)
    with pytest.raises(FileNotFoundError):
        latents.fixed(1)


def test_leftovers_of_a_killed_run_are_swept(tmp_path: Path) -> None:
    """Tests that the next start removes the folder of a process that was killed, and not that of one that runs."""
    script = (
        "import sys, time\n"
        "from executor.distributed.local.latents import new_folder\n"
        "print(new_folder(), flush=True)\n"
        "time.sleep(1000)\n"
    )
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[4]
        )
        for _ in range(2)
    ]
    folders = [Path(run.stdout.readline().strip()) for run in runs if run.stdout is not None]
    try:
        assert all(folder.is_dir() for folder in folders)
        runs[0].kill()
        runs[0].wait()
        assert folders[0].is_dir()
        Shared(new_folder()).remove()
        assert not folders[0].exists()
        assert folders[1].is_dir()
    finally:
        for run in runs:
            run.kill()
            run.communicate()
        Shared(new_folder()).remove()
    assert not folders[1].exists()


def test_turns_do_not_meet(folder: Path) -> None:
    """Tests that a request of one turn is not that of another with its number, and goes with its own turn."""
    storage = Shared(folder)
    storage.states(0).admit(1, b"measured", b"noise")
    storage.states(1).admit(1, b"served", b"other noise")
    assert storage.states(0).fixed(1) == b"measured"
    storage.forget(0)
    storage.forget(0)
    assert storage.states(1).read(1) == (0, b"other noise")
    with pytest.raises(FileNotFoundError):
        storage.states(0).read(1)


def test_no_room_is_told_with_the_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests that full shared memory is reported with the request, the folder, the size needed and the size free."""

    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match=r"no room for request 3 in .*: 4\.02 MiB are needed, .* MiB are free"):
        Latents(tmp_path).admit(3, b"fixed", bytes(2**20))
    assert not (tmp_path / "3.fixed").exists()
