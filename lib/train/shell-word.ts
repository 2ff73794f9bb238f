/** A text as one word of a command that a person may copy: in quotes where a shell would take it apart. */
export const shellWord = (text: string): string =>
  /^[\p{L}\p{N}_./:@%+,=-]+$/u.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
