"""What GPUs say of their memory."""

from __future__ import annotations

import torch

from executor.distributed.budget import DeviceMemory


def cuda_bytes() -> tuple[int, ...]:
    """Return the memory of each GPU of this machine that torch can use."""
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return tuple(int(torch.cuda.get_device_properties(number).total_memory) for number in range(count))


def begin(device: torch.device) -> None:
    """Give back what loading has left over, so that what is taken from now on shows."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)


def report(device: torch.device) -> DeviceMemory | None:
    """Return what this process's device has and what this process takes of it; None for a processor."""
    if device.type != "cuda":
        return None
    free, total = torch.cuda.mem_get_info(device)
    return DeviceMemory(
        int(free), int(total), int(torch.cuda.memory_reserved(device)), int(torch.cuda.max_memory_reserved(device))
    )
