"""Public formats of requests: which of their columns means what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

FIELDS: Mapping[str, str] = {
    "id": "name of the request; kept if it is a whole number",
    "arrival": "time of arrival: seconds, epoch seconds, milliseconds, micro- or nanoseconds, or an ISO date",
    "arrival_ms": "time of arrival in milliseconds, of the run or since 1970",
    "height": "pixels",
    "width": "pixels",
    "size": "WIDTHxHEIGHT in pixels",
    "frames": "of a video",
    "steps": "denoising steps",
    "images": "pictures of one prompt; every one becomes a request",
    "deadline": "on the clock of arrival",
    "deadline_ms": "on the clock of arrival, in milliseconds",
    "allowed": "seconds from arrival to deadline",
    "allowed_ms": "milliseconds from arrival to deadline",
    "weight": "what the deadline is worth",
    "model": "name of the model",
    "tier": "class of service",
}
"""What a column can mean."""


@dataclass(frozen=True)
class Format:
    """A public format.

    Parameters
    ----------
    source
        Where it comes from, in words.
    columns
        By column of the file, its field; columns that a file lacks are not used.
    filters
        Short names that ``--where`` takes for columns.
    lacks
        What must be given besides, in words.
    """

    source: str
    columns: Mapping[str, str]
    filters: Mapping[str, str] = field(default_factory=dict)
    lacks: str = ""


_PLAIN = {
    "id": "id",
    "request_id": "id",
    "arrival_s": "arrival",
    "arrival": "arrival",
    "arrival_time": "arrival",
    "timestamp": "arrival",
    "time": "arrival",
    "arrival_ms": "arrival_ms",
    "timestamp_ms": "arrival_ms",
    "height": "height",
    "width": "width",
    "size": "size",
    "frames": "frames",
    "num_frames": "frames",
    "steps": "steps",
    "num_steps": "steps",
    "num_inference_steps": "steps",
    "num_images": "images",
    "deadline_s": "deadline",
    "deadline": "deadline",
    "deadline_ms": "deadline_ms",
    "slo_s": "allowed",
    "slo_ms": "allowed_ms",
    "weight": "weight",
    "model": "model",
    "tier": "tier",
}

_REQUEST_LINES = {
    "request_id": "id",
    "timestamp": "arrival",
    "height": "height",
    "width": "width",
    "num_frames": "frames",
    "num_inference_steps": "steps",
    "slo_ms": "allowed_ms",
}

FORMATS: Mapping[str, Format] = {
    "gentd26": Format(
        "Alibaba GenTD26, lora_request_trace.csv of github.com/alibaba/clusterdata",
        {"gmt_create": "arrival", "num_inference_steps": "steps", "num_images_per_prompt": "images"},
        {"status": "predict_status", "type": "predict_type"},
        "sizes: --shape or --mix",
    ),
    "diffusiondb": Format(
        "metadata.parquet of huggingface.co/datasets/poloclub/diffusiondb",
        {"timestamp": "arrival", "step": "steps", "height": "height", "width": "width"},
    ),
    "hetu": Format("data/*_trace.txt of github.com/PKU-DAIR/Hetu-DiT: lines Request(name=value, ...)", _REQUEST_LINES),
    "vllm-omni": Format(
        "the trace data set of vLLM-Omni's diffusion benchmark: lines Request(name=value, ...) with slo_ms",
        _REQUEST_LINES,
    ),
    "gfdit": Format(
        "JSON with requests of request_id, arrival_ms, height, width, num_frames, num_steps, deadline_ms",
        {
            "request_id": "id",
            "arrival_ms": "arrival_ms",
            "height": "height",
            "width": "width",
            "num_frames": "frames",
            "num_steps": "steps",
            "deadline_ms": "deadline_ms",
        },
    ),
    "aiperf": Format(
        "JSON lines of AIPerf and Mooncake, with timestamp in milliseconds",
        {"timestamp": "arrival_ms", "size": "size", "model": "model"},
        {},
        "sizes and steps: --mix, or --shape and --steps",
    ),
    "azure": Format(
        "Azure's LLM inference traces (TIMESTAMP, ContextTokens, GeneratedTokens) of github.com/Azure/AzurePublicDataset",
        {"TIMESTAMP": "arrival"},
        {},
        "sizes and steps: --mix, or --shape and --steps",
    ),
    "csv": Format("any table: columns of docs/traces.md and common names, or those given with --map", _PLAIN),
}
"""By name, what ``convert --from`` reads."""
