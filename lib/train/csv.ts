/** A value as a field of a CSV file (RFC 4180); nothing for null and undefined. */
export const csvField = (value: unknown): string => {
  const plain = value == null ? '' : String(value);
  return /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
};
