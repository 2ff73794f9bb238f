"""The networks of lib/models as functions of their state dicts, from their descriptions, in torch.nn.functional."""
import json
import struct

import numpy
import torch
import torch.nn.functional as F
from torch import nn

DTYPES = {'F32': numpy.float32, 'I64': numpy.int64}


def read(path):
    """The tensors of a safetensors file."""
    with open(path, 'rb') as file:
        (length,) = struct.unpack('<Q', file.read(8))
        header = json.loads(file.read(length))
        data = file.read()
    header.pop('__metadata__', None)
    tensors = {}
    for name, entry in header.items():
        begin, end = entry['data_offsets']
        values = numpy.frombuffer(data[begin:end], DTYPES[entry['dtype']]).copy()
        tensors[name] = torch.from_numpy(values).reshape(entry['shape'])
    return tensors


class Layers:
    """Layers by their names in a state dict. `unused` has the names that no layer has asked for."""

    def __init__(self, state, training):
        self.state, self.training, self.unused = state, training, set(state)

    def get(self, name):
        self.unused.discard(name)
        return self.state[name]

    def conv(self, x, name, stride=1):
        weight = self.get(f'{name}.weight')
        return F.conv2d(x, weight, None, stride, weight.shape[2] // 2)

    def bn(self, x, name):
        self.unused.discard(f'{name}.num_batches_tracked')
        mean, var, weight, bias = (self.get(f'{name}.{part}') for part in ('running_mean', 'running_var', 'weight', 'bias'))
        return F.batch_norm(x, mean, var, weight, bias, self.training)

    def basic(self, x, name, stride, shortcut):
        y = F.relu(self.bn(self.conv(x, f'{name}.conv1', stride), f'{name}.bn1'))
        y = self.bn(self.conv(y, f'{name}.conv2'), f'{name}.bn2')
        return F.relu(y + shortcut(x, y))

    def bottleneck(self, x, name, stride, shortcut):
        y = F.relu(self.bn(self.conv(x, f'{name}.conv1'), f'{name}.bn1'))
        y = F.relu(self.bn(self.conv(y, f'{name}.conv2', stride), f'{name}.bn2'))
        y = self.bn(self.conv(y, f'{name}.conv3'), f'{name}.bn3')
        return F.relu(y + shortcut(x, y))

    def projected(self, name, stride):
        """The input through a 1x1 convolution and BN, where the state dict has them."""
        def shortcut(x, y):
            if f'{name}.0.weight' not in self.state:
                return x
            return self.bn(self.conv(x, f'{name}.0', stride), f'{name}.1')
        return shortcut


def padded(x, y):
    """The input's pixels in the middle channels of zeros."""
    stride, channels = x.shape[2] // y.shape[2], x.shape[1]
    before = (y.shape[1] - channels) // 2
    result = torch.zeros_like(y)
    result[:, before:before + channels] = x[:, :, ::stride, ::stride]
    return result


def stem(layers, x):
    return F.relu(layers.bn(layers.conv(x, 'conv1'), 'bn1'))


def resnet18_cifar(layers, x):
    x = stem(layers, x)
    for stage in range(1, 5):
        for block in range(2):
            name, stride = f'layer{stage}.{block}', 2 if stage > 1 and block == 0 else 1
            x = layers.basic(x, name, stride, layers.projected(f'{name}.shortcut', stride))
    return x.mean((2, 3))


def thirty_two(layers, x, counts):
    x = stem(layers, x)
    for stage, count in enumerate(counts, 1):
        for block in range(count):
            x = layers.basic(x, f'layer{stage}.{block}', 2 if stage > 1 and block == 0 else 1, padded)
    return x


def resnet32(layers, x):
    return thirty_two(layers, x, (5, 5, 5)).mean((2, 3))


def resnet32_bbn(layers, x):
    x = thirty_two(layers, x, (5, 5, 4))
    return torch.cat([layers.basic(x, name, 1, padded).mean((2, 3)) for name in ('cb_block', 'rb_block')], 1)


def imagenet(counts):
    def network(layers, x):
        x = F.relu(layers.bn(layers.conv(x, 'conv1', 2), 'bn1'))
        x = F.max_pool2d(x, 3, 2, 1)
        for stage, count in enumerate(counts, 1):
            for block in range(count):
                name, stride = f'layer{stage}.{block}', 2 if stage > 1 and block == 0 else 1
                x = layers.bottleneck(x, name, stride, layers.projected(f'{name}.downsample', stride))
        return x.mean((2, 3))
    return network


def lenet(pooling, slopes):
    prelu = (lambda channels: nn.PReLU(channels)) if slopes else (lambda channels: nn.PReLU())
    layers, before = [], 1
    for channels, size in ((32, 2), (64, 2), (128, pooling)):
        layers += [nn.Conv2d(before, channels, 5, padding=2), prelu(channels),
                   nn.Conv2d(channels, channels, 5, padding=2), prelu(channels), nn.MaxPool2d(size, 2)]
        before = channels
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(1152, 2), prelu(2))


def plain(widths, before, **batch_norm):
    """3x3 convolutions with BN and ReLU, of these numbers of channels; 'M' is max pooling, 'C' with incomplete windows."""
    layers = []
    for width in widths:
        if width in ('M', 'C'):
            layers.append(nn.MaxPool2d(2, ceil_mode=width == 'C'))
            continue
        bias = not batch_norm
        layers += [nn.Conv2d(before, width, 3, padding=1, bias=bias), nn.BatchNorm2d(width, **batch_norm), nn.ReLU()]
        before = width
    return layers


def lsoftmax(last, size):
    widths = [64] * 4 + ['M'] + [128] * 3 + ['M'] + [256] * 3 + [last]
    return nn.Sequential(*plain(widths, 1), nn.Flatten(), nn.Linear(256 * size * size, 512), nn.BatchNorm1d(512), nn.ReLU())


def vgg13():
    widths = [96] * 5 + ['M'] + [192] * 4 + ['M'] + [384] * 4
    return nn.Sequential(*plain(widths, 3, momentum=1 - 0.97), nn.AvgPool2d(8), nn.Flatten())


FUNCTIONS = {
    'resnet18-cifar': resnet18_cifar,
    'resnet32': resnet32,
    'resnet32-bbn': resnet32_bbn,
    'resnet50': imagenet((3, 4, 6, 3)),
    'resnet101': imagenet((3, 4, 23, 3)),
}
MODULES = {
    'lenet++': lambda: lenet(3, True),
    'lenet++ pytorch': lambda: lenet(2, False),
    'lsoftmax-mnist': lambda: lsoftmax('M', 3),
    'lsoftmax-mnist ceil': lambda: lsoftmax('C', 4),
    'vgg13-lgm': vgg13,
}


def image(shape):
    """Values that depend on their place alone."""
    count = 1
    for size in shape:
        count *= size
    return torch.arange(count, dtype=torch.float32).mul(0.37).sin().reshape(shape)


def run(name, path, shape):
    """
    Features in training, the first weight's gradient of sum(y cos y), the running statistics after that step, and the
    features in evaluation with them.
    """
    state, x = read(path), image(shape)
    if name in MODULES:
        module = MODULES[name]()
        module.load_state_dict({key.split('.', 1)[1]: value for key, value in state.items()})
        forward = lambda training: module.train(training)(x)
        first, statistics = module[0].weight, lambda: dict(module.named_buffers())
    else:
        layers = Layers(state, True)
        first, statistics = state['conv1.weight'].requires_grad_(), lambda: state

        def forward(training):
            layers.training = training
            return FUNCTIONS[name](layers, x)
    y = forward(True)
    (y * y.detach().cos()).sum().backward()
    if name in FUNCTIONS and layers.unused:
        raise ValueError(f'{name}: no layer has {sorted(layers.unused)}')
    with torch.no_grad():
        evaluation = forward(False)
    running = {key: value.tolist() for key, value in statistics().items() if '.running_' in key}
    return dict(training=y.flatten().tolist(), evaluation=evaluation.flatten().tolist(),
                gradient=first.grad.flatten().tolist(), running=running)
