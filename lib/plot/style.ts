import type { Config, Spec } from 'vega';

/** The font of every picture: the widths of Arial, which stands in for it where an SVG is shown without it. */
export const fontFamily = 'Arimo, Arial, Helvetica, sans-serif';

/**
 * Colours for classes and curves: Paul Tol's "muted" scheme, told apart with every common colour blindness, and a
 * dark grey for the tenth. Neighbours differ in lightness, for print without colour.
 */
export const palette: readonly string[] = [
  '#332288',
  '#88ccee',
  '#117733',
  '#ddcc77',
  '#882255',
  '#44aa99',
  '#cc6677',
  '#4d4d4d',
  '#999933',
  '#aa4499',
];

const shapes = [
  'circle',
  'triangle-up',
  'square',
  'diamond',
  'cross',
  'triangle-down',
  'triangle-left',
  'triangle-right',
];

export const colorOf = (index: number): string => palette[index % palette.length]!;

/** Ten colours and eight shapes: 40 classes before a pair comes again. */
export const shapeOf = (index: number): string => shapes[index % shapes.length]!;

export const ink = '#222222';
const quiet = '#777777';

/** How axes, titles and legends look in every picture. */
export const theme: Config = {
  background: 'white',
  axis: {
    labelFont: fontFamily,
    titleFont: fontFamily,
    labelFontSize: 11,
    titleFontSize: 12,
    titleFontWeight: 'normal',
    labelColor: quiet,
    titleColor: ink,
    domainColor: '#bbbbbb',
    tickColor: '#bbbbbb',
    gridColor: '#eeeeee',
    tickSize: 4,
  },
  title: {
    font: fontFamily,
    subtitleFont: fontFamily,
    color: ink,
    subtitleColor: quiet,
    fontSize: 14,
    subtitleFontSize: 11,
    anchor: 'start',
  },
  legend: {
    labelFont: fontFamily,
    titleFont: fontFamily,
    labelFontSize: 12,
    titleFontSize: 12,
    labelColor: ink,
    titleColor: ink,
    titleFontWeight: 'normal',
    // Whole names; several legends below a picture are lines of it.
    labelLimit: 0,
    layout: { bottom: { direction: 'vertical', margin: 4 } },
  },
};

/** The title above all panels, as a part of a specification. */
export const pictureTitle = (title: string | undefined): Pick<Spec, 'title'> =>
  title === undefined
    ? {}
    : { title: { text: title.split('\n'), fontSize: 16, anchor: 'start', offset: 10 } };

/** 0.9891 → '98.91%' */
export const percent = (share: number): string => `${(100 * share).toFixed(2)}%`;
