"""The CUDA operators of libintraclass_icu against its CPU operators in float64, and what only a GPU can show: graph
capture, streams, a second device, more pairs of rows and classes than 32 bits count.

    python parity.py LIBRARY [--small]

Writes a line of JSON for each check: {"name", "ok", "detail"}; a check that cannot run here has "ok": null. --small does a
few small problems alone, for compute-sanitizer.
"""

import argparse
import itertools
import json
import math
import sys

import torch

GRID = dict(
    covariance=["isotropic", "scalar", "diagonal"],
    gamma_mode=["covariance", "determinant", "logdet"],
    alpha_mode=["distance", "mahalanobis", "positive"],
    reg_reduction=["sum", "classes", "samples"],
    moment_center=["learned", "batch"],
    moment_gradient=[True, False],
    reduction=["mean", "sum", "none"],
)
LARGE = dict(alpha=0.3, gamma=0.2, lambda_mean=0.4, lambda_var=0.25)
# float32 as the CPU kernels are held to it (test/native/numerics.ts); halves by the rounding of the features' gradient.
TOLERANCE = {torch.float64: 1e-10, torch.float32: 5e-5, torch.float16: 2e-3, torch.bfloat16: 1.6e-2}


def tolerance(shape, dtype):
    """Stricter in many dimensions, where the roundings of a sum average out."""
    return 2e-5 if dtype == torch.float32 and shape[2] >= 2048 else TOLERANCE[dtype]


def problem(N, K, D, covariance="isotropic", dtype=torch.float64, seed=0, ignored=True, device="cuda"):
    """Features in dtype, parameters in float32 beside halves; drawn on the CPU, so that any device has the same."""
    g = torch.Generator().manual_seed(seed)
    parameters = torch.float64 if dtype == torch.float64 else torch.float32
    x = torch.randn(N, D, generator=g, dtype=torch.float64)
    mu = torch.randn(K, D, generator=g, dtype=torch.float64) / D**0.5
    s = 0.3 * torch.randn((K, D) if covariance == "diagonal" else (K,), generator=g, dtype=torch.float64)
    labels = torch.randint(0, K, (N,), generator=g)
    if ignored and N > 2:
        labels[1] = -100
    inputs = [x.to(device, dtype), mu.to(device, parameters), s.to(device, parameters)]
    return [t.requires_grad_() for t in inputs], labels.to(device)


def wide_on_cpu(tensors):
    return [t.detach().cpu().double().requires_grad_() for t in tensors]


def upstream(part, seed=5):
    g = torch.Generator().manual_seed(seed)
    return torch.rand(part.shape, generator=g, dtype=torch.float64).add(0.5).to(part.device, part.dtype)


def run_loss(inputs, labels, prior, options, given=None):
    """given: the gradients that arrive, where they cannot be drawn on the CPU as they are otherwise."""
    x, mu, s = inputs
    outputs = torch.ops.icu.loss(x, labels, mu, s, prior, **options)
    parts = [outputs[0], outputs[1], outputs[3]]
    gradients = torch.autograd.grad(parts, inputs, given or [upstream(part) for part in parts])
    return [t.detach() for t in (*parts, outputs[2], *gradients)]


def run_distances(inputs, options):
    d = torch.ops.icu.distances(*inputs, **options)
    return [d.detach(), *torch.autograd.grad(d, inputs, upstream(d))]


def far(got, expected):
    """The largest relative distance of two results, by norms; NaN where either has one."""
    worst = 0.0
    for a, b in zip(got, expected, strict=True):
        a, b = a.detach().cpu().double(), b.detach().cpu().double()
        size = b.norm().item()
        error = (a - b).norm().item() / max(size, 1e-3)
        worst = max(worst, error) if error == error else float("nan")
    return worst


def compare_loss(shape, options, dtype=torch.float64, prior=False, seed=0, labels_dtype=torch.int64, change=None):
    inputs, labels = problem(*shape, covariance=options.get("covariance", "isotropic"), dtype=dtype, seed=seed)
    labels = labels.to(labels_dtype)
    given = torch.log_softmax(torch.arange(shape[1], dtype=torch.float64) / shape[1], 0) if prior else None
    expected = run_loss(wide_on_cpu(inputs), labels.cpu(), given, {**options, "memory": "auto"})
    if change:
        inputs = [change(t).requires_grad_() for t in inputs]
    got = run_loss(inputs, labels, None if given is None else given.cuda(), options)
    return far(got, expected)


def compare_distances(shape, options, dtype=torch.float64):
    inputs, _ = problem(*shape, covariance=options.get("covariance", "isotropic"), dtype=dtype)
    return far(run_distances(inputs, options), run_distances(wide_on_cpu(inputs), options))


CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


def within(errors, limit):
    worst = max(errors, key=lambda e: (e != e, e))
    assert worst <= limit, f"off by {worst:.3g}, more than {limit:g}"
    return f"{len(errors)} problems, off by at most {worst:.2g}"


@check
def every_option():
    sets = [dict(zip(GRID, values)) | LARGE for values in itertools.product(*GRID.values())]
    errors = [compare_loss((7, 4, 3), options, prior=i % 2 == 1, seed=i) for i, options in enumerate(sets)]
    more = [
        dict(covariance=c, log_determinant=log, lambda_likelihood=0.2, likelihood=kind, lambda_mean=l, lambda_var=l)
        for c in GRID["covariance"]
        for log in (True, False)
        for kind in ("gaussian", "euclidean")
        for l in (0.0, 0.3)
    ]
    errors += [compare_loss(shape, options) for options in more for shape in ((7, 4, 3), (70, 90, 40))]
    return within(errors, TOLERANCE[torch.float64])


@check
def every_shape():
    errors = {torch.float64: [], torch.float32: []}
    turn = 0
    for N, K, D in itertools.product([0, 1, 3, 128, 257], [1, 2, 10, 31, 33, 1000], [1, 2, 3, 16, 17, 100, 513]):
        turn += 1
        options = dict(covariance=GRID["covariance"][turn % 3], alpha=0.1, gamma=0.1)
        for dtype in errors:
            errors[dtype].append(compare_loss((N, K, D), options, dtype=dtype, seed=turn))
    return "; ".join(f"{str(d)[6:]}: {within(e, TOLERANCE[d])}" for d, e in errors.items())


@check
def large_problems():
    details = []
    for shape in ((256, 1000, 2048), (64, 21841, 512), (5000, 100, 64)):
        errors = [
            compare_loss(shape, dict(covariance=c, memory=memory), dtype=torch.float32)
            for c in GRID["covariance"]
            for memory in ("store", "recompute")
        ]
        details.append(f"D = {shape[2]}: {within(errors, tolerance(shape, torch.float32))}")
    return "; ".join(details)


@check
def distances():
    errors = [
        compare_distances(shape, dict(covariance=c))
        for c in GRID["covariance"]
        for shape in ((1, 1, 1), (33, 17, 5), (130, 300, 200), (0, 3, 2))
    ]
    return within(errors, TOLERANCE[torch.float64])


@check
def half_features():
    details = []
    for dtype in (torch.float16, torch.bfloat16):
        errors = [
            compare_loss(shape, dict(covariance=c), dtype=dtype)
            for c in GRID["covariance"]
            for shape in ((20, 7, 33), (300, 200, 130))
        ]
        details.append(f"{str(dtype)[6:]}: {within(errors, TOLERANCE[dtype])}")
    return "; ".join(details)


@check
def strided_input_and_int32_labels():
    def spread(t):
        wide = torch.full((2 * t.shape[0], *(n + 3 for n in t.shape[1:])), float("nan"), dtype=t.dtype, device=t.device)
        view = wide[::2, : t.shape[1]] if t.ndim == 2 else wide[::2]
        view.copy_(t.detach())
        return view.detach()

    errors = [
        compare_loss(shape, dict(covariance=c), labels_dtype=torch.int32, change=spread)
        for c in GRID["covariance"]
        for shape in ((20, 7, 33), (130, 90, 70))
    ]
    return within(errors, TOLERANCE[torch.float64])


@check
def split_tf32():
    errors = [
        compare_loss(shape, dict(precision="split-tf32", memory=memory), dtype=torch.float32)
        for shape in ((64, 100, 64), (256, 1000, 2048), (64, 8000, 300))
        for memory in ("store", "recompute")
    ]
    return within(errors, 1e-3)


@check
def split_tf32_near_means():
    # Near three means each the expanded form cancels, and tensor cores cut off in one direction. The losses are about ln 3.
    (x, mu, _), _ = problem(256, 1000, 2048, dtype=torch.float32)
    labels = torch.arange(256, device=x.device)
    g = torch.Generator().manual_seed(1)
    errors = []
    for sigma in (2.5, 1.4, 0.7, 0.1):
        near = x.repeat(3, 1) + torch.randn(768, 2048, generator=g).to(x) * sigma / 2048**0.5
        means = torch.cat([near, mu[768:]]).detach()
        s = torch.full((1000,), 2 * math.log(sigma)).to(x)
        options = dict(reduction="none", lambda_mean=0.0, lambda_var=0.0)
        got = torch.ops.icu.loss(x.detach(), labels, means, s, precision="split-tf32", **options)[0]
        wide = [t.detach() for t in wide_on_cpu([x, means, s])]
        expected = torch.ops.icu.loss(wide[0], labels.cpu(), *wide[1:], **options)[0]
        errors.append((got.cpu().double() - expected).abs().max().item())
    return within(errors, 2e-3)


@check
def a_row_far_away():
    # A centre that such a row moved, even an ignored one, would cost all others their digits.
    errors = []
    for c, ignored in itertools.product(GRID["covariance"], (True, False)):
        inputs, labels = problem(64, 300, 40, covariance=c, dtype=torch.float32, ignored=False)
        with torch.no_grad():
            inputs[0][1] = 1e8
        if ignored:
            labels[1] = -100
        options = dict(covariance=c, lambda_mean=0.0, lambda_var=0.0)
        expected = run_loss(wide_on_cpu(inputs), labels.cpu(), None, options)
        got = run_loss(inputs, labels, None, options)
        others = torch.arange(64) != 1
        errors.append(far([got[4].cpu()[others], got[5]], [expected[4][others], expected[5]]))
    return within(errors, 5e-5)


@check
def the_same_bits_in_20_runs():
    for shape in ((128, 10, 100), (256, 1000, 512), (64, 9000, 128)):
        for c in GRID["covariance"]:
            inputs, labels = problem(*shape, covariance=c, dtype=torch.float32)
            first = run_loss(inputs, labels, None, dict(covariance=c))
            for _ in range(19):
                again = run_loss(inputs, labels, None, dict(covariance=c))
                same = all(torch.equal(a, b) for a, b in zip(first, again))
                assert same, f"{shape} {c}: other bits in another run"
    return "3 shapes, 3 covariances"


@check
def capture_in_a_graph():
    for shape in ((128, 10, 2), (256, 300, 128), (64, 9000, 64), (2000, 50, 20)):
        (x, mu, s), labels = problem(*shape, dtype=torch.float32)
        static, leaves = x.detach().clone(), [mu, s]
        given = [torch.rand((), device="cuda") + 0.5 for _ in range(3)]  # a copy from the CPU waits

        def step():
            features = static.detach().requires_grad_()
            return run_loss([features, *leaves], labels, None, {}, given)

        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                step()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            outputs = step()
        for seed in (1, 2):
            static.copy_(torch.randn(static.shape, generator=torch.Generator().manual_seed(seed)))
            graph.replay()
            replayed = [t.clone() for t in outputs]
            same = all(torch.equal(a, b) for a, b in zip(replayed, step()))
            assert same, f"{shape}: a replay differs from a run"
    return "4 shapes, 2 replays each, the same bits as without"


@check
def nothing_waits():
    cases = [problem(*shape, dtype=torch.float32) for shape in ((128, 10, 2), (256, 300, 128), (64, 9000, 64))]
    for inputs, labels in cases:
        run_loss(inputs, labels, None, {})
    mode = torch.cuda.get_sync_debug_mode()
    torch.cuda.set_sync_debug_mode("error")
    try:
        for (x, mu, s), labels in cases:
            total = torch.ops.icu.loss(x, labels, mu, s)[3]
            torch.autograd.grad(total, [x, mu, s])
    finally:
        torch.cuda.set_sync_debug_mode(mode)
    return "no call of PyTorch's that synchronizes"


@check
def another_stream():
    inputs, labels = problem(256, 300, 128, dtype=torch.float32)
    expected = run_loss(inputs, labels, None, {})
    late = [torch.zeros_like(t) for t in inputs]
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        torch.cuda._sleep(50_000_000)  # the values come late on that stream: on another they would be zeros
        late = [a.copy_(b.detach()).requires_grad_() for a, b in zip(late, inputs)]
        got = run_loss(late, labels, None, {})
    stream.synchronize()
    assert all(torch.equal(a, b) for a, b in zip(got, expected)), "other results on another stream"
    return "the same bits"


@check
def second_device():
    if torch.cuda.device_count() < 2:
        return None
    inputs, labels = problem(256, 300, 128, dtype=torch.float32)
    expected = run_loss(inputs, labels, None, {})
    there = [t.detach().to("cuda:1").requires_grad_() for t in inputs]
    got = run_loss(there, labels.to("cuda:1"), None, {})
    return within([far(got, expected)], 1e-6)


@check
def labels_that_are_no_class():
    for shape in ((20, 5, 3), (300, 200, 40)):
        inputs, labels = problem(*shape, dtype=torch.float32, ignored=False)
        labels[4] = shape[1] + 7
        losses = torch.ops.icu.loss(inputs[0], labels, *inputs[1:], reduction="none")[0]
        torch.cuda.synchronize()
        assert losses.isnan().nonzero().flatten().tolist() == [4], "expected NaN in row 4 alone"
        try:
            torch.ops.icu.distances(*inputs)
        except IndexError as error:
            assert f"got {shape[1] + 7} in row 4" in str(error), str(error)
        else:
            raise AssertionError("the next call did not throw")
        torch.ops.icu.distances(*inputs)
        assert torch.cuda.current_stream().query() in (True, False)
    return "the row is NaN, the next call throws, the one after runs"


@check
def no_memory_after_warming_up():
    for shape in ((128, 10, 2), (256, 1000, 512)):
        inputs, labels = problem(*shape, dtype=torch.float32)
        for _ in range(3):
            run_loss(inputs, labels, None, {})
        before = torch.cuda.memory_stats()["segment.all.allocated"]
        for _ in range(20):
            run_loss(inputs, labels, None, {})
        assert torch.cuda.memory_stats()["segment.all.allocated"] == before, f"{shape}: more memory was taken"
    return "2 shapes, 20 runs"


@check
def peak_memory():
    # Gradients (50 MiB), 4 N K bytes of gaps where they are kept (195 MiB), and 32 MiB.
    details = []
    for memory, limit in (("store", 278), ("recompute", 83)):
        inputs, labels = problem(1024, 50000, 256, dtype=torch.float32)
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        total = torch.ops.icu.loss(inputs[0], labels, *inputs[1:], memory=memory)[3]
        gradients = torch.autograd.grad(total, inputs)
        torch.cuda.synchronize()
        peak = (torch.cuda.max_memory_allocated() - before) / 2**20
        del gradients, total
        assert peak <= limit, f"{memory}: {peak:.0f} MiB, more than {limit}"
        details.append(f"{memory} {peak:.0f} MiB")
    return ", ".join(details) + " over the inputs, gradients included, at (1024, 50000, 256)"


@check
def more_than_32_bits_of_pairs():
    N, K, D = 4096, 1_100_000, 8
    free, _ = torch.cuda.mem_get_info()
    details = []
    for memory, bytes in (("recompute", 4 << 30), ("store", 24 << 30)):
        if free < bytes:
            details.append(f"{memory}: not run, {free >> 30} GiB are free")
            continue
        inputs, labels = problem(N, K, D, dtype=torch.float32, ignored=False)
        losses = torch.ops.icu.loss(inputs[0], labels, *inputs[1:], reduction="none", memory=memory)[0]
        picked = torch.tensor([0, 1, 2047, 3905, 3906, 4094, 4095])
        gradient = torch.zeros(N, device="cuda").index_fill_(0, picked.cuda(), 1.0)
        got = [losses.detach()[picked.cuda()], *torch.autograd.grad(losses, inputs, gradient)]
        got[1] = got[1][picked.cuda()]
        few = wide_on_cpu(inputs)
        few[0] = few[0].detach()[picked].requires_grad_()
        on_cpu = torch.ops.icu.loss(few[0], labels.cpu()[picked], *few[1:], reduction="none", memory="recompute")[0]
        expected = [on_cpu.detach(), *torch.autograd.grad(on_cpu, few, torch.ones(len(picked), dtype=torch.float64))]
        details.append(f"{memory}: {within([far(got, expected)], TOLERANCE[torch.float32])}")
    return "; ".join(details)


def small():
    for c in GRID["covariance"]:
        for shape in ((9, 5, 3), (70, 130, 70), (65, 4200, 5)):
            for options in (dict(memory="store"), dict(memory="recompute", lambda_likelihood=0.2)):
                inputs, labels = problem(*shape, covariance=c, dtype=torch.float32)
                run_loss(inputs, labels, None, dict(covariance=c, **options))
                run_distances(inputs, dict(covariance=c))
    for dtype in (torch.float16, torch.bfloat16, torch.float64):
        inputs, labels = problem(70, 130, 70, dtype=dtype)
        run_loss(inputs, labels, None, dict(precision="split-tf32"))
    inputs, labels = problem(1500, 20, 5, dtype=torch.float32)
    run_loss(inputs, labels, None, {})
    torch.cuda.synchronize()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("library")
    parser.add_argument("--small", action="store_true")
    arguments = parser.parse_args()
    torch.ops.load_library(arguments.library)
    if arguments.small:
        return small()
    for function in CHECKS:
        name = function.__name__.replace("_", " ")
        try:
            detail = function()
            ok = None if detail is None else True
            detail = detail or "not possible here"
        except Exception as error:
            ok, detail = False, f"{type(error).__name__}: {error}".split("\n")[0][:300]
        print(json.dumps({"name": name, "ok": ok, "detail": detail}), flush=True)
        sys.stderr.write(f"{name}: {detail}\n")


if __name__ == "__main__":
    main()
