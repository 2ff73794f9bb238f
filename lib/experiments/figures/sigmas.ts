import { basename } from 'node:path';
import { sigmaPlot } from '../../plot/index.ts';
import { RunFolder } from '../../train/index.ts';
import { checkRuns, type Figure, type LabelledRun } from './figure.ts';

/**
 * σ of each class against its number of training images, as finished runs of the ICU loss have measured them.
 *
 * @param runs drawn over each other
 * @throws TypeError for runs that do not fit, such as one with another loss; Error if a folder is no run's, or the run
 *   has not finished
 */
export async function sigmaFigure(
  runs: readonly LabelledRun[],
  { title = 'σ of the classes against their size' }: { title?: string } = {},
): Promise<Figure[]> {
  checkRuns('sigmaFigure', runs);
  const data = [];
  for (const { title: name, run } of runs) {
    const folder = new RunFolder(run);
    const { loss, data: images, seed, epochs, selectOn } = await folder.readConfig();
    const result = await folder.readResult();
    if (result === null)
      throw new Error(`sigmaFigure: ${run}: expected a finished run, got one without a result`);
    const icu = result.test?.icu;
    if (!icu?.sizes) {
      throw new TypeError(
        `sigmaFigure: ${run}: expected a run of the ICU loss that knows its classes' sizes, got one of ${loss} without`,
      );
    }
    data.push({
      name,
      run: basename(run),
      data: images,
      seed,
      epochs,
      selectOn,
      sizes: icu.sizes,
      correlation: icu.sizeCorrelation,
    });
  }
  return [{ name: 'sigmas', svg: await sigmaPlot({ series: data, title }), data: { runs: data } }];
}
