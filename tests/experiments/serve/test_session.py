"""A session from its beginning to its end, also a violent one, and what it leaves."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from experiments.config.checks import ConfigError
from experiments.serve.__main__ import main
from experiments.serve.http import listen, listening
from experiments.serve.journal import JOURNAL, read_journal
from experiments.serve.session import TRACE
from tests.experiments.serve.house import IMAGES, ROOT, Server, call, serving, until
from tests.patience import PATIENCE

BODY = {"prompt": "x", "size": "512x512", "num_inference_steps": 4}
LONG = {"prompt": "x", "size": "2048x2048", "num_inference_steps": 200, "slo_ms": 600_000}


def in_background(server: Server, body: object) -> tuple[threading.Thread, list[int]]:
    """Ask for something in a thread."""
    statuses: list[int] = []

    def ask() -> None:
        try:
            statuses.append(call(server.url + IMAGES, body).status)
        except OSError:
            statuses.append(0)

    thread = threading.Thread(target=ask)
    thread.start()
    return thread, statuses


def waits(server: Server, count: int) -> None:
    """Wait until so many requests are in the system."""
    until(lambda: call(f"{server.url}/server_info").json["in_system"] == count)


def ours(*arguments: str) -> str:
    """Run a command of ours and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", *arguments], capture_output=True, text=True, cwd=ROOT, env={"PATH": "", "COLUMNS": "200"}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_session_is_a_run_and_a_trace(tmp_path: Path) -> None:
    """Tests tables, trace and replay of a session: what was asked for, served again, has the same requests."""
    directory = tmp_path / "session"
    with serving(directory, "engine.speed=20") as server:
        for number in range(6):
            assert call(server.url + IMAGES, BODY | {"slo_ms": 1 if number == 3 else 5000, "n": 1}).status == 200
        said = server.stop()
    assert "5 of 6 requests on time" in said and str(directory) in said
    rows = pq.read_table(directory / "requests.parquet").to_pylist()
    assert [row["id"] for row in rows] == list(range(6)) and rows[0]["fate"] == "on_time"
    assert json.loads((directory / "summary.json").read_text())["requests"] == 6
    assert json.loads((directory / "manifest.json").read_text())["kind"] == "session"
    assert (directory / "timeline.png").stat().st_size > 1000
    printed = ours("experiments.replay", str(directory), "--policy", "edf", "--jobs", "1")
    assert "the server" in printed and "edf" in printed and "Clairvoyant bound" in printed
    again = tmp_path / "again"
    ours(
        "experiments.run", "workload=trace", f"workload.file={directory / 'trace.csv'}", f"output={again}", "solver=edf"
    )
    rerun = pq.read_table(again / "requests.parquet").to_pylist()
    assert [(r["id"], r["arrival"], r["deadline"]) for r in rerun] == [
        (r["id"], r["arrival"], r["deadline"]) for r in rows
    ]


def test_a_page_that_looks_on_is_told_the_end(tmp_path: Path) -> None:
    """Tests that the events of a page come to a clean end when the server stops."""
    with serving(tmp_path / "session") as server, urllib.request.urlopen(f"{server.url}/events") as events:
        assert events.readline() == b"event: about\n"
        server.process.send_signal(signal.SIGTERM)
        assert events.read().endswith(b"\n\n")
        server.process.communicate(timeout=PATIENCE)
    assert server.process.returncode == 0


def test_a_server_that_stops_finishes_what_it_has(tmp_path: Path) -> None:
    """Tests that what is under way is finished, and that nothing new is taken meanwhile."""
    with serving(tmp_path / "session", "engine.speed=20") as server:
        thread, statuses = in_background(server, LONG | {"size": "1024x1024"})
        waits(server, 1)
        server.process.send_signal(signal.SIGTERM)
        until(lambda: call(f"{server.url}/health").status == 503)
        refused = call(server.url + IMAGES, BODY)
        assert refused.status == 503 and refused.error["code"] == "stopping"
        thread.join()
        out, _ = server.process.communicate(timeout=PATIENCE)
    assert statuses == [200] and server.process.returncode == 0 and "1 of 1 requests on time" in out


def test_what_cannot_be_finished_is_handed_back(tmp_path: Path) -> None:
    """Tests that requests are handed back when the grace is over, and the tables say so."""
    with serving(tmp_path / "session", "serve.grace=0.2") as server:
        thread, statuses = in_background(server, LONG)
        waits(server, 1)
        said = server.stop()
        thread.join()
    assert statuses == [503] and "1 requests were handed back" in said
    assert read_journal(tmp_path / "session" / JOURNAL).records.cancelled


def test_a_server_that_is_killed_owes(tmp_path: Path) -> None:
    """Tests that a killed session can be read and replayed, and that the next server knows what was promised."""
    directory = tmp_path / "session"
    with serving(directory, "serve.admission=promise") as server:
        assert call(server.url + IMAGES, BODY).status == 200
        thread, _ = in_background(server, LONG)
        waits(server, 1)
        until(lambda: [r.id for r in read_journal(directory / JOURNAL).owed] == [1])
        server.process.kill()
        server.process.wait()
        thread.join()
    session = read_journal(directory / JOURNAL)
    assert not session.ended and [r.id for r in session.owed] == [1]
    assert (
        "the server was killed" in ours("experiments.replay", str(directory), "--policy", "edf", "--no-bound").lower()
    )
    with serving(directory, "serve.resume=true") as server:
        assert "owed by the server that stopped: request 1 (2048x2048, 200 steps)" in server.said
        assert call(f"{server.url}/server_info").json["owed"] == [1]
        answer = call(server.url + IMAGES, BODY)
        assert answer.status == 200 and answer.headers["x-request-id"] == "tp-2"
        (directory / TRACE).write_text("of another day")
        server.process.kill()
        server.process.wait()
    assert "3 requests" in ours("experiments.replay", str(directory), "--policy", "edf", "--no-bound")
    with serving(directory, "serve.resume=true") as server:
        said = server.stop()
    assert "2 of 3 requests on time" in said and "1 dropped" in said
    records = read_journal(directory / JOURNAL).records
    assert [r.id for r in records.requests] == [0, 1, 2] and records.complete
    arrivals = [r.arrival for r in records.requests]
    assert arrivals == sorted(arrivals)


def test_two_servers_in_one_directory(tmp_path: Path) -> None:
    """Tests that the session of a server that runs is neither replaced nor gone on with, and that a killed one is."""
    directory = tmp_path / "session"
    with serving(directory) as server:
        for override in ("overwrite=true", "serve.resume=true"):
            command = [sys.executable, "-m", "experiments.serve", "serve.port=0", f"output={directory}", override]
            second = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
            assert second.returncode == 2 and "a server is running that writes to it" in second.stderr
        assert call(server.url + IMAGES, BODY).status == 200
        server.process.kill()
        server.process.wait()
    (directory / JOURNAL).write_text("")  # as of one that was killed while it began
    with serving(directory, "serve.resume=true") as server:
        assert call(server.url + IMAGES, BODY).status == 200
        assert "1 of 1 requests on time" in server.stop()


def test_two_servers_at_one_port() -> None:
    """Tests that of two that took a port before either listened, the second is told so, by name."""
    with listening("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with listening("127.0.0.1", port) as second:
            listen(first)
            with pytest.raises(ConfigError, match=f"serve.port {port}: it cannot be listened at"):
                listen(second)


def test_keys(tmp_path: Path) -> None:
    """Tests that a server with a key asks for it everywhere but where a browser and a probe must come in."""
    with serving(tmp_path / "session", "serve.api_key=secret") as server:
        for path in ("/v1/models", "/metrics", "/events", "/server_info", IMAGES):
            answer = call(server.url + path)
            assert answer.status == 401 and answer.headers["www-authenticate"] == "Bearer"
        assert call(f"{server.url}/v1/models", headers={"Authorization": "Bearer wrong"}).status == 401
        assert call(f"{server.url}/v1/models", headers={"Authorization": "Bearer secret"}).status == 200
        assert call(f"{server.url}/health").status == 200 and call(server.url).status == 200


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (("serve.prot=1",), "there is no serve.prot. Did you mean serve.port?"),
        (("serve.port=70000",), "serve.port is 70000"),
        (("serve.host=256.1.1.1",), "serve.host is '256.1.1.1'"),
        (("serve.admission=some",), "serve.admission is 'some'; use 'all', 'promise' or 'refuse'"),
        (("serve.grace=-1",), "serve.grace is -1"),
        (("serve.sizes=[12]x",), "serve.sizes"),
        (("serve.sizes=[abc]",), "serve.sizes is ['abc']"),
        (("serve.slo_scale=0",), "serve.slo_scale is 0"),
        (("serve.most_steps=0",), "serve.most_steps is 0"),
        (("serve.tiers=[{name: a, share: -1}]",), "serve: tier"),
        (("serve.tiers=[{nam: a}]",), "did you mean 'name'"),
        (("serve.deadlines=never",), "deadlines is 'never'"),
        (("engine=simulated",), "engine=emulated"),
        (("engine.speed=0",), "engine.speed is 0"),
        (("engine.speed=nan",), "engine.speed is nan"),
        (("workload=skewed",), "requests come from clients"),
        (("engine.admission=refuse",), "use serve.admission"),
        (("name=x",), "it is not used"),
        (("solver=none",), "there is no solver=none"),
        (("profile.name=nothing",), "nothing"),
    ],
)
def test_careless_commands(
    tmp_path: Path,
    overrides: tuple[str, ...],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Tests that a server that cannot start says in one line which field is wrong, and leaves nothing."""
    directory = tmp_path / "session"
    free = [] if overrides[0].startswith("serve.port=") else ["serve.port=0"]
    monkeypatch.setattr(sys, "argv", ["serve", *free, f"output={directory}", *overrides])
    assert main() == 2
    told = capfd.readouterr().err
    assert said in told and len(told.strip().splitlines()) == 1
    assert not list(directory.glob("*"))


def test_a_run_s_directory_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Tests that results of another kind are left alone."""
    (tmp_path / "manifest.json").write_text(
        '{"schema": "tetriplan/manifest/2", "kind": "run", "files": ["summary.json"]}'
    )
    (tmp_path / "summary.json").write_text("{}")
    monkeypatch.setattr(sys, "argv", ["serve", "serve.port=0", f"output={tmp_path}", "overwrite=true"])
    assert main() == 2
    assert "run" in capfd.readouterr().err and (tmp_path / "summary.json").exists()
