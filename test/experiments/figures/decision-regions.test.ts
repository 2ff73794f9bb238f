import { describe, expect, it } from 'vitest';
import {
  drawSamples,
  predictions,
  trainable,
  trainLoss,
  unbalanced,
} from '../../../lib/experiments/figures/two-gaussians.ts';
import { decisionFigure } from '../../../lib/experiments/index.ts';
import { noGrad, tensor } from '../../../lib/tensor/index.ts';

type Rule = 'softmax' | 'icu' | 'balancedSoftmax' | 'icuLogPrior' | 'bayes';
interface Data {
  accuracies: Record<Rule, { mean: number; sd: number | null; values: number[] }>;
  drawn: { icu: { accuracy: number; parameters: { mean: number[]; sigma: number }[] } };
}

describe('decisionFigure', () => {
  it('compares both losses with the Bayes rule, and states classes, seeds and accuracies', async () => {
    const messages: string[] = [];
    const [figure] = await decisionFigure({
      seeds: 2,
      steps: 300,
      testPerClass: 5000,
      onMessage: (message) => messages.push(message),
    });
    const { name, svg, data } = figure!;
    const { accuracies, drawn } = data as Data;
    expect(name).toBe('fig1');
    expect(messages).toHaveLength(2);
    const { bayes, ...trained } = accuracies;
    for (const { mean, values } of Object.values(trained)) {
      expect(values).toHaveLength(2);
      // On the same samples; a learned rule can be ahead by chance in the third digit.
      expect(bayes.mean).toBeGreaterThan(mean - 0.002);
    }
    expect(accuracies.icu.mean).toBeGreaterThan(accuracies.softmax.mean);
    expect(accuracies.softmax.mean).toBeGreaterThan(0.5);
    const percent = `${(100 * drawn.icu.accuracy).toFixed(2)}%`;
    for (const text of [
      'σ = 2, 1,000 training samples',
      'σ = 0.5, 100 training',
      'seed 0',
      `ICU: ${percent}`,
    ]) {
      expect(svg).toContain(text);
    }
    for (const text of ['learned boundary', 'boundary of the Bayes rule', '1σ', '2σ']) {
      expect(svg).toContain(`>${text}</text>`);
    }
    // The regulariser keeps the wide class wide and the narrow one narrow.
    const [wide, narrow] = drawn.icu.parameters;
    expect(wide!.sigma).toBeGreaterThan(1.5);
    expect(narrow!.sigma).toBeLessThan(0.7);
  });

  it('is the same twice', async () => {
    const draw = () => decisionFigure({ seeds: 1, steps: 20, testPerClass: 100 });
    const [first, second] = [await draw(), await draw()];
    expect(JSON.stringify(first) === JSON.stringify(second)).toBe(true);
  });

  it('stops where it is told to', async () => {
    const controller = new AbortController();
    const stopped = decisionFigure({
      steps: 1,
      testPerClass: 10,
      signal: controller.signal,
      onMessage: (message) => message.includes('seed 1 ') && controller.abort(new Error('enough')),
    });
    await expect(stopped).rejects.toThrow('enough');
  });

  it('names the option that does not fit', async () => {
    await expect(decisionFigure({ seeds: 0 })).rejects.toThrow(
      'decisionFigure: seeds: expected an integer of at least 1, got number 0',
    );
    await expect(decisionFigure({ apart: -1 })).rejects.toThrow(
      /apart: expected a finite number above 0, got number -1/,
    );
  });
});

describe('the two Gaussians', () => {
  const classes = unbalanced(4);

  it('have the means, spreads and counts that they say', () => {
    const { features, labels } = drawSamples(classes, [20_000, 5000], 3);
    expect(labels.sum().item()).toBe(5000);
    classes.forEach(({ mean, sigma }, k) => {
      const own = features.narrow(0, k * 20_000, k === 0 ? 20_000 : 5000);
      const [x, y] = own.mean([0]).toArray() as number[];
      expect(x).toBeCloseTo(mean[0], 1);
      expect(y).toBeCloseTo(mean[1], 1);
      expect(own.sub(tensor(mean)).square().mean().sqrt().item() / sigma).toBeCloseTo(1, 1);
    });
  });

  it('are told apart as the loss itself predicts', () => {
    const samples = drawSamples(classes, [200, 200], 4);
    const loss = trainLoss(trainable.icu, samples, { seed: 0, steps: 50 });
    const distances = noGrad(() => loss.distances(samples.features).toArray()) as [number, number][];
    expect(predictions(loss, samples)).toEqual(distances.map(([a, b]) => (b < a ? 1 : 0)));
  });
});
