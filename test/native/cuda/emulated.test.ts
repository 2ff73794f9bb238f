/**
 * The CUDA kernels' own source, run on the CPU thread by thread under the address and undefined-behaviour sanitizers,
 * against the CPU operators in float64 on the same numbers. But for some of the option grid every case
 * runs twice, with threads and blocks in ascending and in descending order, and has to give the same bits.
 */
import { beforeAll, describe, expect, it, vi } from 'vitest';
import type { Covariance } from '../../../lib/losses/icu-options.ts';
import { grad, operator, scope, type Tensor, tensor } from '../../../lib/tensor/index.ts';
import { mixedLabels, normals, optionGrid, randomProblem, uniform } from '../../losses/problems.ts';
import { relativeError } from '../../support/close.ts';
import { build, type Case, emulate, type Features, missing, type Options, type Result } from './emulator.ts';

const why = missing();
if (why !== null) console.warn(`the CUDA kernels are not emulated: ${why}`);

const covariances = ['isotropic', 'scalar', 'diagonal'] as const;

/** Values as the dtype has them. */
const rounded = (values: Float64Array, dtype: Features): Float64Array =>
  scope(() => tensor(values).to({ dtype }).to({ dtype: 'float64' }).toTypedArray() as Float64Array);

type Settings = Partial<Case> & { seed?: number; prior?: boolean; options?: Options };

function problem(shape: { N: number; K: number; D: number }, settings: Settings = {}): Case {
  const { features = 'float64', options, prior, seed = 1, ...rest } = settings;
  const covariance: Covariance = options?.covariance ?? 'isotropic';
  const drawn = randomProblem(shape, { seed, covariance, prior, labels: rest.labels as number[] });
  const parameters = features === 'float64' ? 'float64' : 'float32';
  return {
    ...shape,
    features,
    options,
    upstream: { classification: [1], regularizer: 1 },
    ...rest,
    labels: rest.labels ?? Array.from(drawn.labels),
    x: rounded(rest.x ?? drawn.features, features),
    means: rounded(rest.means ?? (drawn.means as Float64Array), parameters),
    logVariances: rounded(rest.logVariances ?? (drawn.logVariances as Float64Array), parameters),
    logPrior: drawn.logPrior,
  };
}

const distances = (shape: { N: number; K: number; D: number }, settings: Settings = {}): Case => {
  const { labels: _, ...made } = problem(shape, settings);
  const type = made.features === 'float64' ? 'float64' : 'float32';
  return { ...made, gradient: rounded(normals(shape.N * shape.K, uniform(99)), type) };
};

const values = (t: Tensor): Float64Array => t.detach().toTypedArray() as Float64Array;

/** What the CPU operators give. */
function expected(
  c: Case,
): Omit<Result, 'repeatable' | 'launches' | 'backwardBytes' | 'badLabel' | 'exchanges'> {
  return scope(() => {
    const { N, K, D, options = {}, upstream = {} } = c;
    const leaf = (numbers: Float64Array, shape: number[]) => tensor(numbers, { shape, requiresGrad: true });
    const x = leaf(c.x, [N, D]);
    const means = leaf(c.means, [K, D]);
    const logVariances = leaf(c.logVariances, options.covariance === 'diagonal' ? [K, D] : [K]);
    const none = new Float64Array();
    const all = { classification: none, regularizer: 0, total: 0, diagnostics: none, distances: none };
    const gradients = (outputs: Tensor[], gradOutputs: Tensor[]) => {
      const [dx, dmu, ds] = grad(outputs, [x, means, logVariances], { gradOutputs }) as Tensor[];
      return { features: values(dx!), means: values(dmu!), logVariances: values(ds!) };
    };
    if (c.labels === undefined) {
      const { covariance, minLogVariance, maxLogVariance, logDeterminant } = options;
      const given = { covariance, minLogVariance, maxLogVariance, logDeterminant };
      const chosen = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
      const d = operator('icu::distances')(x, means, logVariances, chosen) as Tensor;
      return {
        ...all,
        distances: values(d),
        ...gradients([d], [tensor(c.gradient as Float64Array, { shape: [N, K] })]),
      };
    }
    const labels = tensor(BigInt64Array.from(c.labels, BigInt));
    const logPrior = c.logPrior ? tensor(c.logPrior) : null;
    const [classification, regularizer, diagnostics] = operator('icu::loss')(
      ...[x, labels, means, logVariances, logPrior],
      { ...options },
    ) as [Tensor, Tensor, Tensor];
    const { classification: given = [0], regularizer: ofRegularizer = 0, total = 0 } = upstream;
    const each = Float64Array.from(values(classification), (_, i) => (given[i] ?? given[0] ?? 0) + total);
    const gradOutputs = [
      tensor(each, { shape: classification.shape }),
      tensor(Float64Array.of(ofRegularizer + total), { shape: [] }),
    ];
    const parts = values(classification);
    return {
      ...all,
      classification: parts,
      regularizer: regularizer.item() as number,
      total: parts.reduce((sum, part) => sum + part, 0) + (regularizer.item() as number),
      diagnostics: values(diagnostics),
      ...gradients([classification, regularizer], gradOutputs),
    };
  });
}

const tolerances: Record<Features, number> = {
  float64: 1e-10,
  float32: 5e-5,
  float16: 1e-3,
  bfloat16: 8e-3,
};

function expectSame(c: Case, got: Result, what: string, tolerance = tolerances[c.features]): void {
  const right = expected(c);
  const wide = c.features === 'float64' ? tolerance : Math.min(tolerance, tolerances.float32);
  const compare = (name: string, a: ArrayLike<number>, b: ArrayLike<number>, limit: number) => {
    expect(a.length, `${what}: ${name}`).toBe(b.length);
    const size = Math.sqrt(Array.from(b).reduce((sum, value) => sum + value ** 2, 0));
    // Relative, but for what cancels to nearly nothing.
    const error = relativeError(a, b) * Math.min(1, size / 1e-3);
    if (!(error <= limit)) expect.fail(`${what}: ${name} is off by ${error}`);
  };
  if (!got.repeatable) expect.fail(`${what}: the order of the threads matters`);
  compare('classification', got.classification, right.classification, wide);
  if (c.labels !== undefined) {
    compare('regularizer', [got.regularizer], [right.regularizer], wide);
    compare('total', [got.total], [right.total], wide);
  }
  compare('diagnostics', got.diagnostics, right.diagnostics, wide);
  compare('distances', got.distances, right.distances, wide);
  const [x, means, logVariances] = c.mask ?? [true, true, true];
  if (x) compare('gradient of features', got.features, right.features, tolerance);
  if (means) compare('gradient of means', got.means, right.means, wide);
  if (logVariances) compare('gradient of log-variances', got.logVariances, right.logVariances, wide);
}

describe.skipIf(why !== null)('the CUDA kernels on the CPU', () => {
  // Seconds each, but on a machine that has other work.
  vi.setConfig({ testTimeout: 180_000 });
  let program = '';
  beforeAll(async () => {
    program = await build();
  }, 180_000);

  const check = (cases: Record<string, Case>) => {
    const list = Object.entries(cases);
    const results = emulate(
      program,
      list.map(([, c]) => c),
    );
    list.forEach(([name, c], i) => {
      expectSame(c, results[i]!, name);
    });
    return results;
  };

  describe.each(covariances)('%s covariance', (covariance) => {
    it('agrees with every option, in one launch and in many', () => {
      const cases: Record<string, Case> = {};
      optionGrid(covariance).forEach((options, at) => {
        const settings: Settings = {
          ...{ seed: at, options, labels: mixedLabels, prior: at % 2 === 1, tiny: at % 4 < 2 },
          ...{ store: at % 3 !== 0, once: at % 8 > 0 },
          upstream: {
            classification: options.reduction === 'none' ? normals(7, uniform(at)) : [-0.7],
            regularizer: 1.3,
            ...(at % 5 === 0 && { total: 0.4 }),
          },
        };
        cases[JSON.stringify(settings)] = problem({ N: 7, K: 4, D: 3 }, settings);
      });
      check(cases);
    });

    it('agrees with the likelihood terms, without ln|Sigma|, and without the moments', () => {
      const cases: Record<string, Case> = {};
      for (const likelihood of ['gaussian', 'euclidean'] as const)
        for (const logDeterminant of [true, false])
          for (const lambdaMean of [0, 0.3])
            for (const reduction of ['mean', 'none'] as const)
              for (const tiny of [true, false]) {
                const options = {
                  ...{ covariance, likelihood, logDeterminant, lambdaMean, lambdaVar: lambdaMean, reduction },
                  ...{ lambdaLikelihood: 0.2, alpha: 0.3, gamma: 0.2, momentGradient: !tiny },
                };
                const given = (N: number) => ({
                  ...(lambdaMean > 0 && {
                    classification: new Array(reduction === 'none' ? N : 1).fill(0.6),
                  }),
                  regularizer: 1.7,
                });
                const settings: Settings = { options, tiny, upstream: given(7), labels: mixedLabels };
                cases[JSON.stringify(settings)] = problem({ N: 7, K: 4, D: 3 }, settings);
                if (lambdaMean === 0 || tiny) continue;
                cases[`large ${JSON.stringify(settings)}`] = problem(
                  { N: 70, K: 66, D: 20 },
                  { ...settings, upstream: given(70), labels: undefined, store: reduction === 'mean' },
                );
              }
      check(cases);
    });

    it('agrees at the bounds of the log-variances, for either sign of the gradient', () => {
      const options = { covariance, minLogVariance: -0.25, maxLogVariance: 0.25 };
      const cases: Record<string, Case> = {};
      for (const s of [-3, -0.25, 0.25, 3])
        for (const sign of [1, -1])
          for (const tiny of [true, false]) {
            const upstream = { classification: [sign], regularizer: sign };
            const settings: Settings = { options, tiny, upstream, labels: mixedLabels };
            settings.logVariances = new Float64Array(covariance === 'diagonal' ? 12 : 4).fill(s);
            cases[`${s} ${sign} ${tiny}`] = problem({ N: 7, K: 4, D: 3 }, settings);
            cases[`distances ${s} ${sign}`] = distances({ N: 7, K: 4, D: 3 }, settings);
          }
      check(cases);
    });

    it('agrees for strided input, int32 labels and any gradient left out', () => {
      const cases: Record<string, Case> = {};
      for (const tiny of [true, false])
        for (let bits = 0; bits < 8; bits++) {
          const mask = [(bits & 1) > 0, (bits & 2) > 0, (bits & 4) > 0] as const;
          const settings: Settings = { options: { covariance }, tiny, mask, gap: 5, wideLabels: false };
          cases[`${tiny} ${mask}`] = problem({ N: 9, K: 5, D: 7 }, settings);
          cases[`distances ${mask}`] = distances({ N: 9, K: 5, D: 7 }, settings);
        }
      for (const upstream of [{}, { classification: [1] }, { regularizer: 2 }, { total: 3 }]) {
        for (const tiny of [true, false]) {
          const settings = { options: { covariance }, tiny, upstream };
          cases[`${tiny} ${JSON.stringify(upstream)}`] = problem({ N: 9, K: 5, D: 7 }, settings);
        }
      }
      check(cases);
    });

    it('agrees in chunks of classes, with divided dimensions and divided sums', () => {
      const cases: Record<string, Case> = {};
      for (const store of [true, false])
        for (const chunkBytes of [1, 2 ** 24])
          for (const classesOfARow of [0, 4096])
            for (const processors of [1, 200]) {
              const once = processors === 1;
              const settings: Settings = { store, chunkBytes, classesOfARow, processors, once };
              settings.options = { covariance, alpha: 0.1, gamma: 0.1, regReduction: 'samples' };
              settings.prior = store;
              cases[JSON.stringify(settings)] = problem({ N: 66, K: 130, D: 70 }, settings);
            }
      for (const processors of [1, 50])
        for (const chunkBytes of [1, 2 ** 24]) {
          const settings: Settings = { processors, chunkBytes, options: { covariance } };
          cases[`distances ${processors} ${chunkBytes}`] = distances({ N: 66, K: 130, D: 70 }, settings);
        }
      check(cases);
    });
  });

  it.each([0, 1, 3, 128, 257])('agrees for N = %d and every K and D', (N) => {
    const cases: Record<string, Case> = {};
    let turn = 0;
    for (const K of [1, 2, 10, 31, 33, 1000])
      for (const D of [1, 2, 3, 16, 17, 100, 513]) {
        if (Math.max(N, 3) * K * D > 1e4) continue;
        const covariance = covariances[turn++ % 3]!;
        const features = (['float64', 'float32'] as const)[turn % 2]!;
        const settings: Settings = { seed: turn, features, options: { covariance } };
        cases[`${N} ${K} ${D} ${covariance} ${features}`] = problem({ N, K, D }, settings);
        cases[`tiny ${N} ${K} ${D} ${covariance} ${features}`] = problem(
          { N, K, D },
          { ...settings, tiny: true },
        );
      }
    check(cases);
  });

  it.each(['float16', 'bfloat16', 'float32'] as const)(
    'reads %s features beside float32 parameters',
    (features) => {
      const cases: Record<string, Case> = {};
      for (const covariance of covariances)
        for (const tiny of [true, false]) {
          const settings: Settings = { features, tiny, options: { covariance }, gap: 1 };
          cases[`${covariance} ${tiny}`] = problem({ N: 20, K: 7, D: 33 }, settings);
          cases[`large ${covariance}`] = problem({ N: 70, K: 70, D: 90 }, { ...settings, store: false });
          cases[`distances ${covariance}`] = distances({ N: 20, K: 70, D: 90 }, settings);
        }
      check(cases);
    },
  );

  it('sorts and sums more rows than one block takes', () => {
    const options = { regReduction: 'classes', momentCenter: 'batch' } as const;
    check({
      few: problem({ N: 1100, K: 5, D: 3 }, { options, processors: 40 }),
    });
  });

  it('agrees where no row is valid, and with an ignoreIndex that is a class', () => {
    const cases: Record<string, Case> = {};
    for (const covariance of covariances)
      for (const tiny of [true, false])
        for (const reduction of ['mean', 'sum', 'none'] as const) {
          const settings: Settings = { tiny, options: { covariance, reduction } };
          const shape = { N: 3, K: 4, D: 2 };
          cases[`${covariance} ${tiny} ${reduction}`] = problem(shape, {
            ...settings,
            labels: [-100, -100, -100],
            upstream: { classification: [1, 2, 3].slice(0, reduction === 'none' ? 3 : 1), regularizer: 1 },
          });
        }
    for (const tiny of [true, false]) {
      const settings = { labels: [0, 1, 2, 0, 1, 2, 0, 1, 2], tiny, options: { ignoreIndex: 1 } };
      cases[`ignoreIndex 1 ${tiny}`] = problem({ N: 9, K: 3, D: 2 }, settings);
    }
    check(cases);
  });

  /** Classes in pairs whose means are a few sigma apart, features at their class's mean; all of it off the origin. */
  const pairs = ({ sigma, offset = 0, D }: { sigma: number; offset?: number; D: number }, more: Settings) => {
    const [N, K, random] = [40, 20, uniform(17)];
    const means = normals(K * D, random);
    for (let k = 1; k < K; k += 2)
      for (let d = 0; d < D; d++)
        means[k * D + d] = means[(k - 1) * D + d]! + (2 * sigma * (random() - 0.5)) / Math.sqrt(D);
    const labels = Array.from({ length: N }, (_, i) => i % K);
    const noise = normals(N * D, random);
    const x = noise.map(
      (value, at) => means[labels[Math.floor(at / D)]! * D + (at % D)]! + sigma * value + offset,
    );
    const s = 2 * Math.log(sigma);
    const logVariances = new Float64Array(more.options?.covariance === 'diagonal' ? K * D : K).fill(s);
    const shifted = means.map((value) => value + offset);
    return problem({ N, K, D }, { ...more, x, labels, logVariances, means: shifted });
  };

  it('keeps its digits in float32 for near classes, small sigma and common offsets', () => {
    const plain = { lambdaMean: 0, lambdaVar: 0 };
    const cases: [string, Case, number][] = [];
    const settled: [string, Parameters<typeof pairs>[0], number][] = [
      ['ordinary', { sigma: 1, D: 64 }, 5e-5],
      ['offset 1', { sigma: 1, offset: 1, D: 64 }, 5e-5],
      ['offset 30', { sigma: 1, offset: 30, D: 64 }, 5e-5],
      ['sigma 0.05', { sigma: 0.05, D: 64 }, 5e-5],
      ['sigma 0.01', { sigma: 0.01, D: 64 }, 2e-4],
    ];
    for (const splitTf32 of [false, true])
      for (const covariance of covariances)
        for (const [name, shape, tolerance] of settled) {
          const c = pairs(shape, { features: 'float32', splitTf32, options: { ...plain, covariance } });
          cases.push([`${name} ${covariance} ${splitTf32}`, c, splitTf32 ? 1e-3 : tolerance]);
        }
    const results = emulate(
      program,
      cases.map(([, c]) => c),
    );
    cases.forEach(([what, c, tolerance], i) => {
      expectSame(c, results[i]!, what, tolerance);
    });
  });

  it('keeps its digits in float32 in 2048 dimensions', () => {
    // The problems of test/native/numerics.ts: classes a few sigma apart, and features anywhere, as before training.
    const [N, K, D] = [32, 50, 2048];
    const cases: [string, Case][] = [];
    for (const covariance of covariances)
      for (const near of [true, false]) {
        const random = uniform(4);
        const [place, apart, noise] = [D, K * D, N * D].map((count) =>
          normals(count, random),
        ) as Float64Array[];
        const labels = Array.from({ length: N }, (_, i) => (7 * i) % K);
        const means = apart!.map((value, at) =>
          near ? place![at % D]! + (3 * value) / Math.sqrt(2 * D) : value,
        );
        const x = noise!.map(
          (value, at) => value + (near ? means[labels[Math.floor(at / D)]! * D + (at % D)]! : 0),
        );
        const logVariances = normals(covariance === 'diagonal' ? K * D : K, random).map(
          (value) => (0.1 * value) / Math.sqrt(D),
        );
        const options = { covariance, alpha: 0, gamma: 0, lambdaMean: 0, lambdaVar: 0 };
        const settings: Settings = {
          features: 'float32',
          once: true,
          options,
          x,
          means,
          logVariances,
          labels,
        };
        cases.push([`${covariance}, ${near ? 'near' : 'untrained'}`, problem({ N, K, D }, settings)]);
      }
    const results = emulate(
      program,
      cases.map(([, c]) => c),
    );
    cases.forEach(([what, c], i) => {
      expectSame(c, results[i]!, what, 2e-5);
    });
  });

  it('keeps the digits of all rows beside one far away, ignored or not', () => {
    const cases: Record<string, Case> = {};
    const [N, K, D] = [40, 30, 16];
    for (const covariance of covariances)
      for (const splitTf32 of [false, true])
        for (const ignored of [true, false]) {
          const options = { covariance, lambdaMean: 0, lambdaVar: 0 };
          const c = problem({ N, K, D }, { features: 'float32', options, splitTf32, once: true });
          c.x.fill(1e8, D, 2 * D);
          if (ignored) c.labels = c.labels!.map((label, i) => (i === 1 ? -100 : label));
          cases[`${covariance} ${splitTf32} ${ignored}`] = c;
        }
    const results = emulate(program, Object.values(cases));
    Object.entries(cases).forEach(([what, c], i) => {
      const right = expected(c);
      // Without the row itself, whose gradient would hide all others.
      const others = (all: Float64Array) => all.filter((_, at) => Math.floor(at / D) !== 1);
      const [got, of] = [results[i]!, what.includes('true ') ? 1e-3 : 5e-5];
      expect(relativeError(others(got.features), others(right.features)), what).toBeLessThan(of);
      expect(relativeError(got.means, right.means), what).toBeLessThan(of);
    });
  });

  it('makes distances of split TF32, and those in doubt again', () => {
    const cases: Record<string, Case> = {};
    for (const features of ['float32', 'float16', 'bfloat16'] as const)
      for (const covariance of ['isotropic', 'scalar'] as const)
        for (const store of [true, false]) {
          const settings: Settings = {
            once: features !== 'float32',
            features,
            store,
            splitTf32: true,
            options: { covariance },
            prior: store,
          };
          cases[`${features} ${covariance} ${store}`] = problem({ N: 70, K: 70, D: 66 }, settings);
          if (features !== 'float32') continue;
          settings.chunkBytes = 1;
          cases[`chunks ${features} ${covariance} ${store}`] = problem({ N: 65, K: 130, D: 20 }, settings);
        }
    const results = check(cases);
    expect(results.every(({ features }) => features.every(Number.isFinite))).toBe(true);
  });

  it('keeps its digits by split TF32 where features are near means', () => {
    const [N, D, each] = [8, 512, 3];
    const K = N * each;
    const draw = uniform(11);
    const x = normals(N * D, draw);
    const options = { reduction: 'none', lambdaMean: 0, lambdaVar: 0 } as const;
    for (const sigma of [1, 0.7, 0.5, 0.35, 0.1]) {
      const noise = normals(K * D, draw);
      const means = noise.map((value, at) => x[at % (N * D)]! + (value * sigma) / Math.sqrt(D));
      const c = problem(
        { N, K, D },
        {
          ...{ features: 'float32', x, means, options, splitTf32: true },
          logVariances: new Float64Array(K).fill(2 * Math.log(sigma)),
          labels: Array.from({ length: N }, (_, i) => i),
          upstream: { classification: new Float64Array(N).fill(1) },
        },
      );
      const [got] = emulate(program, [c]);
      const right = expected(c).classification; // about ln 3
      const worst = Math.max(...right.map((loss, i) => Math.abs(got!.classification[i]! - loss)));
      expect(worst, `sigma ${sigma}`).toBeLessThan(5e-4);
    }
  });

  it('computes no more again than is in doubt, in any number of dimensions', () => {
    const [N, K] = [64, 64];
    for (const D of [512, 2048]) {
      const draw = uniform(3);
      const [x, noise] = [normals(N * D, draw), normals(K * D, draw)];
      const options = { reduction: 'none', lambdaMean: 0, lambdaVar: 0 } as const;
      const like = (means: Float64Array, sigma = 1, features = x) =>
        problem(
          { N, K, D },
          {
            ...{ features: 'float32', x: features, means, options, splitTf32: true, once: true },
            logVariances: new Float64Array(K).fill(2 * Math.log(sigma)),
            labels: Array.from({ length: N }, (_, i) => i),
            upstream: { classification: new Float64Array(N).fill(1) },
          },
        );
      // Before training, means far shorter than features; trained; and each row near two means.
      const dense = like(noise.map((value) => value / Math.sqrt(D)));
      const trained = like(
        x.map((value, at) => value + 0.3 * noise[at]!),
        0.3,
      );
      const pairs = x.map((_, at) => x[at % ((N / 2) * D)]!);
      const near = like(
        pairs.map((value, at) => value + (0.1 * noise[at]!) / Math.sqrt(D)),
        0.1,
        pairs,
      );
      const none = like(new Float64Array(K * D), 1, new Float64Array(N * D));
      const results = emulate(program, [none, dense, trained, near]);
      // A row's own distance always is.
      const again = results.map(({ exchanges }) => N + (exchanges - results[0]!.exchanges) / (7 * 32));
      expect(again, `D = ${D}`).toEqual([N, N, N, 2 * N]);
      for (const [i, c] of [none, dense, trained, near].entries()) {
        const right = expected(c).classification;
        const worst = Math.max(
          ...right.map((loss, row) => Math.abs(results[i]!.classification[row]! - loss)),
        );
        expect(worst, `D = ${D}, problem ${i}`).toBeLessThan(1e-4);
      }
    }
  });

  it('takes no more memory for more chunks of classes', () => {
    for (const covariance of covariances) {
      const settings: Settings = {
        ...{ features: 'float32', store: false, once: true, chunkBytes: 1, processors: 200 },
        options: { covariance },
      };
      const [few, many] = emulate(program, [
        problem({ N: 66, K: 130, D: 70 }, settings),
        problem({ N: 66, K: 1026, D: 70 }, settings),
      ]);
      // Two float64 numbers of each class, and the moments of those that are there.
      expect((many!.backwardBytes - few!.backwardBytes) / (1026 - 130)).toBeLessThan(32);
    }
  });

  it('reports a label that is no class, and makes its row NaN and no other', () => {
    for (const tiny of [true, false])
      for (const wideLabels of [true, false]) {
        const settings: Settings = {
          tiny,
          wideLabels,
          labels: [0, 1, 7, 2, -5],
          options: { reduction: 'none' },
        };
        settings.upstream = { classification: [1, 1, 1, 1, 1], regularizer: 1 };
        const [got] = emulate(program, [problem({ N: 5, K: 3, D: 2 }, settings)]);
        expect(got!.badLabel).toEqual({ label: 7, row: 2, classes: 3 });
        expect(Array.from(got!.classification, Number.isNaN)).toEqual([false, false, true, false, true]);
        const rows = [0, 1, 2, 3, 4].map((i) => got!.features.subarray(2 * i, 2 * i + 2).some(Number.isNaN));
        expect(rows).toEqual([false, false, true, false, true]);
        expect(got!.means.every(Number.isNaN)).toBe(true);
        expect(got!.total).toBeNaN();
      }
  });

  it('lets nothing that is not finite vanish', () => {
    const cases: Record<string, Case> = {};
    for (const tiny of [true, false])
      for (const splitTf32 of [false, true])
        for (const covariance of covariances)
          for (const bad of [Number.NaN, Infinity, -Infinity])
            for (const where of ['x', 'means', 'logVariances'] as const) {
              const settings: Settings = { tiny, splitTf32, features: 'float32', options: { covariance } };
              const c = problem(
                { N: 6, K: 3, D: 4 },
                { ...settings, labels: [0, 1, 2, 0, 1, 2], once: true },
              );
              c[where][0] = bad;
              cases[`${tiny} ${splitTf32} ${covariance} ${bad} ${where}`] = c;
            }
    const results = emulate(program, Object.values(cases));
    Object.keys(cases).forEach((what, i) => {
      expect(Number.isFinite(results[i]!.total), what).toBe(false);
      expect(results[i]!.means.some(Number.isNaN), what).toBe(true);
    });
  });

  it('keeps small losses and large common distances', () => {
    for (const tiny of [true, false]) {
      const options = { alpha: 0, gamma: 0, lambdaMean: 0, lambdaVar: 0, covariance: 'scalar' } as const;
      for (const offset of [1, 1e4, 1e8]) {
        // Two classes at the same distance, half of offset squared / 2: ln 2.
        const x = Float64Array.of(Math.sqrt(offset), 0);
        const zeros = new Float64Array(4);
        const c = problem(
          { N: 1, K: 2, D: 2 },
          { x, means: zeros, logVariances: new Float64Array(2), options, tiny },
        );
        expect(emulate(program, [c])[0]!.classification[0]).toBeCloseTo(Math.LN2, 7);
      }
      for (const gap of [5, 18, 23]) {
        const means = Float64Array.of(0, Math.sqrt(2 * gap));
        const settings = {
          x: new Float64Array(1),
          means,
          logVariances: new Float64Array(2),
          labels: [0],
          tiny,
        };
        const [got] = emulate(program, [problem({ N: 1, K: 2, D: 1 }, { ...settings, options })]);
        const loss = Math.log1p(Math.exp(-gap));
        expect(Math.abs(got!.classification[0]! / loss - 1)).toBeLessThan(1e-6);
      }
    }
  });

  it('takes one launch each way for a small problem, and a few for others', () => {
    const [tiny, medium] = emulate(program, [
      problem({ N: 128, K: 10, D: 2 }, { features: 'float32', tiny: true }),
      problem({ N: 64, K: 100, D: 64 }, { features: 'float32', tiny: true }),
    ]);
    expect(tiny!.launches).toEqual({ forward: 1, backward: 1 });
    expect(medium!.launches.forward).toBeLessThanOrEqual(6);
    expect(medium!.launches.backward).toBeLessThanOrEqual(10);
  });
});
