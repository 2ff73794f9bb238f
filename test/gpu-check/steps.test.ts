/** How npm run gpu:check finds its tools, and what it makes of their output. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { cause, run } from '../../scripts/gpu-check/command.mjs';
import { findSanitizer, parseSanitizer } from '../../scripts/gpu-check/steps.mjs';
import { buildJobs, generatorFor } from '../../scripts/setup/native.mjs';
import { useTemporaryFolder } from '../support/folder.ts';
import { hasTorch, runPython } from '../support/python.ts';

let folder: string;
useTemporaryFolder((path) => {
  folder = path;
});

let logged = '';
beforeEach(() => {
  logged = '';
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    logged += text;
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

function program(path: string): string {
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, '#!/bin/sh\necho version 1\n');
  chmodSync(path, 0o755);
  return path;
}

it("reads compute-sanitizer's summaries", () => {
  const found = '========= Invalid read\n========= ERROR SUMMARY: 3 errors\n';
  expect(parseSanitizer('memcheck', 1, found)).toMatchObject({
    ok: false,
    detail: 'ERROR SUMMARY: 3 errors',
  });
  const clean = '========= ERROR SUMMARY: 0 errors\n';
  expect(parseSanitizer('memcheck', 0, clean).ok).toBe(true);
  const races = '========= RACECHECK SUMMARY: 0 hazards displayed (0 errors, 0 warnings)\n';
  expect(parseSanitizer('racecheck', 0, races).ok).toBe(true);
  expect(parseSanitizer('memcheck', null, 'spawn compute-sanitizer ENOENT')).toMatchObject({ ok: null });
});

it('says why the program under compute-sanitizer failed, and where there is none for the device', () => {
  const clean = '========= Program exited with 1 error\n========= ERROR SUMMARY: 0 errors\n';
  const failed = `Traceback (most recent call last):\nOSError: libc10.so: no such file\n${clean}`;
  expect(parseSanitizer('memcheck', 1, failed)).toEqual({
    ...{ name: 'compute-sanitizer memcheck', ok: false, detail: 'OSError: libc10.so: no such file' },
  });
  expect(parseSanitizer('memcheck', 9, clean)).toMatchObject({
    ...{ ok: false, detail: 'exit code 9, ERROR SUMMARY: 0 errors' },
  });
  const unsupported = `========= Error: Device not supported. Please see the release notes\n${clean}`;
  expect(parseSanitizer('memcheck', 1, unsupported)).toMatchObject({
    ...{ ok: null, detail: 'Error: Device not supported. Please see the release notes' },
  });
});

it('finds compute-sanitizer on PATH and beside nvcc', () => {
  vi.stubEnv('PATH', join(folder, 'path'));
  const compiler = program(join(folder, 'toolkit', 'nvcc'));
  vi.stubEnv('CUDACXX', compiler);
  const usual = findSanitizer();
  expect([null, '/usr/local/cuda/bin/compute-sanitizer']).toContain(usual);
  const beside = program(join(folder, 'toolkit', 'compute-sanitizer'));
  expect(findSanitizer()).toBe(beside);
  program(join(folder, 'path', 'compute-sanitizer'));
  expect(findSanitizer()).toBe('compute-sanitizer');
});

it('builds with Ninja where it is there and nothing else was chosen, and with a job for each processor', () => {
  vi.stubEnv('PATH', join(folder, 'path'));
  expect(generatorFor(folder)).toEqual([]);
  program(join(folder, 'path', 'ninja'));
  expect(generatorFor(folder)).toEqual(['-G', 'Ninja']);
  writeFileSync(join(folder, 'CMakeCache.txt'), '');
  expect(generatorFor(folder)).toEqual([]);
  expect(Number(buildJobs())).toBeGreaterThan(0);
  vi.stubEnv('INTRACLASS_JOBS', '3');
  expect(buildJobs()).toBe('3');
});

it('takes for the cause of a failure the last line that speaks of an error', () => {
  const compiler = 'a.cu(7): error: identifier "f" is undefined\n';
  expect(cause(`${compiler}1 error detected in the compilation of "a.cu".\nninja: build stopped\n`)).toBe(
    'a.cu(7): error: identifier "f" is undefined',
  );
  expect(cause(`${compiler}gmake: *** [Makefile:9: all] Error 2\n`)).toBe(compiler.trim());
  expect(cause('make: *** [all] Error 2\n')).toBe('make: *** [all] Error 2');
  expect(cause('nvcc fatal   : Unsupported gpu architecture\n\nstopped\n')).toContain('nvcc fatal');
  expect(
    cause('CMake Error at a.cmake:4 (message):\n  LibTorch was not found.\n\n-- errors occurred!\n'),
  ).toBe('CMake Error at a.cmake:4 (message): LibTorch was not found.');
  expect(cause('first\nlast\n\n')).toBe('last');
  expect(cause('')).toBe('');
});

it("shows a command's standard error as it comes, and the end of all its output where it fails", async () => {
  const lines = 'for (let i = 0; i < 100; i++) console.log("line " + i);';
  const fine = await run(process.execPath, ['-e', `console.error("going"); ${lines}`]);
  expect(fine).toMatchObject({ ok: true, status: 0 });
  expect(fine.stdout).toContain('line 99');
  expect(logged).toContain('going');
  expect(logged).not.toContain('line 99');
  logged = '';
  const failed = await run(process.execPath, ['-e', `${lines} process.exitCode = 3;`]);
  expect(failed).toMatchObject({ ok: false, status: 3 });
  expect(logged).toContain('exit code 3');
  expect(logged).toContain('line 40\n');
  expect(logged).not.toContain('line 39\n');
  expect(await run(join(folder, 'nothing'), [])).toMatchObject({
    ok: false,
    output: expect.stringContaining('ENOENT'),
  });
});

it.skipIf(!hasTorch)('keeps one side of a large problem in memory at a time', () => {
  // bench.py with sides that count themselves, and without a GPU.
  const code = `
import contextlib, io, sys, types
sys.path.insert(0, "scripts/gpu-check")
import bench
alive, most = 0, 0
class Side:
    inputs = []
    def __init__(self, settings):
        global alive, most
        alive += 1
        most = max(most, alive)
    def __del__(self):
        global alive
        alive -= 1
    def step(self): pass
for name in ("synchronize", "reset_peak_memory_stats", "empty_cache"): setattr(torch.cuda, name, lambda: None)
for name in ("memory_allocated", "max_memory_allocated"): setattr(torch.cuda, name, lambda: 0)
bench.SIDES = {"ours": Side, "ours, split TF32": Side, "eager": Side}
bench.time_once = lambda side: 1.0
torch._dynamo = types.SimpleNamespace(reset=lambda: None)  # takes seconds to import
result = {}
for shape in ([256, 21841, 2048], [1024, 1000000, 512]):
    most, out = 0, io.StringIO()
    with contextlib.redirect_stdout(out):
        bench.measure_all({"shape": shape, "covariance": "isotropic", "state": "dense"})
    result[str(shape)] = [most, alive, len(out.getvalue().splitlines())]
`;
  expect(runPython(code)).toEqual({ '[256, 21841, 2048]': [3, 0, 3], '[1024, 1000000, 512]': [1, 0, 3] });
});
