// @ts-check
// Our side: runs the cases of scripts/bench/<bench>/ours.mjs on the compiled package. See side.mjs for what it is told.
// A case is a function of its settings that gives {run(iterations), …}: run is timed, any other method can be asked.
import { Console } from 'node:console';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

// Standard output belongs to the answers.
globalThis.console = new Console(process.stderr);
// Ctrl-C reaches the whole process group; the harness ends this process itself.
process.on('SIGINT', () => {});

const write = (/** @type {object} */ answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);

/** The commit that a LibTorch was built from: version.py in Python's torch, build-hash in the archives. @param {string} folder */
function commitOf(folder) {
  for (const [file, pattern] of /** @type {const} */ ([
    ['version.py', /^git_version = '([0-9a-f]+)'/m],
    ['build-hash', /([0-9a-f]{40})/],
  ])) {
    try {
      const found = pattern.exec(readFileSync(join(folder, file), 'utf8'));
      if (found) return found[1];
    } catch {
      // The other file may be there.
    }
  }
  return null;
}

/**
 * The case that is set up. @type {any}
 */
let current = null;

/** @type {Record<string, (request: any) => Promise<unknown>>} */
const actions = {
  async about({ threads }) {
    const { libtorch } = await import('../../dist/native.js');
    const { setNumThreads } = await import('intraclass/tensor');
    setNumThreads(threads);
    return { libtorch: libtorch.version, commit: commitOf(libtorch.path), node: process.version };
  },
  async prepare({ bench, case: name, settings }) {
    current?.close?.();
    const { cases } = await import(`./${bench}/ours.mjs`);
    current = await cases[name](settings);
    return null;
  },
  async run({ iterations }) {
    const cpu = process.cpuUsage();
    const start = process.hrtime.bigint();
    await current.run(iterations);
    const seconds = Number(process.hrtime.bigint() - start) / 1e9;
    const { user, system } = process.cpuUsage(cpu);
    return { seconds, cpuSeconds: (user + system) / 1e6 };
  },
  async ask({ id, method, argument }) {
    return current[method](argument, (/** @type {number} */ share) => write({ id, progress: share }));
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  try {
    const action = actions[request.do];
    if (action === undefined) throw new Error(`there is no action ${request.do}`);
    write({ id: request.id, result: (await action(request)) ?? null });
  } catch (error) {
    // A SetupError says what to type; of any other error it counts where it is from.
    const { name, message, stack } = Object(error);
    write({ id: request.id, error: (name === 'SetupError' ? message : stack) ?? String(error) });
  }
}
