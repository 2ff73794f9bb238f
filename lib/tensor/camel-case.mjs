// @ts-check
/**
 * From LibTorch's names to JavaScript's. Plain JavaScript, because the script that writes the signatures has to find the
 * same names as the calls do.
 */

/**
 * log_softmax → logSoftmax, add_ → add_
 * @param {string} name
 */
export const camelCase = (name) => name.replace(/(?<=.)_+([a-z0-9])/g, (_, letter) => letter.toUpperCase());
