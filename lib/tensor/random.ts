import { native } from '../native.ts';
import { checkTensor, Tensor } from './tensor.ts';

/** A source of random numbers of its own, for operators that take a `generator`. PyTorch's sequences. */
export class Generator {
  // Private, as a Tensor's handle.
  readonly #id: number;
  readonly device: string;

  /**
   * @param seed an integer. Default 0.
   * @param device 'cpu' or 'cuda:0'. Default 'cpu'.
   */
  constructor(seed: number | bigint = 0, device = 'cpu') {
    this.#id = native.createGenerator(device, seed, this);
    this.device = device;
  }

  /** @internal Its number in the addon. */
  get id(): number {
    try {
      return this.#id;
    } catch {
      throw new TypeError('expected a Generator, got a copy or a Proxy of one');
    }
  }

  /** Begins the sequence of a seed, an integer. @returns this */
  manualSeed(seed: number | bigint): this {
    native.seedGenerator(this.id, seed);
    return this;
  }

  /** Everything needed to continue the sequence: a uint8 tensor. */
  getState(): Tensor {
    return new Tensor(native.generatorState(this.id));
  }

  /**
   * Goes on from what `getState` gave.
   * @throws TypeError for what is no tensor; Error if it is no such state
   * @returns this
   */
  setState(state: Tensor): this {
    checkTensor('setState', 'state', state);
    native.setGeneratorState(this.id, state.handle);
    return this;
  }
}

/** Number of the default CPU generator in the addon. */
const defaultGenerator = 0;

/** Seeds the default generators of every device, as torch.manual_seed does. */
export function manualSeed(seed: number | bigint): void {
  native.manualSeed(seed);
}

/** The state of the default CPU generator: a uint8 tensor. */
export function getRngState(): Tensor {
  return new Tensor(native.generatorState(defaultGenerator));
}

/** Puts the default CPU generator back into a state of `getRngState`. */
export function setRngState(state: Tensor): void {
  checkTensor('setRngState', 'state', state);
  native.setGeneratorState(defaultGenerator, state.handle);
}
