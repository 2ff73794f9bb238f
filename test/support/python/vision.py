"""
torchvision, for its networks. Where pip has its build for CUDA only, beside torch for the CPU, the operators on boxes do
not load, and importing it fails at what it says about two of them; with those two declared it goes through.
"""
import sys

import torch

try:
    import torchvision
except RuntimeError as error:
    if 'operator torchvision::nms does not exist' not in str(error):
        raise
    for name in [name for name in sys.modules if name.split('.')[0] == 'torchvision']:
        del sys.modules[name]
    for operator in ('nms', 'qnms'):
        torch.library.define(f'torchvision::{operator}', '(Tensor boxes, Tensor scores, float threshold) -> Tensor')
    import torchvision

__all__ = ['torchvision']
