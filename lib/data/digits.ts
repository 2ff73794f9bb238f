import { describeValue } from '../tensor/index.ts';
import { digitStrokes, type Point, type Stroke } from './digit-strokes.ts';
import { DrawingRandom } from './random.ts';

/** Height and width of an image in pixels, as MNIST's. */
const size = 28;
const pixels = size * size;

export interface DrawnDigits {
  /** `count` images of 28×28, row by row: 0 is paper, 255 ink */
  images: Uint8Array;
  /** 0 to 9, each equally often (as far as count allows), in random order */
  labels: Uint8Array;
}

/**
 * Draws handwritten digits: one of the ways to write the digit, with random proportions, slant, turn, place, pen and
 * pressure, bent by a smooth random field. Image i depends on the seed and i alone.
 * @throws TypeError if count or seed is not an integer of at least 0
 */
export function drawDigits(count: number, seed: number): DrawnDigits {
  for (const [name, value] of Object.entries({ count, seed })) {
    if (!(Number.isSafeInteger(value) && value >= 0)) {
      throw new TypeError(
        `drawDigits: ${name}: expected an integer of at least 0, got ${describeValue(value)}`,
      );
    }
  }
  const images = new Uint8Array(count * pixels);
  const labels = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    labels[i] = labelOf(seed, i);
    draw(images.subarray(i * pixels, (i + 1) * pixels), labels[i]!, new DrawingRandom(seed, i));
  }
  return { images, labels };
}

/** Every ten images in a row have the ten digits in random order. */
function labelOf(seed: number, i: number): number {
  const random = new DrawingRandom(~seed, Math.floor(i / 10));
  const order = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
  for (let j = 9; j > 0; j--) {
    const other = random.below(j + 1);
    [order[j], order[other]] = [order[other]!, order[j]!];
  }
  return order[i % 10]!;
}

function draw(image: Uint8Array, digit: number, random: DrawingRandom): void {
  const ways = digitStrokes[digit]!;
  const place = placement(random);
  const bend = bending(random);
  const pen = random.uniform(0.75, 1.9);
  const ink = random.uniform(170, 255);
  for (const stroke of ways[random.below(ways.length)]!) {
    const shaky = stroke.points.map(([x, y]): Point => [x + random.normal(0.03), y + random.normal(0.03)]);
    const path = trace({ ...stroke, points: shaky }).map((point) => place(bend(point)));
    for (let j = 1; j < path.length; j++) darken(image, path[j - 1]!, path[j]!, pen, ink);
  }
}

/** Box → pixels: p ↦ 14 + t + R(angle) · [[1, slant], [0, 1]] · diag(width, height) · (p − ½) */
function placement(random: DrawingRandom): (point: Point) => Point {
  const [width, height] = [random.uniform(9, 18), random.uniform(15, 22)];
  const slant = random.normal(0.22);
  const angle = random.normal(0.16);
  const [right, down] = [random.uniform(-3, 3), random.uniform(-3, 3)];
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return ([x, y]) => {
    const v = (y - 0.5) * height;
    const u = (x - 0.5) * width - slant * v;
    return [size / 2 + right + cos * u - sin * v, size / 2 + down + sin * u + cos * v];
  };
}

/** p ↦ p + Σ_j a_j · sin(2π f_j·p + φ_j): three long waves, an elastic distortion. */
function bending(random: DrawingRandom): (point: Point) => Point {
  const waves = Array.from({ length: 3 }, () => ({
    amplitude: [random.normal(0.045), random.normal(0.045)] as const,
    frequency: [random.uniform(-0.8, 0.8), random.uniform(-0.8, 0.8)] as const,
    phase: random.uniform(0, 1),
  }));
  return ([x, y]) => {
    let [dx, dy] = [0, 0];
    for (const { amplitude, frequency, phase } of waves) {
      const sine = Math.sin(2 * Math.PI * (frequency[0] * x + frequency[1] * y + phase));
      dx += amplitude[0] * sine;
      dy += amplitude[1] * sine;
    }
    return [x + dx, y + dy];
  };
}

/** Points between two of a stroke: enough for bends not to show corners. */
const steps = 6;

/** The pen's path as many short lines. */
function trace({ points, smooth }: Stroke): Point[] {
  const last = points.length - 1;
  const path: Point[] = [points[0]!];
  for (let i = 0; i < last; i++) {
    const [a, b, c, d] = [
      points[Math.max(i - 1, 0)]!,
      points[i]!,
      points[i + 1]!,
      points[Math.min(i + 2, last)]!,
    ];
    for (let s = 1; s <= steps; s++) {
      const t = s / steps;
      path.push(
        smooth
          ? [catmullRom(a[0], b[0], c[0], d[0], t), catmullRom(a[1], b[1], c[1], d[1], t)]
          : [b[0] + (c[0] - b[0]) * t, b[1] + (c[1] - b[1]) * t],
      );
    }
  }
  return path;
}

/** The cubic from b (t = 0) to c (t = 1) whose slopes there are (c − a)/2 and (d − b)/2. */
const catmullRom = (a: number, b: number, c: number, d: number, t: number): number =>
  b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)));

/** Inks the pixels whose centre is within `radius` of the line from p to q, with an edge one pixel soft. */
function darken(image: Uint8Array, p: Point, q: Point, radius: number, ink: number): void {
  const [px, py] = p;
  const [ux, uy] = [q[0] - px, q[1] - py];
  const length2 = ux * ux + uy * uy;
  const reach = radius + 0.5;
  const clip = (value: number): number => Math.max(0, Math.min(size - 1, value));
  const [left, right] = [
    clip(Math.floor(Math.min(px, q[0]) - reach)),
    clip(Math.ceil(Math.max(px, q[0]) + reach)),
  ];
  const [top, bottom] = [
    clip(Math.floor(Math.min(py, q[1]) - reach)),
    clip(Math.ceil(Math.max(py, q[1]) + reach)),
  ];
  for (let y = top; y <= bottom; y++) {
    for (let x = left; x <= right; x++) {
      const [vx, vy] = [x + 0.5 - px, y + 0.5 - py];
      const t = length2 === 0 ? 0 : Math.max(0, Math.min(1, (vx * ux + vy * uy) / length2));
      const distance = Math.sqrt((vx - t * ux) ** 2 + (vy - t * uy) ** 2);
      const value = ink * Math.max(0, Math.min(1, reach - distance));
      const at = y * size + x;
      if (value > image[at]!) image[at] = value;
    }
  }
}
