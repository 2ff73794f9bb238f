import { Module, type Parameter } from '../nn/index.ts';
import { noGrad, scope, Tensor } from '../tensor/index.ts';
import { checkFeatures, checkLabels } from './batch.ts';
import { checkCount, checked, share } from './check.ts';
import { takingPart } from './rows.ts';

/** What a loss returns for a batch. */
export interface LossOutput {
  /** The scalar to minimise. */
  total: Tensor;
  /** The classification part; one value for each row where the loss was asked not to reduce. */
  classification: Tensor;
  /** The regularising part, scalar; null where the loss has none. `total` is the sum of both. */
  regularizer: Tensor | null;
  /**
   * Figures worth logging, not differentiable. A loss may make them when they are first read. Reading a figure's value
   * waits for the device.
   */
  diagnostics: Record<string, Tensor | number>;
}

/**
 * The labels of images that mixup has mixed (Zhang et al., ICLR 2018): each image is λ of one with the label y and
 * 1 − λ of one with the label y′.
 */
export interface MixedLabels {
  /** y, (N) int64 */
  labels: Tensor;
  /** y′, (N) int64 */
  otherLabels: Tensor;
  /** λ, from 0 to 1 */
  lambda: number;
}

/** Parameters that are optimised alike, in the form that optimizers take. */
export interface ParameterGroup {
  name: string;
  params: Parameter[];
  lr: number;
  weightDecay: number;
}

/**
 * A classifier's last layer and its loss as one module: it owns whatever turns features (N, D) into K logits, so
 * that every loss can be trained, evaluated and saved in the same way.
 */
export abstract class ClassificationLoss extends Module {
  /** K */
  readonly numClasses: number;
  /** D */
  readonly featureDim: number;
  /** One of the parameters, which features have to be like. */
  #parameter: Parameter | undefined;

  /** @throws TypeError if K or D is not an integer of at least 1 */
  constructor(name: string, numClasses: number, featureDim: number) {
    super();
    this.numClasses = checkCount(name, 'numClasses', numClasses);
    this.featureDim = checkCount(name, 'featureDim', featureDim);
  }

  /**
   * The training loss.
   * @param features (N, D)
   * @param labels (N), int64; −100 for rows that take no part
   * @throws TypeError or Error naming the argument, what was expected and what came
   */
  abstract override forward(features: Tensor, labels: Tensor): LossOutput;

  /**
   * The training loss of features of mixed images, λ·L(x, y) + (1 − λ)·L(x, y′), each part of it. A loss that counts
   * its steps counts this as one.
   * @param features (N, D)
   * @throws as `checkMixed`
   */
  forwardMixed(features: Tensor, mixed: MixedLabels): LossOutput {
    const { labels, otherLabels, lambda } = this.checkMixed(features, mixed);
    const output = mixOutputs(lambda, this.lossOf(features, labels), this.lossOf(features, otherLabels));
    this.stepped(features, [
      [labels, lambda],
      [otherLabels, 1 - lambda],
    ]);
    return output;
  }

  /** The loss of one labelling of a batch, of which there may be two in a step. Default: `forward`. */
  protected lossOf(features: Tensor, labels: Tensor): LossOutput {
    return this.forward(features, labels);
  }

  /**
   * For what a loss changes from step to step: called once its loss has been computed, since a step that fails does not count.
   * @param _labellings of the batch, with their shares in the step
   */
  protected stepped(_features: Tensor, _labellings: readonly [labels: Tensor, share: number][]): void {}

  /**
   * Throws unless these are features for the loss.
   * @throws TypeError naming what of them was expected and what came
   */
  protected checkFeatures(features: Tensor): void {
    this.#parameter ??= this.parameters()[0];
    checkFeatures(this, features, this.#parameter);
  }

  /**
   * Throws unless this is a batch for the loss: called before anything of it changes.
   * @returns the features to compute with: zeros in the rows that take no part
   * @throws TypeError naming the argument, what was expected and what came
   * @throws RangeError if a label is neither a class nor −100; on a GPU labels are not looked at
   */
  protected checkBatch(features: Tensor, labels: Tensor): Tensor {
    this.checkFeatures(features);
    const all = checkLabels(this, features, labels);
    return all ? features : takingPart(features, labels);
  }

  /**
   * The same of mixed images.
   * @returns the labels
   * @throws TypeError if they are no mixed labels, or λ is not in [0, 1]; as `checkBatch` for either labels
   */
  protected checkMixed(features: Tensor, mixed: MixedLabels): MixedLabels {
    const { name } = this.constructor;
    checked(name, 'mixed', mixed, (value) =>
      typeof value === 'object' && value !== null ? null : '{ labels, otherLabels, lambda }',
    );
    checked(name, 'mixed.lambda', mixed.lambda, share);
    for (const each of [mixed.labels, mixed.otherLabels]) this.checkBatch(features, each);
    return mixed;
  }

  /**
   * Training loops say when an epoch begins, for losses that change over the training.
   * @param _epoch from 1
   * @param _epochs how many there will be
   */
  startEpoch(_epoch: number, _epochs: number): void {}

  /**
   * Logits (N, K) of features (N, D), differentiable. Labels play no part.
   * @throws TypeError or Error if they are no features for the loss, as `forward`
   */
  abstract logits(features: Tensor): Tensor;

  /**
   * The class of the highest logit, (N) int64.
   * @throws as `logits`
   */
  predict(features: Tensor): Tensor {
    return noGrad(() => scope(() => this.logits(features).argmax(1)));
  }

  /**
   * The loss's own parameters for the optimizer, all of them.
   * @param lr the network's learning rate
   * @param weightDecay the network's; a loss whose parameters must not decay sets 0 in its groups. Default 0
   */
  parameterGroups(lr: number, weightDecay = 0): ParameterGroup[] {
    return [{ name: 'loss', params: this.parameters(), lr, weightDecay }];
  }

  /** Figures about the loss's parameters, for the log. */
  summary(): Record<string, number> {
    return {};
  }
}

/** λ·a + (1 − λ)·b in every part of two outputs of one loss. */
function mixOutputs(lambda: number, a: LossOutput, b: LossOutput): LossOutput {
  const mix = (x: Tensor, y: Tensor): Tensor => x.mul(lambda).add(y.mul(1 - lambda));
  const diagnostics = Object.entries(a.diagnostics).map(([name, x]) => {
    const y = b.diagnostics[name];
    return [name, x instanceof Tensor && y instanceof Tensor ? mix(x, y) : x];
  });
  return {
    total: mix(a.total, b.total),
    classification: mix(a.classification, b.classification),
    regularizer: a.regularizer && b.regularizer && mix(a.regularizer, b.regularizer),
    diagnostics: Object.fromEntries(diagnostics),
  };
}
