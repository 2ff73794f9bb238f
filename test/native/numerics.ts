/** What the loss must hold in float32 and bit by bit, as a suite that is run on each instruction set. */
import { spawnSync } from 'node:child_process';
import { deserialize, serialize } from 'node:v8';
import { describe, expect, it } from 'vitest';
import type { IcuOptions } from '../../lib/losses/icu-options.ts';
import {
  getNumThreads,
  grad,
  manualSeed,
  noGrad,
  operator,
  scope,
  setNumThreads,
  type Tensor,
  tensor,
  torch,
} from '../../lib/tensor/index.ts';
import { relativeError } from '../support/close.ts';

type Covariance = IcuOptions['covariance'];
const covariances: Covariance[] = ['isotropic', 'scalar', 'diagonal'];
const icuLoss = operator('icu::loss') as (...args: unknown[]) => [Tensor, Tensor, Tensor, Tensor];
const icuDistances = operator('icu::distances') as (...args: unknown[]) => Tensor;

interface Problem {
  features: Tensor;
  labels: Tensor;
  means: Tensor;
  logVariances: Tensor;
  logPrior?: Tensor;
}

interface ProblemOptions {
  N: number;
  K: number;
  D: number;
  /** Of features around their class's mean, and of the classes. Default 1. */
  sigma?: number;
  /** Added to features and means. Default 0. */
  offset?: number;
  /**
   * All classes about 3σ apart, or only 2j and 2j + 1, with the pairs at N(0, 1) in each dimension, or those of two groups
   * that are ten times as far apart, or none, with the classes at N(0, 1). Default all.
   */
  near?: 'all' | 'pairs' | 'groups' | 'none';
  /** Features at N(0, 1) wherever their class is, as before training. Default false. */
  untrained?: boolean;
  covariance?: Covariance;
  prior?: boolean;
  seed?: number;
}

/** Features around the means of their classes, in float32. */
function problem(options: ProblemOptions): Problem {
  const {
    N,
    K,
    D,
    sigma = 1,
    offset = 0,
    near = 'all',
    untrained,
    covariance = 'isotropic',
    prior,
    seed = 1,
  } = options;
  manualSeed(seed);
  return noGrad(() =>
    scope(() => {
      const labels = torch.randint(0, K, [N]);
      const apart = (count: number): Tensor => torch.randn([count, D]).mul((3 * sigma) / Math.sqrt(2 * D));
      const anywhere = (count: number): Tensor => torch.randn([count, D]);
      let means: Tensor;
      if (near === 'pairs') {
        const places = anywhere(K / 2);
        means = torch.stack([places.add(apart(K / 2)), places.add(apart(K / 2))], 1).reshape([K, D]);
      } else if (near === 'groups') {
        const places = anywhere(1).mul(10);
        const second = torch.arange(K).remainder(2).unsqueeze(1);
        means = places.mul(second).add(apart(K));
      } else {
        means = near === 'all' ? anywhere(1).add(apart(K)) : anywhere(K);
      }
      const around = torch.randn([N, D]).mul(sigma);
      const features = untrained ? around : means.indexSelect(0, labels).add(around);
      const shape = covariance === 'diagonal' ? [K, D] : [K];
      const logVariances = torch
        .randn(shape)
        .mul(0.1 / Math.sqrt(D))
        .add(2 * Math.log(sigma));
      return {
        features: features.add(offset),
        labels,
        means: means.add(offset),
        logVariances,
        ...(prior ? { logPrior: torch.randn([K]) } : {}),
      };
    }),
  );
}

interface Result {
  loss: number[];
  features: Float64Array;
  means: Float64Array;
  logVariances: Float64Array;
}

const numbers = (value: Tensor): Float64Array =>
  value.detach().to({ dtype: 'float64' }).toTypedArray() as Float64Array;

const names = ['features', 'means', 'logVariances'] as const;

interface RunOptions extends Partial<IcuOptions> {
  memory?: 'auto' | 'store' | 'recompute';
}

/** The total and its gradients, which is how a training step asks for them. */
function run(p: Problem, options: RunOptions = {}, { wide = false, upstream = 1 } = {}): Result {
  return scope(() => {
    const leaf = (value: Tensor): Tensor => {
      const copy = wide ? value.to({ dtype: 'float64' }) : value.detach().clone();
      copy.requiresGrad = true;
      return copy;
    };
    const leaves = [leaf(p.features), leaf(p.means), leaf(p.logVariances)] as const;
    const outputs = icuLoss(leaves[0], p.labels, leaves[1], leaves[2], p.logPrior ?? null, { ...options });
    const total = outputs[3];
    const gradients = grad(total, [...leaves], {
      gradOutputs: [torch.full([], upstream, { dtype: total.dtype })],
    }) as Tensor[];
    return {
      loss: outputs.filter((_, i) => i !== 2).map((value) => numbers(value.sum())[0]!),
      features: numbers(gradients[0]!),
      means: numbers(gradients[1]!),
      logVariances: numbers(gradients[2]!),
    };
  });
}

/**
 * The same in a process of its own that computes everything: whether to leave anything out is settled when the library is
 * loaded.
 */
function runWhole(tasks: readonly { p: Problem; covariance: Covariance }[]): Result[] {
  const loaded = new URL('../../dist/tensor/index.js', import.meta.url).href;
  const program = `
    import { readFileSync } from 'node:fs';
    import { deserialize, serialize } from 'node:v8';
    import { grad, operator, tensor } from ${JSON.stringify(loaded)};
    const loss = operator('icu::loss');
    const numbers = (value) => value.detach().to({ dtype: 'float64' }).toTypedArray();
    const results = deserialize(readFileSync(0)).map(({ parts, covariance }) => {
      const [features, labels, means, logVariances, logPrior] = parts.map(
        (part) => part && tensor(part.values, { shape: part.shape }));
      const leaves = [features, means, logVariances];
      for (const leaf of leaves) leaf.requiresGrad = true;
      const outputs = loss(features, labels, means, logVariances, logPrior, { covariance });
      const gradients = grad(outputs[3], leaves).map(numbers);
      return {
        loss: outputs.filter((_, i) => i !== 2).map((value) => numbers(value.sum())[0]),
        features: gradients[0], means: gradients[1], logVariances: gradients[2],
      };
    });
    process.stdout.write(serialize(results));
  `;
  const part = (value: Tensor | undefined) =>
    value === undefined ? null : { values: value.toTypedArray(), shape: value.shape };
  const input = serialize(
    tasks.map(({ p, covariance }) => ({
      parts: [p.features, p.labels, p.means, p.logVariances, p.logPrior].map(part),
      covariance,
    })),
  );
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
    input,
    env: { ...process.env, ICU_DENSE: '1' },
    maxBuffer: 1 << 28,
  });
  expect(status, stderr.toString()).toBe(0);
  return deserialize(stdout) as Result[];
}

/** The largest relative error among the gradients, none of which may be next to nothing. */
function gradientError(got: Result, expected: Result): number {
  for (const name of names) expect(Math.hypot(...expected[name]), name).toBeGreaterThan(1e-6);
  return Math.max(...names.map((name) => relativeError(got[name], expected[name])));
}

function expectWithin(error: number, tolerance: number, what: string): void {
  if (!(error <= tolerance)) expect.fail(`${what}: off by ${error}, more than ${tolerance}`);
}

/** The cross-entropy alone from distances expanded into |x|² − 2 x·μ + |μ|², by matrix products in float32. */
function expandedGradients(p: Problem): Result {
  return scope(() => {
    const leaves = [p.features, p.means, p.logVariances].map((value) => {
      const copy = value.detach().clone();
      copy.requiresGrad = true;
      return copy;
    });
    const [x, mu, s] = leaves as [Tensor, Tensor, Tensor];
    const squares = x
      .square()
      .sum([1], true)
      .add(mu.square().sum([1]))
      .sub(x.matmul(mu.t()).mul(2));
    const D = p.means.shape[1]!;
    const logits = squares.mul(s.neg().exp()).add(s.mul(D)).mul(-0.5);
    const total = torch.crossEntropyLoss(logits, p.labels);
    const gradients = grad(total, leaves) as Tensor[];
    return {
      loss: [total.item()],
      features: numbers(gradients[0]!),
      means: numbers(gradients[1]!),
      logVariances: numbers(gradients[2]!),
    };
  });
}

const plain: Partial<IcuOptions> = { alpha: 0, gamma: 0, lambdaMean: 0, lambdaVar: 0 };

/** A problem of each size that has a way of its own: tiny, small, medium. */
const sizes = [
  { N: 40, K: 10, D: 3 },
  { N: 40, K: 12, D: 64 },
  { N: 70, K: 40, D: 300 },
  { N: 150, K: 130, D: 260 },
];

export function numericsSuite(simd: string): void {
  it(`runs on ${simd}`, () => {
    expect(operator('icu::simd')()).toBe(simd);
  });

  describe('float32 against float64', () => {
    const cases: [what: string, options: Omit<ProblemOptions, 'N' | 'K' | 'D'>, tolerance: number][] = [
      ['ordinary', {}, 5e-5],
      ['offset 1', { offset: 1 }, 5e-5],
      ['offset 30', { offset: 30 }, 5e-5],
      ['σ = 0.05', { sigma: 0.05 }, 5e-5],
      ['pairs at σ = 0.05', { sigma: 0.05, near: 'pairs' }, 5e-5],
      ['pairs at σ = 0.01', { sigma: 0.01, near: 'pairs' }, 2e-4],
    ];
    it.each(cases)('%s', (what, options, tolerance) => {
      for (const covariance of covariances) {
        for (const size of sizes) {
          const p = problem({ ...size, ...options, covariance });
          for (const memory of ['auto', 'recompute'] as const) {
            const icu = { ...plain, covariance, memory };
            const name = `${what}, ${covariance}, ${JSON.stringify(size)}, ${memory}`;
            expectWithin(gradientError(run(p, icu), run(p, icu, { wide: true })), tolerance, name);
          }
        }
      }
    });

    it('2048 dimensions', () => {
      for (const covariance of covariances) {
        for (const more of [{}, { near: 'none', untrained: true }] as const) {
          const p = problem({ N: 32, K: 50, D: 2048, covariance, seed: 4, ...more });
          const icu = { ...plain, covariance };
          const [got, expected] = [run(p, icu), run(p, icu, { wide: true })];
          const name = `${covariance}, ${JSON.stringify(more)}`;
          expectWithin(gradientError(got, expected), 2e-5, name);
          expectWithin(relativeError(got.loss, expected.loss), 1e-5, name);
        }
      }
    });

    it('classes in two groups far apart', () => {
      for (const covariance of covariances) {
        for (const D of [64, 256, 2048]) {
          const p = problem({ N: 40, K: 20, D, sigma: 0.01, near: 'groups', covariance });
          for (const memory of ['auto', 'recompute'] as const) {
            const icu = { ...plain, covariance, memory };
            const [got, expected] = [run(p, icu), run(p, icu, { wide: true })];
            const name = `${covariance}, D = ${D}, ${memory}`;
            expectWithin(relativeError(got.loss, expected.loss), 1e-4, name);
            expectWithin(gradientError(got, expected), 1e-3, name);
          }
        }
      }
    });

    it('with margins and regulariser', () => {
      for (const covariance of covariances) {
        for (const size of sizes) {
          const p = problem({ ...size, covariance, prior: true });
          const icu = { covariance, alpha: 0.1, gamma: 0.1 };
          const [got, expected] = [run(p, icu), run(p, icu, { wide: true })];
          const name = `${covariance}, ${JSON.stringify(size)}`;
          expectWithin(gradientError(got, expected), 5e-5, name);
          expectWithin(relativeError(got.loss, expected.loss), 1e-5, name);
        }
      }
    });

    it('which the expanded form fails', () => {
      for (const D of [64, 256]) {
        const p = problem({ N: 64, K: 32, D, sigma: 0.01, near: 'pairs' });
        const exact = run(p, plain, { wide: true });
        expectWithin(gradientError(run(p, plain), exact), 2e-4, `D = ${D}`);
        expect(gradientError(expandedGradients(p), exact)).toBeGreaterThan(1e-2);
      }
    });
  });

  describe('invariance', () => {
    const p = problem({ N: 70, K: 40, D: 300, seed: 5 });
    const base = run(p);

    it('to moving features and means together', () => {
      for (const offset of [1, 100]) {
        // Moved by what float32 holds exactly: what is rounded away is no error of the loss.
        const back = {
          ...p,
          features: p.features.add(offset).sub(offset),
          means: p.means.add(offset).sub(offset),
        };
        const moved = { ...p, features: back.features.add(offset), means: back.means.add(offset) };
        const [a, b] = [run(back), run(moved)];
        expectWithin(gradientError(b, a), 5e-5, `offset ${offset}`);
        expectWithin(relativeError(b.loss, a.loss), 1e-5, `offset ${offset}`);
      }
    });

    it('to dimensions that are 0 for all', () => {
      const zeros = (rows: number): Tensor => torch.zeros([rows, 53]);
      const wide = {
        ...p,
        features: torch.cat([p.features, zeros(70)], 1),
        means: torch.cat([p.means, zeros(40)], 1),
      };
      const scalar = { covariance: 'scalar' as const };
      expectWithin(relativeError(run(wide, scalar).loss, run(p, scalar).loss), 1e-6, 'loss');
    });

    it('to the order of rows, classes and dimensions', () => {
      const rows = torch.randperm(70, { dtype: 'int64' });
      const classes = torch.randperm(40, { dtype: 'int64' });
      const dims = torch.randperm(300, { dtype: 'int64' });
      const places = torch.empty([40], { dtype: 'int64' }).scatter_(0, classes, torch.arange(40));
      const changed = {
        features: p.features.indexSelect(0, rows).indexSelect(1, dims),
        labels: places.indexSelect(0, p.labels.indexSelect(0, rows)),
        means: p.means.indexSelect(0, classes).indexSelect(1, dims),
        logVariances: p.logVariances.indexSelect(0, classes),
      };
      const got = run(changed);
      expectWithin(relativeError(got.loss, base.loss), 1e-6, 'loss');
      const expected = tensor(base.features, { shape: [70, 300] })
        .indexSelect(0, rows)
        .indexSelect(1, dims);
      expectWithin(relativeError(got.features, numbers(expected)), 1e-5, 'features');
    });

    it('to scaling features, means and σ together', () => {
      const scaled = {
        ...p,
        features: p.features.mul(4),
        means: p.means.mul(4),
        logVariances: p.logVariances.add(2 * Math.log(4)),
      };
      // |Σ| changes alike for every class; without margins the classification does not.
      const got = run(scaled, { ...plain, covariance: 'scalar' }).loss;
      expectWithin(relativeError(got, run(p, { ...plain, covariance: 'scalar' }).loss), 1e-6, 'loss');
    });
  });

  describe('small and large losses', () => {
    /** One row at distance `gap` closer to its own class than to the other. */
    const gapProblem = (gap: number, D: number): Problem => {
      const other = torch.zeros([1, D]);
      other.narrow(1, 0, 1).fill_(Math.sqrt(2 * gap));
      return {
        features: torch.zeros([1, D]),
        labels: tensor([0n]),
        means: torch.cat([torch.zeros([1, D]), other], 0),
        logVariances: torch.zeros([2]),
      };
    };

    it('are right to 1e-4 down to 1e-10', () => {
      for (const D of [2, 300]) {
        for (const loss of [1e-3, 1e-6, 1e-10]) {
          const p = gapProblem(-Math.log(Math.expm1(loss)), D);
          expectWithin(relativeError([run(p, plain).loss[0]!], [loss]), 1e-4, `loss ${loss}, D = ${D}`);
        }
      }
    });

    it('are ln 2 for two equal logits at any offset', () => {
      for (const D of [2, 300]) {
        for (const offset of [1, 1e4, 1e6, 1e8]) {
          const features = torch.zeros([1, D]);
          features.narrow(1, 0, 1).fill_(Math.sqrt(2 * offset));
          const p: Problem = {
            features,
            labels: tensor([0n]),
            means: torch.zeros([2, D]),
            logVariances: torch.zeros([2]),
          };
          expectWithin(relativeError([run(p, plain).loss[0]!], [Math.LN2]), 1e-6, `offset ${offset}`);
        }
      }
    });

    it('have the right gradient for the target at any gap', () => {
      for (const D of [2, 300]) {
        for (const gap of [5, 18, 25]) {
          const p = gapProblem(gap, D);
          // dL/dx = Σ g v (x − μ): only the other class has a difference, in the first dimension.
          const share = 1 / (1 + Math.exp(gap));
          const expected = share * Math.sqrt(2 * gap);
          expectWithin(relativeError([run(p, plain).features[0]!], [expected]), 1e-5, `gap ${gap}, D = ${D}`);
        }
      }
    });

    it('are never negative', () => {
      for (let seed = 1; seed <= 20; seed++) {
        const p = problem({ N: 16, K: 4, D: 5, sigma: 0.2, seed });
        expect(run(p, plain).loss[0]).toBeGreaterThanOrEqual(0);
      }
    });
  });

  describe('bit by bit', () => {
    const same = (a: Result, b: Result, what: string): void => {
      expect(b.loss, what).toEqual(a.loss);
      for (const name of names)
        expect(Buffer.from(b[name].buffer).equals(Buffer.from(a[name].buffer)), what).toBe(true);
    };
    // The last is large enough for several threads.
    const all = [...sizes, { N: 260, K: 300, D: 100 }];
    const trained = { sigma: 0.05, near: 'none' } as const;

    it('the same in 20 runs and with 1, 2 and 3 threads', () => {
      const before = getNumThreads();
      try {
        for (const size of all) {
          for (const covariance of covariances) {
            for (const more of [{}, trained]) {
              const p = problem({ ...size, covariance, ...more });
              setNumThreads(1);
              const first = run(p, { covariance });
              for (let i = 0; i < (size === all.at(-1) ? 20 : 4); i++) {
                setNumThreads(1 + (i % 3));
                same(first, run(p, { covariance }), `${JSON.stringify(size)} ${covariance}`);
              }
            }
          }
        }
      } finally {
        setNumThreads(before);
      }
    });

    it('the same with and without leaving out what the softmax has decided', () => {
      // Decided after the first of three blocks of dimensions, for all classes but a row's own, or but its pair.
      const decided = { N: 100, K: 40, D: 600, prior: true };
      const more = [decided, { ...decided, near: 'pairs' }, { ...decided, sigma: 0.6 }] as const;
      const tasks = covariances.flatMap((covariance) =>
        [...all, ...more].map((size) => ({ p: problem({ covariance, ...trained, ...size }), covariance })),
      );
      let signs = 0;
      runWhole(tasks).forEach((whole, i) => {
        const { p, covariance } = tasks[i]!;
        const skipping = run(p, { covariance });
        expect(whole.loss).toEqual(skipping.loss);
        // As numbers: a zero may have the other sign.
        for (const name of names) {
          expect(whole[name].every((value, j) => value === skipping[name][j])).toBe(true);
          signs += whole[name].filter((value, j) => !Object.is(value, skipping[name][j])).length;
        }
      });
      // By which zeros it shows that one of the two has left something out.
      expect(signs).toBeGreaterThan(0);
    });

    it('the same whether the gaps are kept or made again', () => {
      for (const covariance of covariances) {
        // Of the last, tiles differ between the passes, and many entries are expanded with an error that shows.
        const wide = { N: 40, K: 450, D: 2048, near: 'none', untrained: true } as const;
        for (const size of [...all, wide]) {
          const p = problem({ ...size, covariance, prior: true });
          const kept = run(p, { covariance, memory: 'store' });
          same(kept, run(p, { covariance, memory: 'recompute' }), `${JSON.stringify(size)} ${covariance}`);
        }
      }
    });
  });

  it('gives the same whether or not the gradients are made in the forward pass', () => {
    for (const covariance of covariances) {
      for (const size of sizes) {
        const p = problem({ ...size, covariance, prior: true });
        for (const upstream of [1, -2.5, 0]) {
          const fused = run(p, { covariance, alpha: 0.2, gamma: 0.1 }, { upstream, wide: true });
          const apart = run(
            p,
            { covariance, alpha: 0.2, gamma: 0.1, memory: 'store' },
            { upstream, wide: true },
          );
          expectWithin(relativeError(fused.loss, apart.loss), 1e-12, 'loss');
          for (const name of names) {
            if (upstream === 0) expect(fused[name].every((value) => value === 0)).toBe(true);
            else
              expectWithin(
                relativeError(fused[name], apart[name]),
                1e-11,
                `${name}, ${JSON.stringify(size)}`,
              );
          }
        }
      }
    }
  });

  it('stops a log-variance at its bounds for either sign of what arrives at the total', () => {
    for (const covariance of covariances) {
      for (const size of sizes) {
        const p = problem({ ...size, covariance });
        const bounds = { covariance, minLogVariance: -0.01, maxLogVariance: 0.01 };
        for (const s of [-0.01, 0.01, 1]) {
          const at = { ...p, logVariances: torch.full(p.logVariances.shape, s, { dtype: 'float32' }) };
          for (const upstream of [2, -2]) {
            const made = (memory: 'auto' | 'store') =>
              run(at, { ...bounds, memory }, { upstream, wide: true });
            const [fused, apart] = [made('auto'), made('store')];
            const name = `${covariance}, ${JSON.stringify(size)}, s = ${s}, upstream ${upstream}`;
            expectWithin(relativeError(fused.logVariances, apart.logVariances), 1e-11, name);
          }
        }
      }
    }
  });

  it('carries NaN and infinity through', () => {
    for (const size of [...sizes, { N: 5, K: 1, D: 3 }, { N: 5, K: 1, D: 300 }]) {
      for (const where of ['features', 'means', 'logVariances'] as const) {
        for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
          for (const covariance of covariances) {
            const p = problem({ ...size, covariance });
            const changed = { ...p, [where]: p[where].clone() };
            changed[where].view([-1]).narrow(0, 0, 1).fill_(value);
            const [loss] = run(changed, { ...plain, covariance }).loss;
            expect(Number.isFinite(loss), `${where} ${value} ${covariance} ${JSON.stringify(size)}`).toBe(
              false,
            );
          }
        }
      }
    }
  });

  it('carries them through where the first dimensions have decided already', () => {
    for (const where of ['features', 'means'] as const) {
      for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
        for (const covariance of covariances) {
          const p = problem({ N: 3, K: 400, D: 600, sigma: 0.05, near: 'none', covariance });
          // A class that is put into tiles with no row's own, and has no part in the centre.
          const own = [...numbers(p.labels)];
          const far = [...Array(400).keys()].find(
            (k) => k % 25 === 3 && own.every((z) => Math.abs(z - k) > 48),
          )!;
          const changed = { ...p, [where]: p[where].clone() };
          changed[where]
            .select(0, where === 'means' ? far : 2)
            .narrow(0, 599, 1)
            .fill_(value);
          const [loss] = run(changed, { ...plain, covariance }).loss;
          expect(Number.isFinite(loss), `${where} ${value} ${covariance}`).toBe(false);
        }
      }
    }
  });

  it('keeps what is not finite in a mean to its own class', () => {
    for (const covariance of covariances) {
      for (const { N, K, D } of sizes) {
        scope(() => {
          const p = problem({ N, K, D, covariance });
          const gradientWith = (value: number | null): Float64Array => {
            const means = p.means.clone();
            if (value !== null) means.select(0, 1).fill_(value);
            means.requiresGrad = true;
            const distances = icuDistances(p.features, means, p.logVariances, { covariance });
            return numbers(grad(distances.sum(), [means])[0]!);
          };
          const [exact, got] = [gradientWith(null), gradientWith(Number.NaN)];
          const others = (all: Float64Array) => all.filter((_, i) => Math.floor(i / D) !== 1);
          expectWithin(relativeError(others(got), others(exact)), 5e-5, `${covariance}, K = ${K}, D = ${D}`);
          expect(got.slice(D, 2 * D).every(Number.isNaN)).toBe(true);
        });
      }
    }
  });

  it('leaves out a class at a distance that float32 does not hold', () => {
    for (const memory of ['auto', 'store', 'recompute'] as const) {
      for (const [D, away] of [
        [2, 1e18],
        [300, 1e17],
      ] as const) {
        const p: Problem = {
          features: torch.zeros([1, D]),
          labels: tensor([0n]),
          means: torch.stack([torch.zeros([D]), torch.full([D], away, { dtype: 'float32' })]),
          logVariances: torch.full([2], -9.9, { dtype: 'float32' }),
        };
        const { loss, logVariances } = run(p, { ...plain, memory });
        expect(loss[0]).toBe(0);
        expect([...logVariances], `${memory}, D = ${D}`).toEqual([0, 0]);
      }
    }
  });

  it('keeps its digits with a hundred thousand rows of a class', { timeout: 60_000 }, () => {
    for (const covariance of ['isotropic', 'diagonal'] as const) {
      for (const momentCenter of ['learned', 'batch'] as const) {
        const p = problem({ N: 400_000, K: 2, D: 2, covariance });
        const [got, exact] = [
          run(p, { covariance, momentCenter }),
          run(p, { covariance, momentCenter }, { wide: true }),
        ];
        const what = `${covariance}, ${momentCenter}`;
        for (const name of names)
          expectWithin(relativeError(got[name], exact[name]), 5e-5, `${what}, ${name}`);
        expectWithin(Math.abs(got.loss[1]! / exact.loss[1]! - 1), 5e-5, `${what}, regulariser`);
      }
    }
  });

  it.each(['bfloat16', 'float16'] as const)('takes %s features beside float32 parameters', (dtype) => {
    const rounding = dtype === 'bfloat16' ? 2 ** -8 : 2 ** -11;
    for (const covariance of covariances) {
      for (const size of sizes) {
        const p = problem({ ...size, covariance });
        const features = p.features.to({ dtype });
        const exact = run(
          { ...p, features: features.to({ dtype: 'float32' }) },
          { covariance },
          { wide: true },
        );
        const got = run({ ...p, features }, { covariance });
        const name = `${covariance}, ${JSON.stringify(size)}`;
        expectWithin(relativeError(got.features, exact.features), 2 * rounding, name);
        expectWithin(relativeError(got.means, exact.means), 5e-5, name);
        expectWithin(relativeError(got.logVariances, exact.logVariances), 5e-5, name);
      }
    }
  });

  it('keeps the digits of float16 gradients where the total is scaled', () => {
    for (const size of sizes) {
      const p = problem(size);
      const features = p.features.to({ dtype: 'float16' });
      const upstream = 4096;
      const exact = run({ ...p, features: features.to({ dtype: 'float32' }) }, {}, { wide: true, upstream });
      const got = run({ ...p, features }, {}, { upstream });
      expectWithin(relativeError(got.features, exact.features), 2 ** -10, JSON.stringify(size));
    }
  });

  it('is finite for large features, however many rows there are', () => {
    for (const N of [32, 33, 40]) {
      const p = problem({ N, K: 10, D: 3 });
      const far = { ...p, features: p.features.mul(0).add(5e19), means: p.means.mul(0).add(5e19) };
      const { loss, means, logVariances } = run(far, plain);
      expect([...loss, ...means, ...logVariances].every(Number.isFinite), `N = ${N}`).toBe(true);
    }
  });

  it('has distances of float32 accuracy, near classes included', () => {
    for (const covariance of covariances) {
      for (const offset of [0, 30]) {
        const p = problem({ N: 70, K: 40, D: 300, sigma: 0.01, near: 'pairs', covariance, offset });
        const distances = (wide: boolean): Float64Array =>
          scope(() => {
            const [x, mu, s] = [p.features, p.means, p.logVariances].map((value) =>
              wide ? value.to({ dtype: 'float64' }) : value,
            );
            // Without ln|Σ|, beside which a small Q would not be seen.
            return numbers(icuDistances(x, mu, s, { covariance, logDeterminant: false }));
          });
        const [got, exact] = [distances(false), distances(true)];
        const worst = Math.max(...got.map((value, i) => Math.abs(value - exact[i]!) / exact[i]!));
        expectWithin(worst, 2e-5, `${covariance}, offset ${offset}`);
      }
    }
  });
}
