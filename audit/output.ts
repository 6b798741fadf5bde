/** The audit's standard output, whose reader may be slow, or gone before its end. */

/** A reader that has gone, as `head` does, is no failure of the audit: its exit code stays what it found. */
export function outliveReaders(onGone: () => void = () => undefined): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', onGone);
}

/** Ends the process when all that was written is out: a pipe takes 64 kB at once, the rest waits for its reader. */
export function exitWhenWritten(code: number): void {
  process.stdout.write('', () => process.exit(code));
}
