// @ts-check
/**
 * Width and height of a JPEG or PNG from its header, which costs microseconds where opening the image costs hundreds;
 * null for anything else.
 *
 * @param {Uint8Array} bytes
 * @returns {{ width: number; height: number } | null}
 */
export function imageSize(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    if (view.getUint32(0) === 0x89504e47) return { width: view.getUint32(16), height: view.getUint32(20) };
    if (view.getUint16(0) !== 0xffd8) return null;
    // Segments: 0xff, a marker, a length that counts itself; the frame's begins with precision, height and width.
    for (let at = 2; ; at += 2 + view.getUint16(at + 2)) {
      if (view.getUint8(at) !== 0xff) return null;
      while (view.getUint8(at + 1) === 0xff) at++;
      const marker = view.getUint8(at + 1);
      const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
      if (isFrame) return { width: view.getUint16(at + 7), height: view.getUint16(at + 5) };
    }
  } catch (error) {
    // The header ends too early.
    if (error instanceof RangeError) return null;
    throw error;
  }
}
