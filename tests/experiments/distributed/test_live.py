"""A live server on real workers."""

from __future__ import annotations

import base64
import io
import os
import signal
import threading
import time
from pathlib import Path

import pytest
from openai import OpenAI
from PIL import Image

from tests.experiments.serve.house import IMAGES, Answer, call, serving

TINY = ("engine=distributed", "engine.width=tiny", "engine.workers=2", "profile.repeats=2")


def workers(controller: int) -> list[int]:
    """Processes below a server that have the model's threads: all of its descendants but the helpers of multiprocessing."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found, below = [], list(children.get(controller, []))
    while below:
        process = below.pop()
        below += children.get(process, [])
        if (
            not children.get(process)
            and b"resource_tracker" not in (Path("/proc") / str(process) / "cmdline").read_bytes()
        ):
            found.append(process)
    return found


def test_images_of_real_workers(tmp_path: Path) -> None:
    """Tests images of the prompts that were sent, deadlines met and missed as told, and a killed worker that nobody notes."""
    with serving(tmp_path / "session", *TINY) as server:
        ours = OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0)
        made = ours.images.with_raw_response.generate(
            prompt="two foxes", size="256x256", extra_body={"num_inference_steps": 3, "slo_ms": 60_000, "seed": 5}
        )
        data = made.parse().data
        assert data is not None and made.headers["x-deadline-met"] == "1"
        with Image.open(io.BytesIO(base64.b64decode(data[0].b64_json or ""))) as image:
            assert image.size == (256, 256)
            assert image.info["prompt"] == "two foxes" and '"seed": 5' in image.info["request"]
        body = {"prompt": "x", "size": "256x256", "num_inference_steps": 3, "slo_ms": 0.01}
        assert call(server.url + IMAGES, body).headers["x-deadline-met"] == "0"
        answers: list[Answer] = []
        long = {"prompt": "x", "size": "384x384", "num_inference_steps": 150, "slo_ms": 300_000}
        thread = threading.Thread(target=lambda: answers.append(call(server.url + IMAGES, long)))
        thread.start()
        while '"jobs":1' not in (tmp_path / "session" / "journal.jsonl").read_text().rpartition('"id":2')[2]:
            time.sleep(0.05)
        time.sleep(0.5)
        os.kill(workers(server.process.pid)[0], signal.SIGKILL)
        thread.join()
        assert answers[0].status == 200 and answers[0].headers["x-deadline-met"] == "1"
        said = server.stop()
    assert "2 of 3 requests on time" in said
    assert len(list((tmp_path / "session" / "images").glob("*.png"))) == 3


def test_images_of_workers_on_ray(tmp_path: Path) -> None:
    """Tests that the server drives workers on Ray like those of its own machine: an image, its metadata, a graceful end."""
    pytest.importorskip("ray")
    with serving(tmp_path / "session", *TINY, "engine/transport=ray") as server:
        body = {"prompt": "two foxes", "size": "256x256", "num_inference_steps": 3, "slo_ms": 60_000, "seed": 5}
        answer = call(server.url + IMAGES, body)
        assert answer.status == 200 and answer.headers["x-deadline-met"] == "1"
        with Image.open(io.BytesIO(base64.b64decode(answer.json["data"][0]["b64_json"]))) as image:
            assert image.size == (256, 256) and image.info["prompt"] == "two foxes"
        said = server.stop()
    assert "1 of 1 requests on time" in said
    assert (tmp_path / "session" / "images" / "000000.png").exists()
