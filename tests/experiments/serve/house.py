"""Real servers for tests: processes that listen on a port of their own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.patience import PATIENCE

ROOT = Path(__file__).parents[3]
IMAGES = "/v1/images/generations"


@dataclass
class Server:
    """A server that runs: its process, address and output directory."""

    process: subprocess.Popen[str]
    url: str
    directory: Path
    said: str

    def stop(self, number: signal.Signals = signal.SIGINT) -> str:
        """Tell it to stop, and return what it said from then on."""
        self.process.send_signal(number)
        out, _ = self.process.communicate(timeout=PATIENCE)
        return out


class Answer:
    """What a call gave."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status, self.headers, self.body = status, {k.lower(): v for k, v in headers.items()}, body

    @property
    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.body)

    @property
    def error(self) -> Any:
        """What is wrong."""
        return self.json["error"]


def call(
    url: str,
    body: object = None,
    headers: Mapping[str, str] | None = None,
    method: str | None = None,
    kind: str = "application/json",
) -> Answer:
    """Make a call; an object is sent as JSON, bytes as they are."""
    data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": kind, **(headers or {})}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return Answer(answer.status, dict(answer.headers), answer.read())
    except urllib.error.HTTPError as error:
        return Answer(error.code, dict(error.headers), error.read())


@contextmanager
def serving(directory: Path, *overrides: str) -> Iterator[Server]:
    """Run a server until the block ends."""
    free = [] if any(override.startswith("serve.port=") for override in overrides) else ["serve.port=0"]
    command = [sys.executable, "-m", "experiments.serve", *free, f"output={directory}", *overrides]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "200"}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=directory.parent, env=environment
    )
    assert process.stdout is not None
    said = ""
    try:
        while (found := re.search(r"listening on (http://\S+)", said)) is None:
            line = process.stdout.readline()
            assert line, f"it ended: {said}"
            said += line
        yield Server(process, found[1], directory, said)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stdout.close()


def until(condition: Any, seconds: float = PATIENCE) -> None:
    """Wait for something that another process does."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)
