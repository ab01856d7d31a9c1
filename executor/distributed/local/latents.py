"""Where requests' state lives between steps: files in host memory, which every worker of a machine can read.

A request has two files. One holds what never changes and is written once. The other has two slots, which take
turns: a write fills the slot that readers do not use and then, last, raises that slot's counter. A writer
that dies leaves the counter as it was, so that the state before is still there: a dead worker loses at most
the steps since the last write.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import shutil
import struct
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from executor.distributed.storage import Saved, write_file

_HEAD = struct.Struct("<QQQ")
"""Steps done plus one (0: nothing there), length, checksum."""
_PAGE = 4096
_ATTEMPTS = 20


class Latents:
    """The state of all requests of one engine.

    Parameters
    ----------
    folder
        Shared by all workers; made when the first request comes.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: dict[int, mmap.mmap] = {}

    def admit(self, request: int, fixed: bytes, moving: bytes) -> None:
        """Write a request for the first time.

        Raises
        ------
        OSError
            If there is no room; the message says how much is needed, and where.
        """
        partial = self._folder / f"{request}.partial"
        self._folder.mkdir(exist_ok=True)
        try:
            partial.write_bytes(fixed)
            self.write(request, 0, moving)
        except OSError as error:
            needed = len(fixed) + 4 * (-(-(len(moving) + _HEAD.size) // _PAGE) * _PAGE)
            free = shutil.disk_usage(self._folder).free
            raise OSError(
                error.errno,
                f"no room for request {request} in {self._folder}: {needed / 2**20:.2f} MiB are needed, "
                f"{free / 2**20:.2f} MiB are free ({error.strerror}); make room there",
            ) from error
        partial.replace(self._fixed(request))

    def fixed(self, request: int) -> bytes:
        """Return the part that never changes.

        Raises
        ------
        FileNotFoundError
            If the request is not there, or not yet completely.
        """
        return self._fixed(request).read_bytes()

    def write(self, request: int, steps: int, moving: bytes) -> None:
        """Write what ``steps`` steps have made of a request; only one process may at a time.

        Raises
        ------
        OSError
            If there is no room.
        """
        slot = steps % 2
        memory = self._open.get(request)
        if memory is None or len(moving) + _HEAD.size > len(memory) // 2:
            memory = self._grow(request, len(moving))
        first = slot * (len(memory) // 2)
        memory[first : first + 8] = bytes(8)
        body = first + _HEAD.size
        memory[body : body + len(moving)] = moving
        memory[first + 8 : body] = _HEAD.pack(0, len(moving), zlib.crc32(moving))[8:]
        memory[first : first + 8] = _HEAD.pack(steps + 1, 0, 0)[:8]

    def settle(self, request: int) -> None:
        """See `executor.distributed.storage.States.settle`: a write is done when it returns."""

    def read(self, request: int) -> Saved:
        """Return the state with the most steps that was completely written.

        Raises
        ------
        FileNotFoundError
            If the request is not there.
        RuntimeError
            If neither slot is whole.
        """
        for _ in range(_ATTEMPTS):
            found = self._whole(request)
            if found:
                return max(found, key=lambda saved: saved.steps)
        raise RuntimeError(f"request {request}: no whole state in {self._moving(request)}")

    def release(self, request: int) -> None:
        """Stop holding on to a request's memory; another worker goes on with it."""
        memory = self._open.pop(request, None)
        if memory is not None:
            memory.close()

    def remove(self, request: int) -> None:
        """Forget a request; one that is not there is no error."""
        self.release(request)
        for path in (self._fixed(request), self._moving(request), self._folder / f"{request}.partial"):
            path.unlink(missing_ok=True)

    def _whole(self, request: int) -> list[Saved]:
        """Return the slots that are whole; under a writer's hands, for a moment, none may be."""
        with (
            self._moving(request).open("rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as memory,
        ):
            found: list[Saved] = []
            for first in (0, len(memory) // 2):
                counter, length, checksum = _HEAD.unpack_from(memory, first)
                data = memory[first + _HEAD.size : first + _HEAD.size + length]
                if counter and zlib.crc32(data) == checksum:
                    found.append(Saved(counter - 1, data))
        return found

    def _fixed(self, request: int) -> Path:
        return self._folder / f"{request}.fixed"

    def _moving(self, request: int) -> Path:
        return self._folder / f"{request}.moving"

    def _grow(self, request: int, length: int) -> mmap.mmap:
        """Open a request's file; make a larger one, with what it holds, if it is too small."""
        path = self._moving(request)
        self.release(request)
        room = -(-(length + _HEAD.size) // _PAGE) * _PAGE
        if not path.exists() or path.stat().st_size < 2 * room:
            kept = self.read(request) if path.exists() else None
            partial = path.with_suffix(".growing")
            with partial.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, 2 * 2 * room)
            with partial.open("r+b") as file:
                self._open[request] = mmap.mmap(file.fileno(), 0)
            if kept is not None:
                self.write(request, *kept)
            partial.replace(path)
        else:
            with path.open("r+b") as file:
                self._open[request] = mmap.mmap(file.fileno(), 0)
        return self._open[request]


@dataclass(frozen=True)
class Shared:
    """What the processes of one machine share: a folder in memory, and the machine's disk.

    Parameters
    ----------
    folder
        `new_folder` makes one; each turn has its states in a folder below.
    """

    folder: Path

    def __str__(self) -> str:
        return str(self.folder)

    def states(self, turn: int) -> Latents:
        """See `executor.distributed.storage.Storage.states`."""
        return Latents(self._of(turn))

    def forget(self, turn: int) -> None:
        """See `executor.distributed.storage.Storage.forget`."""
        shutil.rmtree(self._of(turn), ignore_errors=True)

    def save(self, path: Path, data: bytes) -> None:
        """See `executor.distributed.storage.Storage.save`."""
        write_file(path, data)

    def remove(self) -> None:
        """See `executor.distributed.storage.Storage.remove`."""
        shutil.rmtree(self.folder, ignore_errors=True)
        held = _HELD.pop(self.folder, None)
        if held is not None:
            os.close(held)

    def _of(self, turn: int) -> Path:
        return self.folder / f"turn-{turn}"


_PREFIX = "tetriplan-run-"

_HELD: dict[Path, int] = {}
"""Locks on the folders of this process's runs; they end with the process, however it ends."""


def new_folder() -> Path:
    """Make a folder for a run, in shared memory where the machine has it, and remove those of runs that were killed."""
    shared = Path("/dev/shm")
    usable = shared.is_dir() and os.access(shared, os.W_OK)
    where = shared if usable else Path(tempfile.gettempdir())
    _sweep(where)
    unseen = Path(tempfile.mkdtemp(prefix=f".{_PREFIX}", dir=where))
    held = os.open(unseen, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    folder = unseen.rename(where / unseen.name[1:])
    _HELD[folder] = held
    return folder


def _sweep(where: Path) -> None:
    """Remove the folders that nobody holds."""
    for folder in where.glob(f"{_PREFIX}*"):
        try:
            found = os.open(folder, os.O_RDONLY)
        except OSError:
            continue
        try:
            fcntl.flock(found, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue
        finally:
            os.close(found)
