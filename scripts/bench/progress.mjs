// @ts-check
// What is being measured just now, on standard error: one line that changes on a terminal; elsewhere nothing but the
// lines that stay.

const terminal = process.stderr.isTTY === true;
let shown = false;

/** Shows a line that the next one replaces. @param {string} text */
export function progress(text) {
  if (!terminal) return;
  process.stderr.write(`\r\x1b[K${text.slice(0, (process.stderr.columns ?? 80) - 1)}`);
  shown = true;
}

/** Prints a line that stays. @param {string} line */
export function note(line) {
  clearProgress();
  process.stderr.write(`${line}\n`);
}

export function clearProgress() {
  if (shown) process.stderr.write('\r\x1b[K');
  shown = false;
}
