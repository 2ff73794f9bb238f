import { Module } from '../nn/index.ts';
import { describeValue, type Tensor } from '../tensor/index.ts';
import { Joined } from './joined.ts';
import { CheckpointError, loadSafetensors } from './safetensors.ts';

export interface PretrainedOptions {
  /**
   * Modules that take what is below a name in the file: `{ fc: loss.linear }` loads `fc.weight` and `fc.bias` into a
   * CrossEntropyLoss. Default: none.
   */
  heads?: Readonly<Record<string, Module>>;
  /** Tensors in the file to pass over, by name or by what it begins with: `['fc']` is all of `fc.…`. Default: none. */
  ignore?: readonly string[];
}

/**
 * Loads weights from a safetensors file with PyTorch's names into a network, as torchvision's for `resnet50` and
 * `resnet101`. Nothing is changed unless everything fits. Counts of batches (`num_batches_tracked`), which PyTorch
 * before 0.4.1 did not have, may be missing.
 *
 * @returns the names of the tensors that were passed over
 * @throws CheckpointError if the file is missing or damaged, or naming the tensors that are missing, unexpected, or of
 *   another shape; TypeError for an option that is not valid
 */
export async function loadPretrained(
  model: Module,
  path: string,
  options: PretrainedOptions = {},
): Promise<string[]> {
  const { heads, ignore } = check(model, options);
  const { tensors } = await loadSafetensors(path);
  try {
    const joined = new Joined({ '': model, ...heads });
    const own = joined.stateDict();
    const isIgnored = (name: string) =>
      ignore.some((start) => name === start || name.startsWith(`${start}.`));
    const state: Record<string, Tensor> = Object.fromEntries(
      Object.entries(tensors).filter(([name]) => !isIgnored(name)),
    );
    for (const [name, value] of Object.entries(own)) {
      if (name.endsWith('num_batches_tracked')) state[name] ??= value;
    }
    try {
      joined.loadStateDict(state);
    } catch (error) {
      const strangers = Object.keys(state).filter((name) => !Object.hasOwn(own, name));
      throw new CheckpointError(`${path}: ${(error as Error).message}${hint(strangers)}`, { cause: error });
    }
    return Object.keys(tensors).filter(isIgnored);
  } finally {
    for (const value of Object.values(tensors)) value.dispose();
  }
}

/** What can be done with tensors that belong to no part of the network. */
function hint(strangers: readonly string[]): string {
  const starts = [...new Set(strangers.map((name) => name.split('.', 1)[0]!))];
  if (starts.length === 0 || starts.length > 3) return '';
  const heads = starts.map((start) => `${start}: <module>`).join(', ');
  const ignore = starts.map((start) => `'${start}'`).join(', ');
  return `. To load the unexpected ones into a head give { heads: { ${heads} } }, to pass over them { ignore: [${ignore}] }`;
}

function check(model: Module, options: PretrainedOptions): Required<PretrainedOptions> {
  if (!(model instanceof Module)) {
    throw new TypeError(`loadPretrained: model: expected a Module, got ${describeValue(model)}`);
  }
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(`loadPretrained: options: expected an object, got ${describeValue(options)}`);
  }
  const { heads = {}, ignore = [], ...rest } = options;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) {
    throw new TypeError(`loadPretrained: there is no option '${unknown}'; there are heads, ignore`);
  }
  if (typeof heads !== 'object' || heads === null) {
    throw new TypeError(`loadPretrained: heads: expected an object, got ${describeValue(heads)}`);
  }
  const taken = new Set(Object.keys(model.stateDict()).map((name) => name.split('.', 1)[0]));
  for (const [name, head] of Object.entries(heads)) {
    if (!(head instanceof Module)) {
      throw new TypeError(`loadPretrained: heads.${name}: expected a Module, got ${describeValue(head)}`);
    }
    if (taken.has(name.split('.', 1)[0])) {
      throw new TypeError(`loadPretrained: heads.${name}: the network has tensors of that name itself`);
    }
  }
  if (!Array.isArray(ignore) || !ignore.every((name) => typeof name === 'string' && name !== '')) {
    throw new TypeError(`loadPretrained: ignore: expected an array of names, got ${describeValue(ignore)}`);
  }
  return { heads, ignore };
}
