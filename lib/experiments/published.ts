/** Published accuracies in percent, as printed. Nothing here was measured by this package. */

/** A figure, and where it is printed. */
export interface Published {
  readonly value: number;
  readonly source: string;
}

type Figures = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** Experiments as columns, methods as rows, as the tables are printed. */
function columns(
  experiments: readonly string[],
  rows: Readonly<Record<string, readonly (number | null)[]>>,
): Figures {
  return Object.fromEntries(
    experiments.map((experiment, i) => [
      experiment,
      Object.fromEntries(
        Object.entries(rows).flatMap(([method, row]) => (row[i] == null ? [] : [[method, row[i]]])),
      ),
    ]),
  );
}

/** Zhu & Yu, ICME 2021, by table. Rows of Table 2 but L-GM and ICU are quoted there from other publications. */
const ofPaper: Readonly<Record<string, Figures>> = {
  table1: columns(['mnist-2d', 'mnist-100d', 'cifar-10', 'cifar-100', 'imagenet'], {
    ce: [98.18, 99.32, 93.41, 74.39, 76.5],
    center: [98.55, 99.53, 94.06, 75.15, 76.55],
    'l-softmax': [98.7, 99.57, 93.95, 75.17, null],
    'l-gm': [98.83, 99.61, 93.99, 76.06, 76.65],
    icu: [99.04, 99.66, 94.38, 77.8, 77.1],
  }),
  table2: columns(
    [
      'cifar-100-lt-100',
      'cifar-100-lt-50',
      'cifar-100-lt-10',
      'cifar-10-lt-100',
      'cifar-10-lt-50',
      'cifar-10-lt-10',
    ],
    {
      'l-gm': [37.3, 41.7, 57.9, 72.0, 77.1, 87.3],
      focal: [38.4, 44.3, 55.8, 70.4, 76.7, 86.7],
      mixup: [39.5, 45.0, 58.0, 73.1, 77.8, 87.1],
      'class-balanced': [39.6, 45.2, 58.0, 74.6, 79.3, 87.1],
      icu: [39.8, 45.4, 58.8, 73.4, 79.2, 87.7],
    },
  ),
  table3: columns(['cifar-100', 'cifar-100-lt-10'], {
    // Of the long-tailed column the first is not cross-entropy's but the focal loss's, as Table 2 quotes it.
    ce: [74.39, 55.8],
    'icu-plain': [76.52, 58.0],
    'icu-alpha': [77.06, 58.2],
    'icu-gamma': [77.37, 58.4],
    icu: [77.8, 58.8],
  }),
};

/** Its top-5 accuracies, of Table 1's ImageNet column alone. */
const ofPaperTop5: Readonly<Record<string, Figures>> = {
  table1: { imagenet: { ce: 92.45, center: 92.79, 'l-gm': 92.84, icu: 93.29 } },
};

const balancedSizes = ['cifar-10-lt-100', 'cifar-10-lt-50', 'cifar-100-lt-100', 'cifar-100-lt-50'];
const allSizes = [
  'cifar-10-lt-100',
  'cifar-10-lt-50',
  'cifar-10-lt-10',
  'cifar-100-lt-100',
  'cifar-100-lt-50',
  'cifar-100-lt-10',
];

/** What others print for the same data with the loss of the row. Networks and settings differ from ours. */
const ofOthers: readonly (readonly [source: string, figures: Figures])[] = [
  [
    'Cui et al., CVPR 2019 (ResNet-32 of 0.46 M)',
    columns(allSizes, {
      ce: [70.36, 74.81, 86.39, 38.32, 43.85, 55.71],
      focal: [70.38, 76.71, 86.66, 38.41, 44.32, 55.78],
      'class-balanced': [74.57, 79.27, 87.49, 39.6, 45.32, 57.99],
    }),
  ],
  [
    'zhangyongshun/BagofTricks-LT (ResNet-32 of 0.46 M, best epoch; Class-Balanced with focal, Mixup over 400 epochs)',
    columns(balancedSizes, {
      'class-balanced': [75.2, 78.99, 38.56, 42.37],
      'balanced-softmax': [77.54, 81.11, 42.99, 46.55],
      ldam: [77.73, 81.6, 42.47, 47.29],
      mixup: [74.06, 78.67, 40.82, 45.92],
    }),
  ],
  ['MiSLAS, CVPR 2021 (ResNet-32)', columns(allSizes, { mixup: [72.8, 78.1, 87.6, 39.5, 45.4, 59.1] })],
  [
    'Cao et al., NeurIPS 2019 (ResNet-32 of 0.46 M)',
    columns(['cifar-10-lt-100', 'cifar-10-lt-10', 'cifar-100-lt-100', 'cifar-100-lt-10'], {
      ldam: [77.03, 88.16, 42.04, 58.71],
    }),
  ],
  ['kuangliu/pytorch-cifar, README (SGD)', columns(['cifar-10'], { ce: [93.02] })],
  ['torchvision, IMAGENET1K_V1', columns(['imagenet'], { ce: [77.374] })],
];

/** What the paper's table prints for a cell, in percent; null where it has none. */
export const paperFigure = (table: string, experiment: string, method: string): number | null =>
  ofPaper[table]?.[experiment]?.[method] ?? null;

/** The top-5 accuracy that it prints there, likewise. */
export const paperTop5 = (table: string, experiment: string, method: string): number | null =>
  ofPaperTop5[table]?.[experiment]?.[method] ?? null;

/** What others print for it. */
export const otherFigures = (experiment: string, method: string): Published[] =>
  ofOthers.flatMap(([source, figures]) => {
    const value = figures[experiment]?.[method];
    return value === undefined ? [] : [{ value, source }];
  });
