/** Checks of arguments, and how their errors show what came. */
import { isOwned } from './scope.ts';

/** A short description of a value for messages. */
export function describeValue(value: unknown): string {
  if (Array.isArray(value)) return 'an array';
  switch (typeof value) {
    case 'string':
      return `string ${JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value)}`;
    case 'number':
    case 'boolean':
      return `${typeof value} ${value}`;
    case 'bigint':
      return `bigint ${value}`;
    case 'object':
      if (value === null) return 'null';
      if (!isOwned(value)) return 'an object';
      // structuredClone and postMessage make a plain object of a Tensor, which has lost its class.
      return isPlain(value)
        ? 'a clone of a Tensor (tensors cannot be sent to other threads; send their data)'
        : 'a Tensor';
    case 'undefined':
      return 'undefined';
    default:
      return `a ${typeof value}`;
  }
}

/** Whether a value is an object of no class. */
export function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Throws a TypeError unless `options` is an object that has no options but `names`; `what` is whose they are. */
export function checkOptions(what: string, options: unknown, names: readonly string[]): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options) || isOwned(options)) {
    throw new TypeError(`${what}: argument 'options' expected an object, got ${describeValue(options)}`);
  }
  checkKnown(what, options, names);
}

/** Throws a TypeError unless every key of `options` is one of `names`. */
export function checkKnown(what: string, options: object, names: readonly string[]): void {
  for (const name of Object.keys(options)) {
    if (!names.includes(name)) {
      throw new TypeError(
        `${what}: there is no option ${JSON.stringify(name)}; the options are ${names.join(', ')}`,
      );
    }
  }
}

/** Throws a TypeError naming the argument unless `value` is a boolean. */
export function checkBoolean(what: string, name: string, value: unknown): void {
  if (typeof value !== 'boolean') {
    throw new TypeError(`${what}: argument '${name}' expected true or false, got ${describeValue(value)}`);
  }
}

/**
 * The elements of an array, each read once: one of getters, a Proxy or a subclass could give another the next time, or
 * dispose of a tensor that has been read. As far as the first hole, which no list takes: there may be millions.
 */
export function readOnce(values: readonly unknown[]): unknown[] {
  const { length } = values;
  const elements: unknown[] = [];
  for (let i = 0; i < length; i++) {
    const element = values[i];
    elements.push(element);
    if (element === undefined) break;
  }
  return elements;
}
