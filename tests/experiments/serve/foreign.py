"""Clients of others: how each is called, and where it says how many of its requests were on time."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

GUESS = 2.1
"""Benchmarks that take a deadline from a request that they send first are told this scale."""


@dataclass(frozen=True)
class Load:
    """What is sent.

    Parameters
    ----------
    speed, overrides
        Of the server's cluster, and what else it is told.
    requests, per_second
        How many, and how fast.
    width, height, frames, steps
        Of each.
    slo_ms
        Its deadline, which the server's own rule gives as well (``serve.slo_scale``).
    """

    speed: float
    overrides: tuple[str, ...]
    requests: int
    per_second: float
    width: int
    height: int
    frames: int
    steps: int
    slo_ms: float


IMAGES = Load(1.0, ("serve.slo_scale=1.1",), 60, 1.0, 1024, 1024, 1, 50, 3300.0)
VIDEOS = Load(20.0, ("profile=hunyuanvideo_l20", "serve.slo_scale=2.2612"), 20, 0.15, 544, 960, 65, 50, 12_000.0)

LOCUST = """
from locust import HttpUser, constant_throughput, events, task

MET = [0, 0]

class Client(HttpUser):
    wait_time = constant_throughput({rate})

    @task
    def image(self):
        with self.client.post("/v1/images/generations", json={body!r}, catch_response=True) as answer:
            MET[0] += answer.status_code == 200 and answer.request_meta["response_time"] <= {slo}
            MET[1] += 1

@events.quitting.add_listener
def told(environment, **_):
    with open("met", "w") as file:
        file.write("%d %d" % tuple(MET))
"""


Arguments = Callable[[str, Path], Sequence[str]]
"""Makes arguments of a server's address and a folder of the client's own, in which it runs."""


@dataclass(frozen=True)
class Client:
    """A client.

    Parameters
    ----------
    name, called, start
        What it is, what documents call its command, and how it is started here.
    load
        What it sends.
    arguments
        How it is called.
    count
        Reads, of its folder, how many requests it counts as on time, and of how many.
    warmups
        Requests that it sends before those that it counts, and that the server takes: vllm-omni's for videos has one frame,
        and is refused.
    guess
        How many times a warm-up's latency its deadline is; None if it judges by the deadline that it was given.
    poll
        Seconds between two times that it asks whether a video is done: so late may it learn of it.
    """

    name: str
    called: str
    start: str
    load: Load
    arguments: Arguments
    count: Callable[[Path], tuple[int, int]]
    warmups: int = 0
    guess: float | None = None
    poll: float = 0.0


def sglang(load: Load) -> Arguments:
    """Arguments of sglang's ``bench_serving`` for diffusion, which guesses a deadline, and sends the one it is told."""

    def made(url: str, folder: Path) -> list[str]:
        video = ["--num-frames", f"{load.frames}"] if load.frames > 1 else []
        return [
            "--base-url", url, "--dataset", "random", "--task", f"text-to-{'video' if video else 'image'}",
            "--num-prompts", f"{load.requests}", "--max-concurrency", "64", "--request-rate", f"{load.per_second:g}",
            "--width", f"{load.width}", "--height", f"{load.height}", *video, "--num-inference-steps", f"{load.steps}",
            "--warmup-requests", "1", "--warmup-inference-steps", f"{load.steps}", "--slo", "--slo-scale", f"{GUESS:g}",
            "--extra-body", json.dumps({"slo_ms": load.slo_ms}), "--output-file", str(folder / "out.json"),
            "--disable-tqdm",
        ]  # fmt: skip

    return made


def vllm_omni(load: Load, backend: str) -> Arguments:
    """Arguments of vllm-omni's ``diffusion_benchmark_serving``, whose trace has deadlines that it does not send."""

    def made(url: str, folder: Path) -> list[str]:
        fields = {
            "prompt": "a lighthouse", "height": load.height, "width": load.width, "num_frames": load.frames,
            "num_inference_steps": load.steps, "slo_ms": load.slo_ms,
        }  # fmt: skip
        row = f"Request({', '.join(f'{name}={value!r}' for name, value in fields.items())})\n"
        (folder / "trace.txt").write_text(row * load.requests)
        return [
            "--base-url", url, "--backend", backend, "--dataset", "trace", "--dataset-path", str(folder / "trace.txt"),
            "--task", "t2v" if load.frames > 1 else "t2i", "--num-prompts", f"{load.requests}", "--max-concurrency",
            "64", "--request-rate", f"{load.per_second:g}", "--warmup-requests", "1", "--slo", "--output-file",
            str(folder / "out.json"), "--disable-tqdm",
        ]  # fmt: skip

    return made


def aiperf(load: Load, tokenizer: str) -> Arguments:
    """Arguments of aiperf, which replays a trace of ours (`experiments.workload export`)."""

    def made(url: str, folder: Path) -> list[str]:
        rows = [{"timestamp": 1e3 * i / load.per_second, "payload": _body(load)} for i in range(load.requests)]
        (folder / "trace.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
        named = tokenizer
        if Path(tokenizer).is_dir():
            (folder / "tokenizer").symlink_to(Path(tokenizer).resolve())
            named = str(folder / "tokenizer")
        return [
            "profile", "--model", "FLUX.1-dev", "--url", url, "--endpoint-type", "image_generation", "--input-file",
            str(folder / "trace.jsonl"), "--custom-dataset-type", "mooncake_trace", "--fixed-schedule", "--tokenizer",
            named, "--goodput", f"request_latency:{load.slo_ms:g}", "--artifact-dir", str(folder / "out"), "--ui", "none",
        ]  # fmt: skip

    return made


def locust(load: Load) -> Arguments:
    """Arguments of locust: users who send at a fixed pace whatever comes back."""

    def made(url: str, folder: Path) -> list[str]:
        users = 15
        text = LOCUST.format(rate=load.per_second / users, body=_body(load), slo=load.slo_ms)
        (folder / "locustfile.py").write_text(text)
        return [
            "-f", str(folder / "locustfile.py"), "--headless", "--host", url, "-u", f"{users}", "-r",
            f"{load.per_second:g}", "-t", f"{load.requests / load.per_second:.0f}s", "--stop-timeout", "30",
            "--only-summary",
        ]  # fmt: skip

    return made


def clients(chosen: argparse.Namespace) -> list[Client]:
    """Return those that can be started."""
    found = []
    if chosen.sglang:
        called = "python -m sglang.multimodal_gen.benchmarks.bench_serving"
        for load, poll in ((IMAGES, 0.0), (VIDEOS, 1.0)):
            name = f"{chosen.sglang_name}, {'videos' if poll else 'images'}"
            found.append(Client(name, called, chosen.sglang, load, sglang(load), _rate, 1, GUESS, poll))
    if chosen.vllm_omni:
        called = "python diffusion_benchmark_serving.py"
        for backend, load, warmups, poll in (
            ("vllm-omni", IMAGES, 1, 0.0),
            ("openai", IMAGES, 1, 0.0),
            ("v1/videos", VIDEOS, 1, 2.0),
        ):
            name = f"{chosen.vllm_omni_name}, {backend}"
            arguments = vllm_omni(load, backend)
            found.append(Client(name, called, chosen.vllm_omni, load, arguments, _rate, warmups, None, poll))
    if chosen.aiperf:
        found.append(
            Client(chosen.aiperf_name, "aiperf", chosen.aiperf, IMAGES, aiperf(IMAGES, chosen.tokenizer), _good)
        )
    if chosen.locust:
        found.append(Client(chosen.locust_name, "locust", chosen.locust, IMAGES, locust(IMAGES), _met))
    return found


def options(parser: argparse.ArgumentParser) -> None:
    """Add what `clients` reads."""
    for name in ("sglang", "vllm-omni", "aiperf", "locust"):
        parser.add_argument(f"--{name}", help="how it is started")
        parser.add_argument(f"--{name}-name", default=name, help="with its version, for the table")
    parser.add_argument("--tokenizer", default="builtin", help="of aiperf, which wants one; a folder needs no network")


def _body(load: Load) -> dict[str, object]:
    size = f"{load.width}x{load.height}"
    return {"prompt": "a lighthouse", "size": size, "num_inference_steps": load.steps, "slo_ms": load.slo_ms}


def _rate(folder: Path) -> tuple[int, int]:
    told = json.loads((folder / "out.json").read_text())
    return int(told["slo_met_success"]), int(told["completed_requests"]) + int(told["failed_requests"])


def _good(folder: Path) -> tuple[int, int]:
    told = json.loads((folder / "out" / "profile_export_aiperf.json").read_text())
    return int(told.get("good_request_count", {"avg": 0})["avg"]), int(told["request_count"]["avg"])


def _met(folder: Path) -> tuple[int, int]:
    met, sent = (folder / "met").read_text().split()
    return int(met), int(sent)
