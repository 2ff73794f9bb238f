import { describe, expect, it } from 'vitest';
import { type IcuOptions, icuDefaults, resolveIcuOptions } from '../../lib/losses/icu-options.ts';

describe('resolveIcuOptions', () => {
  it("has the paper's constants as defaults", () => {
    expect(resolveIcuOptions()).toEqual(icuDefaults);
    const { alpha, gamma, lambdaMean, lambdaVar, covariance } = icuDefaults;
    expect([alpha, gamma, lambdaMean, lambdaVar]).toEqual([1e-4, 1e-3, 0.1, 0.1]);
    expect(covariance).toBe('isotropic');
  });

  it('keeps what is given, and takes undefined for not given', () => {
    const options = resolveIcuOptions({ alpha: 0.5, gamma: undefined, covariance: 'diagonal' });
    expect(options).toEqual({ ...icuDefaults, alpha: 0.5, covariance: 'diagonal' });
  });

  const bad: [name: string, options: object, message: string][] = [
    [
      'an unknown value',
      { covariance: 'full' },
      'covariance: expected one of "isotropic", "scalar", "diagonal", got "full"',
    ],
    ['a value of another type', { reduction: 3 }, 'reduction: expected one of "mean", "sum", "none", got 3'],
    ['a negative margin', { alpha: -1 }, 'alpha: expected a finite number of at least 0, got -1'],
    ['NaN', { gamma: Number.NaN }, 'gamma: expected a finite number of at least 0, got NaN'],
    [
      'a number as text',
      { lambdaMean: '0.1' },
      'lambdaMean: expected a finite number of at least 0, got "0.1"',
    ],
    [
      'an infinite bound',
      { maxLogVariance: Infinity },
      'maxLogVariance: expected a finite number, got Infinity',
    ],
    [
      'bounds out of order',
      { minLogVariance: 1, maxLogVariance: 1 },
      'expected a number below maxLogVariance (1), got 1',
    ],
    ['a fraction of an index', { ignoreIndex: 0.5 }, 'ignoreIndex: expected an integer, got 0.5'],
    ['a number for a flag', { momentGradient: 1 }, 'momentGradient: expected true or false, got 1'],
    [
      'null',
      { alphaMode: null },
      'alphaMode: expected one of "distance", "mahalanobis", "positive", got null',
    ],
    [
      'a name that does not exist',
      { gama: 1 },
      'there is no option "gama"; the options are covariance, alpha, gamma',
    ],
  ];
  it.each(bad)('refuses %s', (_, options, message) => {
    expect(() => resolveIcuOptions(options as Partial<IcuOptions>)).toThrow(message);
  });

  it('refuses options that are no object', () => {
    expect(() => resolveIcuOptions(0.1 as unknown as Partial<IcuOptions>)).toThrow(
      'expected an object, got 0.1',
    );
    expect(() => resolveIcuOptions(null as unknown as Partial<IcuOptions>)).toThrow(
      'expected an object, got null',
    );
  });
});
