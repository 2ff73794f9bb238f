import * as nn from '../nn/index.ts';
import { scope, type Tensor, torch } from '../tensor/index.ts';

/** 3×3 without bias, as large as its input (divided by the stride). */
export const conv3x3 = (inChannels: number, outChannels: number, stride = 1): nn.Conv2d =>
  new nn.Conv2d(inChannels, outChannels, 3, { stride, padding: 1, bias: false });

/** 1×1 without bias. */
export const conv1x1 = (inChannels: number, outChannels: number, stride = 1): nn.Conv2d =>
  new nn.Conv2d(inChannels, outChannels, 1, { stride, bias: false });

/** The shortcut with parameters ("option B"): a 1×1 convolution with BN; none where the input has the output's shape. */
export const projection = (inChannels: number, outChannels: number, stride: number): nn.Module =>
  stride === 1 && inChannels === outChannels
    ? new nn.Identity()
    : new nn.Sequential(conv1x1(inChannels, outChannels, stride), new nn.BatchNorm2d(outChannels));

/** max(out + identity, 0) in the place of `out`, which is a BN's fresh output. */
export const addAndRectify = (out: Tensor, identity: Tensor): Tensor => torch.relu_(out.add_(identity));

/** A block by its numbers of channels and its stride. */
type MakeBlock = (inChannels: number, outChannels: number, stride: number) => nn.Module;

/** `count` blocks, the first of which has the stride. */
export const stage = (
  make: MakeBlock,
  inChannels: number,
  outChannels: number,
  count: number,
  stride: number,
): nn.Sequential =>
  new nn.Sequential(
    ...Array.from({ length: count }, (_, i) =>
      i === 0 ? make(inChannels, outChannels, stride) : make(outChannels, outChannels, 1),
    ),
  );

/** y = ReLU(BN(conv3×3(ReLU(BN(conv3×3(x))))) + shortcut(x)) (He et al., CVPR 2016, Fig. 5 left). */
export class BasicBlock extends nn.Module {
  readonly conv1: nn.Conv2d;
  readonly bn1: nn.BatchNorm2d;
  readonly conv2: nn.Conv2d;
  readonly bn2: nn.BatchNorm2d;
  readonly shortcut: nn.Module;

  constructor(
    inChannels: number,
    outChannels: number,
    stride: number,
    makeShortcut: (inChannels: number, outChannels: number, stride: number) => nn.Module,
  ) {
    super();
    this.conv1 = conv3x3(inChannels, outChannels, stride);
    this.bn1 = new nn.BatchNorm2d(outChannels);
    this.conv2 = conv3x3(outChannels, outChannels);
    this.bn2 = new nn.BatchNorm2d(outChannels);
    this.shortcut = makeShortcut(inChannels, outChannels, stride);
  }

  /** (N, inChannels, H, W) → (N, outChannels, H / stride, W / stride) */
  forward(input: Tensor): Tensor {
    return scope(() => {
      const inner = torch.relu_(this.bn1.forward(this.conv1.forward(input)));
      const out = this.bn2.forward(this.conv2.forward(inner));
      return addAndRectify(out, this.shortcut.forward(input) as Tensor);
    });
  }
}
