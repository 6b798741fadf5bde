/** Temporal's development server with its Web UI: one process, SQLite on disk. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { answersOk } from '../launcher/readiness';
import { type ServerPlace, type ServerSpec, serverEnv } from './server-spec';
import { findTemporal } from './tools';

export interface TemporalPlace extends ServerPlace {
  readonly uiPort: number;
  /** folder of the tools that set-up fetched */
  readonly tools: string;
}

export const temporalAddress = ({ port }: ServerPlace): string => `127.0.0.1:${port}`;
export const temporalUiUrl = ({ uiPort }: TemporalPlace): string => `http://127.0.0.1:${uiPort}`;

/** What sagas are found by; the server refuses a fourth list. */
const SEARCH_ATTRIBUTES = ['OrderIds=KeywordList', 'MemberIds=KeywordList', 'ProductIds=KeywordList', 'Phase=Keyword'];

const DYNAMIC_CONFIG = [
  // One worker process: partitions would only scatter its tasks.
  'matching.numTaskqueueReadPartitions=1',
  'matching.numTaskqueueWritePartitions=1',
  // A group of 50 may have every member paying at once.
  'history.maxInFlightUpdates=100',
];

const each = (flag: string, values: readonly string[]): string[] => values.flatMap((value) => [flag, value]);

export function temporalSpec(place: TemporalPlace): ServerSpec {
  return {
    name: 'temporal',
    command: findTemporal(place.tools),
    args: [
      ...['server', 'start-dev', '--ip', '127.0.0.1', '--log-level', 'error'],
      ...['--port', String(place.port), '--ui-port', String(place.uiPort)],
      ...['--db-filename', path.join(place.dir, 'temporal.db')],
      ...each('--sqlite-pragma', ['journal_mode=wal', 'synchronous=normal']),
      ...each('--search-attribute', SEARCH_ATTRIBUTES),
      ...each('--dynamic-config-value', DYNAMIC_CONFIG),
    ],
    env: serverEnv({ GOGC: '400' }),
    log: place.log,
    url: temporalUiUrl(place),
    prepare: async () => {
      mkdirSync(place.dir, { recursive: true });
    },
    // The Web UI asks the server in turn: its answer tells that both serve, and that the namespace is there.
    isReady: () => answersOk(`${temporalUiUrl(place)}/api/v1/namespaces/default`),
  };
}
