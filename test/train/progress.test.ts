import { describe, expect, it } from 'vitest';
import { duration, Progress } from '../../lib/train/index.ts';

/** Half a batch of figures: loss 0.5 and accuracy 0.75 over `images`. */
const sums = (steps: number) => {
  const images = 100 * steps;
  return { steps, images, lr: 0.1, values: { loss: 0.5 * images, accuracy: 0.75 * images } };
};

function recorder(isTTY: boolean, columns = 200) {
  const written: string[] = [];
  let time = 0;
  const progress = new Progress({
    epochs: 3,
    steps: 40,
    now: () => time,
    output: { isTTY, columns, write: (text) => written.push(text) },
  });
  return { written, progress, wait: (seconds: number) => (time += 1000 * seconds) };
}

describe('progress', () => {
  it('is a bar with rate and time left on a terminal, drawn over itself and taken away', () => {
    const { written, progress, wait } = recorder(true);
    progress.update(1, sums(10));
    wait(5);
    progress.update(1, sums(20));
    // 10 steps in 5 s; 20 steps of this epoch and 80 of the other two are left.
    expect(written[1]).toMatch(
      /^\repoch 1\/3 {2}\[={6} {6}\] {2}50 % {2}50 s left {2}200 images\/s {2}loss 0\.5000 {2}accuracy 75\.00 % *$/,
    );
    expect(written.join('')).not.toContain('\n');
    progress.clear();
    expect(written.at(-1)).toMatch(/^\r +\r$/);
    progress.clear();
    expect(written).toHaveLength(3);
  });

  it.each([
    [80, 'epoch 1/3  [======      ]  50 %  50 s left  200 images/s  loss 0.5000'],
    [0, 'epoch 1/3  [======      ]  50 %  50 s left  200 images/s  loss 0.5000'],
    [40, 'epoch 1/3  [======      ]  50 %'],
    [5, 'epoch 1/3'],
  ])('leaves out what does not fit into %i columns', (columns, line) => {
    const { written, progress, wait } = recorder(true, columns);
    progress.update(1, sums(10));
    wait(5);
    progress.update(1, sums(20));
    expect(written[1]!.trim()).toBe(line);
  });

  it('is a plain line now and then elsewhere', () => {
    const { written, progress, wait } = recorder(false);
    for (let step = 10; step <= 40; step += 10) {
      progress.update(2, sums(step));
      wait(15);
    }
    progress.clear();
    expect(written).toEqual(['epoch 2/3  75 %  1:15 min left  67 images/s  loss 0.5000  accuracy 75.00 %\n']);
  });

  it.each([
    [7.4, '7 s'],
    [59.6, '1:00 min'],
    [185, '3:05 min'],
    [7800, '2:10 h'],
  ])('writes %d seconds as %s', (seconds, text) => {
    expect(duration(seconds)).toBe(text);
  });
});
