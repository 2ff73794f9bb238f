import { shellWord } from '../train/shell-word.ts';

/**
 * As it would be typed for the same result; places are the reader's own, as `--out results` or `--out=results`, and so is
 * what is printed meanwhile.
 */
export function commandLine(args: readonly string[]): string {
  const place = /^--(data-dir|runs-dir|out)(=|$)/s;
  const takesNext = (arg = '') => place.test(arg) && !arg.includes('=');
  const ofOutput = (arg: string) => arg === '--quiet' || arg === '--json';
  const kept = args.filter((arg, i) => !place.test(arg) && !ofOutput(arg) && !takesNext(args[i - 1]));
  return ['npx intraclass', ...kept.map(shellWord)].join(' ');
}
