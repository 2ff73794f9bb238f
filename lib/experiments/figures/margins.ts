import {
  type Frame,
  type Path,
  type PlanePanel,
  planePlot,
  positiveRegion,
  zeroLines,
} from '../../plot/index.ts';
import { describeValue } from '../../tensor/index.ts';
import type { Figure } from './figure.ts';
import { distance, type Margins, type PlaneGaussian } from './gaussian-plane.ts';

export interface MarginFigureOptions {
  /** Of the left panel. Default 0.25, 2,500 times the published value, which could not be seen. */
  alpha?: number;
  /** Of the right panel. Default 2, 2,000 times the published value. */
  gamma?: number;
}

const published = { alpha: 1e-4, gamma: 1e-3 };

/** Both have |Σ| ≥ 1: their distances are not negative anywhere, where α would help the class instead of hindering it. */
const [a, b]: [PlaneGaussian, PlaneGaussian] = [
  { mean: [-2.5, 0], sigma: 2 },
  { mean: [2.5, 0], sigma: 1 },
];
const frame: Frame = { x: [-7.5, 11], y: [-6.5, 6.5] };
const names = {
  plain: 'boundary without margins',
  a: 'boundary for images of A',
  b: 'boundary for images of B',
};

/**
 * Fig. 3: what the margins of the ICU loss do between a wide class A and a narrow class B. In training each class sees
 * the boundary drawn back to itself, d̂_z = d_k, with α (Eqs. 17, 20) and with γ (Eqs. 18, 21); between the two is the
 * margin. Nothing is trained.
 *
 * @throws TypeError if a margin is no finite number above 0
 */
export async function marginFigure(options: MarginFigureOptions = {}): Promise<Figure[]> {
  const { alpha = 0.25, gamma = 2 } = options;
  for (const [name, value] of Object.entries({ alpha, gamma })) {
    if (!(Number.isFinite(value) && value > 0)) {
      throw new TypeError(
        `marginFigure: ${name}: expected a finite number above 0, got ${describeValue(value)}`,
      );
    }
  }
  const drawn = [
    {
      margins: { alpha, gamma: 0 },
      title: `α = ${alpha}: d̂ = (1 + α) d`,
      subtitle: [
        'The own class seems farther by a share of its distance:',
        'the margin widens outward.',
        `Exaggerated: ${times(alpha, published.alpha)} the published 0.0001.`,
      ],
    },
    {
      margins: { alpha: 0, gamma },
      title: `γ = ${gamma}: d̂ = d + ln(1 + γ), from ln|(1 + γ)Σ|`,
      subtitle: [
        "The own class's density falls as if it were wider:",
        'it seems farther by the same amount everywhere.',
        `Exaggerated: ${times(gamma, published.gamma)} the published 0.001.`,
      ],
    },
  ].map((panel) => ({ ...panel, boundaries: boundaries(panel.margins) }));
  const panels = drawn.map(
    ({ title, subtitle, margins, boundaries: { plain, ofA, ofB } }): PlanePanel => ({
      title,
      subtitle,
      gaussians: [
        { ...a, label: 'A' },
        { ...b, label: 'B' },
      ],
      regions: [{ paths: positiveRegion((x, y) => Math.min(...excess(x, y, margins)), frame) }],
      lines: [
        { name: names.plain, paths: plain },
        { name: names.a, paths: ofA },
        { name: names.b, paths: ofB },
      ],
    }),
  );
  const svg = await planePlot({
    panels,
    frame,
    width: 500,
    classes: [{ name: 'A' }, { name: 'B' }],
    lines: [
      { name: names.plain },
      { name: names.a, color: '#332288', dash: [7, 3] },
      { name: names.b, color: '#aa4499', dash: [2, 3] },
    ],
    greyRegions: 'margin: images of A and of B alike count as wrong here',
    title: 'The boundary between two classes as training sees it',
  });
  return [{ name: 'fig3', svg, data: { classes: { A: a, B: b }, published, panels: drawn } }];
}

/** 5000, 1e-4 → '5,000 times' */
const times = (value: number, reference: number): string =>
  `${Number((value / reference).toPrecision(3)).toLocaleString('en-US')} times`;

/** By how much training finds the other class nearer, for images of A and of B. */
const excess = (x: number, y: number, margins: Margins): [number, number] => [
  distance(a, x, y, margins) - distance(b, x, y),
  distance(b, x, y, margins) - distance(a, x, y),
];

function boundaries(margins: Margins): { plain: Path[]; ofA: Path[]; ofB: Path[] } {
  return {
    plain: zeroLines((x, y) => excess(x, y, {})[0], frame),
    ofA: zeroLines((x, y) => excess(x, y, margins)[0], frame),
    ofB: zeroLines((x, y) => excess(x, y, margins)[1], frame),
  };
}
