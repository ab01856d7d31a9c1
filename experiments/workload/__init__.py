"""Workloads: mixes, arrival processes, generated workloads, traces from files, public formats."""

from experiments.workload.arrivals import Arrivals, Gamma, Piecewise, Poisson
from experiments.workload.convert import Conversion, Converted, convert
from experiments.workload.deadlines import SloRule, Targets, paper_slo, profile_slo, slo_from_profile, slo_rule
from experiments.workload.formats import FORMATS, Format
from experiments.workload.generate import Drift, Jitter, LognormalJitter, UniformJitter, generate
from experiments.workload.mixes import Mix, ShapeClass, custom_mix, named_mix, named_mixes, skewed, uniform
from experiments.workload.summary import WorkloadSummary, summarise, targets_in_words
from experiments.workload.tables import TraceTable, read_table
from experiments.workload.tiers import Tier, custom_tiers
from experiments.workload.trace import TraceError, read_trace, write_trace
from experiments.workload.workload import Workload, rate_per_minute, rescale, window

__all__ = [
    "FORMATS",
    "Arrivals",
    "Conversion",
    "Converted",
    "Drift",
    "Format",
    "Gamma",
    "Jitter",
    "LognormalJitter",
    "Mix",
    "Piecewise",
    "Poisson",
    "ShapeClass",
    "SloRule",
    "Targets",
    "Tier",
    "TraceError",
    "TraceTable",
    "UniformJitter",
    "Workload",
    "WorkloadSummary",
    "convert",
    "custom_mix",
    "custom_tiers",
    "generate",
    "named_mix",
    "named_mixes",
    "paper_slo",
    "profile_slo",
    "rate_per_minute",
    "read_table",
    "read_trace",
    "rescale",
    "skewed",
    "slo_from_profile",
    "slo_rule",
    "summarise",
    "targets_in_words",
    "uniform",
    "window",
    "write_trace",
]
