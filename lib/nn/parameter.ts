import { checkOptions } from '../tensor/check.ts';
import { isComplex, isFloatingPoint, Tensor } from '../tensor/index.ts';
import { checkTensor } from '../tensor/tensor.ts';

/**
 * A tensor that a Module trains. It takes over the tensor it is made from, which counts as disposed afterwards, and
 * belongs to no scope: it lives as long as its module. What an operation has made is detached from its graph.
 */
export class Parameter extends Tensor {
  /** @internal How often its data has been replaced: what is kept beside it must then be laid out anew. */
  revision = 0;

  /** @throws TypeError if the source is no Tensor, or one of integers, unless requiresGrad is false */
  constructor(source: Tensor, options: { requiresGrad?: boolean } = {}) {
    checkOptions('Parameter', options, ['requiresGrad']);
    const requiresGrad = options.requiresGrad ?? true;
    super(leafOf(source, requiresGrad));
    this.keep();
    this.requiresGrad = requiresGrad;
  }

  /** @internal */
  override replaceData(data: Tensor): void {
    super.replaceData(data);
    this.revision++;
  }

  override toString(): string {
    return `Parameter containing:\n${super.toString()}`;
  }
}

/**
 * A tensor that is part of a Module's state without being trained, such as a running mean. Made as a Parameter is, and
 * lives like one.
 */
export class Buffer extends Tensor {
  constructor(source: Tensor) {
    checkTensor('Buffer', 'source', source);
    super(takeLeaf(source));
    this.keep();
  }
}

/** Takes the data away from a tensor, once it is sure that a Parameter can be made of it. */
function leafOf(source: Tensor, requiresGrad: boolean): number {
  checkTensor('Parameter', 'source', source);
  const { dtype } = source;
  if (requiresGrad && !isFloatingPoint(dtype) && !isComplex(dtype)) {
    throw new TypeError(
      `Parameter: argument 'source' expected a floating-point or complex dtype, got ${dtype}; with requiresGrad false any will do`,
    );
  }
  return takeLeaf(source);
}

/** Takes the data away from a tensor; of one that an operation has made, without its graph. */
function takeLeaf(source: Tensor): number {
  if (source.isLeaf) return source.takeHandle();
  const data = source.detach();
  source.dispose();
  return data.takeHandle();
}
