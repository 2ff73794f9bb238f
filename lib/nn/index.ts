/** Modules and layers, as torch.nn. */
export { PReLU, ReLU } from './activation.ts';
export { BatchNorm1d, BatchNorm2d, type BatchNormOptions } from './batch-norm.ts';
export type { Size2d } from './check.ts';
export { Conv2d, type Conv2dOptions } from './conv2d.ts';
export { Dropout } from './dropout.ts';
export * as init from './init.ts';
export { Linear } from './linear.ts';
export { Module, type Placement } from './module.ts';
export { Buffer, Parameter } from './parameter.ts';
export { AdaptiveAvgPool2d, AvgPool2d, MaxPool2d, type PoolOptions } from './pool.ts';
export { Sequential } from './sequential.ts';
export { Flatten, Identity } from './shape.ts';
export { ZeroPadShortcut } from './shortcut.ts';
