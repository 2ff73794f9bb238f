import { Parameter } from '../nn/index.ts';
import { noGrad, type Tensor, torch } from '../tensor/index.ts';
import { aboveZero, atLeastZero, type OptionTable, resolveOptions } from './check.ts';
import { ClassificationLoss, type LossOutput, type ParameterGroup } from './loss.ts';
import { crossEntropy } from './rows.ts';
import { cosines } from './unit.ts';

export interface NormFaceOptions {
  /** ℓ before training. Default 10. */
  initialScale?: number;
  /** ℓ falls no further, > 0. Default 0.01. */
  minScale?: number;
  /** The weights' learning rate as a multiple of the network's. Default 1. */
  weightLr?: number;
  /** ℓ's learning rate as a multiple of the network's. Default 1. */
  scaleLr?: number;
  /** ℓ's weight decay as a multiple of the network's. Default 0. */
  scaleDecay?: number;
}

const table: OptionTable<NormFaceOptions> = {
  initialScale: [10, aboveZero],
  minScale: [0.01, aboveZero],
  weightLr: [1, aboveZero],
  scaleLr: [1, aboveZero],
  scaleDecay: [0, atLeastZero],
};

/**
 * NormFace, Wang, Xiang, Cheng and Yuille (ACM MM 2017): cross-entropy over l_k = ℓ·cos θ_k with a learned scale ℓ.
 * Without one, cosines are too close together for the loss ever to become small.
 *
 * Defaults: ℓ starts at 10 and stays above 0.01, as in the authors' scaled cosine softmax. They fine-tune a network,
 * at a rate of 1e-3 and with 100 times that for the weights (`weightLr`); weights do not decay, their length being of
 * no effect. Weights start as directions drawn evenly from the sphere.
 *
 * A feature of zeros has the cosine 0 to every class. Test logits are ℓ·cos θ_k.
 */
export class NormFaceLoss extends ClassificationLoss {
  /** w, (K, D) */
  readonly weight: Parameter;
  /** ℓ, a scalar */
  readonly scale: Parameter;
  readonly options: Required<NormFaceOptions>;

  /** @throws TypeError naming the option, what was expected and what came */
  constructor(numClasses: number, featureDim: number, options: NormFaceOptions = {}) {
    super('NormFaceLoss', numClasses, featureDim);
    this.options = resolveOptions('NormFaceLoss', table, options);
    const { initialScale, minScale } = this.options;
    if (!(initialScale >= minScale)) {
      throw new TypeError(
        `NormFaceLoss: initialScale: expected a number of at least minScale (${minScale}), got ${initialScale}`,
      );
    }
    this.weight = new Parameter(
      noGrad(() => {
        const drawn = torch.randn([numClasses, featureDim]);
        return drawn.div(drawn.linalgVectorNorm(2, [1], true));
      }),
    );
    this.scale = new Parameter(torch.full([], initialScale, { dtype: 'float32' }));
  }

  /** Rows labelled −100 take no part. In training ℓ is first put back above its minimum. */
  override forward(features: Tensor, labels: Tensor): LossOutput {
    const x = this.checkBatch(features, labels);
    // In place, so that a step below the minimum does not leave ℓ where it has no gradient.
    if (this.training) noGrad(() => this.scale.clampMin_(this.options.minScale));
    const classification = crossEntropy(this.logits(x), labels);
    return { total: classification, classification, regularizer: null, diagnostics: {} };
  }

  override logits(features: Tensor): Tensor {
    this.checkFeatures(features);
    const { scale, options } = this;
    // Unlike clampMin this keeps no ℓ for its backward pass, before which mixed labels have ℓ put back a second time.
    const atLeast = scale.where(scale.lt(options.minScale).logicalNot(), options.minScale);
    return cosines(features, this.weight).mul(atLeast);
  }

  /** The weights do not decay. */
  override parameterGroups(lr: number, weightDecay = 0): ParameterGroup[] {
    const { weightLr, scaleLr, scaleDecay } = this.options;
    return [
      { name: 'weight', params: [this.weight], lr: lr * weightLr, weightDecay: 0 },
      { name: 'scale', params: [this.scale], lr: lr * scaleLr, weightDecay: weightDecay * scaleDecay },
    ];
  }

  /** `scale`, ℓ. */
  override summary(): Record<string, number> {
    return { scale: Math.max(this.scale.item(), this.options.minScale) };
  }
}
