"""Jobs on a Ray cluster: the same results, and what a lost machine had is done elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

ray = pytest.importorskip("ray")

POLICIES = ["--policy", "edf", "--policy", "cpsat", "--seeds", "6", "--timelines", "none", "workload.requests=60"]


def test_a_node_may_die(tmp_path: Path) -> None:
    """Of two nodes one is killed in the middle; the comparison ends, and its runs are those of one machine's cores."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    try:
        lost = cluster.add_node(num_cpus=1)
        command = [sys.executable, "-m", "experiments.compare", *POLICIES]
        environment = {**os.environ, "RAY_ADDRESS": cluster.address, "PYTHONPATH": str(Path.cwd())}
        out = tmp_path / "out"
        process = subprocess.Popen([*command, "--on", "ray", "--output", str(out)], env=environment)
        journal = out / "finished.jsonl"
        while not (journal.exists() and journal.read_bytes().count(b"\n") >= 2):
            assert process.poll() is None
            time.sleep(0.05)
        cluster.remove_node(lost, allow_graceful=False)
        assert process.wait() == 0
    finally:
        cluster.shutdown()
    assert journal.read_bytes().count(b"\n") == 12
    subprocess.run([*command, "--jobs", "1", "--output", str(tmp_path / "cores")], check=True)
    assert (out / "runs.csv").read_bytes() == (tmp_path / "cores" / "runs.csv").read_bytes()
