import { Module } from '../nn/index.ts';
import type { Tensor } from '../tensor/index.ts';

/** A network from images to features; a loss of lib/losses is the head on top of it. */
export abstract class Backbone extends Module {
  /** D, the number of features. */
  abstract readonly featureDim: number;
  /** (C, H, W) of the images. */
  abstract readonly inputShape: readonly [number, number, number];

  /** (N, C, H, W) float32 → (N, D) */
  abstract override forward(images: Tensor): Tensor;
}

/** The number of elements in a module's parameters. */
export const countParameters = (module: Module): number =>
  module.parameters().reduce((sum, parameter) => sum + parameter.numel, 0);
