import { getRngState, setRngState, type Tensor } from '../tensor/index.ts';
import type { Classifier } from './evaluate.ts';
import type { FitState } from './fit.ts';
import { Joined } from './joined.ts';
import { CheckpointError, loadSafetensors, type SafetensorsFile, saveSafetensors } from './safetensors.ts';
import type { Training } from './setup.ts';

/**
 * Two kinds of checkpoint. The weights: the network's state dict under `model.`, the loss's under `loss.`. And all that
 * is needed to go on as if nothing had happened: the weights, the optimiser's state under `optimizer.`, the state of
 * the random numbers, and in the metadata where training stands.
 */

type Tensors = Record<string, Tensor>;

const prefixed = (prefix: string, tensors: Readonly<Tensors>): Tensors =>
  Object.fromEntries(Object.entries(tensors).map(([name, value]) => [`${prefix}.${name}`, value]));

const below = (prefix: string, tensors: Readonly<Tensors>): Tensors =>
  Object.fromEntries(
    Object.entries(tensors).flatMap(([name, value]) =>
      name.startsWith(`${prefix}.`) ? [[name.slice(prefix.length + 1), value]] : [],
    ),
  );

const both = ({ model, loss }: Classifier): Joined => new Joined({ model, loss });

const isWeight = (name: string): boolean => name.startsWith('model.') || name.startsWith('loss.');

/** All of them or, where something does not fit, none. */
const putWeights = (classifier: Classifier, tensors: Readonly<Tensors>): void =>
  both(classifier).loadStateDict(
    Object.fromEntries(Object.entries(tensors).filter(([name]) => isWeight(name))),
  );

/** Writes the weights. @param metadata strings kept with them */
export async function saveWeights(
  path: string,
  classifier: Classifier,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  await saveSafetensors(path, both(classifier).stateDict(), metadata);
}

/**
 * Puts saved weights into a network and its loss. Where it throws, nothing has changed.
 * @returns the metadata
 * @throws CheckpointError if the file is missing, damaged, or of another network or loss
 */
export const loadWeights = (path: string, classifier: Classifier): Promise<Record<string, string>> =>
  read(path, ({ tensors, metadata }) => {
    putWeights(classifier, tensors);
    return metadata;
  });

/** The strings kept with saved weights. @throws CheckpointError if the file is missing or damaged */
export const readMetadata = (path: string): Promise<Record<string, string>> =>
  read(path, ({ metadata }) => metadata);

/** What the metadata of a training checkpoint holds. */
interface Position {
  state: FitState;
  scheduler: number;
  groups: Record<string, unknown>[];
}

/**
 * Saves all that a training needs to go on as if nothing had interrupted it: weights, the loss's parameters, what the
 * optimiser keeps, the schedule, the default CPU generator (none of a GPU), and where it stands. One safetensors file,
 * which takes the place of one that is there.
 */
export async function saveTraining(path: string, training: Training, state: FitState): Promise<void> {
  const { tensors, groups } = training.optimizer.stateDict();
  const position: Position = { state, scheduler: training.scheduler.lastStep, groups };
  using rng = getRngState().keep();
  const all = { ...both(training).stateDict(), ...prefixed('optimizer', tensors), rng };
  await saveSafetensors(path, all, { position: JSON.stringify(position) });
}

/**
 * Puts a training to where `saveTraining` left it.
 * @throws CheckpointError if the file is missing, damaged, or of another training
 */
export const loadTraining = (path: string, training: Training): Promise<FitState> =>
  read(path, ({ tensors, metadata }) => {
    const position = JSON.parse(metadata.position ?? 'null') as Position | null;
    const { rng } = tensors;
    if (position?.state === undefined || rng === undefined)
      throw new Error('it has weights only, and no training to go on with');
    putWeights(training, tensors);
    training.optimizer.loadStateDict({ tensors: below('optimizer', tensors), groups: position.groups });
    training.scheduler.resume(position.scheduler);
    setRngState(rng);
    return position.state;
  });

/** A file's tensors are there as long as they are used; errors name the file. */
async function read<T>(path: string, use: (file: SafetensorsFile) => T): Promise<T> {
  const file = await loadSafetensors(path);
  try {
    return use(file);
  } catch (error) {
    throw new CheckpointError(`${path}: ${(error as Error).message}`, { cause: error });
  } finally {
    for (const value of Object.values(file.tensors)) value.dispose();
  }
}
