import type { TrainConfig } from '../train/index.ts';
import { count } from '../train/words.ts';
import { experimentsOf, isLongTailed, type Plan } from './plan.ts';
import type { Experiment, Settings } from './recipe.ts';
import type { Setting } from './setting.ts';
import type { Spread } from './statistics.ts';
import type { Cell } from './summary.ts';

/** What a reader needs to know besides the figures. */
export interface ReportNotes {
  /** How the report is made: the command line; null where it was no command */
  command: string | null;
  /** By experiment: why its data are not here */
  missingData?: ReadonlyMap<string, string>;
  /** Where it was computed, such as the processor's name; null where nothing was */
  machine?: string | null;
}

/**
 * A table as Markdown: for each experiment our accuracies with their spread over the seeds, the paper's, others'; more
 * figures of the same runs; and the recipe with the source of each setting.
 */
export function markdownOf(plan: Plan, cells: readonly Cell[], notes: ReportNotes): string {
  const { table } = plan;
  const onTest = plan.jobs.some(({ job }) => job.config.selectOn === 'test');
  return [
    `# ${table.title}`,
    '',
    'Zhu & Yu, "Intra-Class Uncertainty Loss Function for Classification", ICME 2021. Test accuracy in percent, ours as mean',
    '± standard deviation over seeds with the single runs in brackets. The epoch is chosen on',
    onTest
      ? '**the test set itself: a parity mode, whose figures are no estimates of accuracy on new images**.'
      : 'held-out training images, never on the test set; the last epoch stands beside it.',
    'The columns *published* are quoted, not measured here.',
    ...(notes.command === null ? [] : ['', '```sh', notes.command, '```']),
    ...(notes.machine == null ? [] : ['', `Computed on ${notes.machine}.`]),
    ...experimentsOf(plan.recipes).flatMap((experiment) =>
      section(
        plan,
        experiment,
        cells.filter((cell) => cell.experiment === experiment.name),
        notes.missingData?.get(experiment.name),
      ),
    ),
    '',
  ].join('\n');
}

const or = <T>(value: T | null | undefined, text: (value: T) => string): string =>
  value == null ? '–' : text(value);
const percent = (share: number): string => (100 * share).toFixed(2);

const spread = ({ mean, sd }: Spread, show: (value: number) => string): string =>
  sd === null ? show(mean) : `${show(mean)} ± ${show(sd)}`;

const row = (values: readonly string[]): string =>
  `| ${values.map((value) => value.replaceAll('|', '\\|')).join(' | ')} |`;
const header = (names: readonly string[]): string[] => [row(names), `|${names.map(() => '---').join('|')}|`];

function section(
  { table, jobs }: Plan,
  experiment: Experiment,
  cells: readonly Cell[],
  missing: string | undefined,
): string[] {
  const { epochs, recipeEpochs } = cells[0]!;
  const scaled = epochs === recipeEpochs ? '' : `: ${epochs} of the recipe's ${recipeEpochs} epochs`;
  const configs = jobs.filter(({ job }) => job.recipe.experiment === experiment).map(({ job }) => job.config);
  const added = table.inPaper.includes(experiment.name) ? '' : ' (an addition of ours, not in the paper)';
  return [
    '',
    `## ${experiment.title}${scaled}${added}`,
    ...(scaled === ''
      ? []
      : ['', '**Shorter or longer than the recipe says: not to be compared with published figures.**']),
    ...(missing === undefined ? [] : ['', 'Not run: its data are not here.']),
    ...(isLongTailed(experiment.settings.data.value) ? ['', longTailNote(experiment, configs)] : []),
    '',
    ...accuracies(cells),
    ...details(cells),
    ...pairs(table.pairedWith, cells),
    ...recipe(experiment, cells),
  ];
}

/** What there is to train on, and what choosing an epoch means here. */
function longTailNote({ images }: Experiment, configs: readonly TrainConfig[]): string {
  const [train, validation, whole] = [images.train, images.validation, images.whole].map(count);
  const parity = configs.some(({ selectOn }) => selectOn === 'test');
  return [
    parity
      ? `Trained on all ${whole} images of the subset, none held out.`
      : `Trained on ${train} of the subset's ${whole} images; ${validation} images choose the epoch, as many of each class, ` +
        'nearly all from outside the subset: more of the small classes than the training sees. The last epoch needs no choice.',
    ...(configs.some(({ dataSeed }) => dataSeed !== 0)
      ? ['Each seed has a subset of its own, seed 0 the published one.']
      : []),
  ].join(' ');
}

function accuracies(cells: readonly Cell[]): string[] {
  return [
    ...header([
      'loss',
      'parameters',
      'ours, chosen epoch',
      'ours, last epoch',
      'the paper (published)',
      'others (published)',
    ]),
    ...cells.map((cell) => {
      const { figures, paper, paperTop5: top5, others } = cell;
      return row([
        cell.title,
        or(figures?.parameters, ({ network, loss }) => `${count(network)} + ${count(loss)}`),
        [
          or(figures, ({ accuracy }) => `${spread(accuracy, percent)}${singles(cell)}`),
          ...(cell.unfinished > 0 ? [`${cell.unfinished} not run`] : []),
          ...(cell.diverged > 0 ? [`${cell.diverged} diverged`] : []),
        ].join('; '),
        or(figures, ({ lastAccuracy }) => spread(lastAccuracy, percent)),
        or(paper, (value) => `${value.toFixed(2)}${top5 === null ? '' : `, top-5 ${top5.toFixed(2)}`}`),
        or(others.length === 0 ? null : others, (all) =>
          all.map(({ value, source }) => `${value.toFixed(2)} ${source}`).join('; '),
        ),
      ]);
    }),
  ];
}

const singles = ({ runs }: Cell): string =>
  runs.length < 2 ? '' : ` (${runs.map(({ result }) => percent(result.testAccuracy)).join(', ')})`;

/** Columns that at least one cell has. */
function details(cells: readonly Cell[]): string[] {
  const done = cells.filter((cell) => cell.figures !== null);
  if (done.length === 0) return [];
  type Column = [name: string, of: (cell: Cell) => Spread | null, show: (value: number) => string];
  const two = (value: number) => value.toFixed(2);
  const all: Column[] = [
    ['held-out', ({ figures }) => figures!.validationAccuracy, percent],
    ['top-5', ({ figures }) => figures!.top5, percent],
    ['ECE', ({ figures }) => figures!.ece, percent],
    ['many', ({ figures }) => figures!.many, percent],
    ['medium', ({ figures }) => figures!.medium, percent],
    ['few', ({ figures }) => figures!.few, percent],
    ['feature norm', ({ figures }) => figures!.featureNorm, two],
    ['mean σ', ({ figures }) => figures!.sigma, (value) => value.toFixed(3)],
    ['ρ(σ, class size)', ({ figures }) => figures!.sizeCorrelation, two],
    ['d_z < 0', ({ figures }) => figures!.negativeShare, percent],
    ['minutes', ({ figures }) => figures!.seconds, (value) => (value / 60).toFixed(1)],
  ];
  const hasShots = done.some(({ figures }) => figures!.medium !== null || figures!.few !== null);
  const columns = all.filter(
    ([name, of]) => done.some((cell) => of(cell) !== null) && (name !== 'many' || hasShots),
  );
  return [
    '',
    'More of the same runs, at the chosen epoch on the test set; shares in percent:',
    '',
    ...header(['loss', ...columns.map(([name]) => name)]),
    ...done.map((cell) =>
      row([cell.title, ...columns.map(([, of, show]) => or(of(cell), (value) => spread(value, show)))]),
    ),
  ];
}

function pairs(base: string | undefined, cells: readonly Cell[]): string[] {
  const paired = cells.filter((cell) => cell.paired !== null && cell.paired.count > 0);
  const against = cells.find((cell) => cell.method === base);
  if (paired.length === 0 || against === undefined) return [];
  const p = (value: number | null) => or(value, (known) => (known < 1e-6 ? '< 1e-6' : known.toPrecision(2)));
  return [
    '',
    `Seed by seed against *${against.title}*, in percentage points. p is two-sided: of Student's t test on the differences, and of the`,
    'exact sign-flip test, which supposes no distribution and cannot fall below 2/2ⁿ with n pairs:',
    '',
    ...header(['loss', 'pairs', 'difference', 'p (t test)', 'p (sign flips)']),
    ...paired.map(({ title, paired: test }) => {
      const { count: n, mean, sd, tTest, signFlip } = test!;
      const size = percent(Math.abs(mean));
      const signed = Number(size) === 0 ? size : `${mean > 0 ? '+' : '−'}${size}`;
      return row([
        title,
        String(n),
        sd === null ? signed : `${signed} ± ${percent(sd)}`,
        p(tTest),
        p(signFlip),
      ]);
    }),
  ];
}

/** The recipe, each value with its source. */
function recipe(experiment: Experiment, cells: readonly Cell[]): string[] {
  const origins = { paper: 'the paper', filled: 'filled in', ours: 'ours' };
  const lines = (prefix: string, settings: Settings & { readonly defaults?: Setting<string> }) =>
    Object.entries(settings).map(([name, { value, origin, source }]) =>
      row([`${prefix}${name}`, code(value), origins[origin], source]),
    );
  return [
    '',
    '<details><summary>The recipe, and who says so</summary>',
    '',
    ...header(['setting', 'value', 'stated by', 'source']),
    ...lines('', experiment.settings),
    ...cells.flatMap(({ title, runs, recipe: { method } }) => {
      const { value, origin, source } = method.lossOptions;
      const options = runs[0]?.result.config.lossOptions ?? (typeof value === 'function' ? null : value);
      return [
        row([
          `${title}: options`,
          options === null ? 'by the number of steps' : code(options),
          origins[origin],
          source,
        ]),
        ...lines(`${title}: `, { ...(method.defaults && { defaults: method.defaults }), ...method.settings }),
      ];
    }),
    '',
    '</details>',
  ];
}

const code = (value: unknown): string => `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
