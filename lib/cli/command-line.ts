import { shellWord } from '../train/shell-word.ts';

/** As it would be typed; places are the reader's own, as `--out results` or `--out=results`. */
export function commandLine(args: readonly string[]): string {
  const place = /^--(data-dir|runs-dir|out)(=|$)/s;
  const takesNext = (arg = '') => place.test(arg) && !arg.includes('=');
  const kept = args.filter((arg, i) => !place.test(arg) && !takesNext(args[i - 1]));
  return ['npx intraclass', ...kept.map(shellWord)].join(' ');
}
