/** intraclass: train image classifiers with losses that know how uncertain each class is. */
export * as data from './data/index.ts';
export * as experiments from './experiments/index.ts';
export * as losses from './losses/index.ts';
export * as models from './models/index.ts';
export { libtorch } from './native.ts';
export * as nn from './nn/index.ts';
export * as optim from './optim/index.ts';
export * as plot from './plot/index.ts';
export * from './tensor/index.ts';
export * as train from './train/index.ts';
