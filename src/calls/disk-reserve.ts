/** Whether the disk still has room for the outcomes of calls that are about to run. */
import { statfs } from 'node:fs/promises';

const checkEveryMs = 1000;

export interface DiskReserve extends Disposable {
  readonly hasRoom: () => boolean;
}

/** Looks once a second, never on the path of a call. A disk that cannot be asked counts as full. */
export async function watchDiskReserve(directory: string, reserveBytes: number): Promise<DiskReserve> {
  let hasRoom = false;
  const check = async (): Promise<void> => {
    try {
      const { bavail, bsize } = await statfs(directory);
      hasRoom = bavail * bsize >= reserveBytes;
    } catch {
      hasRoom = false;
    }
  };
  await check();
  const timer = setInterval(() => void check(), checkEveryMs);
  timer.unref();
  return { hasRoom: () => hasRoom, [Symbol.dispose]: () => clearInterval(timer) };
}
