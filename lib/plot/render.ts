import { createRequire } from 'node:module';
import { Resvg } from '@resvg/resvg-js';
import type { Spec } from 'vega';
import { theme } from './style.ts';

/**
 * Draws a Vega specification as SVG; no browser and no canvas are needed. Vega is loaded when something is drawn: it waits
 * at its top level, and what imports it could not be had by require().
 *
 * @param spec a Vega `Spec`, whose type needs the types of a browser
 * @throws what goes wrong inside Vega, which by itself logs it and leaves the picture unfinished
 */
export async function renderSvg(spec: object): Promise<string> {
  const { Error: errorsOnly, logger, parse, resetSVGDefIds, View } = await import('vega');
  const log = logger(errorsOnly);
  let failure: unknown;
  log.error = (...problems: unknown[]) => {
    failure ??= problems[0];
    return log;
  };
  const view = new View(parse(spec as Spec, theme), { renderer: 'none', logger: log });
  try {
    await view.runAsync();
    if (failure !== undefined) throw failure;
    // Vega numbers clip paths through all pictures of a process; from here the same data give the same picture.
    resetSVGDefIds();
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}

const resolve = createRequire(import.meta.url).resolve;

/** The system's fonts are not used: a picture is the same everywhere, and has its text where there are none. */
const fonts = () => ({
  loadSystemFonts: false,
  fontFiles: ['400Regular/Arimo_400Regular.ttf', '700Bold/Arimo_700Bold.ttf'].map((file) =>
    resolve(`@expo-google-fonts/arimo/${file}`),
  ),
  defaultFontFamily: 'Arimo',
  sansSerifFamily: 'Arimo',
});

const mostPixels = 32_768;

/**
 * The picture as a PNG on white.
 *
 * @param options.width in pixels; the height follows. Default 1600.
 * @throws Error if `svg` is no SVG; TypeError if the width is no integer of at least 1; RangeError if the picture would be
 *   too large
 */
export function svgToPng(svg: string, { width = 1600 }: { width?: number } = {}): Uint8Array {
  if (!(Number.isSafeInteger(width) && width >= 1)) {
    throw new TypeError(`svgToPng: width: expected an integer of at least 1, got ${width}`);
  }
  let picture: Resvg;
  try {
    picture = new Resvg(svg, {
      font: fonts(),
      fitTo: { mode: 'width', value: width },
      background: 'white',
    });
  } catch (error) {
    throw new Error(
      `svgToPng: svg: expected an SVG document, got one with an error: ${(error as Error).message}`,
    );
  }
  // Beyond these the renderer ends the process.
  const height = Math.ceil((width * picture.height) / picture.width);
  if (!(width <= mostPixels && height <= mostPixels && width * height <= mostPixels ** 2 / 4)) {
    throw new RangeError(
      `svgToPng: width: expected one that makes a picture of at most ${mostPixels} pixels a side and 2²⁸ in all, got ` +
        `${width}, for which the picture is ${width} × ${height}`,
    );
  }
  return picture.render().asPng();
}
