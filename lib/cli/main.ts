#!/usr/bin/env node
/** The `intraclass` command. */
import { CommanderError } from 'commander';
import { program } from './program.ts';

/** Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted. */
try {
  await (await program()).parseAsync(process.argv);
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  } else {
    const { message, stack } = error instanceof Error ? error : { message: String(error), stack: undefined };
    process.stderr.write(`error: ${process.env.INTRACLASS_DEBUG ? stack : message}\n`);
    // A setting that is not valid is wrong usage, wherever it was found out.
    process.exitCode = error instanceof TypeError ? 2 : 1;
  }
}
