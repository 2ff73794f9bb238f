import { describe, expect, it } from 'vitest';
import * as nn from '../../lib/nn/index.ts';
import { manualSeed, memory, noGrad, scope, type Tensor, tensor, torch } from '../../lib/tensor/index.ts';
import { expectClose } from '../support/close.ts';
import { hasTorch, runPython } from '../support/python.ts';

interface LayerCase {
  python: string;
  make: () => nn.Module;
  shape: number[];
}

const layers: LayerCase[] = [
  { python: 'Linear(6, 4)', make: () => new nn.Linear(6, 4), shape: [3, 6] },
  { python: 'Linear(6, 4, bias=False)', make: () => new nn.Linear(6, 4, { bias: false }), shape: [2, 5, 6] },
  { python: 'Conv2d(2, 4, 3)', make: () => new nn.Conv2d(2, 4, 3), shape: [3, 2, 7, 6] },
  {
    python: 'Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(1, 2), dilation=(1, 2), groups=2, bias=False)',
    make: () =>
      new nn.Conv2d(4, 6, [3, 2], {
        stride: [2, 1],
        padding: [1, 2],
        dilation: [1, 2],
        groups: 2,
        bias: false,
      }),
    shape: [2, 4, 8, 9],
  },
  { python: 'BatchNorm1d(5)', make: () => new nn.BatchNorm1d(5), shape: [7, 5] },
  {
    python: 'BatchNorm1d(5, eps=1e-3, momentum=0.3)',
    make: () => new nn.BatchNorm1d(5, { eps: 1e-3, momentum: 0.3 }),
    shape: [4, 5, 3],
  },
  { python: 'BatchNorm2d(3)', make: () => new nn.BatchNorm2d(3), shape: [4, 3, 5, 5] },
  {
    python: 'BatchNorm2d(3, affine=False, track_running_stats=False)',
    make: () => new nn.BatchNorm2d(3, { affine: false, trackRunningStats: false }),
    shape: [4, 3, 5, 5],
  },
  { python: 'PReLU()', make: () => new nn.PReLU(), shape: [3, 4] },
  {
    python: 'PReLU(4, init=0.1)',
    make: () => new nn.PReLU({ numParameters: 4, init: 0.1 }),
    shape: [3, 4, 2, 2],
  },
  { python: 'ReLU()', make: () => new nn.ReLU(), shape: [3, 4] },
  {
    python: 'Sequential(BatchNorm2d(4), ReLU(inplace=True))',
    make: () => new nn.Sequential(new nn.BatchNorm2d(4), new nn.ReLU({ inplace: true })),
    shape: [3, 4, 2, 2],
  },
  { python: 'MaxPool2d(2)', make: () => new nn.MaxPool2d(2), shape: [2, 3, 7, 6] },
  {
    python: 'MaxPool2d(3, stride=2, padding=1, ceil_mode=True)',
    make: () => new nn.MaxPool2d(3, { stride: 2, padding: 1, ceilMode: true }),
    shape: [2, 3, 8, 8],
  },
  { python: 'AvgPool2d(2)', make: () => new nn.AvgPool2d(2), shape: [2, 3, 6, 6] },
  {
    python: 'AvgPool2d((3, 2), stride=(2, 1), padding=1)',
    make: () => new nn.AvgPool2d([3, 2], { stride: [2, 1], padding: 1 }),
    shape: [2, 3, 7, 7],
  },
  { python: 'AdaptiveAvgPool2d(1)', make: () => new nn.AdaptiveAvgPool2d(1), shape: [2, 3, 5, 7] },
  { python: 'AdaptiveAvgPool2d((3, 2))', make: () => new nn.AdaptiveAvgPool2d([3, 2]), shape: [2, 3, 7, 7] },
  { python: 'Shortcut(2, 4, 2)', make: () => new nn.ZeroPadShortcut(2, 4, 2), shape: [3, 2, 4, 6] },
  { python: 'Shortcut(3, 8, 3)', make: () => new nn.ZeroPadShortcut(3, 8, 3), shape: [2, 3, 7, 5] },
  { python: 'Flatten()', make: () => new nn.Flatten(), shape: [2, 3, 4] },
  { python: 'Flatten(0, 1)', make: () => new nn.Flatten(0, 1), shape: [2, 3, 4] },
  { python: 'Identity()', make: () => new nn.Identity(), shape: [2, 3] },
  { python: 'Dropout(0)', make: () => new nn.Dropout(0), shape: [2, 3] },
  {
    python: 'Sequential(Conv2d(1, 2, 3), BatchNorm2d(2), PReLU(2), Flatten(), Linear(32, 3))',
    make: () =>
      new nn.Sequential(
        new nn.Conv2d(1, 2, 3),
        new nn.BatchNorm2d(2),
        new nn.PReLU({ numParameters: 2 }),
        new nn.Flatten(),
        new nn.Linear(32, 3),
      ),
    shape: [3, 1, 6, 6],
  },
];

type Values = Record<string, { shape: number[]; values: number[] }>;

const valuesOf = (value: Tensor): number[] => [...value.detach().toTypedArray()].map(Number);
const stateOf = (module: nn.Module): Values =>
  Object.fromEntries(
    Object.entries(module.stateDict()).map(([name, value]) => [
      name,
      { shape: value.shape, values: valuesOf(value) },
    ]),
  );
/** Values that depend on their place alone, the same on both sides. */
const inputOf = (shape: number[]): Tensor =>
  torch
    .arange(
      shape.reduce((a, b) => a * b, 1),
      { dtype: 'float32' },
    )
    .mul(0.7)
    .sin()
    .reshape(shape);

interface Theirs {
  training: number[];
  evaluation: number[];
  input: number[];
  gradients: Record<string, number[]>;
  after: Values;
}

const modules = layers.map(({ make }) => make());
const theirs = hasTorch
  ? runPython<Theirs[]>(
      `
from torch.nn import *
class Shortcut(Module):
    def __init__(self, before, after, stride):
        super().__init__()
        front = (after - before) // 2
        self.padding, self.stride = (0, 0, 0, 0, front, after - before - front), stride
    def forward(self, x):
        return torch.nn.functional.pad(x[:, :, ::self.stride, ::self.stride], self.padding)
def run(layer, state, shape):
    layer.load_state_dict({k: torch.tensor(v['values']).reshape(v['shape']) for k, v in state.items()})
    count = 1
    for size in shape: count *= size
    x = torch.arange(count, dtype=torch.float32).mul(0.7).sin().reshape(shape).requires_grad_()
    y = layer(x)
    (y * y.detach().cos()).sum().backward()
    after = {k: dict(shape=list(v.shape), values=v.flatten().tolist()) for k, v in layer.state_dict().items()}
    layer.eval()
    return dict(training=y.flatten().tolist(), evaluation=layer(x).flatten().tolist(), input=x.grad.flatten().tolist(),
                gradients={k: p.grad.flatten().tolist() for k, p in layer.named_parameters()}, after=after)
result = [run(layer, *rest) for layer, rest in zip([${layers.map(({ python }) => python).join(', ')}], given)]`,
      layers.map(({ shape }, i) => [stateOf(modules[i]!), shape]),
    )
  : [];

describe('layers', () => {
  it.skipIf(!hasTorch).each(layers.map((layer, i) => ({ ...layer, i })))(
    '$python: forward, backward, state and names as PyTorch',
    ({ i, shape }) => {
      const layer = modules[i]!;
      const expected = theirs[i]!;
      const x = inputOf(shape);
      x.requiresGrad = true;
      const y = layer.forward(x) as Tensor;
      y.mul(y.detach().cos()).sum().backward();
      const close = { atol: 2e-5, rtol: 1e-5 };
      expectClose(valuesOf(y), expected.training, close);
      expectClose(valuesOf(x.grad!), expected.input, close);
      const gradients = Object.fromEntries(
        layer.namedParameters().map(([name, p]) => [name, valuesOf(p.grad!)]),
      );
      expect(Object.keys(gradients)).toEqual(Object.keys(expected.gradients));
      for (const [name, values] of Object.entries(gradients)) {
        expectClose(values, expected.gradients[name]!, { atol: 1e-4, rtol: 1e-4 });
      }
      const after = stateOf(layer);
      expect(Object.keys(after).sort()).toEqual(Object.keys(expected.after).sort());
      for (const [name, { shape: size, values }] of Object.entries(after)) {
        expect(size).toEqual(expected.after[name]!.shape);
        expectClose(values, expected.after[name]!.values, close);
      }
      layer.eval();
      expectClose(valuesOf(layer.forward(x) as Tensor), expected.evaluation, close);
    },
  );

  it('Dropout zeroes a share p and keeps the mean; in evaluation it does nothing', () => {
    const dropout = new nn.Dropout(0.25);
    const x = torch.ones([200, 500]);
    const y = dropout.forward(x);
    const zeros = y.eq(0).to({ dtype: 'float32' }).mean().item();
    expect(Math.abs(zeros - 0.25)).toBeLessThan(5 * Math.sqrt((0.25 * 0.75) / 100_000));
    expect(Math.abs(y.mean().item() - 1)).toBeLessThan(0.01);
    expectClose(y.max().item(), 4 / 3, { rtol: 1e-6 });
    expect(dropout.eval().forward(x).sum().item()).toBe(100_000);
  });

  it('BatchNorm takes no single value for a batch', () => {
    const layer = new nn.BatchNorm1d(3);
    expect(() => layer.forward(torch.ones([1, 3]))).toThrow(
      'BatchNorm1d: input: expected more than one value for each channel in training, got shape [1, 3]',
    );
    expect(() => new nn.BatchNorm2d(3).forward(torch.ones([1, 3, 1, 1]))).toThrow(/more than one value/);
    expect(new nn.BatchNorm2d(3).forward(torch.ones([1, 3, 2, 1])).shape).toEqual([1, 3, 2, 1]);
    expect(layer.eval().forward(torch.ones([1, 3])).shape).toEqual([1, 3]);
    expect(layer.numBatchesTracked!.item()).toBe(0);
  });

  it('name what is wrong with their arguments', () => {
    expect(() => new nn.Linear(0, 3)).toThrow(
      "Linear: argument 'inFeatures' expected an integer of at least 1, got number 0",
    );
    expect(() => new nn.Conv2d(3, 4, 0)).toThrow(/Conv2d: argument 'kernelSize'/);
    expect(() => new nn.Conv2d(3, 4, 3, { groups: 2 })).toThrow(
      /'groups' expected a divisor of 3 and 4, got 2/,
    );
    expect(() => new nn.MaxPool2d([2, 2, 2] as unknown as [number, number])).toThrow(
      /expected one or two integers/,
    );
    expect(() => new nn.AdaptiveAvgPool2d(0)).toThrow(
      "AdaptiveAvgPool2d: argument 'outputSize' expected an integer of at least 1, got number 0",
    );
    expect(() => new nn.ZeroPadShortcut(4, 2)).toThrow(
      "ZeroPadShortcut: argument 'outChannels' expected an integer of at least 4, got number 2",
    );
    expect(() => new nn.Dropout(1.5)).toThrow(
      "Dropout: argument 'p' expected a number from 0 to 1, got number 1.5",
    );
    expect(() => new nn.BatchNorm1d(2, { eps: Number.NaN })).toThrow(
      "BatchNorm1d: argument 'eps' expected a finite number of at least 0, got number NaN",
    );
    expect(() => new nn.BatchNorm2d(2, { momentum: 'x' as never })).toThrow(
      'BatchNorm2d: argument \'momentum\' expected a number from 0 to 1, got string "x"',
    );
    expect(() => new nn.BatchNorm1d(2, { epsilon: 1e-3 } as never)).toThrow(
      'BatchNorm1d: there is no option "epsilon"; the options are eps, momentum, affine, trackRunningStats',
    );
    expect(() => new nn.Linear(1, 1).to('cuda' as never)).toThrow(
      'to: argument \'options\' expected an object, got string "cuda"',
    );
    expect(() => new nn.BatchNorm2d(3).forward(torch.zeros([2, 3]))).toThrow(
      /expected \(N, C, H, W\), got \[2, 3\]/,
    );
    expect(() => new nn.Sequential(new nn.ReLU(), 3 as unknown as nn.Module)).toThrow(
      'Sequential: argument 1 expected a Module, got number 3',
    );
  });

  const make = (Layer: unknown, ...args: unknown[]) => {
    return () => new (Layer as new (...args: unknown[]) => nn.Module)(...args);
  };

  it.each([
    { Layer: nn.Linear, args: [2, 3], positional: false, unknown: 'Bias' },
    { Layer: nn.Conv2d, args: [1, 2, 3], positional: 2, unknown: 'strides' },
    { Layer: nn.BatchNorm2d, args: [3], positional: 1e-3, unknown: 'epsilon' },
    { Layer: nn.MaxPool2d, args: [3], positional: 1, unknown: 'dilation' },
    { Layer: nn.AvgPool2d, args: [3], positional: [1, 1], unknown: 'countIncludePad' },
    { Layer: nn.ReLU, args: [], positional: true, unknown: 'inPlace' },
    { Layer: nn.PReLU, args: [], positional: 10, unknown: 'num_parameters' },
  ])(
    '$Layer.name takes no options in order, nor others than its own',
    ({ Layer, args, positional, unknown }) => {
      expect(make(Layer, ...args, positional)).toThrow(
        new RegExp(`^${Layer.name}: argument 'options' expected an object, got `),
      );
      expect(make(Layer, ...args, { [unknown]: 1 })).toThrow(
        `${Layer.name}: there is no option "${unknown}"; the options are `,
      );
      expect(make(Layer, ...args, null)).toThrow(TypeError);
      expect(make(Layer, ...args, {})).not.toThrow();
    },
  );

  it.each([
    { Layer: nn.Linear, args: [2, 3], name: 'bias' },
    { Layer: nn.Conv2d, args: [1, 2, 3], name: 'bias' },
    { Layer: nn.BatchNorm1d, args: [3], name: 'affine' },
    { Layer: nn.BatchNorm2d, args: [3], name: 'trackRunningStats' },
    { Layer: nn.MaxPool2d, args: [3], name: 'ceilMode' },
    { Layer: nn.AvgPool2d, args: [3], name: 'ceilMode' },
    { Layer: nn.ReLU, args: [], name: 'inplace' },
  ])('$Layer.name: $name is true or false', ({ Layer, args, name }) => {
    expect(make(Layer, ...args, { [name]: 'false' })).toThrow(
      `${Layer.name}: argument '${name}' expected true or false, got string "false"`,
    );
    for (const value of [true, false, undefined]) {
      expect(make(Layer, ...args, { [name]: value })).not.toThrow();
    }
  });

  it('PReLU begins with a finite slope', () => {
    expect(() => new nn.PReLU({ init: Number.NaN })).toThrow(
      "PReLU: argument 'init' expected a finite number, got number NaN",
    );
  });
});

describe('Parameter', () => {
  it('takes over its source', () => {
    const source = tensor([1, 2]);
    const parameter = new nn.Parameter(source);
    expect(source.disposed).toBe(true);
    expect([parameter.isLeaf, parameter.requiresGrad]).toEqual([true, true]);
  });

  it('is a leaf, whatever its source was made of', () => {
    const weight = tensor([1, 2], { requiresGrad: true });
    const parameter = new nn.Parameter(weight.mul(2));
    expect([parameter.isLeaf, parameter.gradFn]).toEqual([true, null]);
    parameter.sum().backward();
    expect(parameter.grad!.toArray()).toEqual([1, 1]);
    expect(weight.grad).toBeNull();
    expect(new nn.Parameter(weight.mul(2), { requiresGrad: false }).requiresGrad).toBe(false);
  });

  it('leaves a source alone that it cannot take', () => {
    const integers = tensor([1n]);
    expect(() => new nn.Parameter(integers)).toThrow(
      "Parameter: argument 'source' expected a floating-point or complex dtype, got int64",
    );
    expect(integers.disposed).toBe(false);
    expect(new nn.Parameter(integers, { requiresGrad: false }).dtype).toBe('int64');
    expect(() => new nn.Parameter(5 as never)).toThrow(
      "Parameter: argument 'source' expected a Tensor, got number 5",
    );
    expect(() => new nn.Buffer(null as never)).toThrow(
      "Buffer: argument 'source' expected a Tensor, got null",
    );
  });
});

describe('Sequential', () => {
  /** Notes how many tensors are alive when its turn comes. */
  class Count extends nn.Module {
    readonly counts: number[] = [];
    forward(input: Tensor): Tensor {
      this.counts.push(memory.tensors);
      return input.mul(2);
    }
  }

  it('frees what lies between two layers as soon as the second is done', () => {
    const count = new Count();
    const net = new nn.Sequential(...Array.from({ length: 6 }, () => count));
    const x = torch.ones([3]);
    const before = memory.tensors;
    const y = net.forward(x);
    expect(count.counts.map((alive) => alive - before)).toEqual([0, 1, 1, 1, 1, 1]);
    expect(memory.tensors).toBe(before + 1);
    expect(y.toArray()).toEqual([64, 64, 64]);
  });

  it('leaves its input, what is kept, and what autograd needs', () => {
    const net = new nn.Sequential(new nn.Identity(), new nn.Linear(3, 3), new nn.ReLU(), new nn.Linear(3, 1));
    const x = torch.ones([2, 3]);
    const y = scope(() => net.forward(x));
    y.sum().backward();
    for (const parameter of net.parameters()) expect(parameter.grad).not.toBeNull();
    expect(new nn.Sequential(new nn.Identity()).forward(x)).toBe(x);
    expect(new nn.Sequential().forward(x)).toBe(x);
    expect(x.disposed).toBe(false);
  });

  it('has what a subclass adds, behind its layers', () => {
    class Headed extends nn.Sequential {
      readonly head = new nn.Sequential(new nn.Linear(4, 1), new nn.Dropout());
    }
    const net = new Headed(new nn.Linear(3, 4), new nn.ReLU());
    expect(net.namedChildren().map(([name]) => name)).toEqual(['0', '1', 'head']);
    expect(Object.keys(net.stateDict())).toEqual(['0.weight', '0.bias', 'head.0.weight', 'head.0.bias']);
    net.eval();
    expect(net.head.layers[1]!.training).toBe(false);
  });
});

describe('initialisation', () => {
  /** The largest absolute value and the standard deviation of many draws. */
  const statistics = (values: Tensor) =>
    scope(() =>
      noGrad(() => ({
        bound: values.abs().max().item(),
        std: values.std().item(),
        mean: values.mean().item(),
      })),
    );

  it.each([
    { name: 'Linear', make: () => new nn.Linear(300, 500), fanIn: 300 },
    { name: 'Conv2d', make: () => new nn.Conv2d(32, 64, 5), fanIn: 32 * 25 },
    { name: 'grouped Conv2d', make: () => new nn.Conv2d(32, 64, 5, { groups: 4 }), fanIn: 8 * 25 },
  ])("$name: PyTorch's, U(−1/√fanIn, 1/√fanIn)", ({ make, fanIn }) => {
    const layer = make();
    const bound = 1 / Math.sqrt(fanIn);
    const weight = statistics(layer.weight);
    expect(weight.bound).toBeLessThanOrEqual(bound);
    expect(weight.bound).toBeGreaterThan(0.99 * bound);
    expectClose(weight.std, bound / Math.sqrt(3), { rtol: 0.02 });
    expect(Math.abs(weight.mean)).toBeLessThan(0.02 * bound);
    const bias = statistics(layer.bias!);
    expect(bias.bound).toBeLessThanOrEqual(bound);
    expectClose(bias.std, bound / Math.sqrt(3), { rtol: 0.15 });
  });

  it.skipIf(!hasTorch)('draws the very numbers that PyTorch draws from the same seed', () => {
    const expected = runPython<number[][]>(`
torch.manual_seed(7)
net = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 3), torch.nn.Linear(5, 4))
result = [p.flatten().tolist() for p in net.parameters()]`);
    const ours = scope(() => {
      manualSeed(7);
      return new nn.Sequential(new nn.Conv2d(2, 3, 3), new nn.Linear(5, 4)).parameters().map(valuesOf);
    });
    ours.forEach((values, i) => {
      expectClose(values, expected[i]!, { atol: 1e-7 });
    });
  });

  it('fills by name, with the stated spread', () => {
    const weight = torch.empty([400, 250]);
    expectClose(statistics(nn.init.kaimingNormal_(weight)).std, Math.sqrt(2 / 250), { rtol: 0.02 });
    expectClose(
      statistics(nn.init.kaimingNormal_(weight, { mode: 'fanOut', a: 1 })).std,
      Math.sqrt(1 / 400),
      {
        rtol: 0.02,
      },
    );
    expectClose(statistics(nn.init.kaimingUniform_(weight)).bound, Math.sqrt(6 / 250), { rtol: 0.01 });
    expectClose(statistics(nn.init.xavierUniform_(weight)).bound, Math.sqrt(6 / 650), { rtol: 0.01 });
    expectClose(statistics(nn.init.xavierNormal_(weight, 2)).std, 2 * Math.sqrt(2 / 650), { rtol: 0.02 });
    expect(() => nn.init.fans([3])).toThrow(/expected two or more dimensions, got \[3\]/);
  });

  it('names what is wrong with its options, and fills nothing', () => {
    const weight = torch.zeros([2, 3]);
    for (const name of ['kaimingNormal_', 'kaimingUniform_'] as const) {
      const fill = (options: unknown) => () => nn.init[name](weight, options as never);
      expect(fill({ nonlinearity: 'relu' })).toThrow(
        `${name}: there is no option "nonlinearity"; the options are a, mode`,
      );
      expect(fill('fanOut')).toThrow(`${name}: argument 'options' expected an object, got string "fanOut"`);
      expect(fill({ mode: 'fan_out' })).toThrow(
        `${name}: argument 'mode' expected 'fanIn' or 'fanOut', got string "fan_out"`,
      );
      expect(fill({ a: 'x' })).toThrow(`${name}: argument 'a' expected a finite number, got string "x"`);
    }
    for (const name of ['xavierNormal_', 'xavierUniform_'] as const) {
      expect(() => nn.init[name](weight, { gain: 2 } as never)).toThrow(
        `${name}: argument 'gain' expected a finite number of at least 0, got an object`,
      );
    }
    expect(valuesOf(weight)).toEqual([0, 0, 0, 0, 0, 0]);
  });
});

describe('Module', () => {
  class Net extends nn.Module {
    readonly body = new nn.Sequential(new nn.Linear(3, 4), new nn.BatchNorm1d(4));
    readonly temperature = new nn.Parameter(tensor([2]));
    readonly runningCount = new nn.Buffer(tensor([5n]));
    forward(x: Tensor): Tensor {
      return this.body.forward(x).mul(this.temperature);
    }
  }

  it("names parameters, buffers and modules as PyTorch, in the order of assignment, a module's own first", () => {
    const net = new Net();
    expect(net.namedParameters().map(([name]) => name)).toEqual([
      'temperature',
      'body.0.weight',
      'body.0.bias',
      'body.1.weight',
      'body.1.bias',
    ]);
    expect(net.namedBuffers().map(([name]) => name)).toEqual([
      'running_count',
      'body.1.running_mean',
      'body.1.running_var',
      'body.1.num_batches_tracked',
    ]);
    expect(net.namedModules().map(([name]) => name)).toEqual(['', 'body', 'body.0', 'body.1']);
  });

  const withField = (value: unknown) => Object.assign(new Net(), { blocks: value });

  it('does not take an array of modules or parameters, which it would not see', () => {
    for (const blocks of [[new nn.Linear(2, 2)], [null, new nn.Parameter(tensor([1]))]]) {
      for (const ask of ['parameters', 'stateDict', 'eval', 'namedChildren'] as const) {
        expect(() => withField(blocks)[ask]()).toThrow(
          /^Net: blocks: expected a property for each .*, got an array of them, .*nn\.Sequential/,
        );
      }
    }
    expect(withField([1, 'two']).parameters()).toHaveLength(5);
    const list = new nn.Sequential(new nn.Linear(2, 2));
    expect(list.layers).toHaveLength(1);
    expect(withField(list).namedParameters().at(-1)![0]).toBe('blocks.0.bias');
  });

  it('does not take them in objects, maps, sets or arrays of these either', () => {
    const layer = new nn.Linear(2, 2);
    const objects = [
      { layer },
      Object.assign(Object.create(null), { layer }),
      new Map([['layer', layer]]),
      new Set([new nn.Buffer(tensor([1]))]),
      { stages: new Map([['first', [layer]]]) },
    ];
    for (const blocks of objects) {
      expect(() => withField(blocks).parameters()).toThrow(/^Net: blocks: .*, got an object of them, /);
    }
    expect(() => withField([[1], [layer]]).parameters()).toThrow(/got an array of them/);
  });

  it('takes what holds itself, and instances of classes, which are their own affair', () => {
    const cycle: unknown[] = [];
    cycle.push(cycle, new Map([[1, cycle]]), { cycle });
    class Holder {
      readonly layer = new nn.Linear(2, 2);
    }
    expect(withField(cycle).parameters()).toHaveLength(5);
    expect(withField([new Holder(), tensor([1])]).parameters()).toHaveLength(5);
  });

  it('names two properties that have one name in state dicts', () => {
    for (const make of [() => new nn.Parameter(tensor([1])), () => new nn.Linear(2, 2)]) {
      const net = Object.assign(new Net(), { fooBar: make(), foo_bar: make() });
      for (const ask of ['stateDict', 'parameters'] as const) {
        expect(() => net[ask]()).toThrow(
          "Net: the properties 'fooBar' and 'foo_bar' are both 'foo_bar' in state dicts",
        );
      }
    }
    const mixed = Object.assign(new Net(), { running_count: new nn.Parameter(tensor([1])) });
    expect(() => mixed.loadStateDict({})).toThrow(/'runningCount' and 'running_count'/);
    expect(Object.assign(new Net(), { fooBar: 1, foo_bar: 2 }).parameters()).toHaveLength(5);
  });

  it('counts what has several names once, and has all names in state dicts', () => {
    const shared = new nn.Linear(3, 3);
    const net = new nn.Sequential(shared, new nn.ReLU(), shared);
    expect(net.parameters()).toEqual([shared.weight, shared.bias]);
    expect(net.namedModules().map(([name]) => name)).toEqual(['', '0', '1']);
    expect(net.namedParameters().map(([name]) => name)).toEqual(['0.weight', '0.bias']);
    expect(Object.keys(net.stateDict())).toEqual(['0.weight', '0.bias', '2.weight', '2.bias']);
    net.loadStateDict(net.stateDict());
  });

  it('does not go where there are no data', () => {
    expect(() => new nn.Linear(3, 2).to({ device: 'meta' })).toThrow(
      "to: argument 'device' expected one that holds data, got 'meta'",
    );
  });

  it('switches all modules between training and evaluation', () => {
    const net = new Net().eval();
    expect(net.namedModules().every(([, module]) => !module.training)).toBe(true);
    net.train();
    expect(net.namedModules().every(([, module]) => module.training)).toBe(true);
  });

  it('changes the dtype of floating-point tensors, and keeps the objects and their autograd', () => {
    const net = new Net();
    const [, weight] = net.namedParameters().find(([name]) => name === 'body.0.weight')!;
    net.to({ dtype: 'float64' });
    expect(weight.dtype).toBe('float64');
    expect(weight.isLeaf && weight.requiresGrad).toBe(true);
    expect(net.runningCount.dtype).toBe('int64');
    net
      .forward(torch.ones([2, 3], { dtype: 'float64' }))
      .sum()
      .backward();
    expect(weight.grad!.shape).toEqual([4, 3]);
    net.zeroGrad();
    expect(weight.grad).toBeNull();
  });

  it('keeps its tensors when the scope in which it was made ends', () => {
    const net = scope(() => new Net());
    expect(net.forward(torch.ones([2, 3])).shape).toEqual([2, 4]);
  });

  it('loads a state dict by copying, and says all that does not fit', () => {
    const [from, to] = [new Net(), new Net()];
    to.loadStateDict(from.stateDict());
    expect(stateOf(to)).toEqual(stateOf(from));
    noGrad(() => from.temperature.fill_(9));
    expect(to.temperature.item()).toBe(2);

    const { 'body.0.bias': _, ...rest } = from.stateDict();
    const state = { ...rest, extra: tensor([1]), temperature: tensor([1, 2]) };
    expect(() => to.loadStateDict(state)).toThrow(
      'loadStateDict: missing: body.0.bias. unexpected: extra. of another shape: temperature expected [1], got [2]',
    );
    expect(() => to.loadStateDict(rest, { strict: false })).not.toThrow();
    const loosely = (value: unknown) => to.loadStateDict(value as never);
    expect(() => loosely(null)).toThrow(
      "loadStateDict: argument 'state' expected an object of tensors, got null",
    );
    expect(() => loosely({ ...from.stateDict(), temperature: [1] })).toThrow(
      "loadStateDict: argument 'state.temperature' expected a Tensor, got an array",
    );
    expect(() => loosely({ ...from.stateDict(), temperature: undefined })).toThrow(/got undefined/);
    noGrad(() => from.temperature.fill_(5));
    const hollow = { ...from.stateDict(), 'body.1.bias': torch.zeros([4], { device: 'meta' }) };
    expect(() => to.loadStateDict(hollow)).toThrow(
      'loadStateDict: without data, on the device meta: body.1.bias',
    );
    expect(to.temperature.item()).toBe(9);
    const many = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`extra${i}`, tensor([1])]));
    expect(() => to.loadStateDict({ ...from.stateDict(), ...many })).toThrow(/extra19 and 30 more$/);
    expect(() => to.loadStateDict(from.stateDict(), { strict: 'no' as never })).toThrow(
      'loadStateDict: argument \'strict\' expected true or false, got string "no"',
    );
  });

  it('is as it was where one tensor of a state dict cannot be copied', () => {
    const [from, to] = [new Net(), new Net()];
    const before = stateOf(to);
    noGrad(() => from.temperature.fill_(9));
    const state = from.stateDict();
    expect(() =>
      to.loadStateDict({ ...state, 'body.0.weight': state['body.0.weight']!.detach().toSparse() }),
    ).toThrow(/^loadStateDict: body\.0\.weight: .*sparse/);
    expect(stateOf(to)).toEqual(before);
  });

  it('names a module that is a part of itself', () => {
    class Child extends nn.Module {
      parent: nn.Module | null = null;
      forward() {}
    }
    class Around extends nn.Module {
      inner = new Child();
      forward() {}
    }
    const around = new Around();
    around.inner.parent = around;
    expect(() => around.parameters()).toThrow(
      "Around: 'inner.parent' is a module that it is itself a part of; what is to know the module around it may have it in " +
        'a #private field',
    );
  });

  it('switches to true or false', () => {
    expect(() => new nn.ReLU().train('no' as never)).toThrow("train: argument 'mode' expected true or false");
  });

  it('keeps nothing of the graph that made a buffer', () => {
    const made = tensor([1, 2], { requiresGrad: true }).mul(2);
    const buffer = new nn.Buffer(made);
    expect([buffer.gradFn, buffer.requiresGrad, made.disposed]).toEqual([null, false, true]);
    expect(buffer.toArray()).toEqual([2, 4]);
  });

  it('loads its own tensors under other names, and views of them', () => {
    const values = (net: nn.Sequential) => net.parameters().map((parameter) => valuesOf(parameter));
    for (const source of [(own: Tensor) => own, (own: Tensor) => own.detach()]) {
      const net = new nn.Sequential(
        new nn.Linear(2, 2, { bias: false }),
        new nn.Linear(2, 2, { bias: false }),
      );
      const [first, second] = values(net);
      const { '0.weight': weight0, '1.weight': weight1 } = net.stateDict();
      const state = { '0.weight': source(weight1!), '1.weight': source(weight0!) };
      const before = memory.tensors;
      net.loadStateDict(state);
      expect(memory.tensors).toBe(before);
      expect(values(net)).toEqual([second, first]);
    }
  });
});
