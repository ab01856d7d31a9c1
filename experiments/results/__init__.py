"""What a run leaves behind: key figures, tables, a manifest, a trace, a picture."""

from experiments.results.directory import prepare_directory
from experiments.results.manifest import manifest
from experiments.results.metrics import summarize
from experiments.results.summary import ShapeSummary, Summary, WallClock
from experiments.results.tables import requests_table, rounds_table, segments_table, timings_table
from experiments.results.terminal import print_summary
from experiments.results.tiers import TierSummary
from experiments.results.timeline import draw_timeline, draw_timelines
from experiments.results.trace import write_trace
from experiments.results.writer import RunWriter

__all__ = [
    "RunWriter",
    "ShapeSummary",
    "Summary",
    "TierSummary",
    "WallClock",
    "draw_timeline",
    "draw_timelines",
    "manifest",
    "prepare_directory",
    "print_summary",
    "requests_table",
    "rounds_table",
    "segments_table",
    "summarize",
    "timings_table",
    "write_trace",
]
