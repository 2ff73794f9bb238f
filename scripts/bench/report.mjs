// @ts-check
// Results as a person reads them, and as a machine does.

/** @typedef {import('./compare.mjs').Result} Result */

/** Three digits that count. @param {number} value */
export function figure(value) {
  if (!Number.isFinite(value)) return String(value);
  const digits = value === 0 ? 2 : Math.min(Math.max(2 - Math.floor(Math.log10(Math.abs(value))), 0), 6);
  return value.toFixed(digits);
}

/** @param {number} value */
const ratio = (value) => value.toFixed(2);

/** @param {Result} result */
function goalText({ goal, ratio: measured }) {
  if (goal === undefined) return '';
  return `≤ ${ratio(goal)} ${measured <= goal ? 'met' : 'missed'}`;
}

/**
 * A table with a line for each result; columns that no result fills are left out.
 * @param {readonly Result[]} results
 * @returns {string}
 */
export function formatTable(results) {
  /** @type {[string, (result: Result) => string][]} */
  const columns = [
    ['case', (result) => result.case],
    ['ours', (result) => `${figure(result.ours)} ${result.unit}`],
    ['peer', (result) => `${figure(result.peer)} ${result.unit}`],
    ['', (result) => result.peerName],
    ['ratio', (result) => ratio(result.ratio)],
    ['quartiles', ({ spread }) => (spread === undefined ? '' : `${ratio(spread[0])}–${ratio(spread[1])}`)],
    ['of CPU time', ({ cpuRatio }) => (cpuRatio === undefined ? '' : ratio(cpuRatio))],
    ['goal', goalText],
    ['', ({ remark = '' }) => remark],
  ];
  const lines = [
    columns.map(([title]) => title),
    ...results.map((result) => columns.map(([, text]) => text(result))),
  ];
  const kept = columns.map((_, i) => i).filter((i) => results.some((_, line) => lines[line + 1]?.[i]));
  const widths = kept.map((i) => Math.max(...lines.map((line) => line[i]?.length ?? 0)));
  const left = new Set([0, 3, 8]);
  return lines
    .map((line) =>
      kept
        .map((i, at) => {
          const [text, width] = [line[i] ?? '', widths[at] ?? 0];
          return left.has(i) ? text.padEnd(width) : text.padStart(width);
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/**
 * The one line for machines.
 * @param {string} bench
 * @param {object} machine
 * @param {readonly Result[]} results
 */
export const toJson = (bench, machine, results) => JSON.stringify({ bench, machine, results });
