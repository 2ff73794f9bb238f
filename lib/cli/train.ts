import { Argument, Command, Option } from 'commander';
import { augmentations, dataNames, samplers } from '../data/index.ts';
import {
  alphaModes,
  covariances,
  gammaModes,
  icuDefaults,
  type LossOptions,
  lossNames,
  lossTitle,
  momentCenters,
  regReductions,
} from '../losses/index.ts';
import { modelNames, modelTitle } from '../models/index.ts';
import {
  autocasts,
  interruptible,
  optimizers,
  type RunPlace,
  resumeRun,
  schedules,
  selections,
  type TrainConfig,
  trainDefaults,
  trainRun,
} from '../train/index.ts';
import { assignment, dataName, integer, number, numbers } from './options.ts';
import { reporter } from './train-report.ts';

/** The options that make up the configuration. */
type Settings = Partial<Omit<TrainConfig, 'lossOptions'>>;

interface Flags extends Settings, LossFlags {
  lossOption?: Record<string, unknown>;
  dataDir?: string;
  runsDir?: string;
  runName?: string;
  resume?: string;
  json?: boolean;
  quiet?: boolean;
}

type LossFlags = Partial<Pick<LossOptions['icu'], (typeof icuFlags)[number]>>;
const icuFlags = [
  'alpha',
  'gamma',
  'lambdaMean',
  'lambdaVar',
  'covariance',
  'gammaMode',
  'alphaMode',
  'regReduction',
  'momentCenter',
] as const;
const settings = (Object.keys(trainDefaults) as (keyof TrainConfig)[]).filter(
  (name): name is keyof Settings => name !== 'lossOptions',
);

/** What a run that is taken up again may have otherwise. */
const places = ['device', 'threads', 'data'] as const satisfies readonly (keyof RunPlace)[];

/** What the names mean, one a line. */
const list = <Name extends string>(names: readonly Name[], titleOf: (name: Name) => string): string =>
  names.map((name) => `  ${name.padEnd(18)}${titleOf(name)}`).join('\n');
const defaultsTo = (value: unknown): string => `(default: ${value})`;

export function trainCommand(): Command {
  const d = trainDefaults;
  const choice = (flags: string, text: string, names: readonly string[], fallback: string) =>
    new Option(flags, `${text} ${defaultsTo(fallback)}`).choices([...names]);
  return new Command('train')
    .summary('train a network, and test it')
    .description(
      'train a network on a data set. The epoch with the best accuracy on held-out training images is kept, and its ' +
        'test accuracy printed. Everything is written into a folder of its own. Ctrl-C stops after the step and saves.',
    )
    .addArgument(new Argument('[model]', `the network ${defaultsTo(d.model)}`).choices(modelNames))
    .optionsGroup('What to train:')
    .addOption(
      choice('--model <name>', 'the network, instead of the argument, see below', modelNames, d.model),
    )
    .addOption(choice('--loss <name>', 'the loss, see below', lossNames, d.loss))
    .option(
      '--loss-option <name=value>',
      'an option of the loss, as JSON or text; may be given several times (see docs/losses.md)',
      assignment,
    )
    .optionsGroup('How:')
    .option('--epochs <n>', `times to see every image ${defaultsTo(d.epochs)}`, integer(1))
    .option('--batch-size <n>', `images in a step ${defaultsTo(d.batchSize)}`, integer(2))
    .addOption(choice('--optimizer <name>', 'the optimiser', optimizers, d.optimizer))
    .option(
      '--lr <x>',
      `the highest learning rate; all schedules but one-cycle begin with it ${defaultsTo(d.lr)}`,
      number,
    )
    .option('--weight-decay <x>', `L2 penalty on the network ${defaultsTo(d.weightDecay)}`, number)
    .option('--momentum <x>', `of sgd ${defaultsTo(d.momentum)}`, number)
    .option('--nesterov', "Nesterov's momentum, of sgd")
    .addOption(choice('--schedule <name>', 'how the learning rate goes', schedules, d.schedule))
    .option(
      '--milestones <epochs>',
      'after which multi-step multiplies the learning rate, as in 120,160',
      numbers,
    )
    .option('--milestone-factor <x>', `what it multiplies by ${defaultsTo(d.milestoneFactor)}`, number)
    .option(
      '--warmup-epochs <x>',
      `in which the learning rate rises first; not with one-cycle ${defaultsTo(d.warmupEpochs)}`,
      number,
    )
    .option('--warmup-start <x>', `from this share of itself ${defaultsTo(d.warmupStart)}`, number)
    .option(
      '--mixup <alpha>',
      `mix the images of a batch in shares of Beta(alpha, alpha); 0: none ${defaultsTo(d.mixup)}`,
      number,
    )
    .addOption(
      choice(
        '--select-on <part>',
        'what chooses the epoch; test, to compare with figures chosen so, holds nothing out',
        selections,
        d.selectOn,
      ),
    )
    .addOption(
      new Option(
        '--autocast <type>',
        "mixed precision: the type of the network's forward pass (default: float32)",
      ).choices([...autocasts]),
    )
    .option('--seed <n>', `of initialisation and shuffling ${defaultsTo(d.seed)}`, integer(0))
    .option('--threads <n>', "CPU threads (default: LibTorch's choice)", integer(1))
    .option('--device <name>', `cpu or cuda:0 ${defaultsTo(d.device)}`)
    .optionsGroup('Options of the ICU loss (see docs/icu-loss.md):')
    .option('--alpha <x>', `margin on the distance ${defaultsTo(icuDefaults.alpha)}`, number)
    .option('--gamma <x>', `margin on the covariance ${defaultsTo(icuDefaults.gamma)}`, number)
    .option(
      '--lambda-mean <x>',
      `weight of the means' regulariser ${defaultsTo(icuDefaults.lambdaMean)}`,
      number,
    )
    .option(
      '--lambda-var <x>',
      `weight of the variances' regulariser ${defaultsTo(icuDefaults.lambdaVar)}`,
      number,
    )
    .addOption(choice('--covariance <kind>', 'shape of a class', covariances, icuDefaults.covariance))
    .addOption(choice('--gamma-mode <mode>', 'where gamma enters', gammaModes, icuDefaults.gammaMode))
    .addOption(choice('--alpha-mode <mode>', 'what alpha multiplies', alphaModes, icuDefaults.alphaMode))
    .addOption(choice('--reg-reduction <kind>', 'how classes weigh', regReductions, icuDefaults.regReduction))
    .addOption(choice('--moment-center <kind>', 'of the variance', momentCenters, icuDefaults.momentCenter))
    .optionsGroup('Data:')
    .option(
      '--data <name>',
      `${dataNames.join(', ')} (default: mnist, or where it cannot be had drawn-digits)`,
      dataName,
    )
    .option('--data-dir <folder>', 'the folder of the data sets (default: INTRACLASS_DATA, else data)')
    .addOption(
      new Option(
        '--augment <kind>',
        'how training varies images (default: as is usual for the data set)',
      ).choices([...augmentations]),
    )
    .addOption(choice('--sampler <kind>', 'which images make up an epoch', samplers, d.sampler))
    .option(
      '--data-seed <n>',
      `of held-out images and long-tailed subsets ${defaultsTo(d.dataSeed)}`,
      integer(0),
    )
    .option('--workers <n>', 'threads that decode images in files (default: one for each core)', integer(1))
    .option('--skip-corrupt', 'leave out images in files that cannot be decoded, and count them')
    .option('--limit-train <n>', 'train on the first n images only', integer(1))
    .optionsGroup('Where the run goes:')
    .option('--runs-dir <folder>', 'the folder of run folders (default: runs)')
    .option('--run-name <name>', 'the name of the run (default: <model>-<loss>-seed<seed>, made unique)')
    .option(
      '--resume <run>',
      'go on with the run in this folder, with its settings; --device and --threads may be others, and --data says where its image folder is now',
    )
    .optionsGroup('Output:')
    .option('--json', 'print one JSON object a line: each epoch, last the result')
    .option('--quiet', 'print the result only')
    .addHelpText('after', `\nNetworks:\n${list(modelNames, modelTitle)}`)
    .addHelpText('after', `\nLosses:\n${list(lossNames, lossTitle)}`)
    .action(train);
}

async function train(model: TrainConfig['model'] | undefined, flags: Flags): Promise<void> {
  const report = reporter(flags);
  const config = configOf(model, flags);
  const { dataDir, runsDir, runName, resume, device, threads, data } = flags;
  const outcome = await interruptible(
    (signal) =>
      resume === undefined
        ? trainRun(config, { dataDir, runsDir, runName, signal, ...report })
        : resumeRun(resume, { dataDir, device, threads, data, signal, ...report }),
    () => report.onMessage('interrupted: saving after this step (again to stop at once)'),
  ).finally(report.clear);
  report.onOutcome(outcome);
  if (!outcome.finished) process.exitCode = outcome.exitCode;
}

/** What was asked for. Settings that were not named are left to their defaults. */
function configOf(model: TrainConfig['model'] | undefined, flags: Flags): Partial<TrainConfig> {
  const given = settings.filter((name) => flags[name] !== undefined);
  const givenIcu = icuFlags.filter((name) => flags[name] !== undefined);
  const others = [
    ...(model === undefined ? [] : [`the argument ${model}`]),
    ...[
      ...given.filter((name) => !(places as readonly string[]).includes(name)),
      ...givenIcu,
      ...(['lossOption', 'runsDir', 'runName'] as const).filter((name) => flags[name] !== undefined),
    ].map(flag),
  ];
  if (flags.resume !== undefined && others.length > 0) {
    throw new TypeError(
      `--resume: expected no other settings but --device, --threads and --data, since the run keeps its own; got ${others.join(', ')}`,
    );
  }
  if (model !== undefined && flags.model !== undefined) {
    throw new TypeError(`--model: expected none beside the argument ${model}, got ${flags.model}`);
  }
  const loss = flags.loss ?? trainDefaults.loss;
  if (loss !== 'icu' && givenIcu.length > 0) {
    throw new TypeError(
      `${givenIcu.map(flag).join(', ')}: expected --loss icu, got --loss ${loss}; for its options there is --loss-option`,
    );
  }
  const pick = (names: readonly (keyof Flags)[]) =>
    Object.fromEntries(names.map((name) => [name, flags[name]]));
  const twice = givenIcu.find((name) => flags.lossOption && Object.hasOwn(flags.lossOption, name));
  if (twice !== undefined) throw new TypeError(`--loss-option: '${twice}' is given by ${flag(twice)} too`);
  // The loss itself checks names and values.
  const lossOptions = { ...flags.lossOption, ...pick(givenIcu) };
  const config: Partial<TrainConfig> = { ...(model === undefined ? {} : { model }), ...pick(given) };
  return Object.keys(lossOptions).length === 0 ? config : { ...config, lossOptions };
}

/** runName → --run-name */
const flag = (name: string): string => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
