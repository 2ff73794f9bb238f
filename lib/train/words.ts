/** Numbers as people read them, in what is printed and in tables. */

/** '45 s', '3:05 min', '2:10 h' */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const two = (value: number): string => String(value).padStart(2, '0');
  if (whole < 3600) return `${Math.floor(whole / 60)}:${two(whole % 60)} min`;
  return `${Math.floor(whole / 3600)}:${two(Math.floor((whole % 3600) / 60))} h`;
}

/** A share: 0.9891 is '98.91 %', null '–'. */
export const percent = (share: number | null): string =>
  share === null ? '–' : `${(100 * share).toFixed(2)} %`;

/** 55000 is '55,000'. */
export const count = (value: number): string => value.toLocaleString('en-US');
