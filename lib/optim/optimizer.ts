import type { Parameter } from '../nn/index.ts';
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

  constructor(params: readonly Parameter[] | readonly ParamGroupInput<Options>[], defaults: Options) {
    const { name } = new.target;
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
        if (seen.has(parameter)) throw new Error(`${name}: argument 'params' has a parameter in two places`);
        seen.add(parameter);
      }
      const settings = Object.fromEntries(Object.entries(group).filter(([, value]) => value !== undefined));
      return { ...defaults, ...settings, params: [...group.params] } as ParamGroup<Options>;
    });
    for (const group of this.paramGroups) this.check(group);
  }

  /** Throws a TypeError naming the setting that is out of range. */
  protected check(group: ParamGroup<Options>): void {
    requireNumber(this.constructor.name, 'lr', group.lr, 0);
    requireNumber(this.constructor.name, 'weightDecay', group.weightDecay, 0);
  }

  /** Updates every parameter that has a gradient. */
  step(): void {
    scope(() =>
      noGrad(() => {
        for (const group of this.paramGroups) {
          const params: Parameter[] = [];
          const grads: Tensor[] = [];
          for (const parameter of group.params) {
            const { grad } = parameter;
            if (grad === null) continue;
            params.push(parameter);
            grads.push(grad);
          }
          if (params.length > 0) this.update(group, params, grads);
        }
      }),
    );
  }

  /** Updates parameters of one group, given their gradients. */
  protected abstract update(group: ParamGroup<Options>, params: Parameter[], grads: Tensor[]): void;

  /** Forgets all gradients. */
  zeroGrad(): void {
    for (const group of this.paramGroups) {
      for (const parameter of group.params) parameter.grad = null;
    }
  }

  /** What is kept for a parameter, or undefined before its first step. */
  protected stateOf(parameter: Parameter): ParameterState | undefined {
    const state = this.states.get(parameter);
    if (state !== undefined && state.revision !== parameter.revision) {
      for (const [name, tensor] of Object.entries(state.tensors)) {
        state.tensors[name] = copyFor(parameter, tensor);
        tensor.dispose();
      }
      state.revision = parameter.revision;
    }
    return state?.tensors;
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
    const own = new Set(this.allParameters());
    const missing = named.filter(([, parameter]) => parameter.requiresGrad && !own.has(parameter));
    if (missing.length > 0) {
      throw new Error(
        `${this.constructor.name}: no group has the parameters ${missing.map(([name]) => name).join(', ')}; add ` +
          'them, or set requiresGrad to false for those that are not to be trained',
      );
    }
  }

  private allParameters(): Parameter[] {
    return this.paramGroups.flatMap((group) => group.params);
  }

  stateDict(): OptimizerState {
    const tensors: Record<string, Tensor> = {};
    this.allParameters().forEach((parameter, i) => {
      for (const [name, tensor] of Object.entries(this.stateOf(parameter) ?? {}))
        tensors[`${i}.${name}`] = tensor;
    });
    const groups = this.paramGroups.map(
      ({ params: _, ...settings }) => structuredClone(settings) as Record<string, unknown>,
    );
    return { tensors, groups };
  }

  /** @throws Error if the number of groups differs, or a tensor belongs to no parameter or has another shape */
  loadStateDict(state: OptimizerState): void {
    if (state.groups.length !== this.paramGroups.length) {
      throw new Error(
        `loadStateDict: expected ${this.paramGroups.length} parameter groups, got ${state.groups.length}`,
      );
    }
    const parameters = this.allParameters();
    const loaded = new Map<Parameter, ParameterState>();
    for (const [key, tensor] of Object.entries(state.tensors)) {
      const [number, name] = key.split('.');
      const parameter = parameters[Number(number)];
      if (parameter === undefined || name === undefined) {
        throw new Error(`loadStateDict: '${key}' belongs to no parameter of this optimiser`);
      }
      if (tensor.ndim > 0 && String(tensor.shape) !== String(parameter.shape)) {
        throw new Error(`loadStateDict: '${key}' expected shape [${parameter.shape}], got [${tensor.shape}]`);
      }
      const own = loaded.get(parameter) ?? {};
      own[name] = copyFor(parameter, tensor);
      loaded.set(parameter, own);
    }
    for (const { tensors } of this.states.values()) {
      for (const tensor of Object.values(tensors)) tensor.dispose();
    }
    this.states.clear();
    for (const [parameter, own] of loaded) this.keepState(parameter, own);
    state.groups.forEach((settings, i) => {
      Object.assign(this.paramGroups[i]!, structuredClone(settings));
    });
  }
}

/** A copy on the parameter's device and, where it has the parameter's shape, with its strides: fused steps need both. */
function copyFor(parameter: Parameter, source: Tensor): Tensor {
  return noGrad(() =>
    scope(() =>
      source.ndim > 0
        ? torch.emptyLike(parameter).copy_(source)
        : source.detach().to({ device: parameter.device, copy: true }),
    ),
  ).keep();
}

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
