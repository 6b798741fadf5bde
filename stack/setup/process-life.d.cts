/** Types of process-life.cjs, for compiled code. */
export interface Birth {
  readonly pid: number;
  /** opaque; equal only for the same process */
  readonly startedAt: string;
}
export function startTimeOf(pid: number): string | null;
export function birthOf(pid: number): Birth | null;
export function isAlive(birth: Birth): boolean;
export function signal(pid: number, name: NodeJS.Signals): void;
export function untilGone(birth: Birth, withinMs: number): Promise<boolean>;
export function endProcess(birth: Birth, graceMs: number, first?: NodeJS.Signals): Promise<void>;
