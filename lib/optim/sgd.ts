import { checkFinite } from '../nn/check.ts';
import type { Parameter } from '../nn/index.ts';
import { checkBoolean } from '../tensor/check.ts';
import { operator, type Tensor, torch } from '../tensor/index.ts';
import {
  Optimizer,
  type OptimizerOptions,
  type ParameterState,
  type ParamGroup,
  type ParamGroupInput,
  requireNumber,
} from './optimizer.ts';

export interface SGDOptions extends OptimizerOptions {
  /** Default 0. */
  momentum?: number;
  /** How much less than the whole gradient enters the momentum. Default 0. */
  dampening?: number;
  /** Nesterov's momentum. Default false. */
  nesterov?: boolean;
}

const fused = operator('aten::_fused_sgd_');

/** What LibTorch's fused operator leaves as it is, for the most part: 16 bits on a CPU (pytorch/pytorch#191763). */
const isPassedOver = ({ dtype, device }: Parameter): boolean =>
  device === 'cpu' && (dtype === 'bfloat16' || dtype === 'float16');

/** The same step in plain operators. */
function plainStep(
  { lr, momentum, weightDecay, dampening, nesterov }: Required<SGDOptions>,
  parameter: Parameter,
  grad: Tensor,
  buffer: Tensor | undefined,
  isFirstStep: boolean,
): void {
  const g = weightDecay === 0 ? grad : grad.add(parameter, { alpha: weightDecay });
  if (buffer === undefined) {
    parameter.add_(g, { alpha: -lr });
    return;
  }
  if (isFirstStep) buffer.copy_(g);
  else buffer.mul_(momentum).add_(g, { alpha: 1 - dampening });
  parameter.add_(nesterov ? g.add(buffer, { alpha: momentum }) : buffer, { alpha: -lr });
}

/**
 * Stochastic gradient descent, as torch.optim.SGD:
 *   g ← ∇ + weightDecay · p;  b ← momentum · b + (1 − dampening) · g  (first step: b ← g);
 *   p ← p − lr · (nesterov ? g + momentum · b : b)
 */
export class SGD extends Optimizer<Required<SGDOptions>> {
  /** @param options.lr default 1e-3; weightDecay default 0 */
  constructor(
    params: readonly Parameter[] | readonly ParamGroupInput<Required<SGDOptions>>[],
    options: Partial<SGDOptions> = {},
  ) {
    super(params, { lr: 1e-3, weightDecay: 0, momentum: 0, dampening: 0, nesterov: false }, options);
  }

  protected override stateNames(group?: Required<SGDOptions>): string[] {
    return group?.momentum === 0 ? [] : ['momentum_buffer'];
  }

  protected override check(group: ParamGroup<Required<SGDOptions>>): void {
    super.check(group);
    requireNumber('SGD', 'momentum', group.momentum, 0);
    checkFinite('SGD', 'dampening', group.dampening);
    checkBoolean('SGD', 'nesterov', group.nesterov);
    if (group.nesterov && (group.momentum === 0 || group.dampening !== 0)) {
      throw new TypeError("SGD: argument 'nesterov' expected a momentum above 0 and a dampening of 0");
    }
  }

  protected override update(
    group: ParamGroup<Required<SGDOptions>>,
    params: Parameter[],
    grads: Tensor[],
  ): void {
    if (group.momentum === 0) {
      this.fusedStep(group, params, grads, [], false);
      return;
    }
    // The fused operator starts all its momentum buffers, or none: parameters at their first step go separately.
    const isFirst = params.map((parameter) => this.stateOf(parameter, group) === undefined);
    for (const first of [true, false]) {
      const chosen = [...params.keys()].filter((i) => isFirst[i] === first);
      if (chosen.length === 0) continue;
      const own = chosen.map((i) => params[i]!);
      const states = own.map((parameter) => this.stateOf(parameter, group) ?? this.start(parameter));
      this.fusedStep(
        group,
        own,
        chosen.map((i) => grads[i]!),
        this.kept('momentum_buffer', own, states),
        first,
      );
    }
  }

  private start(parameter: Parameter): ParameterState {
    return this.keepState(parameter, { momentum_buffer: torch.emptyLike(parameter) });
  }

  private fusedStep(
    group: ParamGroup<Required<SGDOptions>>,
    params: Parameter[],
    grads: Tensor[],
    buffers: Tensor[],
    isFirstStep: boolean,
  ): void {
    const { lr, momentum, weightDecay, dampening, nesterov } = group;
    if (params.some(isPassedOver)) {
      params.forEach((parameter, i) => {
        plainStep(group, parameter, grads[i]!, buffers[i], isFirstStep);
      });
      return;
    }
    fused(params, grads, buffers, {
      weightDecay,
      momentum,
      lr,
      dampening,
      nesterov,
      maximize: false,
      isFirstStep,
    });
  }
}
