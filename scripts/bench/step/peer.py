"""PyTorch's cases of the training benchmark, from the data and weights that ours.mjs has written.

Written as a good user of eager PyTorch would for speed: images stay in memory as bytes and a batch is gathered and
normalised at once (a torch DataLoader over single images is several times slower), gradients are reset to None, Adam
is the fused one.
"""

import json
import math
import os

import torch
from torch import nn
from torch.nn import functional as F


def activated(inputs, outputs, kernel, padding, pool=False):
    """conv, BN, pool where asked for, PReLU."""
    pooling = [nn.MaxPool2d(2)] if pool else []
    conv = nn.Conv2d(inputs, outputs, kernel, padding=padding)
    return [conv, nn.BatchNorm2d(outputs), *pooling, nn.PReLU(outputs)]


def pair(inputs, outputs, kernel, padding):
    """conv, conv, BN, pool, PReLU."""
    return [
        nn.Conv2d(inputs, outputs, kernel, padding=padding),
        *activated(outputs, outputs, 3, 1, pool=True),
    ]


def mnist_2d():
    first = [*activated(1, 32, 5, 0), *activated(32, 32, 3, 1, pool=True)]
    second = [*activated(32, 64, 3, 1), *activated(64, 64, 3, 1, pool=True)]
    head = [nn.Linear(64 * 6 * 6, 256), nn.BatchNorm1d(256), nn.PReLU(256), nn.Linear(256, 2)]
    return nn.Sequential(*first, *second, nn.Flatten(), *head)


def mnist_100d():
    third = activated(64, 128, 3, 1, pool=True)
    head = [nn.Linear(128 * 3 * 3, 100), nn.BatchNorm1d(100)]
    return nn.Sequential(*pair(1, 32, 5, 0), *pair(32, 64, 3, 1), *third, nn.Flatten(), *head)


class Block(nn.Module):
    """y = ReLU(BN(conv(ReLU(BN(conv(x))))) + x); x with every second pixel and zeros for new channels where it shrinks."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.stride = stride
        self.new = (outputs - inputs) // 2

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)), inplace=True)
        out = self.bn2(self.conv2(out))
        if self.stride > 1:
            x = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.new, self.new))
        return out.add_(x).relu_()


def resnet32():
    def stage(inputs, outputs, stride):
        return [Block(inputs, outputs, stride), *(Block(outputs, outputs, 1) for _ in range(4))]

    stem = [nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(inplace=True)]
    stages = [*stage(16, 16, 1), *stage(16, 32, 2), *stage(32, 64, 2)]
    return nn.Sequential(*stem, *stages, nn.AdaptiveAvgPool2d(1), nn.Flatten())


NETWORKS = {"mnist-2d": (mnist_2d, 2), "mnist-100d": (mnist_100d, 100), "resnet32": (resnet32, 64)}


class IcuLoss(nn.Module):
    """The loss of docs/icu-loss.md in eager PyTorch, isotropic covariance.

    d_ik = (|x_i - mu_k|^2 / sigma_k^2 + D s_k) / 2, and for the true class (1 + alpha) (d + D ln(1 + gamma) / 2).
    """

    def __init__(self, classes, dims, options):
        super().__init__()
        self.means = nn.Parameter(torch.randn(classes, dims))
        self.log_variances = nn.Parameter(torch.zeros(classes))
        self.options = options
        for name, value in {
            "covariance": "isotropic",
            "gammaMode": "covariance",
            "alphaMode": "distance",
            "regReduction": "sum",
            "momentCenter": "learned",
        }.items():
            assert options[name] == value, f"{name} is {options[name]}: this peer computes {value} only"
        self.margin = dims * math.log1p(options["gamma"])

    def forward(self, features, labels):
        options = self.options
        classes, dims = self.means.shape
        log_variances = self.log_variances.clamp(options["minLogVariance"], options["maxLogVariance"])
        squares = (features.unsqueeze(1) - self.means).square().sum(2)  # (N, K)
        distances = 0.5 * (squares * torch.exp(-log_variances) + dims * log_variances)

        column = labels.unsqueeze(1)
        target = (1 + options["alpha"]) * (distances.gather(1, column) + 0.5 * self.margin)
        classification = F.cross_entropy(-distances.scatter(1, column, target), labels)

        # Eq. 14 over the classes present in the batch.
        counts = torch.bincount(labels, minlength=classes).to(features.dtype)
        shares = 1 / counts.clamp(min=1)
        batch_means = torch.zeros_like(self.means).index_add(0, labels, features) * shares.unsqueeze(1)
        own_squares = squares.gather(1, column).squeeze(1)
        moments = torch.zeros_like(log_variances).index_add(0, labels, own_squares) * (shares / dims)
        pulls = options["lambdaMean"] * (self.means - batch_means).square().sum(1)
        pulls = pulls + options["lambdaVar"] * (log_variances.exp() - moments).square()
        return classification + (pulls * (counts > 0)).sum()


class CrossEntropyLoss(nn.Module):
    def __init__(self, classes, dims, options):
        super().__init__()
        self.linear = nn.Linear(dims, classes)

    def forward(self, features, labels):
        return F.cross_entropy(self.linear(features), labels)


LOSSES = {"ce": CrossEntropyLoss, "icu": IcuLoss}


class Train:
    def __init__(self, settings):
        folder = settings["folder"]

        def read(name, dtype):
            path = os.path.join(folder, name)
            size = os.path.getsize(path) // dtype.itemsize
            return torch.from_file(path, shared=False, size=size, dtype=dtype).clone()

        with open(os.path.join(folder, "meta.json")) as file:
            meta = json.load(file)
        self.batch = meta["batch"]
        self.autocast = getattr(torch, settings["autocast"]) if "autocast" in settings else None
        self.images = read("images.u8", torch.uint8).view(meta["images"])
        self.labels = read("labels.i64", torch.int64)
        self.order = read("order.i64", torch.int64)
        # One for all channels, or one for each.
        mean, std = (torch.tensor(meta[name]).view(-1, 1, 1) for name in ("mean", "std"))
        self.scale, self.shift = 1 / (255 * std), -mean / std

        make, feature_dim = NETWORKS[settings["model"]]
        self.network = make()
        self.loss = LOSSES[settings["loss"]](10, feature_dim, meta["lossOptions"])
        parameters = [*self.network.parameters(), *self.loss.parameters()]
        shapes = [list(parameter.shape) for parameter in parameters]
        assert shapes == meta["parameters"], f"parameters of {shapes} here, of {meta['parameters']} in ours"
        values = read("parameters.f32", torch.float32)
        with torch.no_grad():
            parts = values.split([parameter.numel() for parameter in parameters])
            for parameter, part in zip(parameters, parts):
                parameter.copy_(part.view_as(parameter))
        groups = [
            {
                "params": [parameters[i] for i in group["params"]],
                "lr": group["lr"],
                "weight_decay": group["weightDecay"],
            }
            for group in meta["groups"]
        ]
        self.optimizer = torch.optim.Adam(groups, fused=True)
        self.network.train()
        self.loss.train()
        self.batches = self.endless()

    def endless(self):
        order = self.order
        while True:
            for indices in order.split(self.batch):
                if len(indices) < self.batch:
                    break
                images = self.images[indices].float().mul_(self.scale).add_(self.shift)
                yield images, self.labels[indices]
            order = torch.randperm(len(order))

    def step(self):
        images, labels = next(self.batches)
        self.optimizer.zero_grad()
        with torch.autocast("cpu", self.autocast, enabled=self.autocast is not None):
            features = self.network(images)
        total = self.loss(features.float(), labels)
        total.backward()
        self.optimizer.step()
        return total

    def run(self, iterations):
        for _ in range(iterations - 1):
            self.step()
        last = self.step().item()
        assert math.isfinite(last), f"the loss is {last}"

    def firstLosses(self, argument, progress):
        return [self.step().item(), self.step().item()]


CASES = {"train": Train}
