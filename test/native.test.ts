import { execFile } from 'node:child_process';
import { existsSync, linkSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  commandFor,
  findBinaries,
  findLibtorch,
  locate,
  packageRoot,
  pythonTorch,
  wantsCuda,
} from '../lib/native/locate.mjs';
import { libtorch } from '../lib/native.ts';

const root = packageRoot();
const entry = pathToFileURL(join(root, 'dist', 'native.js')).href;

let folder: string;
beforeEach(() => {
  // Below build/, so that LibTorch's libraries can be linked there and need not be copied.
  folder = mkdtempSync(join(root, 'build', 'test-'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs an ES module in a process of its own. */
function runModule(code: string, env: Record<string, string> = {}) {
  return new Promise<{ code: number; stdout: string; stderr: string }>((done) => {
    const options = { env: { ...process.env, INTRACLASS_BUILD: 'cpu', ...env } };
    execFile(process.execPath, ['--input-type=module', '-e', code], options, (error, stdout, stderr) =>
      done({ code: error ? Number(error.code ?? -1) : 0, stdout, stderr }),
    );
  });
}

/** A folder that looks like a LibTorch of some version, without libraries that could be opened. */
function fakeLibtorch(version: string, path = join(folder, 'libtorch')) {
  mkdirSync(join(path, 'lib'), { recursive: true });
  writeFileSync(join(path, 'lib', 'libtorch_cpu.so'), '');
  writeFileSync(join(path, 'version.py'), `__version__ = '${version}'\n`);
  return path;
}

function fakeBinaries(path: string, torchVersion: string) {
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, 'intraclass.node'), '');
  writeFileSync(
    join(path, 'build-info.json'),
    JSON.stringify({ torchVersion, torchBuild: torchVersion, cuda: null }),
  );
}

describe('the addon', () => {
  it('says which LibTorch it uses', () => {
    expect(libtorch.version).toMatch(/^2\.\d+\.\d+/);
    expect(existsSync(join(libtorch.path, 'lib', 'libtorch_cpu.so'))).toBe(true);
    expect(libtorch.cuda === null || /^\d+\.\d+/.test(libtorch.cuda)).toBe(true);
  });

  it('loads in several workers at once, and again after they have ended', async () => {
    const { code, stdout, stderr } = await runModule(`
      import { Worker } from 'node:worker_threads';
      const body = 'import(' + ${JSON.stringify(JSON.stringify(entry))} + ').then((m) => console.log(Object.keys(m.native).length > 0))';
      for (let round = 0; round < 3; round++) {
        await Promise.all([1, 2, 3].map(() => new Promise((done, failed) => {
          new Worker(body, { eval: true }).on('error', failed).on('exit', done);
        })));
      }
      await import(${JSON.stringify(entry)});
      console.log('main');`);
    expect(stderr).toBe('');
    expect(stdout.trim().split('\n').sort()).toEqual(['main', ...Array(9).fill('true')]);
    expect(code).toBe(0);
  });

  it.runIf(process.platform === 'linux')('uses the LibTorch that LIBTORCH names and no other', async () => {
    const other = join(folder, 'elsewhere');
    mkdirSync(join(other, 'lib'), { recursive: true });
    const lib = join(libtorch.path, 'lib');
    for (const name of readdirSync(lib)) linkSync(join(lib, name), join(other, 'lib', name));
    writeFileSync(join(other, 'build-version'), `${libtorch.version}\n`);
    const { stdout, stderr } = await runModule(
      `import { readFileSync } from 'node:fs';
      import { libtorch } from ${JSON.stringify(entry)};
      console.log(libtorch.path);
      const maps = readFileSync('/proc/self/maps', 'utf8');
      console.log([...new Set(maps.match(/\\/.*libtorch_cpu[.]so/g))].join());`,
      { LIBTORCH: other, LD_LIBRARY_PATH: '' },
    );
    expect(stderr).toBe('');
    expect(stdout).toBe(`${other}\n${join(other, 'lib', 'libtorch_cpu.so')}\n`);
  });

  it('is refused with another LibTorch than it was built with, saying what to type', async () => {
    const other = fakeLibtorch('2.12.1+cpu');
    const { code, stderr } = await runModule(`import ${JSON.stringify(entry)};`, { LIBTORCH: other });
    expect(code).toBe(1);
    expect(stderr).toContain(`LibTorch 2.12.1+cpu was found (LIBTORCH: ${other})`);
    expect(stderr).toContain('npm run build');
  });

  it('names a library that does not open, and why', async () => {
    const other = fakeLibtorch(libtorch.version);
    const { code, stderr } = await runModule(`import ${JSON.stringify(entry)};`, { LIBTORCH: other });
    expect(code).toBe(1);
    expect(stderr).toMatch(/libc10\.so could not be opened: .*(cannot open|no such file)/i);
    expect(stderr).toContain('npx intraclass doctor');
  });
});

describe('loader.node', () => {
  const loader = createRequire(import.meta.url)(join(findBinaries({ root })!.folder, 'loader.node'));

  it('returns what the dynamic linker says of a file that it cannot open', () => {
    writeFileSync(join(folder, 'text.so'), 'no library');
    expect(loader.open(join(folder, 'text.so'))).toMatch(/text\.so/);
    expect(loader.open(join(folder, 'none.so'))).toMatch(/none\.so/);
  });

  it.each([[undefined], [1], [null], [{}]])('refuses a path that is %s', (path) => {
    expect(() => loader.open(path)).toThrow(TypeError);
  });
});

describe('findLibtorch', () => {
  it('takes LIBTORCH before the project’s own', () => {
    fakeLibtorch('2.12.0', join(folder, '.libtorch'));
    const named = fakeLibtorch('2.11.0');
    expect(findLibtorch({ root: folder })).toMatchObject({
      version: '2.12.0',
      source: '.libtorch',
      cuda: false,
    });
    vi.stubEnv('LIBTORCH', named);
    expect(findLibtorch({ root: folder })).toMatchObject({
      path: named,
      version: '2.11.0',
      source: 'LIBTORCH',
    });
  });

  it('reads the version of an archive from build-version', () => {
    const named = fakeLibtorch('2.11.0');
    writeFileSync(join(named, 'build-version'), '2.14.0+cu130\n');
    vi.stubEnv('LIBTORCH', named);
    expect(findLibtorch({ root: folder })?.version).toBe('2.14.0+cu130');
  });

  it('takes an installed Python torch last', () => {
    const torch = fakeLibtorch('2.13.0', join(folder, 'site', 'torch'));
    writeFileSync(
      join(torch, '__init__.py'),
      'raise RuntimeError("torch must not be imported to be found")\n',
    );
    vi.stubEnv('LIBTORCH', '');
    vi.stubEnv('PYTHON', 'python3');
    vi.stubEnv('PYTHONPATH', join(folder, 'site'));
    expect(findLibtorch({ root: folder })).toMatchObject({ path: torch, source: 'Python torch' });
  });

  it('looks first into the Python that is named to compare with', () => {
    const torch = fakeLibtorch('2.13.0', join(folder, 'site', 'torch'));
    writeFileSync(join(torch, '__init__.py'), '');
    const named = join(folder, 'python');
    writeFileSync(named, `#!/bin/sh\nPYTHONPATH='${join(folder, 'site')}' exec python3 "$@"\n`, {
      mode: 0o755,
    });
    vi.stubEnv('PYTHON', 'python3');
    vi.stubEnv('INTRACLASS_PYTHON', named);
    expect(pythonTorch(folder)).toBe(torch);
  });

  it('passes over a Python torch that does not go with the binaries that are there', () => {
    writeFileSync(join(fakeLibtorch('2.14.0', join(folder, 'site', 'torch')), '__init__.py'), '');
    vi.stubEnv('LIBTORCH', '');
    vi.stubEnv('PYTHON', 'python3');
    vi.stubEnv('PYTHONPATH', join(folder, 'site'));
    fakeBinaries(join(folder, 'build', 'Release'), '2.14.1');
    expect(findLibtorch({ root: folder })?.version).toBe('2.14.0');
    fakeBinaries(join(folder, 'build', 'Release'), '2.13.0');
    expect(findLibtorch({ root: folder })).toBeNull();
    fakeLibtorch('2.12.0', join(folder, '.libtorch'));
    expect(findLibtorch({ root: folder })?.version).toBe('2.12.0');
  });

  it('does not take one without CUDA for a CUDA build', () => {
    const named = fakeLibtorch('2.13.0');
    vi.stubEnv('LIBTORCH', named);
    expect(() => findLibtorch({ root: folder, cuda: true })).toThrow(/no lib\/libtorch_cuda/);
    writeFileSync(join(named, 'lib', 'libtorch_cuda.so'), '');
    expect(findLibtorch({ root: folder, cuda: true })).toMatchObject({ cuda: true });
  });

  it('refuses a LIBTORCH that is none', () => {
    vi.stubEnv('LIBTORCH', folder);
    expect(() => findLibtorch({ root: folder })).toThrow(/LIBTORCH is .*, which is no LibTorch: expected/);
  });
});

describe('findBinaries', () => {
  const prebuilt = () => join(folder, 'prebuilds', `${process.platform}-${process.arch}`);

  it('takes those built here before those that came with the package', () => {
    expect(findBinaries({ root: folder })).toBeNull();
    fakeBinaries(prebuilt(), '2.12.0');
    expect(findBinaries({ root: folder })?.folder).toBe(prebuilt());
    fakeBinaries(join(folder, 'build', 'Release'), '2.13.0');
    expect(findBinaries({ root: folder })?.info.torchVersion).toBe('2.13.0');
    expect(findBinaries({ root: folder, cuda: true })).toBeNull();
  });

  it('says what to type where there are none, or no LibTorch for them', () => {
    vi.stubEnv('INTRACLASS_BUILD', 'cpu');
    writeFileSync(join(folder, 'package-lock.json'), '');
    expect(() => locate(folder)).toThrow(/has not been built. In .* type: npm run build/);
    fakeBinaries(prebuilt(), '2.13.0');
    vi.stubEnv('LIBTORCH', '');
    vi.stubEnv('PYTHON', '');
    vi.stubEnv('PATH', tmpdir());
    expect(() => locate(folder)).toThrow(/LibTorch 2.13 was not found. In .* type: npm run setup/);
  });

  it('names commands that are there in a project that has the package as a dependency', () => {
    vi.stubEnv('INTRACLASS_BUILD', 'cpu');
    expect(() => locate(folder)).toThrow(/In your project type: npx intraclass-build$/);
    const installed = join(folder, 'node_modules', 'intraclass');
    mkdirSync(installed, { recursive: true });
    writeFileSync(join(installed, 'package-lock.json'), '');
    expect(commandFor(installed, 'setup', '--cuda')).toBe('npx intraclass-setup --cuda');
  });
});

describe('wantsCuda', () => {
  it('obeys INTRACLASS_BUILD', () => {
    vi.stubEnv('INTRACLASS_BUILD', 'cuda');
    expect(wantsCuda(folder)).toBe(true);
    vi.stubEnv('INTRACLASS_BUILD', 'cpu');
    expect(wantsCuda(folder)).toBe(false);
    vi.stubEnv('INTRACLASS_BUILD', 'gpu');
    expect(() => wantsCuda(folder)).toThrow('INTRACLASS_BUILD must be cpu or cuda, got "gpu"');
  });

  it('does not choose CUDA without a CUDA build', () => {
    vi.stubEnv('INTRACLASS_BUILD', '');
    expect(wantsCuda(folder)).toBe(false);
  });
});
