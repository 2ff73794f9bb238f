import { native } from '../native.ts';
import type { Parameter } from '../nn/index.ts';
import { checkKnown } from '../tensor/check.ts';
import { describeValue, noGrad, scope, Tensor, torch } from '../tensor/index.ts';

/** Settings that every optimiser has. */
export interface OptimizerOptions {
  /** Learning rate. */
  lr: number;
  /** Strength of the L2 penalty (or of the decoupled decay, in AdamW). */
  weightDecay?: number;
}

/** Parameters that share settings; those not named come from the optimiser's own. */
export type ParamGroupInput<Options> = { params: readonly Parameter[]; name?: string } & Partial<Options>;

export type ParamGroup<Options> = { params: Parameter[]; name?: string } & Options;

/** The tensors an optimiser keeps for one parameter, by PyTorch's names. */
export type ParameterState = Record<string, Tensor>;

/** Everything needed to continue: tensors under `<parameter's number>.<name>`, and each group's settings. */
export interface OptimizerState {
  tensors: Record<string, Tensor>;
  groups: Record<string, unknown>[];
}

/**
 * The base of optimisers, as torch.optim.Optimizer: groups of parameters with settings of their own, and what is kept
 * per parameter between steps. A whole group is updated by one of LibTorch's fused operators.
 */
export abstract class Optimizer<Options extends OptimizerOptions = OptimizerOptions> {
  /** The settings of a group may be changed at any time; schedules do so. */
  readonly paramGroups: ParamGroup<Options>[];
  private readonly states = new Map<Parameter, { tensors: ParameterState; revision: number }>();

  /**
   * @param defaults every setting with its default
   * @param options those that all groups have otherwise; undefined leaves the default
   * @throws TypeError if there are no parameters, one is no leaf, or a setting is unknown or out of range
   * @throws Error if a parameter is in two places
   */
  constructor(
    params: readonly Parameter[] | readonly ParamGroupInput<Options>[],
    defaults: Options,
    options: Partial<Options> = {},
  ) {
    const { name } = new.target;
    const known = Object.keys(defaults);
    const settingsOf = (given: object, also: readonly string[] = []): Partial<Options> => {
      if (typeof given !== 'object' || given === null || Array.isArray(given)) {
        throw new TypeError(`${name}: argument 'options' expected an object, got ${describeValue(given)}`);
      }
      for (const key of Object.keys(given)) {
        if (!known.includes(key) && !also.includes(key)) {
          throw new TypeError(`${name}: there is no setting '${key}'; the settings are ${known.join(', ')}`);
        }
      }
      return Object.fromEntries(
        Object.entries(given).filter(([, value]) => value !== undefined),
      ) as Partial<Options>;
    };
    const own = { ...defaults, ...settingsOf(options) };
    if (!Array.isArray(params) || params.length === 0) {
      throw new TypeError(
        `${name}: argument 'params' expected parameters or groups of them, got ${describeParams(params)}`,
      );
    }
    const groups = (params[0] instanceof Tensor ? [{ params }] : params) as ParamGroupInput<Options>[];
    const seen = new Set<Tensor>();
    this.paramGroups = groups.map((group) => {
      if (!Array.isArray(group?.params)) {
        throw new TypeError(
          `${name}: argument 'params' expected groups with 'params', got ${describeValue(group)}`,
        );
      }
      for (const parameter of group.params) {
        if (!(parameter instanceof Tensor)) {
          throw new TypeError(
            `${name}: argument 'params' expected Parameters, got ${describeValue(parameter)}`,
          );
        }
        if (!parameter.isLeaf) {
          throw new TypeError(
            `${name}: argument 'params' expected Parameters, got a non-leaf Tensor, which has no gradient of its own`,
          );
        }
        if (seen.has(parameter)) throw new Error(`${name}: argument 'params' has a parameter in two places`);
        seen.add(parameter);
      }
      return { ...own, ...settingsOf(group, ['params', 'name']), params: [...group.params] };
    });
    for (const group of this.paramGroups) this.check(group);
  }

  /** Throws a TypeError naming the setting that is out of range. */
  protected check(group: ParamGroup<Options>): void {
    requireNumber(this.constructor.name, 'lr', group.lr, 0);
    requireNumber(this.constructor.name, 'weightDecay', group.weightDecay, 0);
  }

  /**
   * Updates every parameter that has a gradient.
   * @throws TypeError naming a setting of a group that has been changed to what is out of range, or is not there
   */
  step(): void {
    for (const group of this.paramGroups) this.check(group);
    scope(() =>
      noGrad(() => {
        for (const group of this.paramGroups) {
          const params: Parameter[] = [];
          const grads: Tensor[] = [];
          for (const parameter of group.params) {
            const { grad } = parameter;
            if (grad === null) continue;
            params.push(parameter);
            grads.push(this.inLayoutOf(parameter, grad));
          }
          if (params.length > 0) this.update(group, params, grads);
        }
      }),
    );
  }

  /**
   * The gradient with its elements where the parameter has its own: the fused operators go through the memory of both
   * from end to end, whatever the strides.
   * @throws Error if the parameter's elements do not lie side by side
   */
  private inLayoutOf(parameter: Parameter, grad: Tensor): Tensor {
    const fits = native.gradientFits(parameter.handle, grad.handle);
    if (fits) return grad;
    if (fits === null) {
      throw new Error(
        `${this.constructor.name}: argument 'params' expected parameters whose elements lie side by side in memory, got ` +
          `strides [${parameter.strides}] for shape [${parameter.shape}]; clone() makes one`,
      );
    }
    return torch.emptyLike(parameter).copy_(grad);
  }

  /**
   * What is kept under a name, which is of the shape, strides and type of what it is `like`, the parameters as a rule.
   * @throws Error naming the shapes where it is not: somebody has given the parameter or the state other data since
   */
  protected kept(name: string, like: readonly Tensor[], states: readonly ParameterState[]): Tensor[] {
    const tensors = states.map((state) => state[name]!);
    const i = native.misfit(
      like.map(({ handle }) => handle),
      tensors.map(({ handle }) => handle),
    );
    if (i < 0) return tensors;
    const [wanted, tensor] = [like[i]!, tensors[i]!];
    throw new Error(
      `${this.constructor.name}: '${name}' expected shape [${wanted.shape}], strides [${wanted.strides}] and ${wanted.dtype} ` +
        `on ${wanted.device}, got [${tensor.shape}], [${tensor.strides}] and ${tensor.dtype} on ${tensor.device}`,
    );
  }

  /**
   * The names of the tensors that are kept for each parameter of a group, or of all that may be where settings change;
   * `step` is a number for all of the parameter.
   */
  protected abstract stateNames(group?: Options): string[];

  /** Updates parameters of one group, given their gradients. */
  protected abstract update(group: ParamGroup<Options>, params: Parameter[], grads: Tensor[]): void;

  /** Forgets all gradients. */
  zeroGrad(): void {
    for (const group of this.paramGroups) {
      for (const parameter of group.params) parameter.grad = null;
    }
  }

  /** What is kept for a parameter of a group, or undefined before its first step. */
  protected stateOf(parameter: Parameter, group: Options): ParameterState | undefined {
    const state = this.states.get(parameter);
    if (state === undefined) return undefined;
    if (state.revision !== parameter.revision) {
      for (const [name, tensor] of Object.entries(state.tensors)) {
        state.tensors[name] = copyFor(parameter, name, tensor);
        tensor.dispose();
      }
      state.revision = parameter.revision;
    }
    // A setting may have been changed since the first step: what it asks for begins now.
    for (const name of this.stateNames(group)) state.tensors[name] ??= torch.zerosLike(parameter).keep();
    return state.tensors;
  }

  /** Keeps tensors for a parameter; they outlive the scope of the step. */
  protected keepState<State extends ParameterState>(parameter: Parameter, state: State): State {
    for (const tensor of Object.values(state)) tensor.keep();
    this.states.set(parameter, { tensors: state, revision: parameter.revision });
    return state;
  }

  /**
   * Throws unless every parameter that requires a gradient is in one of the groups: one that is left out would never
   * be trained, and nothing else would say so.
   * @param named parameters with their names, as `Module.namedParameters` gives them
   * @throws Error listing the names of those that are in no group
   */
  requireAll(named: readonly (readonly [name: string, parameter: Parameter])[]): void {
    const own = new Set(this.paramGroups.flatMap((group) => group.params));
    const missing = named.filter(([, parameter]) => parameter.requiresGrad && !own.has(parameter));
    if (missing.length > 0) {
      throw new Error(
        `${this.constructor.name}: no group has the parameters ${missing.map(([name]) => name).join(', ')}; add ` +
          'them, or set requiresGrad to false for those that are not to be trained',
      );
    }
  }

  /** What `loadStateDict` goes on from: the tensors themselves, not copies, and the settings of each group. */
  stateDict(): OptimizerState {
    const tensors: Record<string, Tensor> = {};
    ownersIn(this.paramGroups).forEach(({ parameter, group }, i) => {
      for (const [name, tensor] of Object.entries(this.stateOf(parameter, group) ?? {}))
        tensors[`${i}.${name}`] = tensor;
    });
    const groups = this.paramGroups.map(
      ({ params: _, ...settings }) => structuredClone(settings) as Record<string, unknown>,
    );
    return { tensors, groups };
  }

  /**
   * Goes on from what `stateDict` gave. Where it throws, nothing has changed.
   * @throws TypeError if it is no such state, or a setting is out of range or none of this optimiser
   * @throws Error if the number of groups differs, or a tensor is not one that this optimiser keeps for a parameter
   */
  loadStateDict(state: OptimizerState): void {
    const { groups, tensors } = state ?? {};
    if (!Array.isArray(groups) || typeof tensors !== 'object' || tensors === null) {
      throw new TypeError(
        `loadStateDict: argument 'state' expected { tensors, groups } of a stateDict(), got ${describeValue(state)}`,
      );
    }
    if (groups.length !== this.paramGroups.length) {
      throw new Error(
        `loadStateDict: expected ${this.paramGroups.length} parameter groups, got ${groups.length}`,
      );
    }
    const merged = this.paramGroups.map((group, i) => {
      if (typeof groups[i] !== 'object' || groups[i] === null) {
        throw new TypeError(
          `loadStateDict: argument 'state.groups' expected objects, got ${describeValue(groups[i])}`,
        );
      }
      const { params: _, ...settings } = structuredClone(groups[i]!);
      checkKnown('loadStateDict', settings, [...Object.keys(group), 'name']);
      return { ...group, ...settings } as ParamGroup<Options>;
    });
    for (const group of merged) this.check(group);
    // Copies first: what is loaded may be what is kept.
    const copies = [...this.sortByParameter(tensors, merged)].map(([parameter, own]) => {
      const entries = Object.entries(own).map(([name, tensor]) => [name, copyFor(parameter, name, tensor)]);
      return [parameter, Object.fromEntries(entries) as ParameterState] as const;
    });
    for (const { tensors: old } of this.states.values()) {
      for (const tensor of Object.values(old)) tensor.dispose();
    }
    this.states.clear();
    for (const [parameter, own] of copies) this.keepState(parameter, own);
    merged.forEach((group, i) => {
      Object.assign(this.paramGroups[i]!, group);
    });
  }

  /** The tensors of a state by parameter, each with all that are kept for it. */
  private sortByParameter(
    tensors: Record<string, Tensor>,
    groups: readonly ParamGroup<Options>[],
  ): Map<Parameter, ParameterState> {
    const owners = ownersIn(groups);
    // Not only the names that the settings ask for: what is kept stays when a setting changes, and may change back.
    const names = this.stateNames();
    const sorted = new Map<Parameter, ParameterState>();
    for (const [key, tensor] of Object.entries(tensors)) {
      const [, number, name] = /^(\d+)\.(.+)$/.exec(key) ?? [];
      const owner = owners[Number(number)];
      if (owner === undefined || name === undefined) {
        throw new Error(`loadStateDict: '${key}' belongs to no parameter of this optimiser`);
      }
      const { parameter } = owner;
      if (!names.includes(name)) {
        throw new Error(
          `loadStateDict: '${key}' is nothing that ${this.constructor.name} keeps; it keeps ${names.join(', ')}`,
        );
      }
      if (!(tensor instanceof Tensor)) {
        throw new TypeError(`loadStateDict: '${key}' expected a Tensor, got ${describeValue(tensor)}`);
      }
      const shape = name === 'step' ? [] : parameter.shape;
      if (String(tensor.shape) !== String(shape)) {
        throw new Error(`loadStateDict: '${key}' expected shape [${shape}], got [${tensor.shape}]`);
      }
      const own = sorted.get(parameter) ?? {};
      own[name] = tensor;
      sorted.set(parameter, own);
    }
    owners.forEach(({ parameter, group }, i) => {
      const own = sorted.get(parameter);
      const missing = own && this.stateNames(group).find((name) => !(name in own));
      if (missing !== undefined) throw new Error(`loadStateDict: '${i}.${missing}' is missing`);
    });
    return sorted;
  }
}

/** A copy as the fused operators need it: on the parameter's device, and with its dtype and strides but for `step`. */
function copyFor(parameter: Parameter, name: string, source: Tensor): Tensor {
  return noGrad(() =>
    scope(() =>
      name === 'step'
        ? source.detach().to({ device: parameter.device, dtype: 'float32', copy: true })
        : torch.emptyLike(parameter).copy_(source),
    ),
  ).keep();
}

/** The parameters by their numbers in a state, each with its group. */
const ownersIn = <Options>(groups: readonly ParamGroup<Options>[]) =>
  groups.flatMap((group) => group.params.map((parameter) => ({ parameter, group })));

const describeParams = (params: unknown): string => (Array.isArray(params) ? 'none' : describeValue(params));

/** Throws a TypeError unless `value` is a finite number of at least `least` (and below `below`, if given). */
export function requireNumber(
  optimizer: string,
  name: string,
  value: unknown,
  least: number,
  below = Infinity,
): void {
  if (!(typeof value === 'number' && value >= least && value < below)) {
    const limit = below === Infinity ? `of at least ${least}` : `from ${least} to below ${below}`;
    throw new TypeError(
      `${optimizer}: argument '${name}' expected a number ${limit}, got ${describeValue(value)}`,
    );
  }
}
