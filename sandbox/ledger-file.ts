/**
 * An append-only file of JSON lines. `append` resolves when its line is on the disk; all lines that
 * gathered while the last fsync was under way share the next one, so a thousand confirms a second cost
 * a few hundred fsyncs. Truth before answers: whoever answers from state waits for `settled` first.
 */
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';

export interface LedgerFile<Line> {
  /** Resolves once the line is durable. Lines keep the order of the calls. */
  append(line: Line): Promise<void>;
  /** Resolves once everything appended so far is durable; at once when nothing is under way. */
  settled(): Promise<void>;
  /** Waits for what is under way and closes the file. */
  close(): Promise<void>;
}

export interface OpenedLedger<Line> {
  readonly ledger: LedgerFile<Line>;
  /** what the file held, in order */
  readonly lines: readonly Line[];
}

/**
 * Opens or makes the file. A last line without its newline was never answered (the process died while
 * writing it) and is cut off; a damaged line anywhere else throws, because money would be missing.
 * @param onFailure called once when the disk refuses a write: state in memory is then ahead of the disk,
 *                  so the process must stop
 */
export async function openLedger<Line>(path: string, onFailure: (error: Error) => void): Promise<OpenedLedger<Line>> {
  await mkdir(dirname(path), { recursive: true });
  const file = await open(path, 'a+');
  try {
    const lines = await replay<Line>(file);
    await syncFolder(dirname(path));
    return { ledger: createLedger(file, onFailure), lines };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function replay<Line>(file: FileHandle): Promise<Line[]> {
  const text = await file.readFile('utf8');
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  if (whole.length < text.length) {
    await file.truncate(Buffer.byteLength(whole));
    await file.sync();
  }
  return whole
    .split('\n')
    .filter(Boolean)
    .map(parseLine<Line>);
}

function parseLine<Line>(text: string, index: number): Line {
  try {
    return JSON.parse(text) as Line;
  } catch (error) {
    throw new Error(`the sandbox ledger is damaged at line ${index + 1}`, { cause: error });
  }
}

/** A new file survives a power cut only when its folder's entry is on the disk too. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  await handle.sync();
  await handle.close();
}

function createLedger<Line>(file: FileHandle, onFailure: (error: Error) => void): LedgerFile<Line> {
  let gathered: string[] = [];
  /** the commit that will carry what is gathered now */
  let next: Promise<void> | null = null;
  let last: Promise<void> = Promise.resolve();
  let closed = false;

  async function commitAfter(previous: Promise<void>): Promise<void> {
    await previous;
    const batch = gathered;
    gathered = [];
    next = null;
    await file.appendFile(batch.join(''));
    await file.datasync();
  }

  function append(line: Line): Promise<void> {
    if (closed) return Promise.reject(new Error('the sandbox ledger is closed'));
    gathered.push(`${JSON.stringify(line)}\n`);
    if (!next) {
      next = commitAfter(last);
      last = next;
      next.catch(onFailure);
    }
    return next;
  }

  return {
    append,
    settled: () => last,
    async close() {
      closed = true;
      await last;
      await file.close();
    },
  };
}
