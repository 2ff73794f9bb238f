/** Networks. */
import type { Backbone } from './backbone.ts';
import { Mnist2d, Mnist100d } from './mnist.ts';

export { Backbone, countParameters } from './backbone.ts';
export { Mnist2d, Mnist100d } from './mnist.ts';

const models = { 'mnist-2d': Mnist2d, 'mnist-100d': Mnist100d } as const;

export type ModelName = keyof typeof models;

export const modelNames = Object.keys(models) as ModelName[];

/**
 * A new network, initialised as PyTorch would from the default generator.
 * @throws Error listing the names if there is none of that name
 */
export function createModel(name: string): Backbone {
  if (!Object.hasOwn(models, name)) {
    throw new Error(`there is no model '${name}'; there are: ${modelNames.join(', ')}`);
  }
  return new models[name as ModelName]();
}
