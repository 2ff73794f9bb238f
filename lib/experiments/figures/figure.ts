import { describeValue } from '../../tensor/index.ts';

/** A picture and what it was drawn from. */
export interface Figure {
  /** 'fig1'; names its files */
  name: string;
  svg: string;
  /** The numbers in it, for JSON */
  data: object;
}

/** What a figure that takes its time is told, and tells. */
export interface FigureEvents {
  /** Once it is aborted the figure ends with its reason. */
  signal?: AbortSignal;
  /** What is done next */
  onMessage?: (message: string) => void;
}

/** A finished run and what to call it. */
export interface LabelledRun {
  /** 'Softmax' */
  title: string;
  /** The run's folder */
  run: string;
}

/** @throws TypeError naming the figure and the entry unless these are runs with titles, at least one */
export function checkRuns(figure: string, runs: readonly LabelledRun[]): void {
  const fail = (name: string, expected: string, got: unknown): never => {
    throw new TypeError(`${figure}: ${name}: expected ${expected}, got ${describeValue(got)}`);
  };
  if (!Array.isArray(runs) || runs.length === 0) fail('runs', 'an array of at least one run', runs);
  runs.forEach((entry: unknown, i) => {
    const { title, run } = (entry ?? {}) as Record<string, unknown>;
    if (typeof title !== 'string') fail(`runs[${i}].title`, 'a string', title);
    if (typeof run !== 'string' || run === '') fail(`runs[${i}].run`, "a run's folder", run);
  });
}
