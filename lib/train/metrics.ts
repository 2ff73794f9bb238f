/**
 * The figures of a classifier on a data set, from its logits: pure functions. K is the number of classes, N that of
 * images; classes are 0 to K − 1.
 */

/** What the logits of N images say, as far as the figures need it. */
export interface Verdicts {
  /** (N) the true classes */
  labels: Int32Array;
  /** (N) the class of the highest logit, the first of equals */
  predicted: Int32Array;
  /** (N) the place of the true class in the order of the logits: 0 is right, below k is right among the top k */
  rank: Int32Array;
  /** (N) the softmax probability of the predicted class */
  confidence: Float64Array;
  /** (N) the logit of the true class */
  ownLogit: Float64Array;
}

export const noVerdicts = (count: number): Verdicts => ({
  labels: new Int32Array(count),
  predicted: new Int32Array(count),
  rank: new Int32Array(count),
  confidence: new Float64Array(count),
  ownLogit: new Float64Array(count),
});

/** Those of the first images. */
export const firstVerdicts = (verdicts: Verdicts, count: number): Verdicts => ({
  labels: verdicts.labels.subarray(0, count),
  predicted: verdicts.predicted.subarray(0, count),
  rank: verdicts.rank.subarray(0, count),
  confidence: verdicts.confidence.subarray(0, count),
  ownLogit: verdicts.ownLogit.subarray(0, count),
});

/** As LibTorch sorts: NaN is the greatest. */
const isGreater = (a: number, b: number): boolean => a > b || (Number.isNaN(a) && !Number.isNaN(b));
const isEqual = (a: number, b: number): boolean => a === b || (Number.isNaN(a) && Number.isNaN(b));

/**
 * Judges a batch and writes it into `verdicts` from image `start` on, with the labels that are there.
 * @param logits (B, K) row by row
 */
export function judge(
  logits: Float32Array | Float64Array,
  numClasses: number,
  verdicts: Verdicts,
  start: number,
): void {
  for (let row = 0; row < logits.length / numClasses; row++) {
    const at = row * numClasses;
    const label = verdicts.labels[start + row]!;
    const own = logits[at + label]!;
    let best = 0;
    let rank = 0;
    for (let k = 0; k < numClasses; k++) {
      const logit = logits[at + k]!;
      if (isGreater(logit, logits[at + best]!)) best = k;
      if (isGreater(logit, own) || (k < label && isEqual(logit, own))) rank++;
    }
    // max_k softmax(l)_k = 1 / Σ_k e^(l_k − max l)
    let sum = 0;
    for (let k = 0; k < numClasses; k++) sum += Math.exp(logits[at + k]! - logits[at + best]!);
    verdicts.predicted[start + row] = best;
    verdicts.rank[start + row] = rank;
    verdicts.confidence[start + row] = 1 / sum;
    verdicts.ownLogit[start + row] = own;
  }
}

/** The share of images whose class is among the k highest logits; NaN without images. */
export const topAccuracy = (rank: Int32Array, k: number): number =>
  rank.reduce((hits, place) => hits + (place < k ? 1 : 0), 0) / rank.length;

/** K rows of K counts: how often class (row) was predicted as (column). */
export function confusionMatrix(labels: Int32Array, predicted: Int32Array, numClasses: number): number[][] {
  const counts = Array.from({ length: numClasses }, () => new Array<number>(numClasses).fill(0));
  labels.forEach((label, i) => {
    counts[label]![predicted[i]!]!++;
  });
  return counts;
}

/** The share of each class's images that is predicted rightly; null where a class has none. */
export const accuracyByClass = (confusion: readonly (readonly number[])[]): (number | null)[] =>
  confusion.map((row, k) => {
    const count = row.reduce((sum, value) => sum + value, 0);
    return count === 0 ? null : row[k]! / count;
  });

/** Means over classes with many, a medium number of, and few training images; null where a group has no classes. */
export interface ShotAccuracy {
  /** Above 100 training images */
  many: number | null;
  /** From 20 to 100 */
  medium: number | null;
  /** Below 20 */
  few: number | null;
}

/**
 * Accuracy by how often a class was seen in training (Liu et al., CVPR 2019).
 * @param byClass a class that is null, for want of test images, is left out
 * @param trainCounts (K) training images of each class
 */
export function shotAccuracy(
  byClass: readonly (number | null)[],
  trainCounts: readonly number[],
): ShotAccuracy {
  const over = (belongs: (count: number) => boolean): number | null => {
    const group = byClass.filter(
      (accuracy, k): accuracy is number => accuracy !== null && belongs(trainCounts[k]!),
    );
    return group.length === 0 ? null : group.reduce((sum, accuracy) => sum + accuracy, 0) / group.length;
  };
  return {
    many: over((count) => count > 100),
    medium: over((count) => count >= 20 && count <= 100),
    few: over((count) => count < 20),
  };
}

export interface CalibrationBin {
  /** Images whose confidence is above `from` and at most `to` */
  count: number;
  from: number;
  to: number;
  /** Null where there are none */
  accuracy: number | null;
  /** Their mean confidence; null where there are none */
  confidence: number | null;
}

export interface Calibration {
  /** Expected calibration error, Σ_b n_b / N · |accuracy_b − confidence_b|; NaN where a confidence is no number */
  ece: number;
  /** Maximum calibration error, the largest of these gaps; NaN where a confidence is no number */
  mce: number;
  bins: CalibrationBin[];
}

/**
 * How well confidence and accuracy agree (Naeini et al., AAAI 2015; Guo et al., ICML 2017), in bins of equal width
 * that are closed on the right.
 * @param confidence (N) of the predicted class, 0 to 1
 * @param rank (N) 0 where the prediction is right
 */
export function calibration(confidence: Float64Array, rank: Int32Array, numBins = 15): Calibration {
  const counts = new Array<number>(numBins).fill(0);
  const hits = new Array<number>(numBins).fill(0);
  const sums = new Array<number>(numBins).fill(0);
  confidence.forEach((value, i) => {
    if (Number.isNaN(value)) return;
    let bin = Math.min(numBins - 1, Math.max(0, Math.ceil(value * numBins) - 1));
    // The product rounds; the edges b / numBins decide.
    while (bin > 0 && value <= bin / numBins) bin--;
    while (bin < numBins - 1 && value > (bin + 1) / numBins) bin++;
    counts[bin]!++;
    hits[bin]! += rank[i] === 0 ? 1 : 0;
    sums[bin]! += value;
  });
  const bins = counts.map(
    (count, b): CalibrationBin => ({
      count,
      from: b / numBins,
      to: (b + 1) / numBins,
      accuracy: count === 0 ? null : hits[b]! / count,
      confidence: count === 0 ? null : sums[b]! / count,
    }),
  );
  if (confidence.some(Number.isNaN)) return { ece: Number.NaN, mce: Number.NaN, bins };
  const gaps = counts.map((count, b) => (count === 0 ? 0 : Math.abs(hits[b]! - sums[b]!) / count));
  const ece = gaps.reduce((sum, gap, b) => sum + counts[b]! * gap, 0) / confidence.length;
  return { ece, mce: Math.max(...gaps), bins };
}

/**
 * Spearman's ρ: the correlation of the ranks, where equals share the mean of theirs; null where one side has no two
 * different values.
 */
export function rankCorrelation(x: readonly number[], y: readonly number[]): number | null {
  const [a, b] = [ranks(x), ranks(y)];
  const middle = (x.length - 1) / 2;
  let [ab, aa, bb] = [0, 0, 0];
  a.forEach((rank, i) => {
    ab += (rank - middle) * (b[i]! - middle);
    aa += (rank - middle) ** 2;
    bb += (b[i]! - middle) ** 2;
  });
  return aa === 0 || bb === 0 ? null : ab / Math.sqrt(aa * bb);
}

/** From 0; equals get the mean of the places that they take up. */
function ranks(values: readonly number[]): number[] {
  const order = [...values.keys()].sort((i, j) => values[i]! - values[j]!);
  const result = new Array<number>(values.length);
  for (let first = 0; first < order.length; ) {
    let end = first + 1;
    while (end < order.length && values[order[end]!] === values[order[first]!]) end++;
    for (let place = first; place < end; place++) result[order[place]!] = (first + end - 1) / 2;
    first = end;
  }
  return result;
}
