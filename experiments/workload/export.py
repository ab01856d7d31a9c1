"""Traces for other clients: rows of aiperf's ``mooncake_trace``, each with the whole body of a call."""

from __future__ import annotations

import json
from pathlib import Path

from experiments.workload.workload import Workload
from planner.request import Request


def body_of(request: Request, prompt: str = "a lighthouse above a stormy sea", speed: float = 1.0) -> dict[str, object]:
    """Return the body of a call of OpenAI's images API: width first, and the deadline in milliseconds after receipt.

    Parameters
    ----------
    request
        What is wanted.
    prompt
        Of what.
    speed
        Seconds of the workload in a second of the clock.
    """
    body: dict[str, object] = {
        "prompt": prompt,
        "size": f"{request.shape.width}x{request.shape.height}",
        "n": 1,
        "response_format": "b64_json",
        "num_inference_steps": request.steps,
        "seed": request.id,
        "slo_ms": 1e3 * (request.deadline - request.arrival) / speed,
    }
    return body | ({"weight": request.weight} if request.weight != 1.0 else {})


def export_mooncake(workload: Workload, path: Path) -> None:
    """Write a row per request: ``timestamp`` in milliseconds, and ``payload``, which is sent as it is."""
    rows = ({"timestamp": 1e3 * request.arrival, "payload": body_of(request)} for request in workload.requests)
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
