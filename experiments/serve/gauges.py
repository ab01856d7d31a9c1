"""Figures for Prometheus; the names that nobody else has are those of deadlines."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from executor.engine import Segment
from experiments.serve.planning import Arrived, Decided, Left, News

_LATENCY = (0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200)
_LATENESS = (-60, -30, -10, -5, -2, -1, -0.5, -0.1, 0, 0.1, 0.5, 1, 2, 5, 10, 30, 60)
_DECISION = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1)
_WINDOW = 1000
"""Requests over which attainment is taken."""


class Gauges:
    """What ``/metrics`` says.

    Parameters
    ----------
    gpus
        Of the cluster.
    waiting
        Returns the requests in the system.
    """

    def __init__(self, gpus: int, waiting: Callable[[], int]) -> None:
        self._registry = registry = CollectorRegistry()
        self._requests = Counter(
            "tetriplan_requests", "Requests that have left, by shape and fate", ["shape", "fate"], registry=registry
        )
        self._arrived = Counter("tetriplan_arrivals", "Requests that came in", ["shape"], registry=registry)
        self._promised = Counter("tetriplan_promises", "Answers of admission", ["answer"], registry=registry)
        self._kept = Counter(
            "tetriplan_promises_ended", "Promises that ended, by whether kept", ["kept"], registry=registry
        )
        self._attainment = Gauge(
            "tetriplan_slo_attainment", f"Share of the last {_WINDOW} requests that were on time", registry=registry
        )
        self._lateness = Histogram(
            "tetriplan_lateness_seconds",
            "Delivery less deadline, negative if early",
            buckets=_LATENESS,
            registry=registry,
        )
        self._latency = Histogram(
            "tetriplan_request_latency_seconds", "Arrival to delivery", buckets=_LATENCY, registry=registry
        )
        self._busy = Gauge("tetriplan_gpus_busy", "GPUs in the plan in force", registry=registry)
        Gauge("tetriplan_gpus", "GPUs of the cluster", registry=registry).set(gpus)
        Gauge("tetriplan_requests_in_system", "Requests waiting or running", registry=registry).set_function(waiting)
        self._decision = Histogram(
            "tetriplan_decision_seconds", "Time of one plan", buckets=_DECISION, registry=registry
        )
        self._optimal = Counter("tetriplan_decisions", "Plans, by what was proven", ["status"], registry=registry)
        self._fallback = Counter(
            "tetriplan_decision_fallback", "Plans that the greedy fallback made", registry=registry
        )
        self._degree = Histogram(
            "tetriplan_degree", "GPUs of a stretch of steps", ["shape"], buckets=(1, 2, 4, 8, 16), registry=registry
        )
        self._gpu_seconds = Counter("tetriplan_gpu_seconds", "GPU-seconds in steps", registry=registry)
        self._shapes: dict[int, str] = {}
        self._last: deque[bool] = deque(maxlen=_WINDOW)
        self._on_time = 0
        self._attainment.set(1.0)

    def take(self, news: Sequence[News]) -> None:
        """Count what has happened."""
        for item in news:
            if isinstance(item, Arrived):
                self._arrive(item)
            elif isinstance(item, Left):
                self._leave(item)
            elif isinstance(item, Decided):
                self._busy.set(item.decision.gpus)
                self._decision.observe(item.decision.total_seconds)
                self._optimal.labels(item.decision.status).inc()
                if item.decision.fallback:
                    self._fallback.inc()
            elif isinstance(item, Segment):
                self._ran(item)

    def text(self) -> bytes:
        """Return the page."""
        return generate_latest(self._registry)

    def _arrive(self, item: Arrived) -> None:
        shape = item.request.shape.label
        self._arrived.labels(shape).inc()
        if item.answer is not None:
            said = "refused" if item.answer.refused else "promised" if item.answer.promised else "not promised"
            self._promised.labels(said).inc()
        if item.answer is not None and item.answer.refused:
            self._requests.labels(shape, "refused").inc()
        else:
            self._shapes[item.request.id] = shape

    def _leave(self, item: Left) -> None:
        self._shapes.pop(item.request.id, None)
        self._requests.labels(item.request.shape.label, item.fate).inc()
        if item.promised and item.fate != "cancelled":
            self._kept.labels(str(item.fate == "on_time").lower()).inc()
        if item.fate in ("on_time", "late"):
            self._lateness.observe(item.at - item.request.deadline)
            self._latency.observe(item.at - item.request.arrival)
        if item.fate != "cancelled":
            if len(self._last) == _WINDOW:
                self._on_time -= self._last[0]
            self._last.append(item.fate == "on_time")
            self._on_time += item.fate == "on_time"
            self._attainment.set(self._on_time / len(self._last))

    def _ran(self, segment: Segment) -> None:
        self._gpu_seconds.inc(len(segment.gpus) * (segment.end - segment.start))
        for job in segment.jobs:
            if job in self._shapes:
                self._degree.labels(self._shapes[job]).observe(len(segment.gpus))
