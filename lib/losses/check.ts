/** Checks of options and arguments, with errors that name what was expected and what came. */

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
  for (const name of Object.keys(options)) {
    if (!names.includes(name)) {
      throw new TypeError(`${what}: there is no option ${shown(name)}; the options are ${names.join(', ')}`);
    }
  }
}

/**
 * `value` if it is an integer of at least 1.
 * @throws TypeError naming the argument, what was expected and what came
 */
export function checkCount(what: string, name: string, value: unknown): number {
  if (!(Number.isSafeInteger(value) && (value as number) >= 1)) {
    throw new TypeError(`${what}: ${name}: expected an integer of at least 1, got ${shown(value)}`);
  }
  return value as number;
}
