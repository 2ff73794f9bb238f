"""What a user of PyTorch could write for the ICU loss, and how fast it is with its backward pass.

Each class differs in how it comes to the distances d_ik = (Q_ik + ln|Sigma_k|) / 2 or around them; margins and
regulariser (docs/icu-loss.md) are the same everywhere. Options are the defaults.
"""

import math

import torch
from torch.nn import functional as F

ALPHA, GAMMA, LAMBDA = 1e-4, 1e-3, 0.1


def problem(settings):
    """As in ours.mjs, number for number."""
    (N, K, D), trained = settings["shape"], settings["state"] == "trained"
    torch.manual_seed(0)
    labels = torch.randint(0, K, (N,))
    means = torch.randn(K, D).mul_(1 / math.sqrt(D) if settings["state"] == "dense" else 1)
    noise = torch.randn(N, D)
    features = means[labels].add_(noise.mul_(0.3)) if trained else noise
    shape = (K, D) if settings["covariance"] == "diagonal" else (K,)
    log_variances = torch.full(shape, 2 * math.log(0.3) if trained else 0.0)
    device = settings.get("device", "cpu")
    inputs = [t.to(device).requires_grad_() for t in (features, means, log_variances)]
    return inputs, labels.to(device)


def regularizer(features, labels, means, log_variances):
    """Eq. 14 over the classes of the batch, sorted so that nothing of the size of K or K x D is made."""
    present, places = labels.unique(return_inverse=True)
    counts = torch.bincount(places).to(features.dtype)
    own = means[present]
    batch = torch.zeros_like(own).index_add(0, places, features) / counts[:, None]
    squares = (features - means[labels]).square()
    variances = log_variances[present].exp()
    if log_variances.ndim == 1:
        moments = torch.zeros_like(variances).index_add(0, places, squares.mean(1)) / counts
    else:
        moments = torch.zeros_like(own).index_add(0, places, squares) / counts[:, None]
    return LAMBDA * (own - batch).square().sum() + LAMBDA * (variances - moments).square().sum()


def dense_regularizer(features, labels, means, log_variances):
    """The same over all classes, an absent one with weight 0: nothing whose shape depends on the labels, as a CUDA graph
    needs it."""
    counts = torch.zeros_like(means[:, 0]).index_add(0, labels, torch.ones_like(features[:, 0]))
    present, share = (counts > 0).to(features.dtype), 1 / counts.clamp(min=1)
    batch = torch.zeros_like(means).index_add(0, labels, features) * share[:, None]
    squares = (features - means[labels]).square()
    variances = log_variances.exp()
    if log_variances.ndim == 1:
        moments = torch.zeros_like(variances).index_add(0, labels, squares.mean(1)) * share
    else:
        moments = torch.zeros_like(means).index_add(0, labels, squares) * share[:, None]
    of_variance = (variances - moments).square().reshape(len(means), -1).sum(1)
    return LAMBDA * (((means - batch).square().sum(1) + of_variance) * present).sum()


def log_determinants(log_variances, dims):
    return dims * log_variances if log_variances.ndim == 1 else log_variances.sum(1)


def classification(distances, labels, dims):
    """Cross-entropy of the logits -d with (1 + alpha)(d + D ln(1 + gamma) / 2) for the true class."""
    column = labels.unsqueeze(1)
    target = (1 + ALPHA) * (distances.gather(1, column) + 0.5 * dims * math.log1p(GAMMA))
    return F.cross_entropy(-distances.scatter(1, column, target), labels)


class Loss:
    def __init__(self, settings):
        self.inputs, self.labels = problem(settings)
        self.covariance = settings["covariance"]

    def forward(self, features, labels, means, log_variances):
        distances = self.distances(features, means, log_variances)
        return (
            classification(distances, labels, means.shape[1]),
            regularizer(features, labels, means, log_variances),
        )

    def step(self):
        features, means, log_variances = self.inputs
        for tensor in self.inputs:
            tensor.grad = None
        parts = self.forward(features, self.labels, means, log_variances)
        (parts[0] + parts[1]).backward()
        return parts

    def run(self, iterations):
        for _ in range(iterations):
            self.step()
        if self.labels.is_cuda:
            torch.cuda.synchronize()

    def values(self, argument, progress):
        parts = self.step()
        return [part.item() for part in parts] + [tensor.grad.norm().item() for tensor in self.inputs]


class Broadcast(Loss):
    """Every difference written out: N x K x D numbers."""

    def distances(self, features, means, log_variances):
        precisions = (-log_variances).exp()
        squares = (features[:, None, :] - means).square()
        q = squares.sum(2) * precisions if log_variances.ndim == 1 else (squares * precisions).sum(2)
        return 0.5 * (q + log_determinants(log_variances, means.shape[1]))


class Cdist(Loss):
    def distances(self, features, means, log_variances):
        q = torch.cdist(features, means).square() * (-log_variances).exp()
        return 0.5 * (q + log_determinants(log_variances, means.shape[1]))


class Gemm(Loss):
    """Q expanded: x^2 - 2 x mu + mu^2, with matrix products."""

    def distances(self, features, means, log_variances):
        precisions = (-log_variances).exp()
        if log_variances.ndim == 1:
            lengths = features.square().sum(1, keepdim=True) + means.square().sum(1)
            q = torch.addmm(lengths, features, means.t(), alpha=-2) * precisions
        else:
            weighted = means * precisions
            q = features.square() @ precisions.t() - 2 * features @ weighted.t() + (means * weighted).sum(1)
        return 0.5 * (q.clamp(min=0) + log_determinants(log_variances, means.shape[1]))


class Compiled(Gemm):
    def __init__(self, settings):
        super().__init__(settings)
        self.forward = torch.compile(super().forward, dynamic=False)


class Linear(Loss):
    """F.linear_cross_entropy on augmented features: -d_ik is linear in (x_i, |x_i|^2).

    It knows no margins; with m the margin of a row's true class, its loss L becomes m + ln(e^L - 1 + e^-m).
    """

    def forward(self, features, labels, means, log_variances):
        dims = means.shape[1]
        precisions = (-log_variances).exp()
        inputs = torch.cat([features, features.square().sum(1, keepdim=True)], 1)
        weights = torch.cat([means * precisions[:, None], -0.5 * precisions[:, None]], 1)
        bias = -0.5 * (means.square().sum(1) * precisions + dims * log_variances)
        rows = F.linear_cross_entropy(inputs, weights, labels, linear_bias=bias, reduction="none")
        own = (features - means[labels]).square().sum(1) * precisions[labels]
        distance = 0.5 * (own + dims * log_variances[labels])
        margin = (1 + ALPHA) * (distance + 0.5 * dims * math.log1p(GAMMA)) - distance
        small = torch.log(torch.expm1(rows.clamp(0, 30)) + torch.exp(-margin))
        rows = margin + torch.where(rows > 30, rows, small)
        return rows.mean(), regularizer(features, labels, means, log_variances)


CASES = {"broadcast": Broadcast, "cdist": Cdist, "gemm": Gemm, "compiled": Compiled, "linear": Linear}
