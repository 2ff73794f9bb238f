// @ts-check
// Running the commands of npm run gpu:check, and what to say of one that failed.
import { log, seconds, start } from '../setup/steps.mjs';

/** How much of its output a command that failed is shown with. */
const SHOWN_LINES = 60;

/** Lines that say that something was wrong before them, not what. */
const SUMMARIES = /^(?:g?make(?:\[\d+\])?:|ninja:)|errors? (?:detected|generated|occurred)/;

const linesOf = (/** @type {string} */ text) =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');

/** The line of a failed command's output that most likely says why: the last that speaks of an error, else the last. @param {string} output */
export function cause(output) {
  const lines = linesOf(output);
  const speaks = (/** @type {string} */ line) => /error|fatal/i.test(line);
  const last = lines.findLastIndex((line) => speaks(line) && !SUMMARIES.test(line));
  if (last < 0) return lines.findLast(speaks) ?? lines.at(-1) ?? '';
  // CMake says what on the next line.
  return lines.slice(last, lines[last]?.endsWith(':') ? last + 2 : last + 1).join(' ');
}

/**
 * Runs a command to its end. Its standard error is shown as it comes, for a command may take minutes; of one that fails,
 * the end of all that it wrote is shown.
 * @param {string} command
 * @param {string[]} args
 * @param {Record<string, string>} [env]
 * @returns {Promise<{ ok: boolean; status: number | null; stdout: string; output: string }>} `output` is both in the order of arrival
 */
export function run(command, args, env = {}) {
  log(`$ ${[command, ...args].join(' ')}`);
  const started = Date.now();
  return new Promise((done) => {
    let [stdout, output] = ['', ''];
    const child = start(command, args, { env, streams: ['pipe', 'pipe'] }, (status, signal) => {
      const ok = status === 0;
      log(`  ${ok ? 'done' : signal ? `ended by ${signal}` : `exit code ${status}`} (${seconds(started)})`);
      if (!ok) log(output.trimEnd().split('\n').slice(-SHOWN_LINES).join('\n'));
      done({ ok, status, stdout, output });
    });
    child.stdout?.setEncoding('utf8').on('data', (text) => {
      stdout += text;
      output += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text) => {
      output += text;
      process.stderr.write(text);
    });
    child.on('error', (error) => {
      output += `${error.message}\n`;
    });
  });
}
