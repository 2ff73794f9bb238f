/**
 * The long-tailed CIFAR experiments. The paper names the baseline of KaihuaTang/Long-Tailed-Recognition.pytorch, and
 * its authors' repository has the settings. All rows are trained alike here; the published rows of the other losses
 * are quoted from publications with other networks and settings.
 */
import type { ClassBalancedOptions } from '../losses/index.ts';
import {
  balancedSoftmax,
  ce,
  focal,
  icuAuthors,
  ldam,
  lgmCifar,
  meanRegularized,
  meanRegularizer,
  mixup,
} from './methods.ts';
import { type Experiment, type Method, method } from './recipe.ts';
import { filled, ours, paper } from './setting.ts';

const authors = 'kratos236/ICU-loss';

/** The best of the grid that Cui et al. searched for each data set, which they chose by its test figures. */
const classBalanced = (options: ClassBalancedOptions): Method =>
  method({
    name: 'class-balanced',
    title: 'Class-Balanced',
    loss: 'class-balanced',
    lossOptions: filled(options, 'Cui et al., CVPR 2019, Table 2: the best of their grid on the test set'),
  });

/** What the two branches of the network give. */
const dims = 128;
const icuRows = meanRegularized(dims);

/** ln n_k beside the distances: the classes' sizes as their prior. */
const icuPrior = method({
  name: 'icu-prior',
  title: 'ICU with log prior',
  loss: 'icu',
  lossOptions: ours(
    { ...meanRegularizer(dims), logPrior: 'counts' },
    "Eq. 6 supposes equal priors; in training the classes' sizes take their place",
  ),
  defaults: icuRows.icu.defaults,
});

/** Twice that prior, and the same for the loss which has nothing else: docs/results/README.md says why. */
const twice = 'τ of Menon et al., ICLR 2021; 2 by the held-out images of CIFAR-10-LT, ratio 100';

const icuPriorTwice = method({
  name: 'icu-prior-2',
  title: 'ICU with log prior, τ = 2',
  loss: 'icu',
  lossOptions: ours({ ...meanRegularizer(dims), logPrior: 'counts', tau: 2 }, twice),
  defaults: icuRows.icu.defaults,
});

const balancedSoftmaxTwice = method({
  name: 'balanced-softmax-2',
  title: 'Balanced Softmax, τ = 2',
  loss: 'balanced-softmax',
  lossOptions: ours({ tau: 2 }, twice),
});

/** What differs between the six: how many images there are, and the class-balanced loss's grid point. */
const variants: readonly {
  classes: 10 | 100;
  ratio: 10 | 50 | 100;
  /** As published */
  whole: number;
  /** Without the few that the largest classes give up to be held out */
  train: number;
  balanced: ClassBalancedOptions;
}[] = [
  {
    classes: 100,
    ratio: 100,
    whole: 10_847,
    train: 10_827,
    balanced: { form: 'focal', gamma: 1, beta: 0.9 },
  },
  { classes: 100, ratio: 50, whole: 12_608, train: 12_588, balanced: { form: 'sigmoid', beta: 0.99 } },
  {
    classes: 100,
    ratio: 10,
    whole: 19_573,
    train: 19_545,
    balanced: { form: 'focal', gamma: 0.5, beta: 0.999 },
  },
  {
    classes: 10,
    ratio: 100,
    whole: 12_406,
    train: 12_206,
    balanced: { form: 'focal', gamma: 1, beta: 0.9999 },
  },
  {
    classes: 10,
    ratio: 50,
    whole: 13_996,
    train: 13_796,
    balanced: { form: 'focal', gamma: 2, beta: 0.9999 },
  },
  { classes: 10, ratio: 10, whole: 20_431, train: 20_231, balanced: { form: 'sigmoid', beta: 0.9999 } },
];

export const longTails: readonly Experiment[] = variants.map(
  ({ classes, ratio, whole, train, balanced }) => ({
    name: `cifar-${classes}-lt-${ratio}`,
    title: `CIFAR-${classes}-LT, ratio ${ratio}`,
    images: { train, whole, validation: 2_000, test: 10_000 },
    settings: {
      model: filled('resnet32-bbn', `${authors}: ResNet-32 with two last blocks side by side, ${dims}-D`),
      data: paper(
        `cifar-${classes}-lt-${ratio}` as const,
        'on long-tailed CIFAR; the images by the seed of kaidic/LDAM-DRW',
      ),
      augment: filled('crop-flip', `pad by 4, crop, flip: ${authors}`),
      optimizer: filled('sgd', authors),
      momentum: filled(0.9, authors),
      lr: filled(0.02, authors),
      weightDecay: filled(5e-4, authors),
      batchSize: filled(64, authors),
      schedule: filled('multi-step', authors),
      milestones: filled([119, 159], `${authors}: from the 120th and the 160th epoch on`),
      milestoneFactor: filled(0.01, authors),
      warmupEpochs: filled(5, `${authors}, which raises the rate by epochs, and we by steps`),
      warmupStart: filled(1 / 3, authors),
      epochs: filled(200, authors),
    },
    methods: [
      ce,
      lgmCifar,
      focal,
      mixup,
      classBalanced(balanced),
      ...Object.values(icuRows),
      icuPrior,
      icuPriorTwice,
      balancedSoftmax,
      balancedSoftmaxTwice,
      ldam,
      icuAuthors,
    ],
  }),
);
