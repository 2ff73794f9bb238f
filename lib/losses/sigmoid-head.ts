import { noGrad } from '../tensor/index.ts';
import { LinearHeadLoss } from './linear-head.ts';
import type { ParameterGroup } from './loss.ts';

/**
 * A linear layer for softmax or for K sigmoids. For sigmoids the bias starts at −ln(K − 1), where each class has the
 * probability 1/K (else the K − 1 other classes of every row rule the first steps), and it does not decay: Cui et al.,
 * "Class-Balanced Loss Based on Effective Number of Samples" (CVPR 2019), section 5.1.
 */
export abstract class SigmoidHeadLoss extends LinearHeadLoss {
  readonly #sigmoid: boolean;

  constructor(
    name: string,
    numClasses: number,
    featureDim: number,
    { bias, sigmoid }: { bias: boolean; sigmoid: boolean },
  ) {
    super(name, numClasses, featureDim, bias);
    this.#sigmoid = sigmoid;
    const start = this.linear.bias;
    if (sigmoid && start !== null) noGrad(() => start.fill_(-Math.log(Math.max(numClasses - 1, 1))));
  }

  override parameterGroups(lr: number, weightDecay = 0): ParameterGroup[] {
    const { weight, bias } = this.linear;
    if (!this.#sigmoid || bias === null) return super.parameterGroups(lr, weightDecay);
    return [
      { name: 'weight', params: [weight], lr, weightDecay },
      { name: 'bias', params: [bias], lr, weightDecay: 0 },
    ];
  }
}
