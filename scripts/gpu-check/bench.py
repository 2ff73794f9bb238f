"""The loss on a GPU, forward and backward, against what a user of PyTorch could write: eager, compiled, and eager in a CUDA
graph. The expressions are those of scripts/bench/loss/peer.py.

    python bench.py LIBRARY N,K,D COVARIANCE

Writes a line of JSON for each measurement: {"shape", "covariance", "state", "side", "ms", "low", "high", "MiB"}, or with
"why" instead where it could not be had. Times are medians and quartiles of CUDA events around single steps, after
warming up, the sides in turn, or one after another where all of them together take too much memory; MiB is what a step
allocates over its inputs, gradients included.
"""

import gc
import json
import os
import statistics
import sys

import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "bench", "loss"))
import peer  # noqa: E402

LIMIT = 40 << 30  # bytes of a peer's N x K arrays, of which it has about eight
LARGE = 8 << 30  # bytes of a side above which no other is kept beside it


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


def report(about, **found):
    line = json.dumps({**about, **found})
    print(line, flush=True)
    sys.stderr.write(f"{line}\n")


def groups(shape, names):
    """The sides that are measured in turn: all of them, or each alone where they are too large to be kept together."""
    N, K, D = shape
    large = 32 * N * K + 8 * (N + K) * D > LARGE
    return [[name] for name in names] if large else [list(names)]


def measure(about, names):
    """Sides in turn; none of them is kept."""
    shape = about["shape"]
    sides, memory = {}, {}

    def give_up(name, error):
        report(about, side=name, why=f"{type(error).__name__}: {error}".split("\n")[0][:200])
        torch.cuda.empty_cache()

    for name in names:
        try:
            side = SIDES[name]({**about, "device": "cuda"})
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
        side = None
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
        report(about, side=name, ms=middle, low=low, high=high, MiB=mib)


def measure_all(about):
    N, K, _ = about["shape"]
    names = []
    for name in SIDES:
        if not name.startswith("ours") and 32 * N * K > LIMIT:
            report(about, side=name, why="its arrays of rows by classes do not fit")
        elif name != "ours, split TF32" or about["covariance"] != "diagonal":
            names.append(name)
    for group in groups(about["shape"], names):
        measure(about, group)
        torch._dynamo.reset()
        gc.collect()
        torch.cuda.empty_cache()


def main():
    library, shape, covariance = sys.argv[1:]
    torch.ops.load_library(library)
    torch.backends.cuda.matmul.allow_tf32 = False
    for state in ("dense", "trained"):
        measure_all({"shape": [int(n) for n in shape.split(",")], "covariance": covariance, "state": state})


if __name__ == "__main__":
    main()
