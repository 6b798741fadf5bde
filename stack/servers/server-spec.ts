/** A server of somebody else's, as a process to supervise. */
import type { PartSpec } from '../launcher/part';

export type ServerSpec = Omit<PartSpec, 'layer'>;

export interface ServerPlace {
  /** its data, absolute */
  readonly dir: string;
  readonly port: number;
  readonly log: string;
}

/** Servers see as little of the user's environment as they need. */
export const serverEnv = (extra: Readonly<Record<string, string>> = {}): Record<string, string> => ({
  PATH: process.env.PATH ?? '/usr/bin:/bin',
  HOME: process.env.HOME ?? '/',
  LANG: 'C.UTF-8',
  TZ: 'UTC',
  ...extra,
});

export const isRoot = (): boolean => process.getuid?.() === 0;
