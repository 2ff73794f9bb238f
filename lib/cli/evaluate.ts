import { Command } from 'commander';
import { evaluateRun, interruptible, parityNote, type RunEvaluation, type RunPlace } from '../train/index.ts';
import { percent } from '../train/words.ts';
import { dataName, integer } from './options.ts';

interface Flags extends RunPlace {
  dataDir?: string;
  json?: boolean;
}

export function evaluateCommand(): Command {
  return new Command('evaluate')
    .description(
      'load the weights that a run has kept, and print their figures on the test set: accuracy, top-5, calibration ' +
        'error, and each class',
    )
    .argument('<run>', "the run's folder, such as runs/mnist-2d-icu-seed0")
    .option('--data-dir <folder>', 'the folder of the data sets (default: INTRACLASS_DATA, else data)')
    .option('--data <folder:path>', "where the run's image folder is now (default: where it was)", dataName)
    .option('--device <name>', "cpu or cuda:0 (default: the run's)")
    .option('--threads <n>', "CPU threads (default: the run's)", integer(1))
    .option('--json', 'print one JSON object with all figures, the confusion matrix among them')
    .action(async (run: string, { json, ...options }: Flags) => {
      const evaluation = await interruptible((signal) => evaluateRun(run, { ...options, signal }));
      process.stdout.write(`${json ? evaluationJson(evaluation) : evaluationText(evaluation)}\n`);
    });
}

function evaluationJson({
  run,
  config,
  epoch,
  test,
  classes,
  trainCounts,
  result,
  skipped,
}: RunEvaluation): string {
  const { accuracy, labels: _, predicted: __, features: ___, ...figures } = test;
  const recorded = result?.testAccuracy ?? null;
  return JSON.stringify({
    run,
    epoch,
    testAccuracy: accuracy,
    ...figures,
    skipped,
    classes,
    trainCounts,
    recorded,
    config,
  });
}

/** The figures for people; the classes as a table. */
export function evaluationText({
  config,
  epoch,
  test,
  classes,
  trainCounts,
  result,
  skipped,
}: Omit<RunEvaluation, 'run'>): string {
  const { accuracy, correct, count, top5, calibration, shots, icu, featureNorm } = test;
  const bins = calibration.bins.length;
  const lines = [
    `${config.model} with the loss ${config.loss} on ${config.data}, epoch ${epoch}` +
      (config.selectOn === 'test' ? `, ${parityNote}` : ''),
    `test accuracy ${percent(accuracy)} (${correct} of ${count})`,
    `top-5 accuracy ${percent(top5)}`,
    `calibration error ${percent(calibration.ece)} (ECE, ${bins} bins; the largest ${percent(calibration.mce)})`,
    `mean feature norm ${featureNorm.toPrecision(4)}`,
  ];
  if (skipped > 0) lines.push(`images that could not be decoded and were left out: ${skipped}`);
  if (shots !== null) {
    lines.push(
      'by training images: ' +
        `many (above 100) ${percent(shots.many)}, medium ${percent(shots.medium)}, few (below 20) ${percent(shots.few)}`,
    );
  }
  if (icu !== null) {
    const { sizeCorrelation: rho, negativeShare } = icu;
    lines.push(`distance to the own class below 0: ${percent(negativeShare)} of the images`);
    if (rho !== null) lines.push(`rank correlation of σ and class size ${rho.toFixed(3)}`);
  }
  lines.push('', ...classTable(test, classes, trainCounts));
  if (result !== null && result.testAccuracy !== accuracy) {
    lines.push('', `the run itself had ${percent(result.testAccuracy)}: another machine rounds differently`);
  }
  return lines.join('\n');
}

/** A line for each class: test images, accuracy, and, where known, training images and σ. */
function classTable(
  { confusion, accuracyByClass, icu }: RunEvaluation['test'],
  classes: RunEvaluation['classes'],
  trainCounts: RunEvaluation['trainCounts'],
): string[] {
  const columns: [title: string, cell: (k: number) => string][] = [
    ['class', (k) => classes?.[k] ?? String(k)],
    ['images', (k) => String(confusion[k]!.reduce((sum, value) => sum + value, 0))],
    ['accuracy', (k) => percent(accuracyByClass[k]!)],
  ];
  if (trainCounts !== null) columns.push(['trained on', (k) => String(trainCounts[k])]);
  if (icu !== null) columns.push(['σ', (k) => icu.sigmas[k]!.toPrecision(4)]);
  const rows = [columns.map(([title]) => title)];
  for (let k = 0; k < confusion.length; k++) rows.push(columns.map(([, cell]) => cell(k)));
  const widths = columns.map((_, c) => Math.max(...rows.map((row) => row[c]!.length)));
  return rows.map((row) => row.map((cell, c) => cell.padStart(widths[c]!)).join('  '));
}
