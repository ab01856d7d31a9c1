"""A run as flat tables: requests, rounds, segments, stages, and the wall-clock timings apart from them.

Columns are documented in ``docs/metrics.md``. All but the timings hold nothing that was measured on a real
clock, so two runs with the same seeds write the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from executor.records import Records
from experiments.results.metrics import gap_of
from experiments.results.usage import usage_by_request

if TYPE_CHECKING:
    import pyarrow as pa

VERSION = "1"
"""Of the columns; stands in the metadata of every table as ``tetriplan``."""

REQUESTS = {
    "id": "int64", "model": "string", "height": "int32", "width": "int32", "frames": "int32",
    "steps": "int32", "arrival": "double", "deadline": "double", "weight": "double", "tier": "string",
    "fate": "string", "started": "double?", "finished": "double?", "dropped": "double?",
    "refused": "double?", "cancelled": "double?", "promised": "bool",
    "latency": "double?", "lateness": "double?",
    "steps_done": "int32", "gpu_seconds": "double", "segments": "int32", "regroups": "int32",
    "min_degree": "int32?", "max_degree": "int32?",
}  # fmt: skip
ROUNDS = {
    "round": "int64", "at": "double", "jobs": "int32", "running": "int32",
    "assigned": "int32", "gpus": "int32",
    "solver": "string", "status": "string", "value": "double?", "bound": "double?", "gap": "double?",
    "fallback": "bool", "note": "string",
}  # fmt: skip
TIMINGS = {"round": "int64", "build_seconds": "double", "solve_seconds": "double", "total_seconds": "double"}
SEGMENTS = {
    "segment": "int64", "requests": "list<int64>", "gpus": "list<int32>", "degree": "int32",
    "start": "double", "end": "double", "steps": "int32", "gpu_seconds": "double",
}  # fmt: skip
STAGES = {
    "request": "int64", "stage": "string", "worker": "int32", "start": "double", "end": "double",
    "gpu": "int32", "freed": "double",
}  # fmt: skip


def requests_table(records: Records) -> pa.Table:
    """One row a request, by arrival; what has not happened (yet) is null."""
    usage = usage_by_request(records.segments, records.staged)
    rows = []
    for request in records.requests:
        finished = records.delivered.get(request.id)
        used = usage.get(request.id)
        rows.append(
            (
                request.id, request.model, *request.shape, request.steps,
                request.arrival, request.deadline, request.weight, request.tier,
                records.fate(request),
                None if used is None else used.started,
                finished,
                records.dropped.get(request.id),
                records.refused.get(request.id),
                records.cancelled.get(request.id),
                request.id in records.promised,
                None if finished is None else finished - request.arrival,
                None if finished is None else finished - request.deadline,
                *((0, 0.0, 0, 0, None, None) if used is None else (
                    used.steps, used.gpu_seconds, used.segments, used.regroups,
                    used.min_degree, used.max_degree,
                )),
            )
        )  # fmt: skip
    return _table(REQUESTS, rows)


def rounds_table(records: Records) -> pa.Table:
    """One row a decision, without its wall-clock times."""
    return _table(
        ROUNDS,
        (
            (
                index, d.at, d.jobs, d.running, d.assigned, d.gpus,
                d.solver, d.status, d.value, d.bound, gap_of(d), d.fallback, d.note,
            )
            for index, d in enumerate(records.decisions)
        ),
    )  # fmt: skip


def timings_table(records: Records) -> pa.Table:
    """One row a decision: what it took on a real clock. ``round`` joins it to the rounds."""
    decisions = records.decisions
    return _table(TIMINGS, ((i, d.build_seconds, d.solve_seconds, d.total_seconds) for i, d in enumerate(decisions)))


def segments_table(records: Records) -> pa.Table:
    """One row a segment, in order of their end."""
    return _table(
        SEGMENTS,
        (
            (index, jobs, gpus, len(gpus), start, end, steps, len(gpus) * (end - start))
            for index, (jobs, gpus, start, end, steps) in enumerate(records.segments)
        ),
    )


def stages_table(records: Records) -> pa.Table:
    """One row a text encoded or an image decoded, in order of their end."""
    return _table(STAGES, ((s.request, s.stage, s.worker, s.start, s.end, s.gpu, s.freed) for s in records.staged))


def write_table(table: pa.Table, path: Path) -> None:
    """Write one Parquet file; the same table gives the same bytes with the same pyarrow."""
    import pyarrow.parquet as pq

    pq.write_table(table, path, compression="zstd")


def schema(columns: Mapping[str, str]) -> pa.Schema:
    """Make the schema of columns that are given as name to type, ``?`` after a type that may be null."""
    import pyarrow as pa

    types: dict[str, Any] = {
        "int64": pa.int64(), "int32": pa.int32(), "double": pa.float64(),
        "string": pa.string(), "bool": pa.bool_(),
        "list<int64>": pa.list_(pa.field("element", pa.int64(), nullable=False)),
        "list<int32>": pa.list_(pa.field("element", pa.int32(), nullable=False)),
    }  # fmt: skip
    return pa.schema(
        [pa.field(name, types[kind.rstrip("?")], nullable=kind.endswith("?")) for name, kind in columns.items()],
        metadata={"tetriplan": VERSION},
    )


def _table(columns: Mapping[str, str], rows: Iterable[tuple[Any, ...]]) -> pa.Table:
    import pyarrow as pa

    values = list(zip(*rows, strict=True)) or [()] * len(columns)
    fields = schema(columns)
    return pa.table(
        [pa.array(column, field.type) for column, field in zip(values, fields, strict=True)],
        schema=fields,
    )
