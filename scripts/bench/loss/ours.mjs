// @ts-check
// Our case of the benchmark of the loss; peer.py draws the same problem from the same seed.

import { IcuLoss } from 'intraclass/losses';
import { cuda, manualSeed, noGrad, scope, torch } from 'intraclass/tensor';
import { SetupError } from '../../../lib/native/locate.mjs';

/**
 * @typedef {object} Settings
 * @property {[N: number, K: number, D: number]} shape
 * @property {'isotropic' | 'diagonal'} covariance
 * @property {'initial' | 'dense' | 'trained'} state
 * @property {'auto' | 'store' | 'recompute'} [memory]
 * @property {'cpu' | 'cuda'} [device]
 */

/**
 * initial: features N(0, 1), means N(0, 1), σ = 1, as IcuLoss begins on normalised features: in many dimensions a few
 *   classes are nearer than all others.
 * dense: features N(0, 1), means N(0, 1/D), σ = 1: all classes are about as near as one another.
 * trained: features σ = 0.3 around their class's mean, means N(0, 1).
 * @param {Settings} settings
 */
function problem({ shape: [N, K, D], covariance, state, memory = 'auto', device = 'cpu' }) {
  if (device === 'cuda' && !cuda.isAvailable()) {
    throw new SetupError(
      '--device cuda: no GPU can be used here. To see what is missing, type: npx intraclass doctor',
    );
  }
  manualSeed(0);
  const trained = state === 'trained';
  return scope(() => {
    const labels = torch.randint(0, K, [N]);
    const means = torch.randn([K, D]).mul_(state === 'dense' ? 1 / Math.sqrt(D) : 1);
    const noise = torch.randn([N, D]);
    const features = trained ? means.indexSelect(0, labels).add_(noise.mul_(0.3)) : noise;
    const loss = new IcuLoss(K, D, { covariance, initialSigma: trained ? 0.3 : 1, memory });
    noGrad(() => loss.means.copy_(means));
    loss.to({ device });
    const x = features.to({ device });
    x.requiresGrad = true;
    return { features: x, labels: labels.to({ device }), loss };
  });
}

export const cases = {
  /** @param {Settings} settings */
  loss(settings) {
    const { features, labels, loss } = problem(settings);
    const inputs = [features, loss.means, loss.logVariances];
    const step = () => {
      for (const input of inputs) input.grad = null;
      const output = loss.forward(features, labels);
      output.total.backward();
      return output;
    };
    return {
      /** @param {number} iterations */
      run(iterations) {
        for (let i = 0; i < iterations; i++) {
          scope(() => {
            step();
          });
        }
        if (settings.device === 'cuda') cuda.synchronize();
      },
      values: () =>
        scope(() => {
          const { classification, regularizer } = step();
          const norms = inputs.map(({ grad }) => grad?.norm());
          return [classification, regularizer, ...norms].map((value) => value?.item());
        }),
      close() {
        for (const tensor of [features, labels, loss.means, loss.logVariances]) tensor.dispose();
      },
    };
  },
};
