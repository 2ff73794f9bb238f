/** Checks of options and arguments, with errors that name what was expected and what came. */
import { checkKnown } from '../tensor/check.ts';

/** `value` as an error message should show it. */
export const shown = (value: unknown): string => {
  if (typeof value === 'string') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(shown).join(', ')}]`;
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'object' && value !== null)
    return `an object (${value.constructor?.name ?? 'Object'})`;
  return typeof value === 'bigint' ? `${value}n` : String(value);
};

/** Throws unless every key of `options` is one of `names`; `what` is whose options they are. */
export function checkNames(what: string, options: object, names: readonly string[]): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new TypeError(`${what}: options: expected an object, got ${shown(options)}`);
  }
  checkKnown(what, options, names);
}

/**
 * `value` if it is an integer of at least 1.
 * @throws TypeError naming the argument, what was expected and what came
 */
export const checkCount = (what: string, name: string, value: unknown): number =>
  checked<number>(what, name, value, countingNumber);

/** What a value had to be, where it is not that; null where it is. */
export type Check = (value: unknown) => string | null;

/**
 * `value` if it passes.
 * @throws TypeError naming the argument, what was expected and what came
 */
export function checked<T>(what: string, name: string, value: unknown, check: Check): T {
  const expected = check(value);
  if (expected) throw new TypeError(`${what}: ${name}: expected ${expected}, got ${shown(value)}`);
  return value as T;
}

export const oneOf =
  (values: readonly (string | number)[]): Check =>
  (value) =>
    values.includes(value as string) ? null : `one of ${values.map(shown).join(', ')}`;
export const atLeastZero: Check = (value) =>
  Number.isFinite(value) && (value as number) >= 0 ? null : 'a finite number of at least 0';
export const aboveZero: Check = (value) =>
  Number.isFinite(value) && (value as number) > 0 ? null : 'a finite number above 0';
/** From 0 to 1, both included. */
export const share: Check = (value) =>
  typeof value === 'number' && value >= 0 && value <= 1 ? null : 'a number from 0 to 1';
export const finite: Check = (value) => (Number.isFinite(value) ? null : 'a finite number');
export const integer: Check = (value) => (Number.isSafeInteger(value) ? null : 'an integer');
export const countingNumber: Check = (value) =>
  Number.isSafeInteger(value) && (value as number) >= 1 ? null : 'an integer of at least 1';
export const flag: Check = (value) => (typeof value === 'boolean' ? null : 'true or false');
export const orNull =
  (check: Check): Check =>
  (value) => {
    const expected = value === null ? null : check(value);
    return expected && `${expected}, or null`;
  };

/** For options that something else checks. */
export const unchecked: Check = () => null;

/** Every option with its default and its check. */
export type OptionTable<Options> = {
  readonly [name in keyof Options]-?: readonly [fallback: Required<Options>[name], check: Check];
};

/**
 * `given` with every default filled in. An option given as undefined takes its default.
 * @param what whose options they are
 * @throws TypeError naming the option, what was expected and what came
 */
export function resolveOptions<Options extends object>(
  what: string,
  table: OptionTable<Options>,
  given: Partial<Options> = {},
): Required<Options> {
  const names = Object.keys(table) as (keyof Options & string)[];
  checkNames(what, given, names);
  const resolved = {} as Required<Options>;
  for (const name of names) {
    const [fallback, check] = table[name];
    const value = given[name] === undefined ? fallback : (given[name] as Required<Options>[typeof name]);
    resolved[name] = checked(what, name, value, check);
  }
  return resolved;
}
