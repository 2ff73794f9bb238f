import type { Parameter } from '../nn/index.ts';
import { checkBoolean } from '../tensor/check.ts';
import { type OperatorFunction, operator, type Tensor, torch } from '../tensor/index.ts';
import {
  Optimizer,
  type OptimizerOptions,
  type ParamGroup,
  type ParamGroupInput,
  requireNumber,
} from './optimizer.ts';

export interface AdamOptions extends OptimizerOptions {
  /** Decay of the running mean of gradients and of their squares. Default [0.9, 0.999]. */
  betas?: [number, number];
  /** Added to the denominator. Default 1e-8. */
  eps?: number;
  /** Divide by the largest running square so far (Reddi et al. 2018). Default false. */
  amsgrad?: boolean;
}

type Settings = Required<AdamOptions>;

const addToAll = operator('aten::_foreach_add_.Scalar');

/**
 * Adam, as torch.optim.Adam (Kingma & Ba 2015):
 *   g ← ∇ + weightDecay · p;  m ← β₁m + (1 − β₁)g;  v ← β₂v + (1 − β₂)g²;
 *   p ← p − lr · m/(1 − β₁ᵗ) / (√(v/(1 − β₂ᵗ)) + eps)
 */
export class Adam extends Optimizer<Settings> {
  protected readonly fused: OperatorFunction = operator('aten::_fused_adam_');

  /** @param options.lr default 1e-3; weightDecay default 0 */
  constructor(
    params: readonly Parameter[] | readonly ParamGroupInput<Settings>[],
    options: Partial<AdamOptions> = {},
  ) {
    super(params, { lr: 1e-3, weightDecay: 0, betas: [0.9, 0.999], eps: 1e-8, amsgrad: false }, options);
    // A schedule that cycles β₁ changes one group's pair, not a shared one.
    for (const group of this.paramGroups) group.betas = [...group.betas];
  }

  protected override check(group: ParamGroup<Settings>): void {
    super.check(group);
    const { name } = this.constructor;
    if (!Array.isArray(group.betas) || group.betas.length !== 2) {
      throw new TypeError(`${name}: argument 'betas' expected two numbers, got ${group.betas}`);
    }
    for (const beta of group.betas) requireNumber(name, 'betas', beta, 0, 1);
    requireNumber(name, 'eps', group.eps, 0);
    checkBoolean(name, 'amsgrad', group.amsgrad);
  }

  protected override stateNames(group?: Settings): string[] {
    const hasGreatest = group === undefined || group.amsgrad;
    return ['step', 'exp_avg', 'exp_avg_sq', ...(hasGreatest ? ['max_exp_avg_sq'] : [])];
  }

  protected override update(group: ParamGroup<Settings>, params: Parameter[], grads: Tensor[]): void {
    const { lr, betas, weightDecay, eps, amsgrad } = group;
    const states = params.map(
      (parameter) => this.stateOf(parameter, group) ?? this.start(parameter, amsgrad),
    );
    const all = (name: string) => this.kept(name, params, states);
    const [averages, squares, greatest] = [
      all('exp_avg'),
      all('exp_avg_sq'),
      amsgrad ? all('max_exp_avg_sq') : [],
    ];
    const scalar = torch.zeros([], { dtype: 'float32', device: params[0]!.device });
    const steps = this.kept(
      'step',
      params.map(() => scalar),
      states,
    );
    addToAll(steps, 1);
    this.fused(params, grads, averages, squares, greatest, steps, {
      lr,
      beta1: betas[0],
      beta2: betas[1],
      weightDecay,
      eps,
      amsgrad,
      maximize: false,
    });
  }

  private start(parameter: Parameter, amsgrad: boolean): Record<string, Tensor> {
    return this.keepState(parameter, {
      step: torch.zeros([], { dtype: 'float32', device: parameter.device }),
      exp_avg: torch.zerosLike(parameter),
      exp_avg_sq: torch.zerosLike(parameter),
      ...(amsgrad ? { max_exp_avg_sq: torch.zerosLike(parameter) } : {}),
    });
  }
}

/**
 * Adam with decoupled weight decay, as torch.optim.AdamW (Loshchilov & Hutter 2019): p ← p − lr · weightDecay · p
 * before the step, instead of a term in the gradient.
 */
export class AdamW extends Adam {
  protected override readonly fused: OperatorFunction = operator('aten::_fused_adamw_');

  /** @param options.lr default 1e-3; weightDecay default 0.01 */
  constructor(
    params: readonly Parameter[] | readonly ParamGroupInput<Settings>[],
    options: Partial<AdamOptions> = {},
  ) {
    // What is no object is left to the base, which says so.
    const given = typeof options === 'object' && options !== null;
    super(params, given ? { ...options, weightDecay: options.weightDecay ?? 0.01 } : options);
  }
}
