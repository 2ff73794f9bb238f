import { ce, center, lgmCifar, lSoftmaxCifar, meanRegularized } from './methods.ts';
import type { Experiment } from './recipe.ts';
import { filled, paper } from './setting.ts';

const images = { train: 45_000, whole: 50_000, validation: 5_000, test: 10_000 };
const cropFlip = 'pad by 4, crop, flip';

export const cifar10: Experiment = {
  name: 'cifar-10',
  title: 'CIFAR-10, ResNet-18',
  images,
  settings: {
    model: filled('resnet18-cifar', 'kuangliu/pytorch-cifar; the paper does not say which ResNet-18'),
    data: paper('cifar-10', 'on CIFAR-10'),
    augment: filled('crop-flip', `${cropFlip}: kuangliu/pytorch-cifar`),
    optimizer: paper('adam', 'on CIFAR-10; weight decay taken as L2 penalty, as Adam has it'),
    lr: paper(0.01, 'on CIFAR-10'),
    weightDecay: paper(0.001, 'on CIFAR-10'),
    batchSize: paper(256, 'on CIFAR-10'),
    schedule: filled('cosine', 'kuangliu/pytorch-cifar'),
    epochs: filled(200, 'kuangliu/pytorch-cifar'),
  },
  methods: [ce, center, lSoftmaxCifar, lgmCifar, meanRegularized(512).icu],
};

/** "The same structure and settings as L-GM", whose authors' example is what is meant. */
const lgmExample = 'WeitaoVan/L-GM-loss, CIFAR-100 example, which the paper names';

export const cifar100: Experiment = {
  name: 'cifar-100',
  title: 'CIFAR-100, VGG-13',
  images,
  settings: {
    model: filled('vgg13-lgm', lgmExample),
    data: paper(
      'cifar-100',
      "on CIFAR-100; normalised by kuangliu/pytorch-cifar's constants, where L-GM's example has (x − 128)/128",
    ),
    augment: filled('crop-flip', `${cropFlip}: ${lgmExample}`),
    optimizer: filled('sgd', lgmExample),
    lr: filled(0.1, lgmExample),
    momentum: filled(0.9, lgmExample),
    nesterov: filled(true, lgmExample),
    weightDecay: filled(5e-4, lgmExample),
    batchSize: filled(128, lgmExample),
    schedule: filled('multi-step', lgmExample),
    milestones: filled([153.5, 230], `60,000 and 90,000 of 120,000 steps: ${lgmExample}`),
    milestoneFactor: filled(0.1, lgmExample),
    epochs: filled(307, `120,000 steps of 128 of 50,000 images: ${lgmExample}`),
  },
  methods: [ce, center, lSoftmaxCifar, lgmCifar, ...Object.values(meanRegularized(384))],
};

export const imagenet: Experiment = {
  name: 'imagenet',
  title: 'ImageNet, ResNet-101',
  images: { train: 1_217_109, whole: 1_281_167, validation: 64_058, test: 50_000 },
  settings: {
    model: paper('resnet101', 'on ImageNet; strides as torchvision has them'),
    data: paper(
      'folder:imagenet',
      'on ImageNet; the folders train and val in the folder imagenet of the data directory',
    ),
    augment: filled('resized-crop-flip', 'torchvision, references/classification'),
    optimizer: filled('sgd', 'torchvision, references/classification'),
    momentum: filled(0.9, 'torchvision, references/classification'),
    lr: paper(0.01, 'on ImageNet'),
    weightDecay: paper(5e-4, 'on ImageNet'),
    batchSize: paper(256, 'on ImageNet'),
    schedule: paper('multi-step', 'on ImageNet'),
    milestones: paper([50, 75], 'on ImageNet'),
    milestoneFactor: paper(0.1, 'on ImageNet'),
    epochs: paper(100, 'on ImageNet'),
  },
  methods: [ce, center, lgmCifar, meanRegularized(2048).icu],
};
