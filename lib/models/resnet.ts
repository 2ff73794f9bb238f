import * as nn from '../nn/index.ts';
import { scope, type Tensor, torch } from '../tensor/index.ts';
import { Backbone } from './backbone.ts';
import { initialize } from './initialize.ts';
import { addAndRectify, conv1x1, conv3x3, projection, stage } from './residual.ts';

/** How many times wider a bottleneck's output is than its middle. */
const expansion = 4;

/**
 * 1×1 → 3×3 → 1×1 around a shortcut (He et al., CVPR 2016, Fig. 5 right), with the stride in the 3×3 convolution as in
 * torchvision ("v1.5"); the paper has it in the first.
 */
class Bottleneck extends nn.Module {
  readonly conv1: nn.Conv2d;
  readonly bn1: nn.BatchNorm2d;
  readonly conv2: nn.Conv2d;
  readonly bn2: nn.BatchNorm2d;
  readonly conv3: nn.Conv2d;
  readonly bn3: nn.BatchNorm2d;
  readonly downsample: nn.Module;

  constructor(inChannels: number, outChannels: number, stride: number) {
    super();
    const width = outChannels / expansion;
    this.conv1 = conv1x1(inChannels, width);
    this.bn1 = new nn.BatchNorm2d(width);
    this.conv2 = conv3x3(width, width, stride);
    this.bn2 = new nn.BatchNorm2d(width);
    this.conv3 = conv1x1(width, outChannels);
    this.bn3 = new nn.BatchNorm2d(outChannels);
    this.downsample = projection(inChannels, outChannels, stride);
  }

  /** (N, inChannels, H, W) → (N, outChannels, H / stride, W / stride) */
  forward(input: Tensor): Tensor {
    return scope(() => {
      const narrow = torch.relu_(this.bn1.forward(this.conv1.forward(input)));
      const inner = torch.relu_(this.bn2.forward(this.conv2.forward(narrow)));
      const out = this.bn3.forward(this.conv3.forward(inner));
      return addAndRectify(out, this.downsample.forward(input) as Tensor);
    });
  }
}

const block = (inChannels: number, outChannels: number, stride: number): nn.Module =>
  new Bottleneck(inChannels, outChannels, stride);

/** A ResNet for ImageNet with torchvision's names in state dicts, but for `fc`, which is the head. */
abstract class ImageNetResNet extends Backbone {
  readonly featureDim = 2048;
  readonly inputShape = [3, 224, 224] as const;
  readonly conv1: nn.Conv2d;
  readonly bn1: nn.BatchNorm2d;
  readonly maxpool = new nn.MaxPool2d(3, { stride: 2, padding: 1 });
  readonly layer1: nn.Sequential;
  readonly layer2: nn.Sequential;
  readonly layer3: nn.Sequential;
  readonly layer4: nn.Sequential;
  readonly avgpool = new nn.AdaptiveAvgPool2d(1);

  constructor(blocks: readonly [number, number, number, number]) {
    super();
    this.conv1 = new nn.Conv2d(3, 64, 7, { stride: 2, padding: 3, bias: false });
    this.bn1 = new nn.BatchNorm2d(64);
    this.layer1 = stage(block, 64, 256, blocks[0], 1);
    this.layer2 = stage(block, 256, 512, blocks[1], 2);
    this.layer3 = stage(block, 512, 1024, blocks[2], 2);
    this.layer4 = stage(block, 1024, 2048, blocks[3], 2);
    // N(0, 2 / fanOut), as torchvision has it.
    initialize(this, (weight) => nn.init.kaimingNormal_(weight, { mode: 'fanOut' }));
  }

  /** (N, 3, 224, 224) → (N, 2048) */
  forward(images: Tensor): Tensor {
    return scope(() => {
      const out = this.layer4.forward(
        this.layer3.forward(this.layer2.forward(this.layer1.forward(this.stem(images)))),
      );
      return this.avgpool.forward(out).flatten(1);
    });
  }

  /** (N, 3, 224, 224) → (N, 64, 56, 56) */
  private stem(images: Tensor): Tensor {
    return scope(() => this.maxpool.forward(torch.relu_(this.bn1.forward(this.conv1.forward(images)))));
  }
}

/**
 * ResNet-50, torchvision's: bottlenecks 3, 4, 6, 3. 23,508,032 parameters; 25,557,032 with a head of 1000 classes.
 *
 * 224×224 → 112×112×64 → 56×56×256 → 28×28×512 → 14×14×1024 → 7×7×2048 → 2048
 */
export class ResNet50 extends ImageNetResNet {
  constructor() {
    super([3, 4, 6, 3]);
  }
}

/** ResNet-101, the same with bottlenecks 3, 4, 23, 3. 42,500,160 parameters; 44,549,160 with a head of 1000 classes. */
export class ResNet101 extends ImageNetResNet {
  constructor() {
    super([3, 4, 23, 3]);
  }
}
