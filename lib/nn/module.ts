import { checkBoolean, checkOptions, isPlain } from '../tensor/check.ts';
import {
  type DType,
  describeValue,
  isFloatingPoint,
  type MemoryFormat,
  noGrad,
  scope,
  type Tensor,
  torch,
} from '../tensor/index.ts';
import { checkTensor } from '../tensor/tensor.ts';
import { Buffer, Parameter } from './parameter.ts';

/** Where and how a module's tensors are kept. Dtype and memory format change floating-point tensors only. */
export interface Placement {
  dtype?: DType;
  device?: string;
  /** 'channels_last' is often faster for convolutions; applies to tensors of four dimensions. */
  memoryFormat?: MemoryFormat;
}

const placementNames = ['dtype', 'device', 'memoryFormat'] satisfies (keyof Placement)[];

/**
 * The base of networks, layers and losses, as torch.nn.Module.
 *
 * Parameters, buffers and child modules are the object's own properties, in the order in which they were assigned;
 * their names in state dicts are PyTorch's, in snake case: `runningMean` is `running_mean`. Only public own
 * properties count: what is in a `#private` field is neither trained nor saved, and nothing can tell. Modules and
 * parameters in an array, a plain object, a Map or a Set are an error wherever they are asked for; `Sequential` is a
 * list of modules.
 */
export abstract class Module {
  /** Whether layers such as BatchNorm and Dropout behave as in training. Default true. */
  training = true;

  /** What the module computes of its inputs. */
  // biome-ignore lint/suspicious/noExplicitAny: each module has arguments and results of its own.
  abstract forward(...args: any[]): unknown;

  /**
   * The child modules with their names.
   * @throws TypeError naming a property that is an array or the like of modules, parameters or buffers; Error naming
   *   two properties that have one name in state dicts, or a module that is a part of itself; likewise all below
   */
  namedChildren(): [string, Module][] {
    return this.own((value) => value instanceof Module);
  }

  /**
   * This module and all below it, with dotted names; its own is the empty one. What is reached by several names, as a
   * layer that is used twice, comes once, by the first; likewise parameters and buffers. State dicts have all names.
   */
  namedModules(prefix = ''): [string, Module][] {
    return once(this.everyModule(prefix));
  }

  private everyModule(prefix = '', above: readonly Module[] = []): [string, Module][] {
    if (above.includes(this)) {
      throw new Error(
        `${this.constructor.name}: '${prefix}' is a module that it is itself a part of; what is to know the module around it ` +
          'may have it in a #private field',
      );
    }
    const below = this.namedChildren().flatMap(([name, child]) =>
      child.everyModule(join(prefix, name), [...above, this]),
    );
    return [[prefix, this], ...below];
  }

  /** The parameters of this module and of all below it, with the dotted names of their properties. */
  namedParameters(): [string, Parameter][] {
    return once(this.everyNamed((value) => value instanceof Parameter));
  }

  /** The buffers, such as BatchNorm's running moments, likewise. */
  namedBuffers(): [string, Buffer][] {
    return once(this.everyNamed((value) => value instanceof Buffer));
  }

  /** The parameters of this module and of all below it, as an optimiser takes them. */
  parameters(): Parameter[] {
    return this.namedParameters().map(([, parameter]) => parameter);
  }

  /**
   * Sets `training` of this module and of all below it.
   * @param mode default true
   * @returns this
   * @throws TypeError if it is neither true nor false
   */
  train(mode = true): this {
    checkBoolean('train', 'mode', mode);
    for (const [, module] of this.namedModules()) module.training = mode;
    return this;
  }

  /** `train(false)`: BatchNorm takes its running moments, Dropout drops nothing. @returns this */
  eval(): this {
    return this.train(false);
  }

  /** Forgets all gradients. */
  zeroGrad(): void {
    for (const parameter of this.parameters()) parameter.grad = null;
  }

  /** Moves all parameters, their gradients and buffers; the objects stay the same, so optimisers keep them. */
  to(placement: Placement): this {
    checkOptions('to', placement, placementNames);
    const { dtype, memoryFormat, device } = placement;
    if (String(device).startsWith('meta')) {
      throw new TypeError(`to: argument 'device' expected one that holds data, got '${device}'`);
    }
    noGrad(() => {
      for (const [, tensor] of this.namedTensors()) {
        const floating = isFloatingPoint(tensor.dtype);
        const place = (source: Tensor): Tensor =>
          source.to({
            device,
            dtype: floating ? dtype : undefined,
            memoryFormat: floating && tensor.ndim === 4 ? memoryFormat : undefined,
          });
        scope(() => {
          const { grad } = tensor;
          tensor.replaceData(place(tensor.detach()));
          if (grad !== null) tensor.grad = place(grad);
        });
      }
    });
    return this;
  }

  /** All parameters and buffers by PyTorch's names. The tensors are the module's own, not copies. */
  stateDict(): Record<string, Tensor> {
    return Object.fromEntries(this.namedTensors());
  }

  /**
   * Copies the tensors of a state dict into this module's.
   * @param options.strict every name must be on both sides. Default true.
   * @throws Error listing the names that are missing, unexpected, without data or of another shape, or naming one that
   *   cannot be copied, such as a sparse tensor; TypeError for what is no tensor. This module is as it was then.
   */
  loadStateDict(state: Readonly<Record<string, Tensor>>, options: { strict?: boolean } = {}): void {
    if (typeof state !== 'object' || state === null || Array.isArray(state)) {
      throw new TypeError(
        `loadStateDict: argument 'state' expected an object of tensors, got ${describeValue(state)}`,
      );
    }
    checkOptions('loadStateDict', options, ['strict']);
    const { strict = true } = options;
    checkBoolean('loadStateDict', 'strict', strict);
    const own = new Map(this.namedTensors());
    const missing = [...own.keys()].filter((name) => !Object.hasOwn(state, name));
    const unexpected = Object.keys(state).filter((name) => !own.has(name));
    const given = [...own].filter(([name]) => Object.hasOwn(state, name));
    for (const [name] of given) checkTensor('loadStateDict', `state.${name}`, state[name]);
    const empty = given.map(([name]) => name).filter((name) => state[name]!.device === 'meta');
    const misshapen = given.flatMap(([name, tensor]) => {
      const { shape } = state[name]!;
      return String(shape) === String(tensor.shape)
        ? []
        : [`${name} expected [${tensor.shape.join(', ')}], got [${shape.join(', ')}]`];
    });
    const problems = [
      ...(!strict || missing.length === 0 ? [] : [`missing: ${listed(missing)}`]),
      ...(!strict || unexpected.length === 0 ? [] : [`unexpected: ${listed(unexpected)}`]),
      ...(empty.length === 0 ? [] : [`without data, on the device meta: ${listed(empty)}`]),
      ...(misshapen.length === 0 ? [] : [`of another shape: ${listed(misshapen, '; ')}`]),
    ];
    if (problems.length > 0) throw new Error(`loadStateDict: ${problems.join('. ')}`);
    scope(() =>
      noGrad(() => {
        // Copies first: one may fail, and what is loaded may be this module's own, under other names.
        const copies = given.map(([name, tensor]) => copyFor(name, tensor, state[name]!));
        given.forEach(([, tensor], i) => {
          tensor.copy_(copies[i]!);
        });
      }),
    );
    for (const [, module] of this.namedModules()) module.stateLoaded();
  }

  /** Called when a state dict has been loaded into this module, or one that it is part of: for what follows from it. */
  protected stateLoaded(): void {}

  private namedTensors(): [string, Tensor][] {
    return this.everyNamed((value) => value instanceof Parameter || value instanceof Buffer);
  }

  /** What there is of one kind in this module and all below it, by every dotted name. */
  private everyNamed<T>(is: (value: unknown) => value is T): [string, T][] {
    return this.everyModule().flatMap(([prefix, module]) =>
      module.own(is).map(([name, value]): [string, T] => [join(prefix, name), value]),
    );
  }

  /** The own properties of one kind, by their names in state dicts. */
  private own<T>(is: (value: unknown) => value is T): [string, T][] {
    const properties = new Map<string, string>();
    return Object.entries(this).flatMap(([property, value]): [string, T][] => {
      if (holdsPart(value)) {
        throw new TypeError(
          `${this.constructor.name}: ${property}: expected a property for each module and parameter, got ` +
            `${describeValue(value)} of them, which would be neither trained nor saved; a list of modules is an nn.Sequential`,
        );
      }
      if (!isPart(value)) return [];
      const name = snakeCase(property);
      const other = properties.get(name);
      if (other !== undefined) {
        throw new Error(
          `${this.constructor.name}: the properties '${other}' and '${property}' are both '${name}' in state dicts`,
        );
      }
      properties.set(name, property);
      return is(value) ? [[name, value]] : [];
    });
  }
}

/** Each once, by the first of its names. */
function once<T>(named: readonly [string, T][]): [string, T][] {
  const seen = new Set<T>();
  return named.filter(([, value]) => !seen.has(value) && seen.add(value));
}

/** Whether it is something that a module trains or saves. */
const isPart = (value: unknown): boolean =>
  value instanceof Module || value instanceof Parameter || value instanceof Buffer;

/** What is in an array, a Map, a Set or a plain object; in anything else nothing is looked for. */
function contentsOf(value: unknown): Iterable<unknown> {
  if (Array.isArray(value) || value instanceof Set) return value;
  if (value instanceof Map) return value.values();
  return typeof value === 'object' && value !== null && isPlain(value) ? Object.values(value) : [];
}

/** Whether a module, parameter or buffer is in it, at most `depth` levels down; that ends cycles too. */
function holdsPart(container: unknown, depth = 4): boolean {
  for (const value of contentsOf(container)) {
    if (isPart(value) || (depth > 1 && holdsPart(value, depth - 1))) return true;
  }
  return false;
}

/** A copy of what is to be loaded into `tensor`. */
function copyFor(name: string, tensor: Tensor, source: Tensor): Tensor {
  try {
    return torch.emptyLike(tensor).copy_(source);
  } catch (error) {
    throw new Error(`loadStateDict: ${name}: ${(error as Error).message}`, { cause: error });
  }
}

/** All of a few names; of many the first twenty and how many more there are. */
const listed = (names: readonly string[], between = ', '): string =>
  names.length <= 24
    ? names.join(between)
    : `${names.slice(0, 20).join(between)} and ${names.length - 20} more`;

const join = (prefix: string, name: string): string => (prefix === '' ? name : `${prefix}.${name}`);

const snakeCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
