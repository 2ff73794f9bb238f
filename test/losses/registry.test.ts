import { describe, expect, it } from 'vitest';
import {
  CrossEntropyLoss,
  createLoss,
  IcuLoss,
  lacksClassCounts,
  lossNames,
  lossTitle,
} from '../../lib/losses/index.ts';

describe('createLoss', () => {
  it('makes every loss by its name, with options', () => {
    const icu = createLoss('icu', 10, 2, { covariance: 'diagonal' });
    expect(icu).toBeInstanceOf(IcuLoss);
    expect((icu as IcuLoss).logVariances.shape).toEqual([10, 2]);
    const ce = createLoss('ce', 10, 2, { bias: false });
    expect(ce).toBeInstanceOf(CrossEntropyLoss);
    expect((ce as CrossEntropyLoss).linear.bias).toBeNull();
    for (const name of lossNames) {
      const options = lacksClassCounts(name, {}) ? { classCounts: [9, 8, 7, 6, 5, 4, 3] } : {};
      const loss = createLoss(name, 7, 5, options);
      expect([loss.numClasses, loss.featureDim]).toEqual([7, 5]);
      expect(lossTitle(name)).not.toBe('');
    }
  });

  it('lists the names when there is none such', () => {
    expect(() => createLoss('hinge' as 'ce', 10, 2)).toThrow(
      /^createLoss: there is no loss "hinge"; the losses are icu \(.*\), ce \(.*\)$/,
    );
    expect(() => createLoss('toString' as 'ce', 10, 2)).toThrow('there is no loss "toString"');
  });
});
