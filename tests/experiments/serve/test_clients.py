"""The clients that people use drive a server unchanged."""

from __future__ import annotations

import base64
import http.client
import io
import json
from pathlib import Path
from urllib.parse import urlencode

import pytest
from openai import OpenAI
from PIL import Image

from experiments.workload import Workload
from experiments.workload.export import export_mooncake
from planner.request import Request
from profiles import Shape
from tests.experiments.serve.house import IMAGES, Server, call


def opened(data: str) -> Image.Image:
    """Read an image that came as base64."""
    image = Image.open(io.BytesIO(base64.b64decode(data)))
    image.load()
    return image


def client(server: Server) -> OpenAI:
    """OpenAI's own client."""
    return OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0)


def test_openai_images(images: Server) -> None:
    """Tests models, an image, several of them, and a deadline in extra_body."""
    ours = client(images)
    (model,) = ours.models.list().data
    assert model.id == "FLUX.1-dev" and ours.models.retrieve(model.id).owned_by == "tetriplan"
    answer = ours.images.with_raw_response.generate(
        model=model.id,
        prompt="a lighthouse",
        size="1024x1536",
        n=2,
        extra_body={"slo_ms": 60_000, "num_inference_steps": 4},
    )
    made = answer.parse()
    assert made.data is not None and len(made.data) == 2
    image = opened(made.data[0].b64_json or "")
    assert image.height / image.width == pytest.approx(1.5, abs=0.01)
    assert answer.headers["x-deadline-met"] == "1" and answer.headers["x-deadline-s"] == "60.000"
    assert "generation;dur=" in answer.headers["server-timing"] and "denoise;dur=" in answer.headers["server-timing"]


def test_openai_urls(images: Server) -> None:
    """Tests an image that is fetched by its address, as WEBP."""
    made = client(images).images.generate(
        prompt="x",
        size="256x256",
        response_format="url",
        extra_body={"num_inference_steps": 2, "output_format": "webp"},
    )
    assert made.data is not None and made.data[0].url is not None
    answer = call(made.data[0].url)
    assert answer.headers["content-type"] == "image/webp"
    assert Image.open(io.BytesIO(answer.body)).format == "WEBP"


def test_openai_streams(images: Server) -> None:
    """Tests that events come in the form that the client knows, one for each image."""
    events = client(images).images.generate(
        prompt="x", size="1024x1024", n=2, stream=True, extra_body={"num_inference_steps": 2}
    )
    kinds = [event.type for event in events]
    assert kinds == ["image_generation.completed"] * 2


def test_streams_and_videos_tell_at_once(images: Server, videos: Server) -> None:
    """Tests that what is answered before it is done carries what is known then."""
    known = {"x-request-id", "x-deadline-s", "x-model"}
    streamed = call(images.url + IMAGES, {"prompt": "x", "size": "256x256", "stream": True, "slo_ms": 9000})
    assert streamed.status == 200 and known <= streamed.headers.keys() and streamed.headers["x-deadline-s"] == "9.000"
    created = call(f"{videos.url}/v1/videos", {"prompt": "x"})
    assert created.status == 200 and known <= created.headers.keys()
    assert created.json["id"].endswith(created.headers["x-request-id"])


@pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning")
def test_openai_videos(videos: Server) -> None:
    """Tests that a video is created, polled, fetched and deleted, by multipart forms as the client sends them."""
    ours = client(videos)
    video = ours.videos.poll(ours.videos.create(prompt="a ship").id, poll_interval_ms=20)
    assert video.status == "completed" and video.progress == 100
    assert ours.videos.download_content(video.id).read()[4:8] == b"ftyp"
    assert [each.id for each in ours.videos.list().data].count(video.id) == 1
    assert [each.id for each in ours.videos.list(limit=1)] == [each.id for each in ours.videos.list(limit=100).data]
    assert ours.videos.delete(video.id).deleted
    assert call(f"{videos.url}/v1/videos/{video.id}").status == 404


@pytest.mark.parametrize("kind", ["json", "form"])
def test_videos_of_the_two_benchmarks(videos: Server, kind: str) -> None:
    """Tests what sglang (JSON) and vllm-omni (a form, numbers as text, no size) send, and that videos are then polled."""
    fields = {"prompt": "a ship", "model": "m", "num_inference_steps": 2, "fps": 24, "seed": 7, "flow_shift": 3.0}
    body: object = fields | {"seconds": 1} if kind == "json" else urlencode(fields).encode()
    content = "application/json" if kind == "json" else "application/x-www-form-urlencoded"
    made = call(f"{videos.url}/v1/videos", body, kind=content)
    assert made.status == 200 and made.json["object"] == "video" and made.json["status"] in ("queued", "in_progress")
    while (job := call(f"{videos.url}/v1/videos/{made.json['id']}").json)["status"] in ("queued", "in_progress"):
        assert 0 <= job["progress"] < 100
    assert job["status"] == "completed" and job["inference_time_s"] > 0 and job["completed_at_s"] >= job["created_at"]


def test_videos_that_are_waited_for(videos: Server) -> None:
    """Tests the route of TensorRT-LLM's client: the answer is the file, with the headers that it reads."""
    answer = call(f"{videos.url}/v1/videos/sync", {"prompt": "a ship", "num_inference_steps": 2})
    assert answer.status == 200 and answer.headers["content-type"] == "video/mp4" and answer.body[4:8] == b"ftyp"
    assert {"x-request-id", "x-model", "x-inference-time-s", "x-stage-durations", "x-peak-memory-mb"} <= set(
        answer.headers
    )


def test_sglang_images(images: Server) -> None:
    """Tests the payload of sglang's benchmark, with fields of its own, and the two routes that it asks before."""
    assert call(f"{images.url}/health").status == 200
    assert call(f"{images.url}/v1/model_info").json["model_path"] == "FLUX.1-dev"
    body = {
        "model": "FLUX.1-dev", "prompt": "x", "n": 1, "response_format": "b64_json", "width": 512, "height": 768,
        "num_inference_steps": 1, "generator_device": "cuda", "enable_teacache": False, "seed": [3], "slo_ms": 9000,
    }  # fmt: skip
    answer = call(images.url + IMAGES, body)
    assert answer.status == 200 and answer.json["size"] == "512x768"
    assert answer.json["inference_time_s"] > 0 and "peak_memory_mb" in answer.json


def test_vllm_omni_chat(images: Server) -> None:
    """Tests the payload of vllm-omni's benchmark: extra_body is a key of the body, the image a part of the message."""
    body = {
        "model": "m",
        "messages": [{"role": "user", "content": "a prompt"}],
        "extra_body": {"height": 512, "width": 512, "num_inference_steps": 2, "seed": 1, "guidance_scale": 3.5},
    }
    (choice,) = call(f"{images.url}/v1/chat/completions", body).json["choices"]
    (part,) = choice["message"]["content"]
    assert part["type"] == "image_url" and part["image_url"]["url"].startswith("data:image/png;base64,")
    assert part["stage_durations"]["denoise"] > 0


def test_vllm_omni_images(images: Server) -> None:
    """Tests the payload of its other backend for images, with a key that it always sends, and the server's own deadline."""
    body = {
        "model": "default", "prompt": "x", "n": 1, "size": "512x768", "response_format": "b64_json", "seed": 3,
        "num_inference_steps": 2,
    }  # fmt: skip
    answer = call(images.url + IMAGES, body, {"Authorization": "Bearer EMPTY"})
    assert answer.status == 200 and answer.json["size"] == "512x768"
    opened(answer.json["data"][0]["b64_json"])
    assert float(answer.headers["x-deadline-s"]) > 0


@pytest.mark.parametrize("stream", [False, True])
def test_aiperf_images(images: Server, stream: bool) -> None:
    """Tests what aiperf sends of itself with ``--extra-inputs``; streamed, the image stands at the top of its event."""
    body = {
        "prompt": "x", "model": "FLUX.1-dev", "response_format": "b64_json", "n": 1, "size": "512x512",
        "num_inference_steps": 2, "slo_ms": 3000,
    }  # fmt: skip
    answer = call(images.url + IMAGES, body | ({"stream": True} if stream else {}), {"Accept": "text/event-stream"})
    assert answer.status == 200
    if stream:
        told = [line[6:] for line in answer.body.decode().splitlines() if line.startswith("data: ")]
        opened(json.loads(told[0])["b64_json"])
    else:
        opened(answer.json["data"][0]["b64_json"])
        assert answer.headers["x-deadline-s"] == "3.000"


def test_a_trace_for_aiperf(images: Server, tmp_path: Path) -> None:
    """Tests that each row of an exported trace is answered as it stands, with the deadline of its request."""
    requests = tuple(Request(n, Shape(512 + 256 * n, 512), 2, 0.1 * n, 30.0 + n) for n in range(2))
    export_mooncake(Workload("two", requests, {}), tmp_path / "trace.jsonl")
    for request, line in zip(requests, (tmp_path / "trace.jsonl").read_text().splitlines(), strict=True):
        answer = call(images.url + IMAGES, json.loads(line)["payload"])
        assert answer.status == 200 and answer.json["size"] == f"512x{request.shape.height}"
        assert float(answer.headers["x-deadline-s"]) == pytest.approx(request.deadline - request.arrival, abs=1e-3)


def test_one_connection_for_all(images: Server) -> None:
    """Tests what locust does: plain calls that keep their connection, whatever the answer was."""
    host = images.url.removeprefix("http://")
    connection = http.client.HTTPConnection(host)
    headers = {"Content-Type": "application/json", "Accept-Encoding": "gzip, deflate", "Connection": "keep-alive"}
    connection.connect()
    first = connection.sock
    for size, status in (("512x512", 200), ("none", 400), ("512x512", 200)):
        body = {"prompt": "x", "size": size, "num_inference_steps": 2, "slo_ms": 9000}
        connection.request("POST", IMAGES, json.dumps(body), headers)
        answer = connection.getresponse()
        assert answer.status == status and json.loads(answer.read())
        assert connection.sock is first
    connection.close()


def test_prometheus(images: Server) -> None:
    """Tests that deadlines have names that can be scraped."""
    call(images.url + IMAGES, {"prompt": "x", "size": "256x256", "num_inference_steps": 1})
    text = call(f"{images.url}/metrics").body.decode()
    assert 'tetriplan_requests_total{fate="on_time",shape="256x256"}' in text
    assert "tetriplan_slo_attainment" in text and "tetriplan_lateness_seconds_bucket" in text


def test_a_curl_without_a_type(images: Server) -> None:
    """Tests that JSON is read as such where curl says that it is a form."""
    body = b'{"prompt": "x", "size": "256x256", "num_inference_steps": 1}'
    assert call(images.url + IMAGES, body, kind="application/x-www-form-urlencoded").status == 200
