import { ce, center, eq14, lgmMnist, lSoftmaxMnist } from './methods.ts';
import type { Experiment, Settings } from './recipe.ts';
import { filled, ours, paper } from './setting.ts';

const common = {
  data: paper('mnist', 'sect. 4.1'),
  augment: filled('none', 'WeitaoVan/L-GM-loss, MNIST example'),
  optimizer: paper('adam', 'sect. 4.1; weight decay taken as L2 penalty, as Adam has it'),
  lr: paper(0.01, 'sect. 4.1'),
  weightDecay: paper(0.001, 'sect. 4.1'),
  batchSize: paper(128, 'sect. 4.1'),
  schedule: ours('one-cycle', 'the paper states none'),
  epochs: ours(8, 'the paper states none'),
} as const satisfies Settings;

const images = { train: 55_000, whole: 60_000, validation: 5_000, test: 10_000 };
const methods = [ce, center, lSoftmaxMnist, lgmMnist, ...Object.values(eq14)];

export const mnist2d: Experiment = {
  name: 'mnist-2d',
  title: 'MNIST, 2-D features',
  images,
  settings: {
    model: paper(
      'mnist-2d',
      'sect. 4.1: 4 convolutions, 2 fully connected layers, BN, PReLU; their places and the widths are ours',
    ),
    ...common,
  },
  methods,
};

export const mnist100d: Experiment = {
  name: 'mnist-100d',
  title: 'MNIST, 100-D features',
  images,
  settings: {
    model: paper(
      'mnist-100d',
      'sect. 4.1: that of Wan et al., CVPR 2018, 5 convolutions, 1 fully connected layer',
    ),
    ...common,
  },
  methods,
};

/** The same with images that are not the same in every epoch, so that more epochs are of use. */
export const mnist100dCrop: Experiment = {
  ...mnist100d,
  name: 'mnist-100d-crop',
  title: 'MNIST, 100-D features, shifted images',
  settings: {
    ...mnist100d.settings,
    augment: ours('crop', 'up to 2 pixels each way; the paper states nothing'),
    epochs: ours(20, 'shifted images are not fitted as soon; the paper states none'),
  },
};
