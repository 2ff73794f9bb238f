import { describe, expect, it } from 'vitest';
import { CrossEntropyLoss } from '../../lib/losses/cross-entropy.ts';
import { manualSeed, type Tensor, tensor, torch } from '../../lib/tensor/index.ts';
import { expectClose } from '../support/close.ts';
import { numbers } from './native.ts';

describe('CrossEntropyLoss', () => {
  it('is a linear layer and softmax cross-entropy', () => {
    manualSeed(1);
    const loss = new CrossEntropyLoss(3, 4);
    const features = torch.randn([5, 4]);
    features.requiresGrad = true;
    const classes = [0, 2, 1, 1, -100];
    const output = loss.forward(features, tensor(classes, { dtype: 'int64' }));

    const x = numbers(features);
    const w = numbers(loss.linear.weight);
    const b = numbers(loss.linear.bias!);
    const logits = Array.from({ length: 5 }, (_, i) =>
      [0, 1, 2].map((k) => [0, 1, 2, 3].reduce((sum, d) => sum + x[i * 4 + d]! * w[k * 4 + d]!, b[k]!)),
    );
    expectClose(numbers(loss.logits(features)), logits.flat(), { atol: 1e-6 });
    const rows = logits.slice(0, 4).map((row, i) => {
      const sum = row.reduce((total, l) => total + Math.exp(l), 0);
      return Math.log(sum) - row[classes[i]!]!;
    });
    const mean = rows.reduce((a, c) => a + c, 0) / 4;
    expectClose(output.total.item(), mean, { rtol: 1e-5 });
    expect(output.classification.item()).toBe(output.total.item());
    expect(output.regularizer).toBeNull();
    expect([...numbers(loss.predict(features))]).toEqual(logits.map((row) => row.indexOf(Math.max(...row))));
    expect(loss.predict(features).dtype).toBe('int64');

    output.total.backward();
    // dL/db_k = mean of p_k − 1[k = y]
    const expected = [0, 1, 2].map((k) => {
      const parts = logits.slice(0, 4).map((row, i) => {
        const sum = row.reduce((total, l) => total + Math.exp(l), 0);
        return Math.exp(row[k]!) / sum - (classes[i] === k ? 1 : 0);
      });
      return parts.reduce((a, c) => a + c, 0) / 4;
    });
    expectClose(numbers(loss.linear.bias!.grad!), expected, { atol: 1e-6 });
    expect(features.grad!.shape).toEqual([5, 4]);
  });

  it('has one group of parameters, decayed like the network, and may do without a bias', () => {
    const loss = new CrossEntropyLoss(10, 2, { bias: false });
    expect(Object.keys(loss.stateDict())).toEqual(['linear.weight']);
    const groups = loss.parameterGroups(0.1, 0.001);
    expect(groups).toEqual([{ name: 'loss', params: [loss.linear.weight], lr: 0.1, weightDecay: 0.001 }]);
    expect(new CrossEntropyLoss(10, 2).parameterGroups(0.1)[0]!.weightDecay).toBe(0);
    expect(loss.summary()).toEqual({});
  });

  it('refuses bad input', () => {
    const loss = new CrossEntropyLoss(3, 2);
    expect(() => new CrossEntropyLoss(0, 2)).toThrow('numClasses: expected an integer of at least 1, got 0');
    expect(() => new CrossEntropyLoss(3, 2, { bias: 1 as unknown as boolean })).toThrow(
      'bias: expected true or false, got 1',
    );
    expect(() => new CrossEntropyLoss(3, 2, { bia: true } as object)).toThrow('there is no option "bia"');
    expect(() => loss.forward(torch.zeros([2, 2]), tensor([0n, 3n]))).toThrow(/labels: expected classes/);
    expect(() => loss.forward(torch.zeros([2, 5]), tensor([0n, 1n]))).toThrow();
    expect(() => loss.logits(undefined as unknown as Tensor)).toThrow();
  });
});
