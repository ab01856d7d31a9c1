"""What texts and images cost a run: how busy their workers were, which GPU time they took, and what waited for what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

from executor.engine import Staged
from executor.records import Records
from experiments.results.percentile import percentile
from experiments.results.usage import duration, images_on_gpus, usage_by_request


@dataclass(frozen=True, slots=True)
class StageSummary:
    """Key figures of encoding and decoding, of a run in which they take time. Waits are seconds; of nothing they are NaN.

    Parameters
    ----------
    workers
        That encoded or decoded anything.
    utilization
        Seconds in which they did, over those that they had.
    text_p50, text_p95
        From the arrival of a request until its text began to be encoded.
    gpus_p50, gpus_p95
        From then on, once the text was encoded, until its first step began.
    gpu_seconds
        Of GPUs of the cluster, where they decode.
    image_p50, image_p95
        From the last step of a request until its image was there, decoding included.
    """

    workers: int
    utilization: float
    text_p50: float
    text_p95: float
    gpus_p50: float
    gpus_p95: float
    image_p50: float
    image_p95: float
    gpu_seconds: float = 0.0


def stage_summary(records: Records) -> StageSummary | None:
    """Add up the stages of a run; None where texts and images take no time."""
    if not records.staged:
        return None
    workers = 1 + max(staged.worker for staged in records.staged)
    arrivals = {request.id: request.arrival for request in records.requests}
    usage = usage_by_request(records.segments)
    texts, gpus, images = [], [], []
    for staged in records.staged:
        used = usage.get(staged.request)
        if staged.stage == "decode":
            if used is not None:
                images.append(staged.end - used.stopped)
            continue
        if staged.request in arrivals:
            texts.append(staged.start - arrivals[staged.request])
        if used is not None:
            gpus.append(used.started - staged.end)
    had = workers * max(duration(records), records.staged[-1].end)
    waits = [percentile(waited, percent) for waited in (texts, gpus, images) for percent in (50, 95)]
    on_gpus = sum(image.end - image.start for image in images_on_gpus(records.staged))
    found = StageSummary(workers, busy_seconds(records.staged) / had if had else 0.0, *waits)
    return replace(found, gpu_seconds=on_gpus)


def busy_seconds(staged: Iterable[Staged]) -> float:
    """Seconds in which workers for stages were at one; an image that is written while the next is made counts once."""
    spans: dict[int, list[tuple[float, float]]] = defaultdict(list)
    for item in (item for item in staged if item.gpu < 0):
        spans[item.worker].append((item.start, item.end))
    seconds = 0.0
    for own in spans.values():
        until = 0.0
        for start, end in sorted(own):
            seconds += max(0.0, end - max(start, until))
            until = max(until, end)
    return seconds
