"""PyTorch's cases of the memory benchmark; ours.mjs has the same."""

import importlib.util
import os
import subprocess
import sys

import torch


def resident_bytes():
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except FileNotFoundError:  # not Linux
        kib = subprocess.run(["ps", "-o", "rss=", "-p", str(os.getpid())], capture_output=True, text=True).stdout
        return int(kib) * 1024


def sample(request, progress, work):
    """Calls `work` so many times, with resident memory before and after each few of them."""
    count, every = request["count"], request["every"]
    resident = [resident_bytes()]
    for i in range(0, count, every):
        for _ in range(every):
            work()
        resident.append(resident_bytes())
        if len(resident) % 20 == 0:
            progress((i + every) / count)
    return {"resident": resident}


class Undisposed:
    def __init__(self, settings):
        self.a = torch.tensor([1.0, 2.0, 3.0, 4.0])
        self.b = torch.tensor([5.0, 6.0, 7.0, 8.0])

    def measure(self, request, progress):
        a, b = self.a, self.b
        return sample(request, progress, lambda: torch.add(a, b))


class Steps:
    def __init__(self, settings):
        folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "step")
        sys.path.insert(0, folder)
        spec = importlib.util.spec_from_file_location("bench_step", os.path.join(folder, "peer.py"))
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        self.training = module.CASES["train"](settings)

    def measure(self, request, progress):
        self.training.run(1)
        return sample(request, progress, lambda: self.training.run(1))


CASES = {"undisposed": Undisposed, "steps": Steps}
