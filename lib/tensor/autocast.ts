import { native } from '../native.ts';
import { checkOptions, describeValue } from './check.ts';
import { synchronously } from './synchronously.ts';

/** The types that `autocast` computes in. */
export const autocastDtypes = ['bfloat16', 'float16'] as const;

export interface AutocastOptions {
  /** Whose operators: 'cpu', 'cuda' or 'cuda:0'; all GPUs are one. Default 'cpu'. */
  device?: string;
  /** Default 'bfloat16', which has float32's range. Gradients in float16 vanish unless the loss is scaled. */
  dtype?: (typeof autocastDtypes)[number];
  /** False for float32 inside an autocast. Default true. */
  enabled?: boolean;
}

const optionNames = ['device', 'dtype', 'enabled'] satisfies (keyof AutocastOptions)[];

/**
 * Runs `fn` in mixed precision, as torch.autocast: convolutions and matrix products take their float32 tensors in 16
 * bits and give 16 bits, operators that need the digits (on a GPU exp, log, softmax, sums, norms and most losses, on the
 * CPU fewer) give float32, the others follow their tensors. Parameters and their gradients stay float32. Only the forward
 * pass belongs inside; a backward pass follows the types of its forward.
 *
 * A parameter is converted once and kept until the outermost `autocast` ends: change parameters outside of it.
 * `fn` must be synchronous, as for `noGrad`.
 * @throws TypeError naming the argument; also if `fn` is no function or returns a promise
 */
export function autocast<T>(fn: () => T, options: AutocastOptions = {}): T {
  if (typeof fn !== 'function') {
    throw new TypeError(`autocast: argument 'fn' expected a function, got ${describeValue(fn)}`);
  }
  checkOptions('autocast', options, optionNames);
  const { device = 'cpu', dtype = 'bfloat16', enabled = true } = options;
  const reject = (name: string, expected: string, got: unknown): never => {
    throw new TypeError(`autocast: argument '${name}' expected ${expected}, got ${describeValue(got)}`);
  };
  if (!/^(cpu|cuda(:\d+)?)$/.test(String(device))) reject('device', "'cpu', 'cuda' or 'cuda:0'", device);
  if (!autocastDtypes.includes(dtype)) reject('dtype', "'bfloat16' or 'float16'", dtype);
  if (typeof enabled !== 'boolean') reject('enabled', 'true or false', enabled);
  return synchronously(
    'autocast',
    () => native.enterAutocast(device, enabled, dtype),
    ([wasEnabled, dtypeBefore]) => native.exitAutocast(device, wasEnabled, dtypeBefore),
    fn,
  );
}

/**
 * Whether `autocast` is on for operators on this device.
 * @param device 'cpu' or 'cuda'. Default 'cpu'.
 */
export function isAutocastEnabled(device = 'cpu'): boolean {
  return native.isAutocastEnabled(device);
}
