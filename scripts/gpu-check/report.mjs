// @ts-check
// docs/gpu.md: the text of the page is kept, what stands between the two marks is written anew.

/**
 * @typedef {import('./results.mjs').Check} Check
 * @typedef {import('./results.mjs').Timing} Timing
 * @typedef {import('./results.mjs').About} About
 */

const START = '<!-- results -->';
const END = '<!-- end of results -->';

/** A row of a Markdown table; what would end a cell is taken out of it. @param {readonly string[]} cells */
const row = (cells) =>
  `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;

/** @param {readonly string[]} titles @param {readonly (readonly string[])[]} rows */
export const table = (titles, rows) =>
  [row(titles), row(titles.map(() => '---')), ...rows.map((cells) => row(cells))].join('\n');

/** @param {number} value */
const figure = (value) => (value < 100 ? value.toPrecision(3) : value.toFixed(0));

/** @param {Timing} timing */
const nameOf = ({ shape, covariance, state }) => `(${shape.join(', ')}) ${covariance}, ${state}`;

/**
 * A line for each problem and side: time with quartiles, how many times ours that is, memory.
 * @param {readonly Timing[]} timings
 */
export function timingRows(timings) {
  const ours = new Map(
    timings
      .filter(({ side, ms }) => side === 'ours' && ms !== undefined)
      .map((t) => [nameOf(t), t.ms ?? Number.NaN]),
  );
  return timings.map((timing) => {
    const name = nameOf(timing);
    const { side, ms, low, high, MiB, why } = timing;
    if (ms === undefined) return [name, side, why ?? 'not measured', '', ''];
    const base = ours.get(name);
    const spread = low === undefined || high === undefined ? '' : ` (${figure(low)}–${figure(high)})`;
    const ratio = base === undefined || side === 'ours' ? '' : figure(ms / base);
    return [name, side, `${figure(ms)}${spread}`, ratio, MiB == null ? '' : figure(MiB)];
  });
}

const words = { true: 'passed', false: '**failed**', null: 'not run' };

/** @param {{ about: About; checks: readonly Check[]; timings: readonly Timing[] }} results */
export function formatResults({ about, checks, timings }) {
  const { gpu, versions, date } = about;
  const listed = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const count = gpu.count > 1 ? `${gpu.count} × ` : '';
  return [
    `${count}${gpu.name}, ${gpu.memory}, driver ${gpu.driver}; ${listed.join(', ')}; ${date}.`,
    table(
      ['check', 'result', ''],
      checks.map(({ name, ok, detail }) => [name, words[`${ok}`], detail]),
    ),
    timings.length === 0
      ? 'Times: not yet measured.'
      : table(['problem (N, K, D)', 'side', 'ms (quartiles)', '× ours', 'MiB'], timingRows(timings)),
  ].join('\n\n');
}

/**
 * The page with these results in place of those that it has.
 * @param {string} page
 * @param {{ about: About; checks: readonly Check[]; timings: readonly Timing[] }} results
 */
export function writeReport(page, results) {
  const [start, end] = [page.indexOf(START), page.indexOf(END)];
  if (start < 0 || end < start) throw new Error(`docs/gpu.md: expected ${START} and, after it, ${END}`);
  return `${page.slice(0, start + START.length)}\n\n${formatResults(results)}\n\n${page.slice(end)}`;
}
