import { describe, expect, it } from 'vitest';
import { IcuLoss, type IcuLossOptions } from '../../lib/losses/icu.ts';
import { icuDefaults } from '../../lib/losses/icu-options.ts';
import { icuForward, icuLogits, icuPredict } from '../../lib/losses/icu-reference.ts';
import { icuGradients } from '../../lib/losses/icu-reference-gradients.ts';
import {
  manualSeed,
  memory,
  noGrad,
  operator,
  scope,
  type Tensor,
  tensor,
  torch,
} from '../../lib/tensor/index.ts';
import { expectClose, relativeError } from '../support/close.ts';
import { nativeLoss, numbers, toTensors } from './native.ts';
import { mixedLabels, randomProblem } from './problems.ts';

const covariances = ['isotropic', 'scalar', 'diagonal'] as const;
const shape = { N: 7, K: 4, D: 3 };

/** A loss with the parameters of a problem, in float64. */
function lossOf(inputs: ReturnType<typeof randomProblem>, options: IcuLossOptions = {}): IcuLoss {
  const loss = new IcuLoss(inputs.classes, inputs.dims, { logPrior: inputs.logPrior, ...options });
  loss.to({ dtype: 'float64' });
  const { means, logVariances, logPrior } = toTensors(inputs, { covariance: options.covariance });
  noGrad(() => {
    loss.means.copy_(means);
    loss.logVariances.copy_(logVariances);
    if (logPrior) loss.logPrior!.copy_(logPrior);
  });
  return loss;
}

describe('IcuLoss', () => {
  it.each(covariances)('is the loss of the reference, %s covariance', (covariance) => {
    const inputs = randomProblem(shape, { seed: 1, covariance, labels: mixedLabels, prior: true });
    const options = { covariance, alpha: 0.2, gammaMode: 'determinant', momentCenter: 'batch' } as const;
    const loss = lossOf(inputs, options);
    const { features, labels } = toTensors(inputs, { covariance });
    const output = loss.forward(features, labels);
    const expected = icuForward(inputs, options);
    expectClose(output.classification.item(), expected.classification, { rtol: 1e-12 });
    expectClose(output.regularizer!.item(), expected.regularizer, { rtol: 1e-12 });
    const total = (expected.classification as number) + expected.regularizer;
    expectClose(output.total.item(), total, { rtol: 1e-12 });
    const { validRows, negativeShare, featureNorm } = output.diagnostics as Record<string, Tensor>;
    expect([validRows!.item(), negativeShare!.item()]).toEqual([6, expected.diagnostics.negativeShare]);
    expectClose(featureNorm!.item(), expected.diagnostics.featureNorm, { rtol: 1e-12 });

    output.total.backward();
    const gradients = icuGradients(inputs, options);
    expect(relativeError(numbers(features.grad!), gradients.features)).toBeLessThan(1e-12);
    expect(relativeError(numbers(loss.means.grad!), gradients.means)).toBeLessThan(1e-12);
    expect(relativeError(numbers(loss.logVariances.grad!), gradients.logVariances)).toBeLessThan(1e-12);

    expectClose(numbers(loss.logits(features)), icuLogits(inputs, options), { rtol: 1e-12 });
    const predicted = loss.predict(features);
    expect(predicted.dtype).toBe('int64');
    expect(Array.from(numbers(predicted))).toEqual(Array.from(icuPredict(inputs, options)));
  });

  it('gives the row losses and their sum where it does not reduce', () => {
    const inputs = randomProblem(shape, { seed: 2, labels: mixedLabels });
    const loss = lossOf(inputs, { reduction: 'none' });
    const { features, labels } = toTensors(inputs);
    const { classification, regularizer, total } = loss.forward(features, labels);
    const { rowLosses } = icuForward(inputs);
    expectClose(numbers(classification), rowLosses, { atol: 1e-15, rtol: 1e-12 });
    const sum = rowLosses.reduce((a, b) => a + b, 0);
    expectClose(total.item(), sum + regularizer!.item(), { rtol: 1e-12 });
  });

  it('passes every option on', () => {
    const inputs = randomProblem({ N: 12, K: 4, D: 3 }, { seed: 3 });
    inputs.labels = [0, 1, 2, 0, 1, 2, 1, 1, 2, 2, 1, 0];
    const { features, labels } = toTensors(inputs);
    const parts = (options: IcuLossOptions) => {
      const loss = lossOf(inputs, options);
      const { total, classification } = loss.forward(features, labels);
      total.backward();
      return [classification.sum().item(), total.item(), ...numbers(loss.means.grad!)];
    };
    // Margins large enough that each changes something.
    const base: IcuLossOptions = { alpha: 0.5, gamma: 0.5 };
    const plain = parts(base);
    const others: IcuLossOptions[] = [
      ...[
        { covariance: 'scalar' as const },
        { alpha: 0.1 },
        { gamma: 0.1 },
        { gammaMode: 'determinant' as const },
      ],
      ...[{ gammaMode: 'logdet' as const }, { alphaMode: 'mahalanobis' as const }, { lambdaMean: 0 }],
      ...[{ lambdaVar: 0 }, { regReduction: 'classes' as const }, { regReduction: 'samples' as const }],
      ...[{ momentCenter: 'batch' as const }, { momentGradient: false }, { reduction: 'sum' as const }],
      ...[
        { ignoreIndex: 1 },
        { minLogVariance: 0.5, initialSigma: 2 },
        { maxLogVariance: -0.5, initialSigma: 0.5 },
        { logPrior: [1, 0, 0, 0] },
      ],
    ];
    for (const option of others) {
      expect(relativeError(parts({ ...base, ...option }), plain), JSON.stringify(option)).toBeGreaterThan(
        1e-6,
      );
    }
    const narrow: IcuLossOptions = { ...base, initialSigma: 0.1 };
    expect(new IcuLoss(4, 3, narrow).logVariances.shape).toEqual([4]);
    expect(new IcuLoss(4, 3, { covariance: 'diagonal' }).logVariances.shape).toEqual([4, 3]);
  });

  it('is the same whatever is kept for the backward pass', () => {
    const inputs = randomProblem(shape, { seed: 5, labels: mixedLabels });
    const all = ([undefined, 'store', 'recompute'] as const).map((memory) => {
      const loss = lossOf(inputs, { memory, alpha: 0.2 });
      const { features, labels } = toTensors(inputs);
      const { total } = loss.forward(features, labels);
      total.backward();
      return [total.item(), ...numbers(features.grad!), ...numbers(loss.means.grad!)];
    });
    for (const one of all) expect(relativeError(one, all[0]!)).toBeLessThan(1e-12);
    expect(() => new IcuLoss(3, 2, { memory: 'keep' as 'store' })).toThrow(
      'IcuLoss: memory: expected one of "auto", "store", "recompute", got "keep"',
    );
  });

  it('is the same on a CPU whatever the precision', () => {
    const inputs = randomProblem(shape, { seed: 5, labels: mixedLabels });
    const totalOf = (options: IcuLossOptions): number => {
      const { features, labels } = toTensors(inputs);
      return lossOf(inputs, options).forward(features, labels).total.item();
    };
    expect(totalOf({ precision: 'split-tf32' })).toBe(totalOf({}));
    expect(() => new IcuLoss(3, 2, { precision: 'tf32' as 'exact' })).toThrow(
      'IcuLoss: precision: expected one of "exact", "split-tf32", got "tf32"',
    );
  });

  it('keeps N×K values for the backward pass, or none, as it is told', () => {
    const [N, K, D] = [256, 4096, 2];
    const features = torch.randn([N, D]);
    const labels = torch.zeros([N], { dtype: 'int64' });
    /** What the loss holds until its graph is freed. */
    const held = (kept: 'store' | 'recompute') => {
      const loss = new IcuLoss(K, D, { memory: kept });
      return scope(() => {
        loss.forward(features, labels);
        memory.emptyCache();
        return -memory.cachedBytes;
      });
    };
    const freedBy = (kept: 'store' | 'recompute') => held(kept) + memory.cachedBytes;
    expect(freedBy('store')).toBeGreaterThanOrEqual(4 * N * K);
    expect(freedBy('recompute')).toBeLessThan(N * K);
  });

  it('goes backward from the total after its other outputs have been freed', () => {
    const inputs = randomProblem(shape, { seed: 6, labels: mixedLabels });
    const loss = lossOf(inputs);
    const { features, labels } = toTensors(inputs);
    const total = scope(() => loss.forward(features, labels).total);
    // Others take the place in memory of what has been freed.
    for (let i = 0; i < 20; i++) scope(() => loss.forward(features, labels));
    total.backward();
    expect(relativeError(numbers(features.grad!), icuGradients(inputs).features)).toBeLessThan(1e-12);
  });

  it('takes its diagnostics apart when they are read', () => {
    const loss = new IcuLoss(3, 2);
    const features = tensor([3, 4, 0, 0], { dtype: 'float32' }).view([2, 2]);
    const labels = tensor([0n, 1n]);
    scope(() => {
      const { diagnostics } = loss.forward(features, labels);
      expect(Object.keys(diagnostics)).toEqual(['validRows', 'negativeShare', 'featureNorm']);
      const before = memory.tensors;
      // What an inner scope has freed can be read again outside.
      expect(scope(() => (diagnostics.featureNorm as Tensor).item())).toBe(2.5);
      expect(memory.tensors).toBe(before);
      const { validRows, featureNorm } = diagnostics as Record<string, Tensor>;
      expect([validRows!.item(), featureNorm!.item()]).toEqual([2, 2.5]);
      expect(memory.tensors).toBe(before + 3);
      expect(diagnostics.validRows).toBe(validRows);
      expect(memory.tensors).toBe(before + 3);
    });
    const returned = scope(() => loss.forward(features, labels)).diagnostics;
    expect(Object.values(returned).map((value) => (value as Tensor).item())).toEqual([
      2,
      expect.any(Number),
      2.5,
    ]);
  });

  it("has the operator's defaults, which it therefore need not pass", () => {
    const inputs = randomProblem(shape, { seed: 4, labels: mixedLabels });
    const without = nativeLoss(inputs);
    const spelledOut = nativeLoss(inputs, icuDefaults);
    expect(without).toEqual(spelledOut);
    const far = { ...inputs, logVariances: Float64Array.of(-30, 30, -30, 30) };
    expect(nativeLoss(far)).toEqual(nativeLoss(far, icuDefaults));
  });

  it('starts with normal means and the same σ everywhere', () => {
    manualSeed(1);
    for (const D of [2, 512]) {
      const loss = new IcuLoss(2000, D, { initialMeanStd: 3, initialSigma: 0.5, covariance: 'diagonal' });
      const values = numbers(loss.means);
      const mean = values.reduce((a, b) => a + b, 0) / values.length;
      const square = values.reduce((a, b) => a + b ** 2, 0) / values.length;
      expectClose(mean, 0, { atol: 0.2 });
      expectClose(Math.sqrt(square), 3, { rtol: 0.05 });
      expect(new Set(numbers(loss.logVariances))).toEqual(new Set([Math.fround(2 * Math.log(0.5))]));
    }
    const seeded = [1, 2, 1].map((seed) => {
      manualSeed(seed);
      return [...numbers(new IcuLoss(3, 2).means)];
    });
    expect(seeded[0]).toEqual(seeded[2]);
    expect(seeded[0]).not.toEqual(seeded[1]);
  });

  it('has parameter groups without weight decay, both at rates of their own', () => {
    const loss = new IcuLoss(10, 100);
    const groups = loss.parameterGroups(0.01, 0.5);
    expect(groups.map(({ name, weightDecay }) => [name, weightDecay])).toEqual([
      ['means', 0],
      ['logVariances', 0],
    ]);
    expect(groups[0]!.params).toEqual([loss.means]);
    expect(groups[1]!.params).toEqual([loss.logVariances]);
    expectClose(
      groups.map(({ lr }) => lr),
      [0.1, 0.002],
      { rtol: 1e-12 },
    );
    const rate = (D: number, options: IcuLossOptions): number =>
      new IcuLoss(10, D, options).parameterGroups(1)[1]!.lr;
    expect([
      rate(2, {}),
      rate(1, {}),
      rate(100, { covariance: 'scalar' }),
      rate(100, { varianceLr: 0.5 }),
    ]).toEqual([...[10, 10, 10, 0.5]]);
  });

  it('takes int32 labels, of mixed images as well', () => {
    const loss = new IcuLoss(3, 2);
    const labels = tensor([0, 2], { dtype: 'int32' });
    const mixed = loss.forwardMixed(torch.ones([2, 2]), { labels, otherLabels: labels, lambda: 0.5 });
    expectClose(mixed.total.item(), loss.forward(torch.ones([2, 2]), labels).total.item(), { rtol: 1e-6 });
  });

  it('takes the rates that it is given', () => {
    const groups = new IcuLoss(10, 100, { meanLr: 2, varianceLr: 0.5 }).parameterGroups(0.1);
    expectClose(
      groups.map(({ lr }) => lr),
      [0.2, 0.05],
      { rtol: 1e-12 },
    );
    const decaying = new IcuLoss(10, 100, { meanDecay: 1, varianceDecay: 0.5 }).parameterGroups(0.1, 0.01);
    expect(decaying.map(({ weightDecay }) => weightDecay)).toEqual([0.01, 0.005]);
    expect(() => new IcuLoss(10, 2, { meanDecay: -1 })).toThrow(
      'IcuLoss: meanDecay: expected a finite number of at least 0, got -1',
    );
    expect(() => new IcuLoss(10, 2, { meanLr: 0 })).toThrow(
      'IcuLoss: meanLr: expected a finite number above 0, got 0',
    );
  });

  it('sums itself up', () => {
    const loss = new IcuLoss(3, 2);
    noGrad(() => {
      loss.logVariances.copy_(tensor([0, 2 * Math.log(2), 40]));
      loss.means.copy_(tensor([3, 4, 0, 0, 0, 1]).view([3, 2]));
    });
    const { sigmaMean, sigmaMin, sigmaMax, meanNorm } = loss.summary();
    const largest = Math.exp(5); // of the bound, not of the parameter
    expectClose([sigmaMean!, sigmaMin!, sigmaMax!, meanNorm!], [(3 + largest) / 3, 1, largest, 2], {
      rtol: 1e-6,
    });
    const diagonal = new IcuLoss(1, 2, { covariance: 'diagonal' });
    noGrad(() => diagonal.logVariances.copy_(tensor([[Math.log(2), Math.log(16)]])));
    expectClose(diagonal.summary().sigmaMean!, 3, { rtol: 1e-6 });
  });

  it('makes its prior from class counts', () => {
    const loss = new IcuLoss(3, 2, { logPrior: 'counts', classCounts: [70, 25, 5] });
    expectClose(numbers(loss.logPrior!), [0.7, 0.25, 0.05].map(Math.log), { rtol: 1e-6 });
    expect(() => new IcuLoss(3, 2, { logPrior: 'counts' })).toThrow(
      'IcuLoss: classCounts: expected the number of training images of each class, 3 integers of at least 1, got undefined',
    );
    expect(() => new IcuLoss(3, 2, { logPrior: 'count' as 'counts' })).toThrow(
      'IcuLoss: logPrior: expected 3 values, one for each class, "counts" or null, got "count"',
    );
    expect(new IcuLoss(3, 2, { classCounts: [1, 2, 3] }).logPrior).toBeNull();
  });

  it('adds the prior with the strength tau, and to the logits never', () => {
    const given = tensor([-1, -2, -3]);
    const loss = new IcuLoss(3, 2, { logPrior: given, tau: 2.5 });
    expect([...numbers(loss.logPrior!)]).toEqual([-2.5, -5, -7.5]);
    expect([...numbers(given)]).toEqual([-1, -2, -3]);
    expect([...numbers(new IcuLoss(3, 2, { logPrior: [1, 2, 3], tau: 0 }).logPrior!)]).toEqual([0, 0, 0]);
    const [x, y] = [tensor([[0.5, -0.5]]), tensor([2], { dtype: 'int64' })];
    const distances = loss.distances(x);
    const logits = [0, 1, 2].map((k) => -numbers(distances)[k]! + [-2.5, -5, -7.5][k]!);
    const expected = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - logits[2]!), 0));
    const plain = new IcuLoss(3, 2, { logPrior: given, tau: 2.5, alpha: 0, gamma: 0 });
    plain.loadStateDict(loss.stateDict());
    expectClose(plain.forward(x, y).classification.item(), expected, { rtol: 1e-5 });
    expectClose(numbers(loss.logits(x)), numbers(distances.neg()), { rtol: 0 });
    const integers = tensor(BigInt64Array.of(0n, -1n, -2n));
    expect([...numbers(new IcuLoss(3, 2, { logPrior: integers, tau: 0.5 }).logPrior!)]).toEqual([
      0, -0.5, -1,
    ]);
  });

  it('saves means, log-variances and a prior', () => {
    const prior = new IcuLoss(3, 2, { logPrior: [0, -1, -2] });
    expect(Object.keys(prior.stateDict())).toEqual(['means', 'log_variances', 'log_prior']);
    const plain = new IcuLoss(3, 2);
    expect(Object.keys(plain.stateDict())).toEqual(['means', 'log_variances']);
    const copy = new IcuLoss(3, 2, { logPrior: [0, 0, 0] });
    copy.loadStateDict(prior.stateDict());
    expect([...numbers(copy.means)]).toEqual([...numbers(prior.means)]);
    expect([...numbers(copy.logPrior!)]).toEqual([0, -1, -2]);
    expect(copy.parameters().length).toBe(2);
  });

  it('learns to tell Gaussians apart, and their widths', () => {
    manualSeed(3);
    const loss = new IcuLoss(3, 2, { lambdaMean: 0, lambdaVar: 0, alpha: 0, gamma: 0 });
    const labels = torch.arange(900).remainder(3);
    const widths = tensor([0.3, 0.6, 1.2]).indexSelect(0, labels).view([900, 1]);
    const centres = tensor([
      [2, 0],
      [-1, 2],
      [-1, -2],
    ]).indexSelect(0, labels);
    const features = torch.randn([900, 2]).mul(widths).add(centres);
    for (let step = 0; step < 300; step++) {
      scope(() => {
        loss.zeroGrad();
        loss.forward(features, labels).total.backward();
        noGrad(() => {
          for (const parameter of loss.parameters()) parameter.sub_(parameter.grad!.mul(0.5));
        });
      });
    }
    const right = loss.predict(features).eq(labels).sum().item();
    expect(right / 900).toBeGreaterThan(0.93);
    const sigmas = numbers(loss.sigmas());
    expect(sigmas[0]! < sigmas[1]! && sigmas[1]! < sigmas[2]!).toBe(true);
  });

  it('leaves no tensors behind in a training loop', () => {
    const loss = new IcuLoss(10, 16);
    const features = torch.randn([32, 16]);
    features.requiresGrad = true;
    const labels = torch.arange(32).remainder(10);
    const step = (): void =>
      scope(() => {
        loss.forward(features, labels).total.backward();
        loss.predict(features);
        loss.summary();
      });
    step();
    const before = memory.tensors;
    for (let i = 0; i < 20; i++) step();
    expect(memory.tensors).toBe(before);
  });
});

describe('inputs', () => {
  const inputs = randomProblem({ N: 37, K: 5, D: 6 }, { seed: 9 });

  it('may be strided', () => {
    const expected = nativeLoss(inputs, { reduction: 'none' });
    const strided = nativeLoss(
      inputs,
      { reduction: 'none' },
      {
        change: ({ features, labels, means, logVariances, logPrior }) => ({
          features: features.t().contiguous().t(),
          labels: torch.stack([labels, labels], 1).select(1, 0),
          means: torch.cat([means, means], 1).narrow(1, 0, 6),
          logVariances: torch.stack([logVariances, logVariances], 1).select(1, 1),
          logPrior,
        }),
      },
    );
    for (const [name, values] of Object.entries(expected)) {
      expectClose(strided[name as keyof typeof strided], values, { atol: 1e-15, rtol: 1e-12 });
    }
  });

  it('may have int32 labels', () => {
    const int32 = nativeLoss(
      inputs,
      {},
      {
        change: (tensors) => ({ ...tensors, labels: tensors.labels.to({ dtype: 'int32' }) }),
      },
    );
    expect(int32).toEqual(nativeLoss(inputs));
  });

  it('are not changed', () => {
    const { features, labels, means, logVariances } = toTensors(inputs);
    const copies = [features, labels, means, logVariances].map((values) => [...numbers(values)]);
    const [classification] = operator('icu::loss')(features, labels, means, logVariances) as Tensor[];
    classification!.backward();
    expect([features, labels, means, logVariances].map((values) => [...numbers(values)])).toEqual(copies);
  });

  it('may be float32, with the accuracy of float32', () => {
    for (const covariance of covariances) {
      for (const offset of [0, 1, 30]) {
        const base = randomProblem({ N: 64, K: 10, D: 100 }, { seed: 10, covariance });
        // What float32 holds exactly, so that the difference is the computation's alone.
        const add = (values: Float64Array): Float64Array =>
          values.map((value) => Math.fround(value + offset));
        const exact = {
          ...base,
          features: add(base.features),
          means: add(base.means),
          logVariances: base.logVariances.map(Math.fround),
        };
        const wide = nativeLoss(exact, { covariance });
        const got = nativeLoss(exact, { covariance }, { dtype: 'float32' });
        for (const [name, values] of Object.entries(wide)) {
          const error = relativeError(got[name as keyof typeof got], values);
          if (!(error <= 5e-5)) expect.fail(`${covariance}, offset ${offset}: ${name} is off by ${error}`);
        }
      }
    }
  });

  it('may need no gradient', () => {
    const { features, labels, means, logVariances } = toTensors(inputs);
    means.requiresGrad = false;
    logVariances.requiresGrad = false;
    const [classification, regularizer] = operator('icu::loss')(
      features,
      labels,
      means,
      logVariances,
    ) as Tensor[];
    classification!.add(regularizer!).backward();
    expectClose(numbers(features.grad!), icuGradients(inputs).features, { atol: 1e-13, rtol: 1e-10 });
    expect(means.grad).toBeNull();
    const result = noGrad(() => operator('icu::loss')(features, labels, means, logVariances) as Tensor[]);
    expect(result[0]!.requiresGrad).toBe(false);
  });

  const loss = new IcuLoss(4, 3);
  const labels = tensor([0n, 1n]);
  const bad: [what: string, call: () => unknown, message: RegExp][] = [
    ['a label above the last class', () => loss.forward(torch.zeros([2, 3]), tensor([0n, 4n])), /label.*4/s],
    ['a negative label', () => loss.forward(torch.zeros([2, 3]), tensor([0n, -1n])), /label.*-1/s],
    ['features of another width', () => loss.forward(torch.zeros([2, 5]), labels), /features|5/],
    ['features without rows', () => loss.forward(torch.zeros([3]), labels), /features/],
    ['too few labels', () => loss.forward(torch.zeros([3, 3]), labels), /labels/],
    ['labels that are no integers', () => loss.forward(torch.zeros([2, 3]), torch.zeros([2])), /labels/],
    ['features of integers', () => loss.forward(torch.zeros([2, 3], { dtype: 'int64' }), labels), /features/],
    ['no tensor', () => loss.forward([[1, 2, 3]] as unknown as Tensor, labels), /features/],
    ['features of another width in logits', () => loss.logits(torch.zeros([2, 5])), /features|5/],
  ];
  it.each(bad)('refuses %s', (_, call, message) => {
    expect(call).toThrow(message);
  });
});

describe('constructor errors', () => {
  const bad: [options: object, message: string][] = [
    [{ covariance: 'full' }, 'covariance: expected one of "isotropic", "scalar", "diagonal", got "full"'],
    [{ gama: 1 }, 'there is no option "gama"'],
    [{ initialMeanStd: 0 }, 'initialMeanStd: expected a finite number above 0, got 0'],
    [{ initialSigma: -1 }, 'initialSigma: expected a finite number above 0, got -1'],
    [{ initialSigma: 1e5 }, 'initialSigma: expected a number from 0.006738 to 148.4, where'],
    [{ varianceLr: Number.NaN }, 'varianceLr: expected a finite number above 0, got NaN'],
    [{ logPrior: [1, 2, 3], tau: -1 }, 'tau: expected a finite number of at least 0, got -1'],
    [{ tau: 2 }, 'tau: expected none without logPrior, whose strength it is, got 2'],
    [{ logPrior: [1, -Infinity, 3] }, 'logPrior: expected finite numbers, got -Infinity for class 1'],
    [{ logPrior: [1, 2, Number.NaN], tau: 0 }, 'logPrior: expected finite numbers, got NaN for class 2'],
    [{ logPrior: [1, 2, 3], tau: '2' }, 'tau: expected a finite number of at least 0, got "2"'],
    [{ logPrior: [1, 2] }, 'logPrior: expected 3 values, one for each class, got shape [2]'],
  ];
  it.each(bad)('%o', (options, message) => {
    expect(() => new IcuLoss(3, 2, options)).toThrow(message);
  });
  it('numClasses and featureDim', () => {
    expect(() => new IcuLoss(0, 2)).toThrow('IcuLoss: numClasses: expected an integer of at least 1, got 0');
    expect(() => new IcuLoss(3, 2.5)).toThrow(
      'IcuLoss: featureDim: expected an integer of at least 1, got 2.5',
    );
  });
});
