/**
 * How a process of ours is run by the launcher: a stack begins with a dozen of them on whatever cores there are, and most of
 * what each does until it serves is to load a thousand small files. Figures: docs/performance.md. (Node 22 and later also
 * keep what they have compiled, by NODE_COMPILE_CACHE in the plan.)
 */
const OPTIONS = [
  // npm lays packages down without links, so each file is where its path says: nobody has to ask for every folder of it.
  '--preserve-symlinks',
  // Room for what is young, in MiB: V8 would begin with one, and collect ten times while the files load.
  '--min-semi-space-size=16',
];

/** @param entry a compiled file. @returns command and arguments */
export const nodeCommand = (entry: string): string[] => [process.execPath, ...OPTIONS, entry];
