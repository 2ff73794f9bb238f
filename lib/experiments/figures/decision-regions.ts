import { CrossEntropyLoss, IcuLoss } from '../../losses/index.ts';
import {
  type Frame,
  type PlaneFunction,
  type PlanePanel,
  planePlot,
  positiveRegion,
  zeroLines,
} from '../../plot/index.ts';
import { percent } from '../../plot/style.ts';
import { describeValue, scope } from '../../tensor/index.ts';
import { gaussiansOf } from '../../train/pictures.ts';
import { count } from '../../train/words.ts';
import { checkCounts } from '../check.ts';
import { type Spread, spreadOf } from '../statistics.ts';
import type { Figure, FigureEvents } from './figure.ts';
import { distance, type PlaneGaussian } from './gaussian-plane.ts';
import {
  type Accuracy,
  accuracyOf,
  bayesPredictions,
  drawSamples,
  lr,
  predictions,
  type Samples,
  trainable,
  trainLoss,
  unbalanced,
} from './two-gaussians.ts';

export interface DecisionFigureOptions extends FigureEvents {
  /** How many times samples are drawn and the losses trained on them; the first time is drawn. Default 10. */
  seeds?: number;
  /** Steps of Adam on all training samples. Default 500. */
  steps?: number;
  /** Test samples of each class. Default 10,000. */
  testPerClass?: number;
  /** Between the two means; the classes have σ 2 and 0.5. Default 4. */
  apart?: number;
}

type Rule = keyof typeof trainable | 'bayes';
const rules = Object.keys(trainable) as (keyof typeof trainable)[];
const lines = { learned: 'learned boundary', bayes: 'boundary of the Bayes rule' };
/** Of class 1; class 0 has the first. */
const look = 6;
const letters = ['A', 'B'];

/** What is drawn of a loss, in plain numbers. */
interface Drawn extends Accuracy {
  /** At least 0 where class 1 is predicted */
  rule: PlaneFunction;
  /** As JSON has it */
  parameters: object;
  gaussians?: PlaneGaussian[];
}

/**
 * Fig. 1: the regions of softmax, a linear layer with cross-entropy, and of the ICU loss, both with their default
 * options and trained on the same unbalanced samples of two Gaussians, tested on fresh samples, as many of one class as
 * of the other; and the boundary of the Bayes rule, which knows both Gaussians. The numbers also have both losses with
 * the classes' sizes as a prior in training.
 *
 * @throws TypeError for an option that is out of range; the signal's reason once it is aborted
 */
export async function decisionFigure(options: DecisionFigureOptions = {}): Promise<Figure[]> {
  const { seeds = 10, steps = 500, testPerClass = 10_000, apart = 4, signal, onMessage } = options;
  checkCounts('decisionFigure', { seeds, steps, testPerClass });
  if (!(Number.isFinite(apart) && apart > 0)) {
    throw new TypeError(
      `decisionFigure: apart: expected a finite number above 0, got ${describeValue(apart)}`,
    );
  }
  const classes = unbalanced(apart);
  const counts = classes.map(({ count }) => count);
  const values: Record<Rule, number[]> = {
    softmax: [],
    icu: [],
    balancedSoftmax: [],
    icuLogPrior: [],
    bayes: [],
  };
  let first: { softmax: Drawn; icu: Drawn; points: NonNullable<PlanePanel['points']> } | undefined;
  for (let seed = 0; seed < seeds; seed++) {
    onMessage?.(`fig1: seed ${seed} of 0 to ${seeds - 1}`);
    scope(() => {
      const training = drawSamples(classes, counts, 2 * seed);
      const test = drawSamples(classes, [testPerClass, testPerClass], 2 * seed + 1);
      const drawn: Partial<Record<Rule, Drawn>> = {};
      for (const rule of rules) {
        const loss = trainLoss(() => trainable[rule](counts), training, { seed, steps, signal });
        const accuracy = accuracyOf(predictions(loss, test), test);
        values[rule].push(accuracy.accuracy);
        if (loss instanceof CrossEntropyLoss) drawn[rule] = { ...accuracy, ...linearRule(loss) };
        if (loss instanceof IcuLoss) drawn[rule] = { ...accuracy, ...gaussianRule(loss) };
      }
      values.bayes.push(accuracyOf(bayesPredictions(classes, test), test).accuracy);
      first ??= { softmax: drawn.softmax!, icu: drawn.icu!, points: pointsOf(training) };
    });
    // Others get their turn.
    await new Promise(setImmediate);
  }
  const accuracies = Object.fromEntries(
    Object.entries(values).map(([rule, each]) => [rule, { ...spreadOf(each)!, values: each }]),
  ) as Record<Rule, Spread & { values: number[] }>;

  const { softmax, icu, points } = first!;
  const reach = apart + 4;
  const frame: Frame = { x: [-6.5, Math.max(6.5, reach)], y: [-6, 6] };
  const bayes = zeroLines((x, y) => difference(classes, x, y), frame);
  const panel = (title: string, { rule, gaussians, ...shares }: Drawn, over: (typeof accuracies)[Rule]) => ({
    title: `${title}: ${percent(shares.accuracy)} of fresh samples right`,
    subtitle: [
      `A ${percent(shares.accuracyByClass[0]!)}, B ${percent(shares.accuracyByClass[1]!)}; seed 0, ${count(testPerClass)} of each`,
      `${seeds === 1 ? 'one seed' : `${seeds} seeds: ${percent(over.mean)} ± ${percent(over.sd!)}`}; Bayes rule ${percent(accuracies.bayes.mean)}`,
    ],
    points,
    gaussians: gaussians?.map((gaussian, k) => ({ ...gaussian, label: letters[k]! })),
    regions: [
      { class: 0, paths: positiveRegion((x, y) => -rule(x, y), frame) },
      { class: 1, paths: positiveRegion(rule, frame) },
    ],
    lines: [
      { name: lines.bayes, paths: bayes },
      { name: lines.learned, paths: zeroLines(rule, frame) },
    ],
  });
  const svg = await planePlot({
    panels: [panel('Softmax', softmax, accuracies.softmax), panel('ICU', icu, accuracies.icu)],
    frame,
    width: 480,
    classes: classes.map(({ name, count: images, sigma }, k) => ({
      name: `${letters[k]}: ${name}, σ = ${sigma}, ${count(images)} training samples`,
      look: k * look,
    })),
    lines: [{ name: lines.learned }, { name: lines.bayes, color: '#117733', dash: [6, 4] }],
    title: 'A wide class with many samples, a narrow one with few',
  });
  const shown = ({ accuracy, accuracyByClass, parameters }: Drawn) => ({
    accuracy,
    accuracyByClass,
    parameters,
  });
  const data = {
    classes,
    seeds,
    steps,
    lr,
    testPerClass,
    accuracies,
    drawn: { seed: 0, softmax: shown(softmax), icu: shown(icu) },
  };
  return [{ name: 'fig1', svg, data }];
}

/** d_0 − d_1 */
const difference = ([first, second]: readonly PlaneGaussian[], x: number, y: number): number =>
  distance(first!, x, y) - distance(second!, x, y);

/** l_1 − l_0 of the logits l = x·Wᵀ + b. */
function linearRule({ linear }: CrossEntropyLoss): Pick<Drawn, 'rule' | 'parameters'> {
  const weight = [...(linear.weight.detach().toTypedArray() as Float32Array)];
  const bias = [...(linear.bias!.detach().toTypedArray() as Float32Array)];
  const [wx, wy, b] = [weight[2]! - weight[0]!, weight[3]! - weight[1]!, bias[1]! - bias[0]!];
  return { rule: (x, y) => wx * x + wy * y + b, parameters: { weight, bias } };
}

function gaussianRule(loss: IcuLoss): Pick<Drawn, 'rule' | 'parameters' | 'gaussians'> {
  const { means, sigmas } = gaussiansOf(loss);
  const gaussians = [0, 1].map(
    (k): PlaneGaussian => ({ mean: [means[2 * k]!, means[2 * k + 1]!], sigma: sigmas[k]! }),
  );
  return { rule: (x, y) => difference(gaussians, x, y), parameters: gaussians, gaussians };
}

const pointsOf = ({ features, labels }: Samples): NonNullable<PlanePanel['points']> => ({
  features: features.toTypedArray() as Float32Array,
  labels: Array.from(labels.toTypedArray() as BigInt64Array, Number),
});
