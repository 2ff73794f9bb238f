import { Buffer, init, Parameter } from '../nn/index.ts';
import { noGrad, scope, type Tensor, torch } from '../tensor/index.ts';
import {
  aboveZero,
  atLeastZero,
  flag,
  type OptionTable,
  oneOf,
  orNull,
  resolveOptions,
  share,
  shown,
} from './check.ts';
import { LinearHeadLoss } from './linear-head.ts';
import type { LossOutput, ParameterGroup } from './loss.ts';
import { countRows, crossEntropy, meanOfRows, targetsOf, validRows } from './rows.ts';

export interface CenterOptions {
  /** λ ≥ 0. Default 0.01. */
  weight?: number;
  /**
   * How the centres follow the features:
   * - `delta`: by the paper's own rule, within `forward`; they are no parameters, and no optimizer has a part in it;
   * - `autograd`: as parameters, by gradient.
   *
   * Default `delta`.
   */
  update?: 'delta' | 'autograd';
  /**
   * How fast. With `delta` the paper's α, from 0 to 1; with `autograd` the learning rate as a multiple of the
   * network's. null: the default, 0.5 and 10.
   */
  centerLr?: number | null;
  /** The centres' weight decay as a multiple of the network's; with `autograd` only. Default 0. */
  centerDecay?: number;
  /** Whether the linear layer has a bias. Default true. */
  bias?: boolean;
}

const table: OptionTable<CenterOptions> = {
  weight: [0.01, atLeastZero],
  update: ['delta', oneOf(['delta', 'autograd'])],
  centerLr: [null, orNull(aboveZero)],
  centerDecay: [0, atLeastZero],
  bias: [true, flag],
};

/**
 * Center loss, Wen, Zhang, Li and Qiao (ECCV 2016): softmax cross-entropy, and features drawn to their class's centre:
 *   L = L_softmax + λ/(2N) Σ_i |x_i − c_{y_i}|².
 *
 * The centres follow by a rule of their own, which is not the gradient, after the loss of the step has been computed:
 *   c_k ← c_k − α·Δ_k,   Δ_k = Σ_{y_i = k} (c_k − x_i)/(1 + n_k),
 * n_k being the number of rows of class k in the batch. λ does not enter. (The authors' Caffe layer hands Δ to its
 * solver, so that α is the solver's learning rate there, with momentum.) With `update: 'autograd'` the centres'
 * gradient is that of (1/(2N)) Σ_i |x_i − c_{y_i}|², again without λ, so that λ does not change their rate either.
 *
 * Defaults: λ = 0.01, the authors' for MNIST; α = 0.5. Centres start as Glorot's. Test logits are the linear layer's.
 */
export class CenterLoss extends LinearHeadLoss {
  /** c, (K, D) */
  readonly centers: Buffer | Parameter;
  readonly options: Required<CenterOptions> & { readonly centerLr: number };

  /** @throws TypeError naming the option, what was expected and what came */
  constructor(numClasses: number, featureDim: number, options: CenterOptions = {}) {
    const resolved = resolveOptions('CenterLoss', table, options);
    super('CenterLoss', numClasses, featureDim, resolved.bias);
    const byRule = resolved.update === 'delta';
    this.options = { ...resolved, centerLr: resolved.centerLr ?? (byRule ? 0.5 : 10) };
    const expected = byRule ? share(this.options.centerLr) : null;
    if (expected) {
      throw new TypeError(
        `CenterLoss: centerLr: expected ${expected} with update "delta", got ${shown(this.options.centerLr)}`,
      );
    }
    const centers = init.xavierUniform_(torch.empty([numClasses, featureDim]));
    this.centers = byRule ? new Buffer(centers) : new Parameter(centers);
  }

  protected override lossOf(features: Tensor, labels: Tensor): LossOutput {
    const x = this.checkBatch(features, labels);
    const { weight, update } = this.options;
    const classification = crossEntropy(this.logits(x), labels);
    const own = this.centers.indexSelect(0, targetsOf(labels));
    const distance = (a: Tensor, c: Tensor) => meanOfRows(a.sub(c).square().sum([1]), labels).mul(0.5);
    let regularizer = distance(x, own.detach()).mul(weight);
    if (update === 'autograd') {
      // Worth 0, and with the centres' gradient, which λ must not scale.
      const follow = distance(x.detach(), own);
      regularizer = regularizer.add(follow.sub(follow.detach()));
    }
    return { total: classification.add(regularizer), classification, regularizer, diagnostics: {} };
  }

  /** c_k ← c_k − α·Σ share·Δ_k, over the labellings of the batch. */
  protected override stepped(features: Tensor, labellings: readonly [labels: Tensor, share: number][]): void {
    if (!this.training || this.options.update === 'autograd') return;
    noGrad(() =>
      scope(() => {
        const steps = labellings.map(([labels, share]) => {
          const targets = targetsOf(labels);
          const counts = countRows(labels, this.numClasses, features).add(1).indexSelect(0, targets);
          const towards = features.sub(this.centers.indexSelect(0, targets)).div(counts.unsqueeze(1));
          const step = towards.mul(share * this.options.centerLr).where(validRows(labels).unsqueeze(1), 0);
          return { targets, step };
        });
        for (const { targets, step } of steps) this.centers.indexAdd_(0, targets, step);
      }),
    );
  }

  /**
   * Rows labelled −100 take no part.
   * @param features (N, D)
   * @param labels (N) int64
   */
  override forward(features: Tensor, labels: Tensor): LossOutput {
    const output = this.lossOf(features, labels);
    this.stepped(features, [[labels, 1]]);
    return output;
  }

  /** The linear layer as the network; with `autograd` the centres by themselves. */
  override parameterGroups(lr: number, weightDecay = 0): ParameterGroup[] {
    const { centers, options } = this;
    const linear = { name: 'linear', params: this.linear.parameters(), lr, weightDecay };
    if (!(centers instanceof Parameter)) return [linear];
    const own = { lr: lr * options.centerLr, weightDecay: weightDecay * options.centerDecay };
    return [linear, { name: 'centers', params: [centers], ...own }];
  }

  /** `centerNorm`, the mean |c_k|. */
  override summary(): Record<string, number> {
    return noGrad(() => scope(() => ({ centerNorm: this.centers.linalgVectorNorm(2, [1]).mean().item() })));
  }
}
