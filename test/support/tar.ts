/** A file in a tar archive; a folder where `data` is null. */
export interface TarEntry {
  name: string;
  data: Uint8Array | null;
}

/** A tar archive (ustar) in memory. */
export function makeTar(entries: readonly TarEntry[]): Buffer {
  const parts: Uint8Array[] = [];
  for (const { name, data } of entries) {
    const header = Buffer.alloc(512);
    // A long name is cut at a slash: what stands before has a field of its own.
    const cut = name.length <= 100 ? 0 : name.indexOf('/', name.length - 101) + 1;
    header.write(name.slice(cut), 0);
    header.write(name.slice(0, Math.max(cut - 1, 0)), 345);
    header.write('0000644\0', 100);
    header.write(`${(data?.length ?? 0).toString(8).padStart(11, '0')}\0`, 124);
    header.write(data === null ? '5' : '0', 156);
    header.write('ustar\x0000', 257);
    header.fill(' ', 148, 156);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    parts.push(header);
    if (data !== null) parts.push(data, Buffer.alloc((512 - (data.length % 512)) % 512));
  }
  return Buffer.concat([...parts, Buffer.alloc(1024)]);
}
