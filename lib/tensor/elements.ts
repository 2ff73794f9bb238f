/** The number of elements of a shape: the product of its sizes, 1 without any. */
export const elementCount = (shape: readonly number[]): number =>
  shape.reduce((product, size) => product * size, 1);
