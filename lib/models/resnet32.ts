import * as nn from '../nn/index.ts';
import { scope, type Tensor, torch } from '../tensor/index.ts';
import { Backbone } from './backbone.ts';
import { initialize } from './initialize.ts';
import { BasicBlock, conv3x3, stage } from './residual.ts';

const zeroPad = (inChannels: number, outChannels: number, stride: number): nn.Module =>
  stride === 1 && inChannels === outChannels
    ? new nn.Identity()
    : new nn.ZeroPadShortcut(inChannels, outChannels, stride);

const block = (inChannels: number, outChannels: number, stride: number): nn.Module =>
  new BasicBlock(inChannels, outChannels, stride, zeroPad);

/** What both networks of this file have in common: 32×32 → 32×32×16 → 16×16×32 → 8×8×64. */
abstract class CifarResNet extends Backbone {
  readonly inputShape = [3, 32, 32] as const;
  readonly conv1: nn.Conv2d;
  readonly bn1: nn.BatchNorm2d;
  readonly layer1: nn.Sequential;
  readonly layer2: nn.Sequential;
  readonly layer3: nn.Sequential;

  /** @param blocks3 the number of blocks of the last stage; the others have 5 */
  constructor(blocks3: number) {
    super();
    this.conv1 = conv3x3(3, 16);
    this.bn1 = new nn.BatchNorm2d(16);
    this.layer1 = stage(block, 16, 16, 5, 1);
    this.layer2 = stage(block, 16, 32, 5, 2);
    this.layer3 = stage(block, 32, 64, blocks3, 2);
  }

  /** (N, 3, 32, 32) → (N, 64, 8, 8) */
  protected stages(images: Tensor): Tensor {
    return scope(() => {
      const stem = torch.relu_(this.bn1.forward(this.conv1.forward(images)));
      return this.layer3.forward(this.layer2.forward(this.layer1.forward(stem)));
    });
  }
}

/** N(0, 2 / fanIn), He et al. 2015: in all repositories that the docstrings below name. */
const kaiming = (weight: Tensor): Tensor => nn.init.kaimingNormal_(weight);

/**
 * ResNet-32 for images of 32×32 with shortcuts that have no parameters (He et al., CVPR 2016, sect. 4.2, option A), as in
 * akamaster/pytorch_resnet_cifar10 and LDAM, whose names in state dicts it has, and the Class-Balanced paper. 463,504
 * parameters; 464,154 with a head of 10 classes, 470,004 with one of 100.
 *
 * 32×32×16 → 16×16×32 → 8×8×64 → 64
 */
export class ResNet32 extends CifarResNet {
  readonly featureDim = 64;
  readonly avgpool = new nn.AdaptiveAvgPool2d(1);

  constructor() {
    super(5);
    initialize(this, kaiming);
  }

  /** (N, 3, 32, 32) → (N, 64) */
  forward(images: Tensor): Tensor {
    return scope(() => this.avgpool.forward(this.stages(images)).flatten(1));
  }
}

/**
 * ResNet-32 with two branches (BBN, Zhou et al., CVPR 2020) as KaihuaTang's long-tail repository and the ICU authors'
 * code use it: the last block is there twice, side by side, and the features are both outputs. 537,488 parameters.
 *
 * 32×32×16 → 16×16×32 → 8×8×64 → 2 × 8×8×64 → 128
 */
export class BbnResNet32 extends CifarResNet {
  readonly featureDim = 128;
  readonly cbBlock: nn.Module;
  readonly rbBlock: nn.Module;
  readonly avgpool = new nn.AdaptiveAvgPool2d(1);

  constructor() {
    super(4);
    this.cbBlock = block(64, 64, 1);
    this.rbBlock = block(64, 64, 1);
    initialize(this, kaiming);
  }

  /** (N, 3, 32, 32) → (N, 128): the conventional branch, then the re-balancing one */
  forward(images: Tensor): Tensor {
    return scope(() => {
      const shared = this.stages(images);
      const both = torch.cat(
        [this.cbBlock.forward(shared) as Tensor, this.rbBlock.forward(shared) as Tensor],
        1,
      );
      return this.avgpool.forward(both).flatten(1);
    });
  }
}
