import { cifar10, cifar100, imagenet } from './cifar.ts';
import { longTails } from './long-tail.ts';
import { mnist2d, mnist100d, mnist100dCrop } from './mnist.ts';
import { type Experiment, type Recipe, recipeOf } from './recipe.ts';

export const tableNames = ['table1', 'table2', 'table3'] as const;
export type TableName = (typeof tableNames)[number];

/** One of the paper's tables. */
export interface Table {
  /** 'table1'; the name of its files */
  readonly name: string;
  readonly title: string;
  /** Its data sets, in the paper's order, and then those that are an addition of ours */
  readonly experiments: readonly Experiment[];
  /** Of these, the ones that the paper's table has */
  readonly inPaper: readonly string[];
  /** The names of its methods, in the paper's order */
  readonly methods: readonly string[];
  /** Whether methods are compared seed by seed with one of them: its name */
  readonly pairedWith?: string;
}

const named = (name: string): Experiment => longTails.find((experiment) => experiment.name === name)!;
const names = (experiments: readonly Experiment[]): string[] => experiments.map(({ name }) => name);

const balanced = [mnist2d, mnist100d, cifar10, cifar100, imagenet];

const tables: { readonly [name in TableName]: Omit<Table, 'name'> } = {
  table1: {
    title: 'Table 1: image classification',
    experiments: [...balanced, mnist100dCrop],
    inPaper: names(balanced),
    methods: ['ce', 'center', 'l-softmax', 'l-gm', 'icu'],
  },
  table2: {
    title: 'Table 2: long-tailed classification',
    experiments: longTails,
    inPaper: names(longTails),
    methods: [
      'ce',
      'l-gm',
      'focal',
      'mixup',
      'class-balanced',
      'icu',
      'icu-prior',
      'icu-prior-2',
      'balanced-softmax',
      'balanced-softmax-2',
      'ldam',
      'icu-authors',
    ],
  },
  table3: {
    title: 'Table 3: what the margins add',
    experiments: [cifar100, named('cifar-100-lt-10'), mnist2d, mnist100d, named('cifar-10-lt-100')],
    inPaper: ['cifar-100', 'cifar-100-lt-10'],
    methods: ['ce', 'icu-plain', 'icu-alpha', 'icu-gamma', 'icu'],
    pairedWith: 'icu-plain',
  },
};

/** @throws TypeError if there is no table of that name */
export function tableOf(name: TableName): Table {
  if (!Object.hasOwn(tables, name)) {
    throw new TypeError(`reproduce: expected one of ${tableNames.join(', ')}, got '${String(name)}'`);
  }
  return { name, ...tables[name] };
}

/** What of a table is asked for. */
export interface Selection {
  /** Names of experiments. Default: all of the table. */
  rows?: readonly string[];
  /** Names of methods. Default: all of the table. */
  losses?: readonly string[];
}

/**
 * The cells of a table, experiment by experiment, in the table's order.
 * @throws TypeError if the table has no experiment or method of a name that is asked for, or no cell of them
 */
export function recipesOf(table: Table, { rows, losses }: Selection = {}): Recipe[] {
  require(table, 'rows', rows, names(table.experiments));
  require(table, 'losses', losses, table.methods);
  const recipes = table.experiments
    .filter(({ name }) => rows?.includes(name) ?? true)
    .flatMap((experiment) =>
      table.methods
        .filter((name) => losses?.includes(name) ?? true)
        .flatMap((name) => experiment.methods.filter((method) => method.name === name))
        .map((method) => recipeOf(experiment, method)),
    );
  if (recipes.length === 0) {
    const [of, on] = [losses ?? table.methods, rows ?? names(table.experiments)].map((list) =>
      list.join(', '),
    );
    throw new TypeError(
      `reproduce: ${rows?.length === 0 ? 'rows' : 'losses'}: ${table.name} has no recipe of ${of || 'no loss'} for ${on || 'no row'}`,
    );
  }
  return recipes;
}

function require(
  table: Table,
  what: string,
  given: readonly string[] | undefined,
  known: readonly string[],
): void {
  for (const name of given ?? []) {
    if (!known.includes(name)) {
      throw new TypeError(`reproduce: ${what}: ${table.name} has no '${name}'; it has ${known.join(', ')}`);
    }
  }
}
