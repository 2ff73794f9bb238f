import * as nn from '../nn/index.ts';
import { scope, type Tensor, torch } from '../tensor/index.ts';
import { Backbone } from './backbone.ts';
import { BasicBlock, conv3x3, projection, stage } from './residual.ts';

const block = (inChannels: number, outChannels: number, stride: number): nn.Module =>
  new BasicBlock(inChannels, outChannels, stride, projection);

/**
 * ResNet-18 for images of 32×32, as in kuangliu/pytorch-cifar, whose names in state dicts it has: He et al.'s with a
 * 3×3 convolution instead of 7×7 and pooling at the beginning. PyTorch's initialisation. 11,168,832 parameters;
 * 11,173,962 with a head of 10 classes, 11,220,132 with one of 100.
 *
 * 32×32×64 → 32×32×64 → 16×16×128 → 8×8×256 → 4×4×512 → 512
 */
export class ResNet18Cifar extends Backbone {
  readonly featureDim = 512;
  readonly inputShape = [3, 32, 32] as const;
  readonly conv1: nn.Conv2d;
  readonly bn1: nn.BatchNorm2d;
  readonly layer1: nn.Sequential;
  readonly layer2: nn.Sequential;
  readonly layer3: nn.Sequential;
  readonly layer4: nn.Sequential;
  readonly avgpool = new nn.AdaptiveAvgPool2d(1);

  constructor() {
    super();
    this.conv1 = conv3x3(3, 64);
    this.bn1 = new nn.BatchNorm2d(64);
    this.layer1 = stage(block, 64, 64, 2, 1);
    this.layer2 = stage(block, 64, 128, 2, 2);
    this.layer3 = stage(block, 128, 256, 2, 2);
    this.layer4 = stage(block, 256, 512, 2, 2);
  }

  /** (N, 3, 32, 32) → (N, 512) */
  forward(images: Tensor): Tensor {
    return scope(() => {
      const stem = torch.relu_(this.bn1.forward(this.conv1.forward(images)));
      const out = this.layer4.forward(this.layer3.forward(this.layer2.forward(this.layer1.forward(stem))));
      return this.avgpool.forward(out).flatten(1);
    });
  }
}
