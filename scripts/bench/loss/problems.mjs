// @ts-check
// The problems of the benchmarks of the loss, from their options.
import { SetupError } from '../../setup/steps.mjs';

/** @typedef {'isotropic' | 'diagonal'} Covariance */

const covariances = /** @type {const} */ (['isotropic', 'diagonal']);

/** @param {unknown} text @returns {number[]} */
export function shapeOf(text) {
  const sizes = String(text).split(/[,x]/).map(Number);
  if (sizes.length !== 3 || !sizes.every((size) => Number.isInteger(size) && size >= 1)) {
    throw new SetupError(
      `--shape: expected N,K,D, three whole numbers of at least 1, got ${JSON.stringify(text)}`,
    );
  }
  return sizes;
}

/** @template {string} T @param {string} name @param {unknown} value @param {readonly T[]} among @returns {T} */
export function oneOf(name, value, among) {
  if (!among.includes(/** @type {T} */ (value))) {
    throw new SetupError(`--${name}: expected ${among.join(' or ')}, got ${JSON.stringify(value)}`);
  }
  return /** @type {T} */ (value);
}

/** What --covariance asks for. @param {unknown} value @returns {Covariance | undefined} */
export const covarianceOf = (value) =>
  value === undefined ? undefined : oneOf('covariance', value, covariances);

/** @param {Record<string, unknown>} options @param {number[]} usual the shape where none is given */
export const problemOf = ({ shape, covariance }, usual) => ({
  shape: shape === undefined ? usual : shapeOf(shape),
  covariance: covarianceOf(covariance) ?? /** @type {const} */ ('isotropic'),
});
