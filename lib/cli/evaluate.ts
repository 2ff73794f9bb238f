import { Command } from 'commander';
import { evaluateRun, interruptible } from '../train/index.ts';
import { integer } from './options.ts';

interface Flags {
  dataDir?: string;
  device?: string;
  threads?: number;
  json?: boolean;
}

export function evaluateCommand(): Command {
  return new Command('evaluate')
    .description('load the weights that a run has kept, and print their test accuracy')
    .argument('<run>', "the run's folder, such as runs/mnist-2d-icu-seed0")
    .option('--data-dir <folder>', 'the folder that has mnist/ (default: INTRACLASS_DATA, else data)')
    .option('--device <name>', "cpu or cuda:0 (default: the run's)")
    .option('--threads <n>', "CPU threads (default: the run's)", integer(1))
    .option('--json', 'print one JSON object')
    .action(async (run: string, { json, ...options }: Flags) => {
      const { config, epoch, test, result } = await interruptible((signal) =>
        evaluateRun(run, { ...options, signal }),
      );
      const { accuracy, correct, count, confusion } = test;
      if (json) {
        const figures = { run, epoch, testAccuracy: accuracy, correct, count, confusion };
        process.stdout.write(
          `${JSON.stringify({ ...figures, recorded: result?.testAccuracy ?? null, config })}\n`,
        );
        return;
      }
      const lines = [
        `${config.model} with the loss ${config.loss} on ${config.data}, epoch ${epoch}`,
        `test accuracy ${(100 * accuracy).toFixed(2)} % (${correct} of ${count})`,
      ];
      if (result !== null && result.testAccuracy !== accuracy) {
        lines.push(
          `the run itself had ${(100 * result.testAccuracy).toFixed(2)} %: another machine rounds differently`,
        );
      }
      process.stdout.write(`${lines.join('\n')}\n`);
    });
}
