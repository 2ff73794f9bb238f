import { Argument, Command, Option } from 'commander';
import {
  type Estimate,
  estimatesOf,
  type Plan,
  planOf,
  type Report,
  type ReproduceOptions,
  reproduceTable,
  type TableName,
  tableNames,
  tableOf,
} from '../experiments/index.ts';
import { duration, interruptible, Progress } from '../train/index.ts';
import { integer } from './options.ts';
import { epochText, startText } from './train-report.ts';

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
      "run what a table of the paper needs, or what is missing of it, and print and write the table: ours with its spread over seeds, the paper's, and others' published figures. " +
        'Ctrl-C saves the run at hand, writes what there is, and the same command goes on.',
    )
    .addArgument(new Argument('<table>', 'what to reproduce').choices([...tableNames]))
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
    .option('--vary-subset', 'choose long-tailed subsets anew for each seed (default: the published subset)')
    .addOption(
      new Option(
        '--select-on <part>',
        'the images that choose the epoch; test is a parity mode, and the table says so (default: validation)',
      ).choices(['validation', 'test']),
    )
    .optionsGroup('Where:')
    .option('--data-dir <folder>', 'the folder of the data sets (default: INTRACLASS_DATA, else data)')
    .option('--runs-dir <folder>', 'the folder of run folders', 'runs')
    .option('--out <folder>', 'the folder of tables and pictures', 'results')
    .option('--device <name>', 'cpu or cuda:0 (default: cpu)')
    .option('--threads <n>', "CPU threads (default: LibTorch's choice)", integer(1))
    .optionsGroup('Output:')
    .option(
      '--dry-run',
      'print what there is to do, with the recipes and an estimate of the time, and do nothing',
    )
    .option('--json', 'print one JSON object instead of the table')
    .option('--quiet', 'print the table only')
    .action(reproduce);
}

async function reproduce(name: TableName, flags: Flags): Promise<void> {
  const { dryRun, json = false, quiet = false, ...options } = flags;
  if (dryRun) {
    const plan = await planOf(tableOf(name), options);
    const estimates = estimatesOf(plan, options);
    process.stdout.write(`${json ? JSON.stringify(planJson(plan, estimates)) : planText(plan, estimates)}\n`);
    return;
  }
  let progress: Progress | null = null;
  let epochs = 0;
  const selectOn = options.selectOn ?? 'validation';
  const say = (text: string) => {
    progress?.clear();
    process.stderr.write(`${text}\n`);
  };
  const tell = (text: string) => {
    if (!quiet) say(text);
  };
  const report = await interruptible(
    (signal) =>
      reproduceTable(name, {
        ...options,
        signal,
        command: commandLine(process.argv.slice(2)),
        onMessage: say,
        onPlan: (plan) => tell(stateText(plan)),
        onJob: (job, number, of) => tell(`\nrun ${number} of ${of}`),
        onStart: (start) => {
          epochs = start.config.epochs;
          tell(startText(start));
          if (!quiet) progress = new Progress({ epochs, steps: start.stepsPerEpoch });
        },
        onProgress: (epoch, sums) => progress?.update(epoch, sums),
        onEpoch: (metrics) => tell(epochText(metrics, epochs, selectOn)),
      }),
    () => say('interrupted: saving after this step (again to stop at once)'),
  );
  process.stdout.write(json ? `${JSON.stringify(reportJson(report))}\n` : `\n${report.markdown}`);
  for (const { job, heldBy } of report.elsewhere) say(`${job.folder.path} is being run by process ${heldBy}`);
  say(`written: ${report.files.join(', ')}`);
  if (report.interrupted) {
    say('interrupted; the same command goes on');
    process.exitCode = report.exitCode;
  }
}

/** As it would be typed; places are the reader's own. */
function commandLine(args: readonly string[]): string {
  const places = ['--data-dir', '--runs-dir', '--out'];
  const kept = args.filter((arg, i) => !places.includes(arg) && !places.includes(args[i - 1] ?? ''));
  return ['npx intraclass', ...kept].join(' ');
}

function stateText({ table, jobs }: Plan): string {
  const count = (kind: string) => jobs.filter(({ state }) => state.kind === kind).length;
  return [
    table.title,
    `  ${jobs.length} runs: ${count('done')} finished, ${count('begun')} begun, ${count('missing')} missing, ${count('diverged')} diverged`,
  ].join('\n');
}

function planText(plan: Plan, estimates: readonly Estimate[]): string {
  const lines = [stateText(plan)];
  for (const { experiment, runs, epochs, pace, seconds } of estimates) {
    const images = (each: number) => `${Math.round(1 / each)} images/s`;
    lines.push(
      '',
      `${experiment.title}: ${runs} runs of ${epochs} epochs, about ${duration(seconds)} ` +
        `(training ${images(pace.train)}, evaluating ${images(pace.evaluate)})`,
      ...Object.entries(experiment.settings).map(
        ([name, { value, origin, source }]) =>
          `  ${name.padEnd(16)}${(typeof value === 'string' ? value : JSON.stringify(value)).padEnd(16)} ${origin}: ${source}`,
      ),
    );
  }
  lines.push('', ...plan.jobs.map(({ job, state }) => `${state.kind.padEnd(9)}${job.folder.path}`));
  const total = estimates.reduce((sum, { seconds }) => sum + seconds, 0);
  lines.push(
    '',
    estimates.length === 0 ? 'nothing to do' : `about ${duration(total)} in all, one run at a time`,
  );
  return lines.join('\n');
}

const planJson = ({ table, jobs }: Plan, estimates: readonly Estimate[]): unknown => ({
  table: table.name,
  estimates: estimates.map(({ experiment, ...rest }) => ({ experiment: experiment.name, ...rest })),
  jobs: jobs.map(({ job, state }) => ({
    run: job.folder.path,
    state: state.kind,
    config: job.config,
  })),
});

const reportJson = ({ cells, files, interrupted, missingData, elsewhere }: Report): unknown => ({
  interrupted,
  files,
  missingData: Object.fromEntries(missingData),
  elsewhere: elsewhere.map(({ job, heldBy }) => ({ run: job.folder.path, heldBy })),
  cells: cells.map(({ experiment, method, figures, runs, unfinished, diverged, paper, others, paired }) => ({
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
