"""The loss on a GPU, forward and backward, against what a user of PyTorch could write: eager, compiled, and eager in a CUDA
graph. The expressions are those of scripts/bench/loss/peer.py.

    python bench.py LIBRARY

Writes a line of JSON for each measurement: {"shape", "covariance", "state", "side", "ms", "low", "high", "MiB"}, or with
"why" instead where it could not be had. Times are medians and quartiles of CUDA events around single steps, after
warming up, the sides in turn; MiB is what a step allocates over its inputs, gradients included.
"""

import json
import os
import statistics
import sys

import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "bench", "loss"))
import peer  # noqa: E402

SHAPES = [
    ((128, 10, 2), "isotropic"),
    ((128, 10, 100), "isotropic"),
    ((256, 100, 512), "isotropic"),
    ((256, 1000, 2048), "isotropic"),
    ((256, 21841, 2048), "isotropic"),
    ((1024, 1_000_000, 512), "isotropic"),
    ((256, 1000, 2048), "diagonal"),
]
LIMIT = 40 << 30  # bytes of a peer's N x K arrays, of which it has about eight


class Ours(peer.Loss):
    options = {}

    def forward(self, features, labels, means, log_variances):
        covariance = self.covariance
        out = torch.ops.icu.loss(features, labels, means, log_variances, covariance=covariance, **self.options)
        return out[0], out[1]

    def step(self):
        features, means, log_variances = self.inputs
        for tensor in self.inputs:
            tensor.grad = None
        out = torch.ops.icu.loss(
            features, self.labels, means, log_variances, covariance=self.covariance, **self.options
        )
        out[3].backward()
        return out[0], out[1]


class OursSplit(Ours):
    options = {"precision": "split-tf32"}


class Graphed:
    """A side's step, captured once."""

    def __init__(self, side):
        self.side = side
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                side.step()
        torch.cuda.current_stream().wait_stream(stream)
        for tensor in side.inputs:
            tensor.grad = None
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            side.step()

    def step(self):
        self.graph.replay()


class GraphedGemm(peer.Gemm):
    """With a regulariser that can be captured: unique() waits for the device."""

    def forward(self, features, labels, means, log_variances):
        distances = self.distances(features, means, log_variances)
        return (
            peer.classification(distances, labels, means.shape[1]),
            peer.dense_regularizer(features, labels, means, log_variances),
        )


SIDES = {
    "ours": Ours,
    "ours, CUDA graph": lambda settings: Graphed(Ours(settings)),
    "ours, split TF32": OursSplit,
    "eager": peer.Gemm,
    "eager, CUDA graph": lambda settings: Graphed(GraphedGemm(settings)),
    "torch.compile": peer.Compiled,
}


def time_once(side):
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    start.record()
    side.step()
    end.record()
    end.synchronize()
    return start.elapsed_time(end)


def measure(shape, covariance, state):
    settings = {"shape": shape, "covariance": covariance, "state": state, "device": "cuda"}
    about = {"shape": shape, "covariance": covariance, "state": state}
    sides, memory = {}, {}

    def give_up(name, error):
        why = f"{type(error).__name__}: {error}".split("\n")[0][:200]
        print(json.dumps({**about, "side": name, "why": why}), flush=True)
        torch.cuda.empty_cache()

    for name, make in SIDES.items():
        if not name.startswith("ours") and 32 * shape[0] * shape[1] > LIMIT:
            print(json.dumps({**about, "side": name, "why": "its arrays of rows by classes do not fit"}), flush=True)
            continue
        if name == "ours, split TF32" and covariance == "diagonal":
            continue
        try:
            side = make(settings)
            for _ in range(3):
                side.step()
            torch.cuda.synchronize()
            torch.cuda.reset_peak_memory_stats()
            # Gradients of the last step are freed by the next, so what is held now is the inputs and they.
            before = torch.cuda.memory_allocated()
            held = sum(t.grad.nbytes for t in getattr(side, "inputs", []) if t.grad is not None)
            side.step()
            torch.cuda.synchronize()
            memory[name] = None if isinstance(side, Graphed) else torch.cuda.max_memory_allocated() - before + held
            sides[name] = side
        except Exception as error:
            give_up(name, error)
    times = {name: [] for name in sides}
    turns = 200 if shape[0] * shape[1] * shape[2] < 1e8 else 15
    for _ in range(turns):
        for name in list(sides):
            try:
                times[name].append(time_once(sides[name]))
            except Exception as error:  # the memory that another side holds by now
                give_up(name, error)
                del sides[name], times[name]
    for name, values in times.items():
        low, middle, high = statistics.quantiles(values, n=4)
        mib = None if memory[name] is None else memory[name] / 2**20
        print(json.dumps({**about, "side": name, "ms": middle, "low": low, "high": high, "MiB": mib}), flush=True)


def main():
    torch.ops.load_library(sys.argv[1])
    torch.backends.cuda.matmul.allow_tf32 = False
    for shape, covariance in SHAPES:
        for state in ("dense", "trained"):
            measure(shape, covariance, state)
            torch.cuda.empty_cache()
            torch._dynamo.reset()


main()
