/** Types of launcher-record.cjs, for compiled code. `dir` is the state folder, absolute. */
import type { Birth } from './process-life.cjs';

export function runningLauncher(dir: string): Birth | null;
export function claimLauncher(dir: string): Birth | null;
export function endLeftovers(dir: string): Promise<string[]>;
