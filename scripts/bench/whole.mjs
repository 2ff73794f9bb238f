// @ts-check
// Options that are counts.
import { SetupError } from '../setup/steps.mjs';

/** @param {string} name of the option @param {unknown} value @param {number} most @returns {number} */
export function wholeNumber(name, value, most) {
  const number = Number(value);
  if (!(Number.isInteger(number) && number >= 1 && number <= most)) {
    throw new SetupError(
      `--${name}: expected a whole number from 1 to ${most}, got ${JSON.stringify(value)}`,
    );
  }
  return number;
}
