import { Buffer, init, Parameter } from '../nn/index.ts';
import { noGrad, type Tensor, tensor, torch } from '../tensor/index.ts';
import {
  aboveZero,
  atLeastZero,
  type OptionTable,
  orNull,
  resolveOptions,
  share,
  unchecked,
} from './check.ts';
import { checkClassCounts, effectiveNumberWeights } from './class-counts.ts';
import { ClassificationLoss, type LossOutput } from './loss.ts';
import { addToTarget, crossEntropyRows, meanOfRows, targetsOf } from './rows.ts';
import { cosines } from './unit.ts';

export interface LdamOptions {
  /** n_k, the number of training images of each class: K integers of at least 1. Required; training fills it in. */
  classCounts?: readonly number[];
  /** The margin of the smallest class, ≥ 0. Default 0.5. */
  maxMargin?: number;
  /** s > 0, the length that features are given. Default 30. */
  scale?: number;
  /** β of the weights, from 0 to 1. Default 0.9999. */
  beta?: number;
  /** After which share of the epochs the classes are weighted, from 0 to 1; null: never. Default 0.8. */
  reweightFrom?: number | null;
}

const table: OptionTable<LdamOptions> = {
  classCounts: [[], unchecked],
  maxMargin: [0.5, atLeastZero],
  scale: [30, aboveZero],
  beta: [0.9999, share],
  reweightFrom: [0.8, orNull(share)],
};

/**
 * Label-distribution-aware margin loss with deferred re-weighting, Cao, Wei, Gaidon, Arechiga and Ma (NeurIPS 2019):
 * weighted cross-entropy over
 *   l_k = s·(cos θ_k − m_k·1[k = y]),   m_k = C/n_k^{1/4} with max_k m_k = `maxMargin`,
 *   L = Σ_i w_{y_i} L_i / Σ_i w_{y_i},
 * θ_k being the angle between the feature and the weight of class k: both are normalised. The weights w are 1 at first
 * and those of the class-balanced loss (`ClassBalancedLoss`) in the last part of the training.
 *
 * `startEpoch`, which `train.fit` calls, decides when that begins; in a loop of one's own call it, or set
 * `reweighting`. Defaults: maxMargin = 0.5, s = 30, β = 0.9999, from 0.8 of the epochs on (the authors': from the 161st
 * of 200). Weight vectors start as directions drawn from a cube.
 *
 * A feature of zeros has the cosine 0 to every class. Test logits are s·cos θ_k.
 */
export class LdamLoss extends ClassificationLoss {
  /** The weight vectors, (K, D) */
  readonly weight: Parameter;
  /** m, (K) */
  readonly margins: Buffer;
  /** w in the last part of the training, (K) */
  readonly classWeights: Buffer;
  readonly options: Required<LdamOptions>;
  /** Whether the classes are weighted now. */
  reweighting = false;

  /** @throws TypeError naming the option, what was expected and what came */
  constructor(numClasses: number, featureDim: number, options: LdamOptions = {}) {
    super('LdamLoss', numClasses, featureDim);
    const resolved = resolveOptions('LdamLoss', table, options);
    const classCounts = checkClassCounts('LdamLoss', options.classCounts, numClasses);
    this.options = { ...resolved, classCounts };
    const { maxMargin, beta } = resolved;
    const drawn = init.uniform_(torch.empty([numClasses, featureDim]), -1, 1);
    this.weight = new Parameter(noGrad(() => drawn.div(drawn.linalgVectorNorm(2, [1], true))));
    const fewest = Math.min(...classCounts);
    const margins = classCounts.map((count) => maxMargin * (fewest / count) ** 0.25);
    this.margins = new Buffer(tensor(margins, { dtype: 'float32' }));
    const weights = effectiveNumberWeights(classCounts, beta);
    this.classWeights = new Buffer(tensor(weights, { dtype: 'float32' }));
  }

  override startEpoch(epoch: number, epochs: number): void {
    const { reweightFrom } = this.options;
    this.reweighting = reweightFrom !== null && epoch - 1 >= reweightFrom * epochs - 1e-9;
  }

  /** Rows labelled −100 take no part. */
  override forward(features: Tensor, labels: Tensor): LossOutput {
    const x = this.checkBatch(features, labels);
    const targets = targetsOf(labels);
    const margins = this.margins.indexSelect(0, targets).mul(-this.options.scale).unsqueeze(1);
    const rows = crossEntropyRows(addToTarget(this.logits(x), labels, margins), labels);
    const weights = this.reweighting ? this.classWeights.indexSelect(0, targets) : null;
    const classification = meanOfRows(rows, labels, weights);
    return { total: classification, classification, regularizer: null, diagnostics: {} };
  }

  override logits(features: Tensor): Tensor {
    this.checkFeatures(features);
    return cosines(features, this.weight).mul(this.options.scale);
  }
}
