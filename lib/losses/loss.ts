import { Module, type Parameter } from '../nn/index.ts';
import { noGrad, scope, type Tensor } from '../tensor/index.ts';
import { checkCount } from './check.ts';

/** What a loss returns for a batch. */
export interface LossOutput {
  /** The scalar to minimise. */
  total: Tensor;
  /** The classification part; one value for each row where the loss was asked not to reduce. */
  classification: Tensor;
  /** The regularising part, scalar; null where the loss has none. `total` is the sum of both. */
  regularizer: Tensor | null;
  /** Figures worth logging, not differentiable. Reading one waits for the device. */
  diagnostics: Record<string, Tensor | number>;
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

  /** @throws TypeError if K or D is not an integer of at least 1 */
  constructor(name: string, numClasses: number, featureDim: number) {
    super();
    this.numClasses = checkCount(name, 'numClasses', numClasses);
    this.featureDim = checkCount(name, 'featureDim', featureDim);
  }

  /**
   * The training loss.
   * @param features (N, D)
   * @param labels (N), int64
   */
  abstract override forward(features: Tensor, labels: Tensor): LossOutput;

  /** Logits (N, K) of features (N, D), differentiable. Labels play no part. */
  abstract logits(features: Tensor): Tensor;

  /** The class of the highest logit, (N) int64. */
  predict(features: Tensor): Tensor {
    return noGrad(() => scope(() => this.logits(features).argmax(1)));
  }

  /**
   * The loss's own parameters for the optimizer.
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
