import { describe, expect, it } from 'vitest';
import { Conv2d, Parameter } from '../../lib/nn/index.ts';
import { Adam, AdamW, type Optimizer, SGD } from '../../lib/optim/index.ts';
import { manualSeed, scope, type Tensor, tensor, torch } from '../../lib/tensor/index.ts';
import { expectClose } from '../support/close.ts';
import { hasTorch, runPython } from '../support/python.ts';

// Ten steps on f(w) = Σ (a·w² + sin w), whose gradients change with every step; two groups, float64.
const start = { first: [0.5, -1.25, 2], second: [3, -0.75] };
const curvature = 0.3;

type Make = (groups: { params: Parameter[]; lr?: number; weightDecay?: number }[]) => Optimizer;

const cases: { name: string; ours: Make; python: string }[] = [
  { name: 'SGD', ours: (g) => new SGD(g, { lr: 0.1 }), python: 'SGD(groups, lr=0.1)' },
  {
    name: 'SGD with momentum and weight decay',
    ours: (g) => new SGD(g, { lr: 0.1, momentum: 0.9, weightDecay: 0.01 }),
    python: 'SGD(groups, lr=0.1, momentum=0.9, weight_decay=0.01)',
  },
  {
    name: 'SGD with dampening',
    ours: (g) => new SGD(g, { lr: 0.1, momentum: 0.9, dampening: 0.4 }),
    python: 'SGD(groups, lr=0.1, momentum=0.9, dampening=0.4)',
  },
  {
    name: 'SGD with Nesterov momentum',
    ours: (g) => new SGD(g, { lr: 0.05, momentum: 0.8, nesterov: true, weightDecay: 0.02 }),
    python: 'SGD(groups, lr=0.05, momentum=0.8, nesterov=True, weight_decay=0.02)',
  },
  { name: 'Adam', ours: (g) => new Adam(g), python: 'Adam(groups)' },
  {
    name: 'Adam with weight decay',
    ours: (g) => new Adam(g, { lr: 0.05, weightDecay: 0.1, betas: [0.8, 0.95], eps: 1e-6 }),
    python: 'Adam(groups, lr=0.05, weight_decay=0.1, betas=(0.8, 0.95), eps=1e-6)',
  },
  {
    name: 'Adam with AMSGrad',
    ours: (g) => new Adam(g, { lr: 0.05, amsgrad: true }),
    python: 'Adam(groups, lr=0.05, amsgrad=True)',
  },
  { name: 'AdamW', ours: (g) => new AdamW(g, { lr: 0.05 }), python: 'AdamW(groups, lr=0.05)' },
];

const parameters = () =>
  [start.first, start.second].map((values) => new Parameter(tensor(Float64Array.from(values))));

function step(optimizer: Optimizer, params: readonly Parameter[]): void {
  scope(() => {
    optimizer.zeroGrad();
    const terms = params.map((w): Tensor => w.square().mul(curvature).add(w.sin()).sum());
    terms.reduce((a, b) => a.add(b)).backward();
    optimizer.step();
  });
}

const groupsOf = ([first, second]: Parameter[]) => [
  { params: [first!] },
  { params: [second!], lr: 0.02, weightDecay: 0.005 },
];
const valuesOf = (params: readonly Parameter[]) =>
  params.flatMap((w) => [...w.detach().contiguous().toTypedArray()].map(Number));

// One process for all cases: Python takes seconds to load torch.
const theirs = hasTorch
  ? runPython<number[][]>(
      `
def run(make):
    ws = [torch.tensor(given[k], dtype=torch.float64, requires_grad=True) for k in ('first', 'second')]
    optimizer = make([dict(params=[ws[0]]), dict(params=[ws[1]], lr=0.02, weight_decay=0.005)])
    for _ in range(10):
        optimizer.zero_grad()
        sum((${curvature} * w.square() + w.sin()).sum() for w in ws).backward()
        optimizer.step()
    return [x for w in ws for x in w.tolist()]
from torch.optim import *
result = [run(make) for make in [${cases.map(({ python }) => `lambda groups: ${python}`).join(', ')}]]`,
      start,
    )
  : [];

describe('ten steps', () => {
  it.skipIf(!hasTorch).each(cases.map((each, i) => ({ ...each, i })))('$name: as PyTorch', ({ ours, i }) => {
    const params = parameters();
    const optimizer = ours(groupsOf(params));
    for (let n = 0; n < 10; n++) step(optimizer, params);
    expectClose(valuesOf(params), theirs[i]!, { atol: 1e-9 });
  });

  it.each(cases)('$name: go on from a state dict as without', ({ ours }) => {
    const straight = parameters();
    const whole = ours(groupsOf(straight));
    for (let i = 0; i < 10; i++) step(whole, straight);

    const params = parameters();
    const before = ours(groupsOf(params));
    for (let i = 0; i < 4; i++) step(before, params);
    const after = ours(groupsOf(params));
    after.loadStateDict(before.stateDict());
    for (let i = 0; i < 6; i++) step(after, params);
    expect(valuesOf(params)).toEqual(valuesOf(straight));
  });
});

describe('an optimiser', () => {
  it('goes down the plain gradient', () => {
    const w = new Parameter(tensor(Float64Array.of(1)));
    const optimizer = new SGD([w], { lr: 0.25 });
    w.square().sum().backward();
    optimizer.step();
    expect(w.item()).toBe(0.5);
  });

  it('leaves parameters without a gradient alone, and starts their momentum when they get one', () => {
    const [first, second] = parameters() as [Parameter, Parameter];
    const optimizer = new SGD([first, second], { lr: 0.1, momentum: 0.9 });
    first.sum().backward();
    optimizer.step();
    expect(valuesOf([second])).toEqual(start.second);
    optimizer.zeroGrad();
    first.sum().add(second.sum()).backward();
    optimizer.step();
    expectClose(
      valuesOf([second]),
      start.second.map((value) => value - 0.1),
      { atol: 1e-12 },
    );
    expectClose(
      valuesOf([first]),
      start.first.map((value) => value - 0.1 - 0.19),
      { atol: 1e-12 },
    );
  });

  it.each([
    ['its memory format', { memoryFormat: 'channels_last' as const }],
    ['its dtype', { dtype: 'float64' as const }],
  ])('goes on rightly after a network has changed %s', (_, placement) => {
    const train = (at: number) => {
      manualSeed(0);
      const layer = new Conv2d(3, 4, 3);
      const optimizer = new Adam(layer.parameters(), { lr: 0.1 });
      const x = torch.randn([2, 3, 5, 5]);
      for (let i = 0; i < 4; i++) {
        scope(() => {
          if (i === at) layer.to(placement);
          optimizer.zeroGrad();
          layer
            .forward(x.to({ dtype: layer.weight.dtype }))
            .square()
            .sum()
            .backward();
          // Between the two the gradient goes with the parameter.
          if (i === at + 1) layer.to({ memoryFormat: 'contiguous' });
          optimizer.step();
        });
      }
      return valuesOf(layer.parameters().map((p) => p));
    };
    expectClose(train(2), train(-9), { atol: 2e-5 });
    expectClose(train(1), train(-9), { atol: 2e-5 });
  });

  it('takes gradients of any strides', () => {
    const shape = [2, 3];
    for (const make of [(p: Parameter) => new SGD([p], { lr: 1 }), (p: Parameter) => new Adam([p])]) {
      const after = (grad: Tensor) => {
        const p = new Parameter(torch.zeros(shape));
        p.grad = grad;
        make(p).step();
        return valuesOf([p]);
      };
      const transposed = torch.arange(6, { dtype: 'float32' }).reshape([3, 2]).t();
      expect(after(transposed)).toEqual(after(transposed.contiguous()));
      const expanded = tensor([2, 3, 4]).expand(shape);
      expect(after(expanded)).toEqual(after(expanded.contiguous()));
    }
  });

  it('refuses parameters whose elements do not lie side by side', () => {
    const base = torch.zeros([10]);
    for (const view of [base.slice(0, 0, 10, 2), torch.zeros([1]).expand([4])]) {
      const p = new Parameter(view);
      p.grad = torch.ones(p.shape);
      expect(() => new SGD([p]).step()).toThrow(
        /'params' expected parameters whose elements lie side by side/,
      );
    }
    const p = new Parameter(torch.zeros([3, 2]).t());
    p.grad = torch.ones([2, 3]);
    new SGD([p], { lr: 1 }).step();
    expect(valuesOf([p])).toEqual([-1, -1, -1, -1, -1, -1]);
  });

  it('loads only what it has kept, all of it or nothing', () => {
    const [w] = parameters() as [Parameter];
    const adam = new Adam([w]);
    step(adam, [w]);
    const { tensors, groups } = adam.stateDict();
    const load = (change: Record<string, unknown>, settings: object[] = groups) =>
      adam.loadStateDict({
        tensors: { ...tensors, ...change } as Record<string, Tensor>,
        groups: settings as [],
      });
    const before = valuesOf(Object.values(adam.stateDict().tensors) as Parameter[]);
    expect(() => load({ '0.exp_avg': tensor(0.5) })).toThrow("'0.exp_avg' expected shape [3], got []");
    expect(() => load({ '0.step': torch.ones([3]) })).toThrow("'0.step' expected shape [], got [3]");
    expect(() => load({ '0.exp_avg': [1] })).toThrow("'0.exp_avg' expected a Tensor, got an array");
    expect(() => load({ '1.step': tensor(1) })).toThrow("'1.step' belongs to no parameter");
    expect(() => load({ '.step': tensor(1) })).toThrow("'.step' belongs to no parameter");
    expect(() => load({ '0.momentum_buffer': torch.ones([3]) })).toThrow(
      "'0.momentum_buffer' is nothing that Adam keeps; it keeps step, exp_avg, exp_avg_sq, max_exp_avg_sq",
    );
    expect(() => load({}, [{ ...groups[0], amsgrad: true }])).toThrow("'0.max_exp_avg_sq' is missing");
    expect(() => load({}, [{ lr: Number.NaN }])).toThrow("argument 'lr' expected a number of at least 0");
    expect(() => load({}, [null as never])).toThrow("'state.groups' expected objects, got null");
    expect(() => adam.loadStateDict(null as never)).toThrow("argument 'state' expected { tensors, groups }");
    expect(valuesOf(Object.values(adam.stateDict().tensors) as Parameter[])).toEqual(before);
    expect(adam.paramGroups[0]).toMatchObject({ lr: 1e-3, params: [w] });
    load({}, [{ ...groups[0], lr: 0.5, params: [] }]);
    expect(adam.paramGroups[0]).toMatchObject({ lr: 0.5, params: [w] });
  });

  it.each<[string, (params: Parameter[]) => Optimizer, object, object]>([
    [
      'SGD: momentum',
      (params) => new SGD(params, { lr: 0.1, momentum: 0.9 }),
      { momentum: 0 },
      { momentum: 0.9 },
    ],
    [
      'Adam: amsgrad',
      (params) => new Adam(params, { lr: 0.1, amsgrad: true }),
      { amsgrad: false },
      { amsgrad: true },
    ],
    [
      'AdamW: amsgrad',
      (params) => new AdamW(params, { lr: 0.1, amsgrad: true }),
      { amsgrad: false },
      { amsgrad: true },
    ],
    ['Adam: no amsgrad', (params) => new Adam(params, { lr: 0.1 }), { amsgrad: true }, { amsgrad: false }],
  ])('%s, changed and changed back, goes on from its own state as without', (_, make, off, on) => {
    const run = (reload: boolean) => {
      const params = parameters();
      let optimizer = make(params);
      for (const settings of [on, off, off, on, on]) {
        Object.assign(optimizer.paramGroups[0]!, settings);
        if (reload) {
          const state = optimizer.stateDict();
          optimizer.loadStateDict(state);
          const other = make(params);
          other.loadStateDict(optimizer.stateDict());
          optimizer = other;
        }
        step(optimizer, params);
      }
      return valuesOf(params);
    };
    expect(run(true)).toEqual(run(false));
  });

  it('Adam begins with the largest squares where amsgrad is switched on', () => {
    // The gradients grow, so that the latest mean of their squares is the largest.
    const run = (amsgrad: boolean) => {
      const w = new Parameter(tensor(Float64Array.of(1)));
      const adam = new Adam([w], { lr: 0.1 });
      for (let n = 1; n <= 4; n++) {
        if (n === 3) adam.paramGroups[0]!.amsgrad = amsgrad;
        w.grad = tensor(Float64Array.of(n));
        adam.step();
      }
      return w.item();
    };
    expect(run(true)).toBe(run(false));
  });

  it('finds the parameters that it has not been given', () => {
    const [first, second] = parameters() as [Parameter, Parameter];
    const named = [['net.weight', first] as const, ['loss.centers', second] as const];
    expect(() => new SGD([first, second]).requireAll(named)).not.toThrow();
    expect(() => new SGD([{ params: [first] }]).requireAll(named)).toThrow(
      /^SGD: no group has the parameters loss\.centers; add them, or set requiresGrad to false/,
    );
    second.requiresGrad = false;
    expect(() => new SGD([first]).requireAll(named)).not.toThrow();
  });

  it('takes no step with a setting that a group cannot have', () => {
    const parameter = new Parameter(tensor([1]));
    const optimizer = new SGD([parameter], { lr: 0.1 });
    parameter.grad = tensor([1]);
    optimizer.paramGroups[0]!.lr = Number.NaN;
    expect(() => optimizer.step()).toThrow(
      "SGD: argument 'lr' expected a number of at least 0, got number NaN",
    );
    optimizer.paramGroups[0]!.lr = 0.1;
    optimizer.paramGroups.push({ params: [new Parameter(tensor([1]))], lr: 0.1 } as never);
    expect(() => optimizer.step()).toThrow(/SGD: argument 'weightDecay' expected .*, got undefined/);
    expect(parameter.item()).toBe(1);
    const state = { tensors: {}, groups: [{ foo: 1 }] };
    expect(() => new SGD([parameter]).loadStateDict(state)).toThrow(
      /^loadStateDict: there is no option "foo"; the options are lr, /,
    );
    expect(() => new SGD([parameter], [] as never)).toThrow(/'options' expected an object, got an array/);
  });

  it('names what is wrong with its arguments', () => {
    const [w] = parameters() as [Parameter];
    expect(() => new Adam([])).toThrow(
      "Adam: argument 'params' expected parameters or groups of them, got none",
    );
    expect(() => new Adam([w], { lr: -1 })).toThrow(
      "Adam: argument 'lr' expected a number of at least 0, got number -1",
    );
    expect(() => new Adam([w], { betas: [0.9, 1] })).toThrow(/'betas' expected a number from 0 to below 1/);
    expect(() => new SGD([w], { nesterov: true })).toThrow(/'nesterov' expected a momentum above 0/);
    expect(() => new SGD([w], { nesterov: 'no' as never })).toThrow(
      'SGD: argument \'nesterov\' expected true or false, got string "no"',
    );
    expect(() => new AdamW([w], { amsgrad: 1 as never })).toThrow(
      "AdamW: argument 'amsgrad' expected true or false, got number 1",
    );
    expect(() => new SGD([w, w])).toThrow(/a parameter in two places/);
    expect(() => new SGD([w], { learningRate: 1 } as object)).toThrow(
      "SGD: there is no setting 'learningRate'; the settings are lr, weightDecay, momentum, dampening, nesterov",
    );
    expect(() => new SGD([{ params: [w], beta: 1 } as object as { params: Parameter[] }])).toThrow(/'beta'/);
    expect(() => new SGD([w], null as never)).toThrow("SGD: argument 'options' expected an object, got null");
    expect(() => new AdamW([w], null as never)).toThrow(
      "AdamW: argument 'options' expected an object, got null",
    );
    expect(new AdamW([w], { weightDecay: undefined }).paramGroups[0]!.weightDecay).toBe(0.01);
    expect(() => new SGD([3 as unknown as Parameter])).toThrow(TypeError);
    expect(() => new SGD([w.mul(2) as Parameter])).toThrow(
      "SGD: argument 'params' expected Parameters, got a non-leaf Tensor",
    );
    expect(() => new Adam([{ params: [w.mul(2) as Parameter] }])).toThrow(TypeError);
    expect(() => new SGD([w]).loadStateDict({ tensors: {}, groups: [] })).toThrow(
      /expected 1 parameter groups, got 0/,
    );
  });
});

// LibTorch's fused operator leaves all but the last few elements of these as they are.
describe.each(['bfloat16', 'float16'] as const)('SGD of parameters in %s', (dtype) => {
  it.each([
    {},
    { weightDecay: 0.1 },
    { momentum: 0.5, dampening: 0.25 },
    { momentum: 0.5, nesterov: true, weightDecay: 0.1 },
  ])('takes the steps that float64 takes: %j', (options) => {
    const [half, wide] = ([dtype, 'float64'] as const).map((own) => {
      const [parameter, other] = [40, 3].map((size) => new Parameter(torch.ones([size], { dtype: own })));
      // Beside one that the fused operator takes.
      const groups = [parameter!, other!, new Parameter(torch.ones([20]))];
      const optimizer = new SGD(groups, { lr: 0.25, ...options });
      for (let step = 0; step < 3; step++) {
        for (const each of groups) each.grad = torch.fullLike(each, 0.5);
        optimizer.step();
      }
      return groups.map((each) => [...(each.to({ dtype: 'float64' }).toTypedArray() as Float64Array)]);
    });
    half!.forEach((values, i) => {
      values.forEach((value, j) => {
        expect(Math.abs(value - wide![i]![j]!)).toBeLessThan(dtype === 'bfloat16' ? 0.01 : 0.001);
      });
    });
  });
});
