import { Tensor } from '../tensor/index.ts';

/**
 * A tensor that a Module trains. It takes over the tensor it is made from, which counts as disposed afterwards, and
 * belongs to no scope: it lives as long as its module.
 */
export class Parameter extends Tensor {
  /** @internal How often its data has been replaced: what is kept beside it must then be laid out anew. */
  revision = 0;

  constructor(source: Tensor, options: { requiresGrad?: boolean } = {}) {
    super(source.take());
    this.keep();
    this.requiresGrad = options.requiresGrad ?? true;
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

/** A tensor that is part of a Module's state without being trained, such as a running mean. Lives like a Parameter. */
export class Buffer extends Tensor {
  constructor(source: Tensor) {
    super(source.take());
    this.keep();
  }
}
