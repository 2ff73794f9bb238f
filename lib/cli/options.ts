import { InvalidArgumentError } from 'commander';
import { type DataName, dataNames, isDataName } from '../data/index.ts';

/** Parsers of options: commander puts the option's name before what they say. */

export function integer(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !Number.isSafeInteger(value) || value < least) {
      throw new InvalidArgumentError(`Expected an integer of at least ${least}.`);
    }
    return value;
  };
}

export function number(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('Expected a number.');
  return value;
}

/** Numbers between commas. */
export const numbers = (text: string): number[] => text.split(',').map(number);

/**
 * Collects `name=value` of an option that may be given several times. A value is JSON, or, where it is not, the text
 * itself: `m=2`, `bias=false`, `classCounts=[5,3]`, `form=sigmoid`.
 */
export function assignment(
  text: string,
  given: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  const [, name, value] = /^([A-Za-z]\w*)=(.*)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined) {
    throw new InvalidArgumentError('Expected <name>=<value>, as in m=2 or form=sigmoid.');
  }
  if (Object.hasOwn(given, name)) throw new InvalidArgumentError(`'${name}' is given twice.`);
  return { ...given, [name]: parsed(value) };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** The name of a data set. */
export function dataName(text: string): DataName {
  if (isDataName(text)) return text;
  throw new InvalidArgumentError(`Expected one of ${dataNames.join(', ')}.`);
}
