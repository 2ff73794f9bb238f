import { csvField } from '../train/csv.ts';
import type { Cell } from './summary.ts';

const columns = [
  'experiment',
  'method',
  'seed',
  'epochs',
  'recipe_epochs',
  'selected_on',
  'chosen_epoch',
  'test_accuracy',
  'last_test_accuracy',
  'validation_accuracy',
  'top5',
  'ece',
  'mce',
  'many',
  'medium',
  'few',
  'feature_norm',
  'negative_share',
  'size_correlation',
  'network_parameters',
  'loss_parameters',
  'seconds',
  'paper_accuracy_published',
] as const;

/** One line for each finished run, RFC 4180; accuracies and other shares from 0 to 1, what is not known empty. */
export function csvOf(cells: readonly Cell[]): string {
  const lines = cells.flatMap((cell) =>
    cell.runs.map(
      ({ seed, result }): Record<(typeof columns)[number], string | number | null | undefined> => {
        const { test, config, parameters } = result;
        return {
          experiment: cell.experiment,
          method: cell.method,
          seed,
          epochs: config.epochs,
          recipe_epochs: cell.recipeEpochs,
          selected_on: config.selectOn,
          chosen_epoch: result.epoch,
          test_accuracy: result.testAccuracy,
          last_test_accuracy: result.lastTestAccuracy,
          // In the parity mode it would be the test accuracy once more.
          validation_accuracy: config.selectOn === 'test' ? null : result.validationAccuracy,
          top5: test.top5,
          ece: test.ece,
          mce: test.mce,
          many: test.shots?.many,
          medium: test.shots?.medium,
          few: test.shots?.few,
          feature_norm: test.featureNorm,
          negative_share: test.icu?.negativeShare,
          size_correlation: test.icu?.sizeCorrelation,
          network_parameters: parameters.network,
          loss_parameters: parameters.loss,
          seconds: result.seconds,
          paper_accuracy_published: cell.paper === null ? null : Number((cell.paper / 100).toPrecision(12)),
        };
      },
    ),
  );
  return [columns.join(','), ...lines.map((line) => columns.map((name) => csvField(line[name])).join(','))]
    .map((line) => `${line}\r\n`)
    .join('');
}
