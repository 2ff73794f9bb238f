"""The peers of the data benchmark: torchvision's data sets and transforms under torch's DataLoader, as its examples
have them, with as many worker processes as ours has threads; and CIFAR augmented in whole batches."""

import json
import math
import os

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset


def import_torchvision():
    """torchvision, also where its compiled operators do not fit this torch (a build for CUDA beside one for CPUs).
    Transforms of PIL images do not need them."""
    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        register = torch.library.register_fake
        torch.library.register_fake = lambda name, *args, **options: lambda function: function
        try:
            import torchvision  # noqa: F401
        finally:
            torch.library.register_fake = register
    from torchvision import datasets, transforms

    return datasets, transforms


datasets, transforms = import_torchvision()


def moments(images):
    """Mean and deviation of each image, one after the other."""
    return torch.cat([images.mean((1, 2, 3)), images.std((1, 2, 3))]).tolist()


def read_cifar(folder):
    def read(name, dtype):
        path = os.path.join(folder, f"cifar.{name}")
        size = os.path.getsize(path) // dtype.itemsize
        return torch.from_file(path, shared=False, size=size, dtype=dtype).clone()

    with open(os.path.join(folder, "cifar.json")) as file:
        meta = json.load(file)
    return read("u8", torch.uint8).view(meta["shape"]), read("i64", torch.int64), meta["mean"], meta["std"]


class Cifar(Dataset):
    """As torchvision.datasets.CIFAR10: an array (N, 32, 32, 3), of which each image becomes a PIL image."""

    def __init__(self, images, labels, transform):
        self.images = np.ascontiguousarray(images.permute(0, 2, 3, 1).numpy())
        self.labels = labels.tolist()
        self.transform = transform

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        return self.transform(Image.fromarray(self.images[index])), self.labels[index]


class Loading:
    """The batches of a DataLoader, one epoch after the other."""

    def __init__(self, settings, dataset, plain, shuffle):
        self.settings = settings
        self.plain_dataset = plain
        workers = settings["workers"]
        self.loader = DataLoader(
            dataset,
            batch_size=settings["batch"],
            shuffle=shuffle,
            drop_last=shuffle,
            num_workers=workers,
            persistent_workers=True,
        )
        self.workers = []
        self.batches = self.endless()

    def endless(self):
        while True:
            batches = iter(self.loader)
            self.workers = batches._workers
            yield from batches

    def worker_seconds(self):
        """NaN where the system does not say it this way."""
        seconds = 0.0
        for worker in self.workers:
            try:
                with open(f"/proc/{worker.pid}/stat") as file:
                    fields = file.read().rsplit(")", 1)[1].split()
            except OSError:
                return math.nan
            seconds += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return seconds

    def run(self, iterations):
        for _ in range(iterations):
            next(self.batches)

    def plain(self, argument, progress):
        images, _ = next(iter(DataLoader(self.plain_dataset, batch_size=self.settings["batch"])))
        return moments(images)

    def varied(self, argument, progress):
        means, deviations = [], []
        for _ in range(20):
            images, _ = next(self.batches)
            means.append(images.mean().item())
            deviations.append(images.std().item())
        return {"shape": list(images.shape), "mean": sum(means) / 20, "std": sum(deviations) / 20}

    def about(self, argument, progress):
        return f"{self.settings['workers']} processes"


def cifar(settings):
    images, labels, mean, std = read_cifar(settings["folder"])
    to_tensor = [transforms.ToTensor(), transforms.Normalize(mean, std)]
    varied = [transforms.RandomCrop(32, padding=4), transforms.RandomHorizontalFlip(), *to_tensor]
    return Loading(
        settings,
        Cifar(images, labels, transforms.Compose(varied)),
        Cifar(images, labels, transforms.Compose(to_tensor)),
        True,
    )


class WholeBatches:
    """As a good user of PyTorch writes it for speed: the padded images in memory, all crops of a batch by one index."""

    def __init__(self, settings):
        self.images, _, mean, std = read_cifar(settings["folder"])
        # (N, C, 9, 9, 32, 32), a view
        padded = torch.nn.functional.pad(self.images, (4, 4, 4, 4))
        self.crops = padded.unfold(2, 32, 1).unfold(3, 32, 1)
        self.scale = (1 / (255 * torch.tensor(std))).view(3, 1, 1)
        self.offset = (-torch.tensor(mean) / torch.tensor(std)).view(3, 1, 1)
        self.size = settings["batch"]
        self.batches = self.endless()

    def normalise(self, images):
        return images.float().mul_(self.scale).add_(self.offset)

    def endless(self):
        while True:
            for indices in torch.randperm(len(self.images)).split(self.size):
                if len(indices) < self.size:
                    break
                top, left = torch.randint(0, 9, (2, self.size))
                images = self.crops[indices, :, top, left]
                mirrored = torch.rand(self.size, 1, 1, 1) < 0.5
                yield self.normalise(torch.where(mirrored, images.flip(3), images)), indices

    run = Loading.run
    varied = Loading.varied

    def plain(self, argument, progress):
        return moments(self.normalise(self.images[: self.size]))

    def about(self, argument, progress):
        return "the main thread"


IMAGENET = transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
MIDDLE = [transforms.Resize(256), transforms.CenterCrop(224), transforms.ToTensor(), IMAGENET]
RANDOM = [transforms.RandomResizedCrop(224), transforms.RandomHorizontalFlip(), transforms.ToTensor(), IMAGENET]


def folder(part, steps, shuffle):
    def make(settings):
        def read(which, transform):
            return datasets.ImageFolder(os.path.join(settings["folder"], which), transforms.Compose(transform))

        return Loading(settings, read(part, steps), read("val", MIDDLE), shuffle)

    return make


CASES = {
    "cifar": cifar,
    "cifar in whole batches": WholeBatches,
    "folder to train": folder("train", RANDOM, True),
    "folder to test": folder("val", MIDDLE, False),
}
