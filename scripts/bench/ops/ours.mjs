// @ts-check
// Our cases of the operator benchmark; peer.py has the same.
import { scope, tensor, torch } from 'intraclass/tensor';

const four = () => ({ a: tensor([1, 2, 3, 4]).keep(), b: tensor([5, 6, 7, 8]).keep() });

/** @type {Record<string, () => { run(iterations: number): void; gradient?(): unknown }>} */
export const cases = {
  'add in scopes'() {
    const { a, b } = four();
    return {
      run(iterations) {
        for (let i = 0; i < iterations; i += 100) {
          scope(() => {
            for (let j = 0; j < 100; j++) torch.add(a, b);
          });
        }
      },
    };
  },

  'add, each disposed'() {
    const { a, b } = four();
    return {
      run(iterations) {
        for (let i = 0; i < iterations; i++) torch.add(a, b).dispose();
      },
    };
  },

  'add, left to the collector'() {
    const { a, b } = four();
    return {
      run(iterations) {
        for (let i = 0; i < iterations; i++) torch.add(a, b);
      },
    };
  },

  'add as method'() {
    const { a, b } = four();
    return {
      run(iterations) {
        for (let i = 0; i < iterations; i += 100) {
          scope(() => {
            for (let j = 0; j < 100; j++) a.add(b);
          });
        }
      },
    };
  },

  /** Σ relu(2·sigmoid((tanh(x·w + b)·w − b)) + 1), ten operators with the sum; then the gradient of w and b. */
  chain() {
    const x = tensor([1, 2, 3, 4]).keep();
    const w = tensor([0.1, -0.2, 0.3, -0.4], { requiresGrad: true }).keep();
    const b = tensor([0.5, 0.25, -0.5, -0.25], { requiresGrad: true }).keep();
    const step = () => {
      w.grad = null;
      b.grad = null;
      x.mul(w).add(b).tanh().mul(w).sub(b).sigmoid().mul(2).add(1).relu().sum().backward();
    };
    return {
      run(iterations) {
        for (let i = 0; i < iterations; i++) scope(step);
      },
      gradient() {
        return scope(() => {
          step();
          return w.grad?.toArray();
        });
      },
    };
  },
};
