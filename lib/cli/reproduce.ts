import { Argument, Command, Option } from 'commander';
import {
  estimatesOf,
  type FigureName,
  type FigureReport,
  figureNames,
  paperRuns,
  planOf,
  planOfFigure,
  type Report,
  type ReproduceOptions,
  reproduceFigure,
  reproduceTable,
  type TableName,
  tableNames,
  tableOf,
} from '../experiments/index.ts';
import { interruptible } from '../train/index.ts';
import { commandLine } from './command-line.ts';
import { integer } from './options.ts';
import { planJson, planText, stateText } from './plan-text.ts';
import { runReporter } from './train-report.ts';

interface Flags
  extends Pick<
    ReproduceOptions,
    | 'rows'
    | 'losses'
    | 'seeds'
    | 'epochs'
    | 'budget'
    | 'varySubset'
    | 'selectOn'
    | 'dataDir'
    | 'device'
    | 'threads'
  > {
  runsDir: string;
  out: string;
  dryRun?: boolean;
  json?: boolean;
  quiet?: boolean;
}

const list = (text: string): string[] => text.split(',').map((name) => name.trim());

export function reproduceCommand(): Command {
  return new Command('reproduce')
    .summary("run the paper's tables and figures")
    .description(
      'run what a table or a figure of the paper needs, or what is missing of it, and write it. A table has our ' +
        "accuracies with their spread over seeds, the paper's, and others' published ones. Ctrl-C saves the run at " +
        'hand, writes what there is, and the same command goes on.',
    )
    .addArgument(
      new Argument('<what>', 'a table or a figure; sigmas shows σ against class size').choices([
        ...tableNames,
        ...figureNames,
      ]),
    )
    .optionsGroup('What of it:')
    .option('--rows <names>', 'data sets, with commas (default: all of the table)', list)
    .option('--losses <names>', 'losses, with commas (default: all of the table)', list)
    .option('--seeds <n>', 'runs of each, with the seeds 0, 1, … (default: 3)', integer(1))
    .optionsGroup('Otherwise than the recipes:')
    .option('--epochs <n>', "epochs of every run, instead of the recipe's; the table says so", integer(1))
    .option(
      '--budget <time>',
      'fewer epochs, so that all runs take about so long: 90s, 10m, 2h; the table says so',
    )
    .option(
      '--vary-subset',
      'choose long-tailed subsets anew for each seed but 0 (default: the published subset)',
    )
    .addOption(
      new Option(
        '--select-on <part>',
        'the images that choose the epoch; test is a parity mode, and the table says so (default: validation)',
      ).choices(['validation', 'test']),
    )
    .optionsGroup('Where:')
    .option('--data-dir <folder>', 'the folder of the data sets (default: INTRACLASS_DATA, else data)')
    .option('--runs-dir <folder>', 'the folder of run folders', paperRuns)
    .option('--out <folder>', 'the folder of tables and pictures', 'results')
    .option('--device <name>', 'cpu or cuda:0 (default: cpu)')
    .option('--threads <n>', "CPU threads (default: LibTorch's choice)", integer(1))
    .optionsGroup('Output:')
    .option(
      '--dry-run',
      'print what there is to do, with the recipes and an estimate of the time, and do nothing',
    )
    .option('--json', 'print one JSON object instead of the table')
    .option('--quiet', 'print the table, and why runs are missing, only')
    .action(reproduce);
}

async function reproduce(name: TableName | FigureName, flags: Flags): Promise<void> {
  const { dryRun, json = false, quiet: _, ...options } = flags;
  const { events, say, tell } = reporter(flags);
  if (dryRun) {
    const all = { ...options, onTiming: json ? undefined : events.onTiming };
    const plan = isTable(name) ? await planOf(tableOf(name), all) : await planOfFigure(name, all);
    const estimates = plan === null ? [] : estimatesOf(plan, all);
    process.stdout.write(`${json ? JSON.stringify(planJson(plan, estimates)) : planText(plan, estimates)}\n`);
    return;
  }
  const all = { ...options, ...events, command: commandLine(process.argv.slice(2)) };
  const report = await interruptible(
    async (signal): Promise<Reported> =>
      isTable(name)
        ? reproduceTable(name, { ...all, signal })
        : { ...(await reproduceFigure(name, { ...all, signal })), cells: null, markdown: '' },
    () => say('interrupted: saving after this step (again to stop at once)'),
  );
  process.stdout.write(json ? `${JSON.stringify(reportJson(report))}\n` : report.markdown);
  for (const { job, heldBy } of report.elsewhere) {
    say(`${job.folder.path} is being run by process ${heldBy}; if it is not, delete the file lock in it`);
  }
  for (const [experiment, reason] of report.missingData) say(`${experiment} was not run: ${reason}`);
  if (report.files.length > 0) tell(`written: ${report.files.join(', ')}`);
  if (report.interrupted) {
    say('interrupted; the same command goes on');
    process.exitCode = report.exitCode;
  } else if (report.cells?.every(({ figures }) => figures === null)) {
    process.exitCode = 1;
  }
}

/** Figures have no cells. */
type Reported = FigureReport & { cells: Report['cells'] | null; markdown: string };

const isTable = (name: TableName | FigureName): name is TableName =>
  (tableNames as readonly string[]).includes(name);

/** What is said to standard error: `say` always speaks, `tell` and the events unless it is to be quiet. */
function reporter({ quiet = false }: Flags): {
  events: ReproduceOptions;
  say: (text: string) => void;
  tell: (text: string) => void;
} {
  const { say, clear: _, ...events } = runReporter({ quiet, to: process.stderr });
  const tell = quiet ? () => {} : say;
  return {
    say,
    tell,
    events: {
      ...events,
      onMessage: tell,
      onPlan: (plan) => tell(stateText(plan)),
      onTiming: (network) => tell(`timing ${network} …`),
      onJob: (_job, number, of) => tell(`\nrun ${number} of ${of}`),
    },
  };
}

const reportJson = ({ cells, files, interrupted, missingData, elsewhere }: Reported): unknown => ({
  interrupted,
  files,
  missingData: Object.fromEntries(missingData),
  elsewhere: elsewhere.map(({ job, heldBy }) => ({ run: job.folder.path, heldBy })),
  cells: cells?.map(({ experiment, method, figures, runs, unfinished, diverged, paper, others, paired }) => ({
    experiment,
    method,
    seeds: runs.map(({ seed }) => seed),
    figures,
    unfinished,
    diverged,
    published: { paper, others },
    paired,
  })),
});
