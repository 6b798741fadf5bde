/** Types of find.cjs, for compiled code. */
export interface Program {
  readonly what: string;
  /** environment variable that may name it */
  readonly variable: string;
  readonly names: readonly string[];
  places(env: NodeJS.ProcessEnv): readonly string[];
  /** the argument that makes it say its version */
  readonly asks: string;
  readonly pattern: RegExp;
  /** the oldest that serves, as major.minor, and the newest major */
  readonly range: readonly [from: string, lastMajor: number];
  readonly apt: string;
  /** its name where a distribution no longer has the first */
  readonly aptNewer?: string;
  readonly brew: string;
}
export interface Found {
  readonly file: string;
  readonly version: string | null;
  readonly isFit: boolean;
}
export const PROGRAMS: Readonly<Record<'mariadb' | 'redis' | 'java', Program>>;
export function candidates(names: readonly string[], places?: readonly string[], env?: NodeJS.ProcessEnv): string[];
export function isInRange(version: string, range: Program['range']): boolean;
export function rangeText(range: Program['range']): string;
export function find(program: Program, env?: NodeJS.ProcessEnv): Found | null;
export function remedyFor(program: Program): string;
export function sentenceFor(program: Program, found: Found | null): string;
