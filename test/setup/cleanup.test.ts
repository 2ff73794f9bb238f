import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { withCleanUp, withTemporaryFolder } from '../../scripts/setup/cleanup.mjs';
import { isAlive } from '../../scripts/setup/processes.mjs';
import { root } from '../../scripts/setup/steps.mjs';
import { useTemporaryFolder } from '../support/folder.ts';
import { makeTorch, PackageCopy, write } from '../support/package-copy.ts';
import { makeZip } from '../support/zip.ts';

let folder: string;
useTemporaryFolder((path) => {
  folder = path;
});

/** The exit code of a process that runs `code` with what scripts/setup/`file` exports as `it`. */
const exitCodeOf = (file: string, code: string) => {
  const url = pathToFileURL(join(root, 'scripts', 'setup', file)).href;
  const whole = `const it = await import(${JSON.stringify(url)});\n${code}`;
  return spawnSync(process.execPath, ['--input-type=module', '-e', whole]).status;
};

/** Waits until `holds`, for some seconds. */
async function until(holds: () => boolean) {
  for (let turn = 0; turn < 400 && !holds(); turn++) await setTimeout(25);
  expect(holds()).toBe(true);
}

it('withCleanUp cleans after success and failure, and leaves signals as they were', async () => {
  const before = process.listenerCount('SIGINT');
  const done: string[] = [];
  expect(
    await withCleanUp(
      async () => done.push('work'),
      () => done.push('clean'),
    ),
  ).toBe(1);
  const failing = withCleanUp(
    () => Promise.reject(new Error('from inside')),
    () => done.push('clean'),
  );
  await expect(failing).rejects.toThrow('from inside');
  expect(done).toEqual(['work', 'clean', 'clean']);
  expect(process.listenerCount('SIGINT')).toBe(before);
});

it('withTemporaryFolder removes its folder', async () => {
  const path = await withTemporaryFolder(async (path) => {
    writeFileSync(join(path, 'file'), '');
    return path;
  });
  expect(existsSync(path)).toBe(false);
});

describe.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGQUIT', 131],
] as const)('%s', (signal, code) => {
  it('ends a process with the code of a shell, after it has cleaned up', () => {
    const mark = join(folder, 'mark');
    writeFileSync(mark, '');
    const exit = exitCodeOf(
      'cleanup.mjs',
      `import { rmSync } from 'node:fs';
       setTimeout(() => process.kill(process.pid, '${signal}'), 1);
       await it.withCleanUp(() => new Promise((done) => setTimeout(done, 20_000)), () => rmSync(${JSON.stringify(mark)}));`,
    );
    expect(exit).toBe(code);
    expect(existsSync(mark)).toBe(false);
  });

  it('cleans up first what was begun last', () => {
    const log = join(folder, 'log');
    exitCodeOf(
      'cleanup.mjs',
      `import { appendFileSync } from 'node:fs';
       const tell = (name) => () => appendFileSync(${JSON.stringify(log)}, name + ' ');
       setTimeout(() => process.kill(process.pid, '${signal}'), 1);
       const long = () => new Promise((done) => setTimeout(done, 20_000));
       await it.withCleanUp(() => it.withCleanUp(long, tell('inner')), tell('outer'));`,
    );
    expect(readFileSync(log, 'utf8')).toBe('inner outer ');
  });

  it('ends what a command has started, whatever it is for, before the process ends', () => {
    const pid = join(folder, 'pid');
    const exit = exitCodeOf(
      'steps.mjs',
      `import { existsSync, readFileSync } from 'node:fs';
       const pid = ${JSON.stringify(pid)};
       setInterval(() => existsSync(pid) && readFileSync(pid, 'utf8') && process.kill(process.pid, '${signal}'), 5);
       await it.run('sh', ['-c', 'sleep 30 & echo $! > ${pid}; wait'], { output: 'stdout' });`,
    );
    expect(exit).toBe(code);
    expect(isAlive(Number(readFileSync(pid, 'utf8')))).toBe(false);
  });

  it('holds the lock until a build is gone', async () => {
    const copy = new PackageCopy(folder, 'intraclass');
    for (const name of ['node-addon-api', 'node-api-headers']) {
      write(join(copy.root, 'node_modules', name, 'package.json'), '{}');
    }
    const pid = join(folder, 'pid');
    copy.command('c++', 'echo');
    // As cmake does it: no signal ends it before what it waits for, which takes its time.
    copy.command(
      'cmake',
      `case "$*" in
         --version) echo cmake version 3.30;;
         --build*)
           trap : TERM
           sh -c 'trap "sleep 0.3; exit" TERM; echo $$ > ${pid}; while :; do sleep 0.1; done' &
           wait $!; wait $!;;
       esac`,
    );
    const child = copy.start('build.mjs', ['--native-only'], {
      LIBTORCH: makeTorch(join(folder, 'libtorch'), '2.13.0'),
      CXX: 'c++',
    });
    const exit = new Promise((done) => child.on('exit', done));
    await until(() => existsSync(pid) && Number(readFileSync(pid, 'utf8')) > 0);
    const lock = join(copy.root, 'build', '.stamps', 'lock');
    child.kill(signal);
    await until(() => !existsSync(lock));
    expect(isAlive(Number(readFileSync(pid, 'utf8')))).toBe(false);
    expect(await exit).toBe(code);
  });

  it('leaves nothing half unpacked', () => {
    const data = Buffer.alloc(60_000_000);
    writeFileSync(join(folder, 'source.zip'), makeZip([{ name: 'torch/lib/libtorch_cpu.so', data }]));
    const exit = exitCodeOf(
      'libtorch.mjs',
      `import { existsSync } from 'node:fs';
       const target = ${JSON.stringify(join(folder, 'target'))};
       setInterval(() => existsSync(target + '.partial') && process.kill(process.pid, '${signal}'), 1);
       await it.unpack(${JSON.stringify(join(folder, 'source.zip'))}, target);`,
    );
    expect(exit).toBe(code);
    expect(readdirSync(folder)).toEqual(['source.zip']);
  });

  it('leaves nothing that pip has fetched, and ends pip', async () => {
    const copy = new PackageCopy(folder, 'node_modules/intraclass');
    // In the place of pip: writes what it fetches, and more of its own, and is not ready for long.
    const python = copy.command(
      'python3',
      `case "$*" in
         *download*)
           for last; do [ "$previous" = -d ] && touch "$last/torch.whl"; previous="$last"; done
           mkdir "$TMPDIR/pip-unpack"; echo $$ > ${join(folder, 'pid')}; exec sleep 30;;
       esac`,
    );
    const temporary = join(folder, 'tmp');
    mkdirSync(temporary);
    const child = copy.start('setup.mjs', ['--force'], { PYTHON: python, TMPDIR: temporary });
    const exit = new Promise((done) => child.on('exit', done));
    const pid = join(folder, 'pid');
    await until(() => existsSync(pid) && Number(readFileSync(pid, 'utf8')) > 0);
    const fetched = readdirSync(temporary, { recursive: true, encoding: 'utf8' });
    expect(fetched.filter((name) => /torch\.whl$|pip-unpack$/.test(name))).toHaveLength(2);
    child.kill(signal);
    expect(await exit).toBe(code);
    expect(readdirSync(temporary)).toEqual([]);
    expect(existsSync(join(copy.root, 'build', '.stamps', 'lock'))).toBe(false);
    await until(() => !isAlive(Number(readFileSync(pid, 'utf8'))));
  });
});
