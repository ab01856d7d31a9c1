"""A server from its start to its end: engine, planner, routes, and a graceful stop."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from executor.arrivals import Live
from executor.emulated import EmulatedEngine
from experiments.config.build import Setup, admission_of, build
from experiments.config.checks import ConfigError, configured
from experiments.config.workers import joined
from experiments.distributed.prepare import check, prepared
from experiments.results import prepare_directory, print_summary
from experiments.results.writer import write_json
from experiments.runner import simulated_engine
from experiments.serve import session
from experiments.serve.app import make_app
from experiments.serve.desk import Desk, Order
from experiments.serve.feed import Feed
from experiments.serve.gauges import Gauges
from experiments.serve.house import House
from experiments.serve.http import Http, listen, listening, many_connections
from experiments.serve.journal import JOURNAL, Session, SessionWriter, check_free
from experiments.serve.pictures import at_pace, converted, placeholder, placeholder_video
from experiments.serve.planning import News, PlanningThread, RealTimeEngine
from experiments.serve.settings import Settings, menu, settings
from experiments.workload import Workload
from planner.request import Request
from profiles import Profile

if TYPE_CHECKING:
    from executor.distributed.controller.crew import Crew

_FAR = 1e6
"""Seconds: the deadline of the requests that stand for all that can be asked for."""
_SWITCH = 0.0005
"""Seconds after which the planner's thread lets the event loop have the interpreter."""


def run(config: Mapping[str, Any]) -> int:
    """Serve until told to stop, and leave what happened in a directory; return the exit code."""
    console = Console(stderr=False)
    engine = config["engine"]
    if engine["kind"] == "simulated":
        raise ConfigError(
            "engine=simulated has no real clock for clients to wait by; use engine=emulated, or engine=distributed"
        )
    with joined(engine):
        return _run(config, console)


def _run(config: Mapping[str, Any], console: Console) -> int:
    engine, asked = config["engine"], config["serve"]
    real = engine["kind"] == "distributed"
    requests = partial(_everything, asked, not real, config["seed"])
    setup = check(config, requests) if real else build(config, requests=requests)
    told = settings(asked, setup.truth, tuple(setup.truth.shapes))
    with listening(told.host, told.port) as listener, ExitStack() as stack:
        return _open(config, console, setup, listener, stack)


def _open(config: Mapping[str, Any], console: Console, setup: Setup, listener: socket.socket, stack: ExitStack) -> int:
    engine, asked = config["engine"], config["serve"]
    real = engine["kind"] == "distributed"
    requests = partial(_everything, asked, not real, config["seed"])
    output = Path(config["output"] or _fresh(setup))
    check_free(output / JOURNAL)
    directory = prepare_directory(output, session.KIND, session.FILES, config["overwrite"], asked["resume"])
    before = session.earlier(directory) if asked["resume"] else None
    began = datetime.now(UTC)
    crew: Crew | None = None
    if real:
        setup, crew = stack.enter_context(prepared(config, setup, directory, console, requests))
    admission = admission_of("serve.admission", asked["admission"])
    setup = replace(setup, service=replace(setup.service, admission=admission))
    told = settings(asked, setup.truth, tuple(setup.truth.shapes))
    listen(listener)
    write_json(session.started(config, setup.truth, began), directory / "manifest.json")
    for note in setup.notes:
        if "extrapolated" not in note:
            console.print(f"note: {note}", highlight=False, soft_wrap=True)
    sys.setswitchinterval(_SWITCH)
    many_connections()
    with SessionWriter(directory / JOURNAL) as journal, crew or nullcontext():
        server = _Server(config, setup, told, directory, journal, console, crew, before, listener)
        asyncio.run(server.serve())
    summary = session.finish(directory, config, setup.truth, setup.service.cluster, began)
    if summary.requests:
        print_summary([summary], console, setup.title)
    console.print(f"Stopped. The session is in [bold]{directory}[/bold]:", highlight=False, soft_wrap=True)
    for name, what in {
        JOURNAL: "everything, as it happened",
        session.TRACE: "what was asked for: python -m experiments.replay shows what other policies make of it",
        "requests.parquet": "a row per request (columns: docs/metrics.md); rounds, segments, timings likewise",
        "timeline.png": "the picture; trace.json.gz: the same for ui.perfetto.dev",
    }.items():
        if (directory / name).exists():
            console.print(f"  {name:<19} {what}", highlight=False, soft_wrap=True)
    return 1 if server.broken else 0


class _Server:
    """All parts of a server, put together once its event loop runs."""

    def __init__(
        self,
        config: Mapping[str, Any],
        setup: Setup,
        told: Settings,
        directory: Path,
        journal: SessionWriter,
        console: Console,
        crew: Crew | None,
        before: Session | None,
        listener: socket.socket,
    ) -> None:
        self._config = config
        self._setup = setup
        self._settings = told
        self._directory = directory
        self._journal = journal
        self._console = console
        self._crew = crew
        self._before = before
        self._listener = listener
        self._tickets: dict[int, Order] = {}
        self.broken = ""

    async def serve(self) -> None:
        """Serve until told to stop."""
        speed = float(self._config["engine"].get("speed", 1.0))
        told, cluster, before = self._settings, self._setup.service.cluster, self._before
        origin = 0.0 if before is None else max(before.records.ended, (time.time() - before.unix) * speed)
        engine = self._engine(speed, origin)
        unix = time.time() - engine.clock() / speed
        first = 0 if before is None else 1 + max((request.id for request in before.records.requests), default=-1)
        about = {"solver": self._setup.service.solver.name, "model": told.model, "profile": self._setup.truth.name}
        owed = [] if before is None else self._owed(before)
        self._journal.begin(unix, speed, cluster.gpus, about | ({"owed": owed} if owed else {}))
        source = Live(engine.wake)
        desk = Desk(source, engine.clock, speed, told.limits.waiting, first)
        self._tickets = desk.live
        gauges = Gauges(cluster.gpus, lambda: len(desk.live))
        kind = self._config["engine"]["kind"]
        shown = about | {
            "gpus": cluster.gpus,
            "speed": speed,
            "admission": told.admission,
            "engine": kind,
            "owed": owed,
        }
        feed = Feed(engine.clock, shown)
        house = House(told, desk, engine.clock, self._make, shown)

        def news(items: Sequence[News]) -> None:
            gauges.take(items)
            feed.take(items)

        planning = PlanningThread(self._setup.service, engine, source, self._journal)
        app = make_app(house, gauges, feed)
        http = Http(app, told.limits.body_seconds)
        planning.start(desk, news)
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        serving = asyncio.create_task(http.serve([self._listener]))
        while not (http.started or serving.done()):
            await asyncio.sleep(0.005)
        self._say()
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        await self._wind_down(desk, planning, stop)
        feed.close()
        http.should_exit = True
        await asyncio.wait({serving}, timeout=5.0)
        http.force_exit = True
        await serving
        stopping.cancel()
        self.broken = desk.broken
        self._journal.end(engine.clock())

    async def _wind_down(self, desk: Desk, planning: PlanningThread, again: asyncio.Event) -> None:
        """Take nothing new, let the rest finish for a while, and hand back what is then left."""
        desk.stop()
        again.clear()
        if desk.live:
            self._console.print(f"Stopping: {len(desk.live)} requests have {self._settings.grace:g} s to finish")
        until = time.monotonic() + self._settings.grace
        while desk.live and time.monotonic() < until and not again.is_set() and not desk.broken:
            await asyncio.sleep(0.02)
        left = desk.take_back_all()
        if left:
            self._console.print(f"{left} requests were handed back")
        until = time.monotonic() + 10.0
        while not planning.ended(0.0) and time.monotonic() < until:
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.1)

    def _engine(self, speed: float, origin: float) -> RealTimeEngine:
        if self._crew is None:
            with configured("engine", self._config["engine"]):
                return EmulatedEngine(simulated_engine(self._setup, ()), speed, origin=origin)
        from executor.distributed.controller.engine import DistributedEngine

        profile = self._setup.service.profile
        engine = DistributedEngine(self._crew, profile, self._ask, origin, keep=False)
        engine.clock()
        return engine

    def _ask(self, request: Request) -> Any:
        """What a real worker needs to know of a request; called by the planner's thread."""
        from executor.models.spec import Ask

        ticket = self._tickets[request.id]
        return Ask(request, ticket.wanted.prompt, ticket.seed)

    def _make(self, ticket: Order, fmt: str) -> bytes:
        if self._crew is None:
            if fmt == "MP4":
                return placeholder_video(ticket.request, ticket.segments, ticket.wanted.fps)
            return placeholder(ticket.request, ticket.segments, fmt)
        from executor.distributed.images import image_path

        images = self._crew.config.images
        assert images is not None
        data = image_path(images, ticket.request).read_bytes()
        if fmt == "MP4":
            return at_pace(data, ticket.wanted.fps)
        return data if fmt == "PNG" else converted(data, fmt)

    def _owed(self, before: Session) -> list[int]:
        """Say what the server before this one had promised, and close its books."""
        for line in session.debts(before):
            self._console.print(f"owed by the server that stopped: {line}", highlight=False, soft_wrap=True)
        why = "the server was killed"
        for request in before.unfinished:
            self._journal.left(request.id, "dropped", max(before.records.ended, request.arrival), why)
        return [request.id for request in before.owed]

    def _say(self) -> None:
        host, port = self._listener.getsockname()[:2]
        name = f"[{host}]" if ":" in host else host
        self._console.print(
            f"{self._setup.title}: listening on [bold]http://{name}:{port}[/bold] (the page; /v1 for clients). "
            "Ctrl-C stops it.",
            highlight=False,
            soft_wrap=True,
        )
        sys.stdout.flush()


def _everything(asked: Mapping[str, Any], customary: bool, seed: int, profile: Profile) -> Workload:
    """One request for every shape on the menu: all that the planner can know before clients come."""
    shapes = menu(asked, profile, customary)
    steps = max(1, asked["steps"])
    requests = tuple(Request(number, shape, steps, 0.0, _FAR) for number, shape in enumerate(shapes))
    return Workload("live", requests, {"seed": seed})


def _fresh(setup: Setup) -> Path:
    stamp = datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    path, number = Path("results") / f"{stamp}_live_{setup.service.solver.name}", 2
    while path.exists():
        path, number = path.with_name(f"{path.name}_{number}"), number + 1
    return path
