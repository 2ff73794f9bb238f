import { describe, expect, it, vi } from 'vitest';
import { type AngularMarginLoss, marginCosine } from '../../lib/losses/angular-margin.ts';
import { ASoftmaxLoss, LSoftmaxLoss, type LSoftmaxOptions } from '../../lib/losses/index.ts';
import { noGrad, tensor } from '../../lib/tensor/index.ts';
import { expectClose } from '../support/close.ts';
import {
  arrayOf,
  dot,
  expectGradients,
  inRows,
  int64,
  logSumExp,
  mean,
  norm,
  randomFeatures,
  rowsOf,
  still,
} from './problem.ts';

/** ψ as the paper prints it, from the angle. */
function printed(theta: number, m: number): number {
  const k = Math.min(Math.floor((theta * m) / Math.PI), m - 1);
  return (-1) ** k * Math.cos(m * theta) - 2 * k;
}

/** ψ as the authors' layer has it: signs of polynomials instead of k. */
function bySigns(c: number, m: number): number {
  if (m === 1) return c;
  const s0 = Math.sign(c);
  if (m === 2) return 2 * s0 * c ** 2 - 1;
  if (m === 3) {
    const s1 = Math.sign(Math.abs(c) - 0.5);
    return s1 * (4 * c ** 3 - 3 * c) + s0 * (1 + s1) - 2;
  }
  const s3 = s0 * Math.sign(2 * c ** 2 - 1);
  return s3 * (8 * c ** 4 - 8 * c ** 2 + 1) + 2 * s0 + s3 - 3;
}

const psi = (cosines: number[], m: number): number[] =>
  arrayOf(marginCosine(tensor(Float64Array.from(cosines)), m));

describe.each([1, 2, 3, 4])('ψ, m = %i', (m) => {
  const thetas = Array.from({ length: 1001 }, (_, i) => (i * Math.PI) / 1000);
  const boundaries = Array.from({ length: m + 1 }, (_, k) => (k * Math.PI) / m);

  it('is what the paper prints', () => {
    expectClose(
      psi(thetas.map(Math.cos), m),
      thetas.map((theta) => printed(theta, m)),
      { atol: 1e-12 },
    );
  });

  it("is what the authors' layer computes", () => {
    const cosines = [...thetas.map(Math.cos), 0, 0.5, -0.5, 1, -1];
    expectClose(
      psi(cosines, m),
      cosines.map((c) => bySigns(c, m)),
      { atol: 1e-12 },
    );
  });

  it('falls from 1 to 1 − 2m, never above cos θ', () => {
    const values = psi(thetas.map(Math.cos), m);
    expectClose([values[0]!, values.at(-1)!], [1, 1 - 2 * m], { atol: 1e-12 });
    values.forEach((value, i) => {
      if (i > 0) expect(value).toBeLessThan(values[i - 1]!);
      expect(value).toBeLessThanOrEqual(Math.cos(thetas[i]!) + 1e-12);
    });
  });

  it('is continuous at kπ/m, and so is its derivative', () => {
    for (const boundary of boundaries) {
      const sides = [boundary - 1e-7, boundary, boundary + 1e-7].map((theta) => Math.cos(theta));
      const cosine = tensor(Float64Array.from(sides), { requiresGrad: true });
      const values = marginCosine(cosine, m);
      values.sum().backward();
      expectClose(arrayOf(values), new Array(3).fill(printed(boundary, m)), { atol: 1e-6 });
      const slopes = arrayOf(cosine.grad!);
      expectClose(slopes, new Array(3).fill(slopes[1]), { atol: 1e-4 });
    }
  });

  it('has no NaN where rounding puts a cosine beyond 1', () => {
    const cosine = tensor([1 + 1e-7, -1 - 1e-7], { requiresGrad: true });
    marginCosine(cosine, m).sum().backward();
    expectClose(arrayOf(cosine.grad!), [m * m, m * m], { rtol: 1e-4 });
  });
});

/** The loss from angles, row by row. */
function reference(
  loss: AngularMarginLoss,
  features: number[][],
  weights: number[][],
  labels: number[],
  lambda: number,
): number {
  const rows = features.map((x, i) => {
    const y = labels[i]!;
    const logits = weights.map((w) => dot(w, x));
    const size = norm(weights[y]!) * norm(x);
    const theta = Math.acos(Math.max(-1, Math.min(1, logits[y]! / size)));
    logits[y] = (size * (lambda * Math.cos(theta) + printed(theta, loss.options.m))) / (1 + lambda);
    return logSumExp(logits) - logits[y]!;
  });
  return mean(rows);
}

const options: LSoftmaxOptions = { lambdaBase: 7, lambdaGamma: 0.5, lambdaPower: 2, lambdaMin: 0.25 };
const labels = [0, 2, 2, 1, 0];
const scaled = (w: number[]) => w.map((value) => value / norm(w));

describe.each([
  ['LSoftmaxLoss', LSoftmaxLoss, (w: number[]) => w],
  ['ASoftmaxLoss', ASoftmaxLoss, scaled],
] as const)('%s', (_, Loss, entering) => {
  it.each([1, 2, 3, 4])('is the formula, m = %i', (m) => {
    const loss = still(new Loss(3, 4, { ...options, m }), 1);
    const features = randomFeatures(5, 4, 2);
    const weights = inRows(loss.weight).map(entering);
    const rows = inRows(features);
    expectClose(
      loss.forward(features, int64(labels)).total.item(),
      reference(loss, rows, weights, labels, 7),
      {
        rtol: 1e-12,
      },
    );
    expectClose(
      arrayOf(loss.logits(features)),
      rows.flatMap((x) => weights.map((w) => dot(w, x))),
      { rtol: 1e-12 },
    );
    // λ at steps 1, 2, 3 and from 10 on
    loss.train();
    for (const lambda of [7 / 1.5 ** 2, 7 / 2 ** 2, 7 / 2.5 ** 2]) {
      const { total, diagnostics } = loss.forward(features, int64(labels));
      expectClose((diagnostics.lambda as { item(): number }).item(), lambda, { rtol: 1e-12 });
      expectClose(total.item(), reference(loss, rows, weights, labels, lambda), { rtol: 1e-12 });
      expectClose(loss.summary().lambda!, lambda, { rtol: 1e-12 });
    }
    noGrad(() => loss.steps.fill_(100));
    expect(loss.summary()).toEqual({ lambda: 0.25 });
    loss.eval().forward(features, int64(labels));
    expect(loss.steps.item()).toBe(100);
  });

  it('has finite gradients on a boundary, at angle 0 and π, and for a feature of zeros', () => {
    const loss = still(new Loss(2, 2, { m: 4, lambdaBase: 1 }));
    noGrad(() => loss.weight.copy_(tensor([1, 0, 0.6, 0.8]).view([2, 2])));
    const at = (theta: number) => [2 * Math.cos(theta), 2 * Math.sin(theta)];
    const angles = [0, Math.PI / 4, Math.PI / 2, (3 * Math.PI) / 4, Math.PI];
    const features = rowsOf([...angles.map(at), [0, 0]]);
    const { total } = loss.forward(features, int64([0, 0, 0, 0, 0, 0]));
    total.backward();
    expect([...arrayOf(features.grad!), ...arrayOf(loss.weight.grad!)].every(Number.isFinite)).toBe(true);
    // ψ has a continuous derivative, so central differences hold at its boundaries too, to the second order.
    const inside = rowsOf(angles.slice(1, 4).map(at));
    expectGradients(loss, inside, int64([0, 0, 0]), { tolerance: 1e-3 });
  });

  it('counts no step that fails', () => {
    const loss = new Loss(3, 4, options);
    vi.spyOn(loss as unknown as { weights(): void }, 'weights').mockImplementation(() => {
      throw new Error('out of memory');
    });
    const features = randomFeatures(2, 4).to({ dtype: 'float32' });
    const y = int64([0, 1]);
    expect(() => loss.forward(features, y)).toThrow('out of memory');
    const mixed = { labels: y, otherLabels: y, lambda: 0.5 };
    expect(() => loss.forwardMixed(features, mixed)).toThrow('out of memory');
    expect(loss.steps.item()).toBe(0);
  });

  it('keeps the step in its state dict', () => {
    const loss = new Loss(3, 4, options);
    for (let i = 0; i < 3; i++) loss.forward(randomFeatures(2, 4).to({ dtype: 'float32' }), int64([0, 1]));
    expect(Object.keys(loss.stateDict())).toEqual(['weight', 'steps']);
    const copy = new Loss(3, 4, options);
    copy.loadStateDict(loss.stateDict());
    expect(copy.summary()).toEqual(loss.summary());
    expect(copy.steps.item()).toBe(3);
  });

  it('refuses bad options', () => {
    const bad = (given: object) => () => new Loss(3, 2, given);
    expect(bad({ m: 5 })).toThrow('Loss: m: expected one of 1, 2, 3, 4, got 5');
    expect(bad({ m: '4' })).toThrow('Loss: m: expected one of 1, 2, 3, 4, got "4"');
    expect(bad({ lambdaBase: -1 })).toThrow('lambdaBase: expected a finite number of at least 0, got -1');
    expect(bad({ lambdaMin: Number.NaN })).toThrow(
      'lambdaMin: expected a finite number of at least 0, got NaN',
    );
    expect(bad({ lambdaGamma: null })).toThrow('lambdaGamma: expected a finite number');
    expect(bad({ lambdaPower: Infinity })).toThrow('lambdaPower: expected a finite number');
  });
});

it("starts from the schedules of the authors' examples", () => {
  const at = (loss: AngularMarginLoss, steps: number) => {
    noGrad(() => loss.steps.fill_(steps));
    return loss.summary().lambda!;
  };
  const l = new LSoftmaxLoss(10, 2);
  expectClose(
    [1, 1000, 5000, 10_000].map((t) => at(l, t)),
    [999.1, 421.4, 16.19, 0.4056],
    { rtol: 1e-3 },
  );
  const a = new ASoftmaxLoss(10, 2);
  expectClose(
    [1, 100, 1000, 1658, 1659, 5000].map((t) => at(a, t)),
    [892.9, 76.9, 8.264, 5.0009, 5, 5],
    {
      rtol: 1e-3,
    },
  );
  expect([l.options.m, a.options.m]).toEqual([4, 4]);
  expect(l.parameterGroups(0.1, 0.01)).toEqual([
    { name: 'loss', params: [l.weight], lr: 0.1, weightDecay: 0.01 },
  ]);
});
