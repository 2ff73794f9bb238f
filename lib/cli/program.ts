import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { SetupError } from '../native/locate.mjs';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/** The command line: one subcommand a file. Wrong usage is thrown as a CommanderError. */
export async function program(): Promise<Command> {
  const root = new Command('intraclass')
    .description('Train image classifiers with losses that know how uncertain each class is.')
    .version(version)
    .showHelpAfterError('(--help shows the options)')
    .addHelpText(
      'after',
      `
Examples:
  intraclass train mnist-2d                       the paper's 2-D network with the ICU loss
  intraclass train mnist-100d --loss ce --seed 1  the 100-D network with softmax cross-entropy
  intraclass evaluate runs/mnist-2d-icu-seed0     the test accuracy of a run, from its saved weights
  intraclass reproduce table1 --rows mnist-2d     a part of the paper's first table, beside its figures
  intraclass doctor                               what was found on this machine, what is missing, what to type`,
    );
  for (const command of await trainingCommands()) root.addCommand(command);
  root
    .command('doctor')
    .description('say what was found on this machine, what is missing, and what to type')
    .option('--json', 'print one JSON array')
    .option('--data-dir <folder>', 'the folder of the data sets (default: INTRACLASS_DATA, else data)')
    .action(async (options: { json?: boolean; dataDir?: string }) => {
      const { doctor } = await import('./doctor.ts');
      if (!(await doctor(options))) process.exitCode = 1;
    });
  for (const command of [root, ...root.commands]) {
    command.exitOverride().showHelpAfterError('(--help shows the options)');
  }
  return root;
}

/** The commands that need the addon. Where it is missing they say so; the help and `doctor` work all the same. */
async function trainingCommands(): Promise<Command[]> {
  try {
    const { trainCommand } = await import('./train.ts');
    const { evaluateCommand } = await import('./evaluate.ts');
    const { reproduceCommand } = await import('./reproduce.ts');
    return [trainCommand(), evaluateCommand(), reproduceCommand()];
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    return ['train', 'evaluate', 'reproduce'].map((name) =>
      new Command(name)
        .description('(not to be had: `npx intraclass doctor` says what is missing)')
        .allowUnknownOption()
        .allowExcessArguments()
        .helpOption(false)
        .action(() => {
          throw error;
        }),
    );
  }
}
