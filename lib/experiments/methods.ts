/**
 * The losses of the tables with the options that their publications give, as far as these do not depend on the data.
 * Repositories are named as owner/name on GitHub.
 */
import type { IcuLossOptions, LgmOptions, LSoftmaxOptions } from '../losses/index.ts';
import { type Method, method } from './recipe.ts';
import { filled, ours, paper } from './setting.ts';

export const ce = method({
  name: 'ce',
  title: 'Softmax',
  loss: 'ce',
  lossOptions: paper({ bias: false }, 'Eq. 1'),
});

export const center = method({
  name: 'center',
  title: 'Center',
  loss: 'center',
  lossOptions: filled(
    { weight: 0.01, update: 'delta', centerLr: 0.5, bias: false },
    'λ and the rule of the centres: ydwen/caffe-face, mnist_example; α = 0.5: Wen et al., ECCV 2016, sect. 4.1; ' +
      'no bias: as the Softmax row',
  ),
});

/** m = 4, with λ falling over the steps of a run as it falls over `steps` of the authors' example, which `source` names. */
const lSoftmaxAs = (source: string, steps: number, lambdaGamma: number, lambdaPower: number): Method =>
  method({
    name: 'l-softmax',
    title: 'L-Softmax',
    loss: 'l-softmax',
    lossOptions: filled(
      (all: number): LSoftmaxOptions => ({
        m: 4,
        lambdaBase: 1000,
        lambdaGamma: (lambdaGamma * steps) / all,
        lambdaPower,
        lambdaMin: 0,
      }),
      `wy1iu/LargeMargin_Softmax_Loss, ${source}, is stretched to ours`,
    ),
  });

/** λ ends at 0.4. */
export const lSoftmaxMnist = lSoftmaxAs(
  'MNIST example with m = 4; the decay of λ over its first 10,000 steps, after which its rate falls no more',
  10_000,
  2.5e-5,
  35,
);
/** m = 4 is the authors' advice for the paper's figure. λ ends near 0: for CIFAR-100 they would keep it above 5. */
export const lSoftmaxCifar = lSoftmaxAs(
  'CIFAR-10 example with m = 4; the decay of λ over its 30,000 steps, to 0 on CIFAR-100 as well',
  30_000,
  2e-5,
  45,
);

/**
 * What the rows of losses with Gaussian classes have in common that no source says: the same for L-GM and ICU, so that
 * they differ in the loss alone.
 */
const gaussianDefaults = ours(
  'isotropic covariance; μ ~ N(0, 1) and σ = 1 before training; rates of 10 (means) and 10·min(1, 2/D) (log-variances) ' +
    "times the network's, without weight decay",
  'docs/icu-loss.md, Parameters',
);

/**
 * α grows over the steps of a run as over all steps of the authors' example, which `source` names, of which `interval` is
 * a share; `itsOwn` is what that has in place of the ICU rows' settings.
 */
const lgmAs = (
  source: string,
  interval: number,
  options: LgmOptions,
  defaults: string,
  itsOwn: string,
): Method =>
  method({
    name: 'l-gm',
    title: 'L-GM',
    loss: 'l-gm',
    lossOptions: filled(
      (steps: number): LgmOptions => ({
        form: 'paper',
        covariance: 'isotropic',
        alphaInterval: Math.max(1, Math.round(interval * steps)),
        ...options,
      }),
      `WeitaoVan/L-GM-loss, ${source}`,
    ),
    defaults: ours(defaults, `as the ICU rows; that example has ${itsOwn}`),
  });

export const lgmMnist = lgmAs(
  'MNIST example: λ, and α ten times larger at 1,500, 3,000 and 4,500 of 20,000 steps, stretched to ours; with ln|Σ| as ' +
    'in Wan et al., CVPR 2018, which that code leaves out',
  1500 / 20_000,
  { alpha: 0.001, alphaGrowth: 10, alphaMax: 1, lambda: 0.03 },
  gaussianDefaults.value,
  'a variance learned at the rate of the network, and means at 0.3 times it that decay',
);

/**
 * With variances that are learned the likelihood of 128 and more dimensions outweighs the classification: σ shrinks, and
 * the features with it, until all images have the same.
 */
export const lgmCifar = lgmAs(
  'CIFAR-100 example: variances that stay 1, λ, and α doubled every 5,000 of 120,000 steps up to 0.3, stretched to ours',
  5000 / 120_000,
  { learnVariances: false, alpha: 0.1, alphaGrowth: 2, alphaMax: 0.3, lambda: 0.1 },
  "μ ~ N(0, 1) before training; a rate of 10 times the network's for the means, without weight decay",
  "means at 2 times the network's rate that decay",
);

const constants = { alpha: 1e-4, gamma: 1e-3, lambdaMean: 0.1, lambdaVar: 0.1 } as const;

/** The ICU loss with both margins, and the rows of Table 3: with none, and with one of them. */
function icuRows(setting: (options: IcuLossOptions) => Method['lossOptions']): {
  icu: Method;
  icuPlain: Method;
  icuAlpha: Method;
  icuGamma: Method;
} {
  const row = (name: string, title: string, margins: IcuLossOptions): Method =>
    method({ name, title, loss: 'icu', lossOptions: setting(margins), defaults: gaussianDefaults });
  return {
    icu: row('icu', 'ICU', {}),
    icuPlain: row('icu-plain', 'ICU, α = γ = 0', { alpha: 0, gamma: 0 }),
    icuAlpha: row('icu-alpha', 'ICU, γ = 0', { gamma: 0 }),
    icuGamma: row('icu-gamma', 'ICU, α = 0', { alpha: 0 }),
  };
}

/** With the regulariser as Eq. 14 has it. */
export const eq14 = icuRows((margins) =>
  paper({ ...constants, ...margins }, 'sect. 4.1: α, γ, λ; Eq. 14: the regulariser, a sum over classes'),
);

/**
 * The paper does not say whether the regulariser of Eq. 14 is a sum or a mean over dimensions, and the sum over 128 and
 * more draws all classes' means together before the features are told apart: docs/reproducing.md.
 */
export const meanRegularizer = (dims: number): IcuLossOptions => ({
  ...constants,
  regReduction: 'samples',
  lambdaMean: 0.1 / dims,
});

/** With the regulariser as a mean over rows and the `dims` dimensions of the network's features. */
export const meanRegularized = (dims: number) =>
  icuRows((margins) =>
    filled(
      { ...meanRegularizer(dims), ...margins },
      `sect. 4.1: α, γ, λ; kratos236/ICU-loss: that the regulariser is a mean over rows and ${dims} dimensions, where Eq. 14 is a sum`,
    ),
  );

export const focal = method({
  name: 'focal',
  title: 'Focal',
  loss: 'focal',
  lossOptions: filled(
    { form: 'sigmoid', gamma: 1 },
    'Cui et al., CVPR 2019, whose row with γ = 1 is what the table quotes; richardaecn/class-balanced-loss',
  ),
});

export const mixup = method({
  name: 'mixup',
  title: 'Mixup',
  loss: 'ce',
  lossOptions: ours({ bias: false }, 'as the Softmax row'),
  settings: { mixup: filled(1, 'facebookresearch/mixup-cifar10') },
});

export const balancedSoftmax = method({
  name: 'balanced-softmax',
  title: 'Balanced Softmax',
  loss: 'balanced-softmax',
  lossOptions: filled({}, 'Ren et al., NeurIPS 2020'),
});

export const ldam = method({
  name: 'ldam',
  title: 'LDAM-DRW',
  loss: 'ldam',
  lossOptions: filled(
    { reweightFrom: 119 / 200 },
    'Cao et al., NeurIPS 2019; kaidic/LDAM-DRW, where the weights set in with the first fall of the rate, as here',
  ),
});

export const icuAuthors = method({
  name: 'icu-authors',
  title: "ICU, the authors' code",
  loss: 'icu-authors',
  lossOptions: filled({}, 'kratos236/ICU-loss'),
});
