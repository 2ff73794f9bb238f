import type { Backbone } from './backbone.ts';
import { LeNetPlusPlus } from './lenet-plus-plus.ts';
import { LSoftmaxMnist } from './lsoftmax-mnist.ts';
import { Mnist2d, Mnist100d } from './mnist.ts';
import { ResNet50, ResNet101 } from './resnet.ts';
import { ResNet18Cifar } from './resnet18-cifar.ts';
import { BbnResNet32, ResNet32 } from './resnet32.ts';
import { Vgg13Lgm } from './vgg13-lgm.ts';

/** (C, H, W) */
type Shape = readonly [number, number, number];

interface Entry {
  readonly title: string;
  readonly inputShape: Shape;
  create(): Backbone;
}

const mnist: Shape = [1, 28, 28];
const cifar: Shape = [3, 32, 32];
const imagenet: Shape = [3, 224, 224];

const models = {
  'mnist-2d': {
    title: "the paper's MNIST network with 2-D features",
    inputShape: mnist,
    create: () => new Mnist2d(),
  },
  'mnist-100d': {
    title: "the paper's MNIST network with 100-D features",
    inputShape: mnist,
    create: () => new Mnist100d(),
  },
  'lenet++': {
    title: "the center loss's MNIST network with 2-D features",
    inputShape: mnist,
    create: () => new LeNetPlusPlus(),
  },
  'lsoftmax-mnist': {
    title: "L-Softmax's MNIST network with 512-D features",
    inputShape: mnist,
    create: () => new LSoftmaxMnist(),
  },
  'resnet18-cifar': {
    title: 'ResNet-18 for images of 32×32',
    inputShape: cifar,
    create: () => new ResNet18Cifar(),
  },
  'vgg13-lgm': {
    title: "L-GM's CIFAR-100 network of 13 convolutions",
    inputShape: cifar,
    create: () => new Vgg13Lgm(),
  },
  resnet32: {
    title: 'ResNet-32 for images of 32×32, shortcuts without parameters',
    inputShape: cifar,
    create: () => new ResNet32(),
  },
  'resnet32-bbn': {
    title: 'the same with two branches and 128-D features',
    inputShape: cifar,
    create: () => new BbnResNet32(),
  },
  resnet50: { title: 'ResNet-50 for ImageNet', inputShape: imagenet, create: () => new ResNet50() },
  resnet101: { title: 'ResNet-101 for ImageNet', inputShape: imagenet, create: () => new ResNet101() },
} as const satisfies Record<string, Entry>;

export type ModelName = keyof typeof models;

/** The names that `createModel` and `intraclass train` know. */
export const modelNames = Object.keys(models) as ModelName[];

/** What a network is, in a few words. */
export const modelTitle = (name: ModelName): string => models[name].title;

/** (C, H, W) of the images that a network takes. */
export const inputShapeOf = (name: ModelName): Shape => models[name].inputShape;

/** The networks that take images of this shape, (C, H, W). */
export const modelsFor = (shape: readonly number[]): ModelName[] =>
  modelNames.filter((name) => String(inputShapeOf(name)) === String(shape));

/**
 * A new network, initialised from the default generator as its source does; the paper's MNIST networks as PyTorch does, since
 * the paper says nothing of it.
 * @throws TypeError listing the names if there is none of that name
 */
export function createModel(name: string): Backbone {
  if (!Object.hasOwn(models, name)) {
    throw new TypeError(`there is no model '${name}'; there are: ${modelNames.join(', ')}`);
  }
  return models[name as ModelName].create();
}
