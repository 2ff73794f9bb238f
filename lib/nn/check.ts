import { describeValue } from '../tensor/index.ts';

/** Throws a TypeError naming the argument unless `value` is an integer of at least `least`. */
export function checkInteger(layer: string, name: string, value: unknown, least: number): void {
  if (!Number.isInteger(value) || (value as number) < least) {
    throw new TypeError(
      `${layer}: argument '${name}' expected an integer of at least ${least}, got ${describeValue(value)}`,
    );
  }
}

/** Throws a TypeError naming the argument unless `value` is a number from `low` to `high`. */
export function checkRange(layer: string, name: string, value: unknown, low: number, high: number): void {
  if (!(typeof value === 'number' && value >= low && value <= high)) {
    throw new TypeError(
      `${layer}: argument '${name}' expected a number from ${low} to ${high}, got ${describeValue(value)}`,
    );
  }
}

/** Throws a TypeError naming the argument unless `value` is a finite number of at least 0. */
export function checkAtLeast0(layer: string, name: string, value: unknown): void {
  if (!(Number.isFinite(value) && (value as number) >= 0)) {
    throw new TypeError(
      `${layer}: argument '${name}' expected a finite number of at least 0, got ${describeValue(value)}`,
    );
  }
}

/** Throws a TypeError naming the argument unless `value` is a finite number. */
export function checkFinite(layer: string, name: string, value: unknown): void {
  if (!Number.isFinite(value)) {
    throw new TypeError(`${layer}: argument '${name}' expected a finite number, got ${describeValue(value)}`);
  }
}

/** One size for both directions, or one each. */
export type Size2d = number | readonly [number, number];

/** [height, width]. Throws a TypeError naming the argument unless both are integers of at least `least`. */
export function pair(layer: string, name: string, value: Size2d, least: number): [number, number] {
  const both: readonly unknown[] = Array.isArray(value) ? value : [value, value];
  if (both.length !== 2) {
    throw new TypeError(`${layer}: argument '${name}' expected one or two integers, got ${both.length}`);
  }
  for (const size of both) checkInteger(layer, name, size, least);
  return [both[0] as number, both[1] as number];
}
