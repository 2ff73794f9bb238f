/** What is printed while runs go on. */
import {
  type EpochMetrics,
  Progress,
  parityNote,
  type RunEvents,
  type RunOutcome,
  type RunStart,
  type TrainConfig,
  trainDefaults,
} from '../train/index.ts';
import { shellWord } from '../train/shell-word.ts';
import { count, duration, percent } from '../train/words.ts';

interface Reporter extends RunEvents {
  onMessage: (message: string) => void;
  onOutcome: (outcome: RunOutcome) => void;
  clear: () => void;
}

/** Of `intraclass train`: results go to standard output; progress and messages to standard error. */
export function reporter({ json = false, quiet = false }: { json?: boolean; quiet?: boolean }): Reporter {
  const lines = json
    ? { start: () => null, epoch: (metrics: EpochMetrics) => JSON.stringify({ event: 'epoch', ...metrics }) }
    : { start: startText, epoch: epochText };
  const { print, say, ...events } = runReporter({ quiet, to: process.stdout, lines });
  return {
    ...events,
    onMessage: say,
    onOutcome: (outcome) => {
      if (json) print(JSON.stringify({ event: outcome.finished ? 'result' : 'interrupted', ...outcome }));
      else print(outcomeText(outcome));
    },
  };
}

interface RunReporter extends Required<Pick<RunEvents, 'onStart' | 'onProgress' | 'onEpoch'>> {
  /** A line to where the lines go, and one to standard error; the bar gives way. */
  print: (text: string) => void;
  say: (text: string) => void;
  clear: () => void;
}

/**
 * Follows runs, one after the other: a line for the beginning and for each epoch, and how far the epoch is.
 * @param options.quiet nothing of all this
 * @param options.to where the lines go; the bar is on standard error
 * @param options.lines their texts; null for none
 */
export function runReporter({
  quiet = false,
  to,
  lines = { start: startText, epoch: epochText },
}: {
  quiet?: boolean;
  to: NodeJS.WriteStream;
  lines?: {
    start: (start: RunStart) => string | null;
    epoch: (metrics: EpochMetrics, epochs: number, selectOn: TrainConfig['selectOn']) => string;
  };
}): RunReporter {
  let progress: Progress | null = null;
  let { epochs, selectOn }: Pick<TrainConfig, 'epochs' | 'selectOn'> = trainDefaults;
  const clear = () => progress?.clear();
  const writer = (stream: NodeJS.WriteStream) => (text: string) => {
    clear();
    stream.write(`${text}\n`);
  };
  const print = writer(to);
  return {
    clear,
    print,
    say: writer(process.stderr),
    onStart: (start) => {
      ({ epochs, selectOn } = start.config);
      if (quiet) return;
      progress = new Progress({ epochs, steps: start.stepsPerEpoch });
      const text = lines.start(start);
      if (text !== null) print(text);
    },
    onProgress: (epoch, sums) => progress?.update(epoch, sums),
    onEpoch: (metrics) => {
      if (!quiet) print(lines.epoch(metrics, epochs, selectOn));
    },
  };
}

function startText(start: RunStart): string {
  const { folder, config, parameters, images } = start;
  const { model, loss, data, seed, selectOn } = config;
  const { train, validation, test } = images;
  const others =
    selectOn === 'test'
      ? `none held out, ${count(test)} to test\n  the epoch is ${parityNote}`
      : `${count(validation)} held out to choose the epoch, ${count(test)} to test`;
  return [
    `${model} with the loss ${loss} on ${data}, seed ${seed}`,
    `  ${count(train)} images to train, ${others}`,
    `  ${count(parameters.network)} parameters in the network, ${count(parameters.loss)} in the loss`,
    `  folder ${folder}`,
    ...progressLines(start),
  ].join('\n');
}

/** Where a run goes on; nothing where it begins. */
function progressLines({ config, epoch, step }: RunStart): string[] {
  if (epoch > config.epochs) return ['  finished already; its result is made anew'];
  return epoch > 1 || step > 0 ? [`  going on at epoch ${epoch}, step ${step + 1}`] : [];
}

function epochText(metrics: EpochMetrics, epochs: number, selectOn: TrainConfig['selectOn']): string {
  const { epoch, loss, accuracy, validationAccuracy, sigmaMean, imagesPerSecond, seconds } = metrics;
  return [
    `epoch ${String(epoch).padStart(String(epochs).length)}/${epochs}`,
    `loss ${loss.toFixed(4)}`,
    `accuracy ${percent(accuracy)}`,
    `${selectOn === 'test' ? 'test' : 'held-out'} ${percent(validationAccuracy)}`,
    ...(sigmaMean === undefined ? [] : [`mean σ ${sigmaMean.toFixed(3)}`]),
    `${Math.round(imagesPerSecond)} images/s`,
    duration(seconds),
  ].join('  ');
}

function outcomeText(outcome: RunOutcome): string {
  if (!outcome.finished) {
    return `interrupted in epoch ${outcome.epoch}; to go on, type: npx intraclass train --resume ${shellWord(outcome.folder)}`;
  }
  const { result } = outcome;
  const chosen =
    result.config.selectOn === 'test'
      ? parityNote
      : `the best on the held-out images: ${percent(result.validationAccuracy)}`;
  return [
    `test accuracy ${percent(result.testAccuracy)} (epoch ${result.epoch}, ${chosen}; ` +
      `last epoch ${percent(result.lastTestAccuracy)})`,
    `in ${duration(result.seconds)}; metrics, weights and pictures are in ${outcome.folder}`,
  ].join('\n');
}
