/** Networks: from images to features, under any loss of lib/losses. */
export { Backbone, countParameters } from './backbone.ts';
export { LeNetPlusPlus, type LeNetPlusPlusVariant } from './lenet-plus-plus.ts';
export { LSoftmaxMnist } from './lsoftmax-mnist.ts';
export { Mnist2d, Mnist100d } from './mnist.ts';
export { createModel, inputShapeOf, type ModelName, modelNames, modelsFor, modelTitle } from './registry.ts';
export { ResNet50, ResNet101 } from './resnet.ts';
export { ResNet18Cifar } from './resnet18-cifar.ts';
export { BbnResNet32, ResNet32 } from './resnet32.ts';
export { Vgg13Lgm } from './vgg13-lgm.ts';
