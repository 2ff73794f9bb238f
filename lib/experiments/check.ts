import { describeValue } from '../tensor/index.ts';

/** @throws TypeError naming the caller, a figure or a table, and the option unless each is an integer of at least 1 */
export function checkCounts(caller: string, counts: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(counts)) {
    if (!(Number.isSafeInteger(value) && (value as number) >= 1)) {
      throw new TypeError(
        `${caller}: ${name}: expected an integer of at least 1, got ${describeValue(value)}`,
      );
    }
  }
}
