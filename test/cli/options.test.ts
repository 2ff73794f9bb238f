import { InvalidArgumentError } from 'commander';
import { describe, expect, it } from 'vitest';
import { assignment } from '../../lib/cli/options.ts';

describe('assignment', () => {
  it('takes JSON, and text that is none as text', () => {
    const texts = [
      'm=2',
      'bias=false',
      'form=sigmoid',
      'a=null',
      'counts=[5,3]',
      'q="4"',
      'b=1e-3',
      'c=x=y',
      'd=',
    ];
    expect(texts.reduce<Record<string, unknown>>((given, text) => assignment(text, given), {})).toEqual({
      ...{ m: 2, bias: false, form: 'sigmoid', a: null, counts: [5, 3], q: '4', b: 0.001, c: 'x=y', d: '' },
    });
  });

  it.each(['m', '=2', '', '2m=3', 'a b=1', '__proto__={}'])('refuses %j', (text) => {
    expect(() => assignment(text)).toThrow(InvalidArgumentError);
  });

  it('refuses a name given twice', () => {
    expect(() => assignment('m=2', { m: 1 })).toThrow("'m' is given twice.");
    expect(assignment('m=2', { k: 1 })).toEqual({ k: 1, m: 2 });
  });
});
