import type { LossName, LossOptions } from '../losses/index.ts';
import { resolveConfig, type TrainConfig } from '../train/index.ts';
import type { Setting } from './setting.ts';

/** What a recipe decides; seed, device and the like are the run's. */
export type Decided = Omit<
  TrainConfig,
  'loss' | 'lossOptions' | 'seed' | 'dataSeed' | 'device' | 'threads' | 'workers' | 'skipCorrupt' | 'selectOn'
>;

/** Each with its source. What a recipe leaves out is at its default, `trainDefaults`, and stated nowhere. */
export type Settings = { readonly [Name in keyof Decided]?: Setting<Decided[Name]> };

/** Options of a loss; where they follow the length of the training, made from its number of steps. */
type OptionsOf<Name extends LossName> = LossOptions[Name] | ((steps: number) => LossOptions[Name]);

/** A row of a table: a loss with its options, on an experiment. */
export interface Method {
  /** 'l-gm'; part of the names of run folders */
  readonly name: string;
  /** 'L-GM' */
  readonly title: string;
  readonly loss: LossName;
  readonly lossOptions: Setting<OptionsOf<LossName>>;
  /** What the loss's defaults decide for this row and a reader should know, in words */
  readonly defaults?: Setting<string>;
  /** What this method does otherwise than the experiment, such as mixup */
  readonly settings?: Settings;
}

/** A loss whose options are checked against its name. */
export const method = <Name extends LossName>(
  description: Omit<Method, 'loss' | 'lossOptions'> & {
    loss: Name;
    lossOptions: Setting<OptionsOf<Name>>;
  },
): Method => description as Method;

/** A column of a table: a data set with a network, and how it is trained. */
export interface Experiment {
  /** 'cifar-10-lt-100'; part of the names of run folders */
  readonly name: string;
  /** 'CIFAR-10-LT, ratio 100' */
  readonly title: string;
  /** How many there are, to tell the steps and the time before anything is loaded */
  readonly images: {
    readonly train: number;
    /** Training images where none are held out */
    readonly whole: number;
    readonly validation: number;
    readonly test: number;
  };
  readonly settings: Settings & Required<Pick<Settings, 'model' | 'data' | 'epochs' | 'batchSize'>>;
  readonly methods: readonly Method[];
}

/** One cell of a table. */
export interface Recipe {
  readonly experiment: Experiment;
  readonly method: Method;
  readonly settings: Experiment['settings'];
}

export const recipeOf = (experiment: Experiment, of: Method): Recipe => ({
  experiment,
  method: of,
  settings: { ...experiment.settings, ...of.settings },
});

/** The number of epochs that a recipe asks for. */
export const epochsOf = ({ settings }: Recipe): number => settings.epochs.value;

/** What a run decides about its recipe. */
export interface Variation {
  seed: number;
  /** Fewer or more than the recipe's; milestones and warm-up are stretched alike. Default: the recipe's. */
  epochs?: number;
  /** Choose the long-tailed subset anew for each seed. Default: the published subset, seed 0. */
  varySubset?: boolean;
  /** `test`: the parity mode, see `TrainConfig.selectOn`. Default `validation`. */
  selectOn?: TrainConfig['selectOn'];
}

/** The settings of one run, complete. */
export function configOf(recipe: Recipe, { seed, epochs, varySubset, selectOn }: Variation): TrainConfig {
  const { experiment, method, settings } = recipe;
  const values: Partial<TrainConfig> = Object.fromEntries(
    Object.entries(settings).map(([name, setting]) => [name, setting.value]),
  );
  const all = epochsOf(recipe);
  const stretch = (epochs ?? all) / all;
  const { milestones, warmupEpochs } = values;
  const images = selectOn === 'test' ? experiment.images.whole : experiment.images.train;
  const steps = (epochs ?? all) * Math.floor(images / settings.batchSize.value);
  const options = method.lossOptions.value;
  return resolveConfig({
    ...values,
    loss: method.loss,
    lossOptions: typeof options === 'function' ? options(steps) : options,
    epochs: epochs ?? all,
    ...(milestones && { milestones: milestones.map((milestone) => milestone * stretch) }),
    ...(warmupEpochs && { warmupEpochs: warmupEpochs * stretch }),
    ...(selectOn && { selectOn }),
    seed,
    dataSeed: varySubset ? seed : 0,
  });
}
