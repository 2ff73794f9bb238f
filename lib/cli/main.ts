#!/usr/bin/env node
/** The `intraclass` command. */
import { CommanderError } from 'commander';
import { program } from './program.ts';

for (const stream of [process.stdout, process.stderr]) {
  let isTold = false;
  stream.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    // Whoever read it has gone, as `| head` does once it has enough: a training goes on, unread.
    if (code === 'EPIPE' || isTold) return;
    isTold = true;
    process.exitCode = 1;
    if (stream === process.stdout) process.stderr.write(`error: standard output: ${message}\n`);
  });
}

/** Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted (143 by SIGTERM). */
try {
  await (await program()).parseAsync(process.argv);
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  } else {
    const { message, stack } = error instanceof Error ? error : { message: String(error), stack: undefined };
    process.stderr.write(`error: ${process.env.INTRACLASS_DEBUG ? stack : message}\n`);
    process.exitCode = exitCodeOf(error);
  }
}

function exitCodeOf(error: unknown): number {
  const { name, exitCode } = Object(error) as { name?: string; exitCode?: number };
  // By its name: the class is below a module that loads the addon, which may be what is missing.
  if (name === 'InterruptedError') return exitCode!;
  // A setting that is not valid is wrong usage, wherever it was found out.
  return error instanceof TypeError ? 2 : 1;
}
