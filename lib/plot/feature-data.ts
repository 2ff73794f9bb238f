/** What a feature plot draws, taken from raw features: checked, thinned out, and framed. */

/** Features in two dimensions, and what a loss knows of their classes. */
export interface FeaturePanel {
  /** 'train' */
  title: string;
  /** (N, 2), row-major */
  features: ArrayLike<number>;
  /** (N), from 0 to K − 1 */
  labels: ArrayLike<number | bigint>;
  /** The learned class means (K, 2). Default: the means of the features. */
  means?: ArrayLike<number>;
  /** The learned standard deviations: (K), or (K, 2) along both axes; finite. Contours are drawn where they are above 0. */
  sigmas?: ArrayLike<number>;
  /** A share, shown beside the title. */
  accuracy?: number;
}

export interface Point {
  x: number;
  y: number;
  k: number;
}

/** A class in a panel. */
export interface Cluster {
  k: number;
  x: number;
  y: number;
  /** Standard deviations along the axes; 0 where unknown. */
  sx: number;
  sy: number;
}

export interface PanelData {
  points: Point[];
  clusters: Cluster[];
}

/**
 * At most `perClass` points of each class, spread over the whole panel, and each class's centre and spread.
 * Points with a NaN or an infinity are left out.
 *
 * @param of for errors: 'featurePlot'
 * @throws TypeError or RangeError naming the panel and the array that does not fit
 */
export function panelData(of: string, panel: FeaturePanel, numClasses: number, perClass: number): PanelData {
  const { features, labels, means, sigmas } = panel;
  const fail = (what: string, expected: string, got: string | number): never => {
    throw new RangeError(`${of}: panel '${panel.title}': ${what}: expected ${expected}, got ${got}`);
  };
  const count = labels.length;
  if (features.length !== 2 * count) {
    fail('features', `${2 * count} numbers, two for each of ${count} labels`, features.length);
  }
  if (means !== undefined && means.length !== 2 * numClasses) {
    fail('means', `${2 * numClasses} numbers, two for each of ${numClasses} classes`, means.length);
  }
  if (sigmas !== undefined && sigmas.length !== numClasses && sigmas.length !== 2 * numClasses) {
    fail('sigmas', `${numClasses} or ${2 * numClasses} numbers`, sigmas.length);
  }
  Array.from(sigmas ?? []).forEach((sigma, i) => {
    if (!(Number.isFinite(sigma) && sigma >= 0)) fail(`sigmas[${i}]`, 'a finite number of at least 0', sigma);
  });
  const members: Point[][] = Array.from({ length: numClasses }, () => []);
  for (let i = 0; i < count; i++) {
    const k = Number(labels[i]);
    if (!(Number.isInteger(k) && k >= 0 && k < numClasses)) {
      fail(`labels[${i}]`, `a class from 0 to ${numClasses - 1}`, k);
    }
    const [x, y] = [features[2 * i]!, features[2 * i + 1]!];
    if (Number.isFinite(x) && Number.isFinite(y)) members[k]!.push({ x, y, k });
  }
  const clusters: Cluster[] = [];
  members.forEach((points, k) => {
    const [x, y] =
      means !== undefined
        ? [means[2 * k]!, means[2 * k + 1]!]
        : [average(points.map((p) => p.x)), average(points.map((p) => p.y))];
    if (!(Number.isFinite(x) && Number.isFinite(y))) return;
    const diagonal = sigmas?.length === 2 * numClasses;
    const sx = sigmas?.[diagonal ? 2 * k : k] ?? 0;
    const sy = sigmas?.[diagonal ? 2 * k + 1 : k] ?? 0;
    clusters.push({ k, x, y, sx, sy });
  });
  return { points: interleave(members.map((points) => thin(points, perClass))), clusters };
}

const average = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** Evenly spaced picks: every part of the data is in the picture, and the same data give the same picture. */
function thin<T>(values: readonly T[], limit: number): T[] {
  if (values.length <= limit) return [...values];
  return Array.from({ length: limit }, (_, i) => values[Math.floor(((i + 0.5) * values.length) / limit)]!);
}

/** One of each in turn: no class lies on top of all others. */
function interleave<T>(lists: readonly T[][]): T[] {
  const longest = Math.max(0, ...lists.map((list) => list.length));
  return Array.from({ length: longest }, (_, i) => lists.flatMap((list) => list.slice(i, i + 1))).flat();
}

export interface Frame {
  x: [number, number];
  y: [number, number];
}

/** The share of points at either end of an axis that may fall outside the frame: a few strays would shrink the rest. */
const strays = 0.002;

/** The smallest square, with a margin, that holds nearly all points of all panels, and every centre with its 2σ. */
export function frameOf(panels: readonly PanelData[]): Frame {
  const range = (axis: 'x' | 'y'): [number, number] => {
    const values = panels.flatMap(({ points }) => points.map((point) => point[axis])).sort((a, b) => a - b);
    const skipped = Math.floor(values.length * strays);
    let low = values[skipped]!;
    let high = values[values.length - 1 - skipped]!;
    // A spread far wider than the points, as before training, must not shrink them to a dot.
    const widest = (high - low) / 4;
    for (const cluster of panels.flatMap(({ clusters }) => clusters)) {
      const reach = Math.min(2 * (axis === 'x' ? cluster.sx : cluster.sy), widest);
      low = Math.min(low, cluster[axis] - reach);
      high = Math.max(high, cluster[axis] + reach);
    }
    return [low, high];
  };
  const [x, y] = [range('x'), range('y')];
  const widest = Math.max(x[1] - x[0], y[1] - y[0]);
  const half = widest > 0 ? 0.53 * widest : 1;
  const around = ([low, high]: [number, number]): [number, number] => {
    const middle = (low + high) / 2;
    return [middle - half, middle + half];
  };
  return { x: around(x), y: around(y) };
}
