import { shellWord } from '../train/index.ts';

/** As it would be typed; places are the reader's own, as `--out results` or `--out=results`. */
export function commandLine(args: readonly string[]): string {
  const places = ['--data-dir', '--runs-dir', '--out'];
  const isPlace = (arg = '') => places.includes(arg.replace(/=.*/s, ''));
  const kept = args.filter((arg, i) => !isPlace(arg) && !places.includes(args[i - 1] ?? ''));
  return ['npx intraclass', ...kept.map(shellWord)].join(' ');
}
