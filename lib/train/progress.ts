import { meansOf, type Sums } from './epoch.ts';
import { duration, percent } from './words.ts';

/** Where progress is shown: process.stderr. */
export interface Output {
  write(text: string): unknown;
  isTTY?: boolean;
  columns?: number;
}

export interface ProgressOptions {
  epochs: number;
  /** Steps in an epoch */
  steps: number;
  output?: Output;
  /** For tests. Default: Date.now */
  now?: () => number;
}

/** Seconds between two plain lines. */
const lineEvery = 20;

/**
 * How far training is, how fast, and how long it still takes: a bar that is redrawn on a terminal, a plain line every
 * 20 seconds elsewhere.
 */
export class Progress {
  readonly #epochs: number;
  readonly #steps: number;
  readonly #output: Output;
  readonly #now: () => number;
  #shown = '';
  #lastLine: number;
  /** Steps and images when this epoch was first heard of, and when. */
  #from: { epoch: number; steps: number; images: number; time: number } | null = null;

  constructor({ epochs, steps, output = process.stderr, now = Date.now }: ProgressOptions) {
    this.#epochs = epochs;
    this.#steps = steps;
    this.#output = output;
    this.#now = now;
    this.#lastLine = now();
  }

  update(epoch: number, sums: Sums): void {
    const time = this.#now();
    if (this.#from?.epoch !== epoch) this.#from = { epoch, steps: sums.steps, images: sums.images, time };
    const text = this.#text(epoch, sums, time);
    if (this.#output.isTTY) {
      this.#redraw(text);
    } else if (time - this.#lastLine >= 1000 * lineEvery) {
      this.#output.write(`${text}\n`);
      this.#lastLine = time;
    }
  }

  /** Takes the bar away, for other lines to be printed. */
  clear(): void {
    if (this.#shown !== '') this.#output.write(`\r${' '.repeat(this.#shown.length)}\r`);
    this.#shown = '';
  }

  #text(epoch: number, sums: Sums, time: number): string {
    const from = this.#from!;
    const done = sums.steps / this.#steps;
    const seconds = (time - from.time) / 1000;
    const { loss = Number.NaN, accuracy = Number.NaN } = meansOf(sums);
    const parts = [
      `epoch ${epoch}/${this.#epochs}`,
      ...(this.#output.isTTY ? [bar(done)] : []),
      `${Math.floor(100 * done)} %`,
    ];
    if (sums.steps > from.steps && seconds > 0) {
      const left =
        (this.#steps - sums.steps + (this.#epochs - epoch) * this.#steps) / (sums.steps - from.steps);
      parts.push(
        `${duration(left * seconds)} left`,
        `${Math.round((sums.images - from.images) / seconds)} images/s`,
      );
    }
    parts.push(`loss ${loss.toPrecision(4)}`, `accuracy ${percent(accuracy)}`);
    if (this.#output.isTTY) {
      // What does not fit is left out whole, the last first.
      const room = (this.#output.columns || 80) - 1;
      while (parts.length > 1 && parts.join('  ').length > room) parts.pop();
    }
    return parts.join('  ');
  }

  #redraw(line: string): void {
    this.#output.write(`\r${line}${' '.repeat(Math.max(0, this.#shown.length - line.length))}`);
    this.#shown = line;
  }
}

function bar(done: number, width = 12): string {
  const filled = Math.round(done * width);
  return `[${'='.repeat(filled)}${' '.repeat(width - filled)}]`;
}
