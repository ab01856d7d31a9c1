"""Load is an open loop, and counts from when a request was due."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import web

from experiments.cli import compose
from experiments.config.build import build
from experiments.load.__main__ import as_records, main
from experiments.load.client import Sent, Target, load
from planner.request import Request
from profiles import Shape
from tests.experiments.serve.house import serving

REQUESTS = tuple(Request(i, Shape(512, 768), 4, 0.05 * i, 0.05 * i + 1.0) for i in range(6))


async def against(answer: Callable[[web.Request], object], speed: float = 1.0) -> list[Sent]:
    """Send the requests to a server that answers as told."""
    app = web.Application()
    app.router.add_post("/v1/images/generations", answer)  # type: ignore[arg-type]
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    try:
        return await load(REQUESTS, Target(f"http://{host}:{port}", speed=speed), lambda sent: None)
    finally:
        await runner.cleanup()


def test_nobody_waits_for_an_answer() -> None:
    """Tests that all requests are sent though none is answered before the last has come, with what they ask for."""
    seen: list[dict[str, object]] = []
    all_there = asyncio.Event()

    async def answer(request: web.Request) -> web.Response:
        seen.append(await request.json())
        if len(seen) == len(REQUESTS):
            all_there.set()
        await all_there.wait()
        return web.json_response({}, headers={"X-Deadline-Met": "1"})

    sent = asyncio.run(against(answer, speed=10.0))
    assert [each.status for each in sent] == [200] * 6 and all(each.server for each in sent)
    assert seen[0]["size"] == "768x512" and seen[0]["num_inference_steps"] == 4
    assert seen[0]["slo_ms"] == pytest.approx(100.0)


def test_errors_are_kept() -> None:
    """Tests a refusal, a failure, and a connection that breaks."""

    async def answer(request: web.Request) -> web.Response:
        seed = (await request.json())["seed"]
        if seed == 2:
            assert request.transport is not None
            request.transport.abort()
        return web.json_response({"error": "no"}, status={0: 429, 1: 500}.get(seed, 200))

    sent = asyncio.run(against(answer))
    assert [each.status for each in sent] == [429, 500, 0, 200, 200, 200]
    assert "no" in sent[1].error and sent[2].error


def test_latency_counts_from_when_it_was_due() -> None:
    """Tests that a request that was sent late is as late as that: its client saw it so."""
    setup = build(compose(["workload.requests=2", "workload.rate=60"]))
    first, second = setup.workload.requests
    allowed = second.deadline - second.arrival
    sent = [
        Sent(first.id, first.arrival, first.arrival + 0.1, 200),
        Sent(second.id, second.arrival + allowed, second.arrival + allowed + 0.1, 200),
    ]
    records = as_records(setup, sent, 1.0)
    assert [records.fate(r) for r in setup.workload.requests] == ["on_time", "late"]


def test_the_table_of_a_load(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Tests our own server under our own load: both count, and the tables are those of a run."""
    with serving(tmp_path / "session", "engine.speed=20") as server:
        arguments = [server.url, "workload.requests=20", "workload.rate=60", "workload.slo_scale=3", "--speed", "20"]
        assert main([*arguments, "--output", str(tmp_path / "load")]) == 0
    printed = capsys.readouterr().out
    assert "as its clients saw it" in printed and "Sent late: p50" in printed and "The server says that" in printed
    assert json.loads((tmp_path / "load" / "summary.json").read_text())["requests"] == 20


def test_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Tests that without the extra one line says what to install."""
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    monkeypatch.delitem(sys.modules, "experiments.load.client")
    assert main(["http://127.0.0.1:1"]) == 2
    assert 'pip install -e ".[serve]"' in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["127.0.0.1:8000"], "URL is '127.0.0.1:8000'"),
        (["http://127.0.0.1:1", "--wait", "0.1"], "no server is ready there"),
        (["http://127.0.0.1:1", "solver=edf"], "solver"),
        (["http://127.0.0.1:1", "cluster.gpus=4"], "cluster"),
        (["http://127.0.0.1:1", "--speed", "0"], "speed"),
        (["http://127.0.0.1:1", "workload=nothing"], "workload"),
        (["http://127.0.0.1:1", "output=x"], "output"),
        (["http://127.0.0.1:1", "nonsense"], "nonsense"),
    ],
)
def test_careless_commands(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Tests that what cannot be is refused by name, before anything is sent."""
    try:
        code = main(arguments)
    except SystemExit as exit_:
        code = exit_.code  # type: ignore[assignment]
    assert code == 2 and said in capsys.readouterr().err
