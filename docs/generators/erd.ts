/** The picture of the tables, made from the entities; a test holds those to the migrations. */
import type { EntitySchemaColumnOptions as Column } from 'typeorm';
import { ENTITIES, REFERENCES } from '../../infra/mysql/entities';

type Entity = Pick<(typeof ENTITIES)[number]['options'], 'name' | 'indices' | 'checks'> & {
  readonly columns: Readonly<Record<string, Column | undefined>>;
};

const typeOf = ({ type, length, precision }: Column): string => {
  const size = length ?? precision;
  return size === undefined || size === null ? String(type) : `${String(type)}(${size})`;
};

const isUnique = ({ indices = [] }: Entity, name: string): boolean =>
  indices.some(
    ({ unique, columns }) => unique && Array.isArray(columns) && columns.length === 1 && columns[0] === name,
  );

function columnLine(entity: Entity, name: string, column: Column): string {
  const key = column.primary ? ' PK' : isUnique(entity, name) ? ' UK' : '';
  return `    ${typeOf(column)} ${name}${key}${column.nullable ? ' "may be null"' : ''}`;
}

function tableLines(entity: Entity): string[] {
  const columns = Object.entries(entity.columns).flatMap(([name, column]) =>
    column ? [columnLine(entity, name, column)] : [],
  );
  return [`  ${entity.name} {`, ...columns, '  }'];
}

const referenceLine = ({ from, column, to, many }: (typeof REFERENCES)[number]): string =>
  `  ${to} ||--o${many === 'many' ? '{' : '|'} ${from} : ${column}`;

/** One Mermaid diagram of all tables. */
export const erdDiagram = (): string =>
  [
    '```mermaid',
    'erDiagram',
    ...REFERENCES.map(referenceLine),
    ...ENTITIES.flatMap(({ options }) => tableLines(options)),
    '```',
  ].join('\n');

/** Indexes and checks: what the rules of the ledger stand on. */
export function constraintsTable(): string {
  const rows = ENTITIES.flatMap(({ options }) => [
    ...(options.indices ?? []).map(
      ({ name, unique, columns }) =>
        `| \`${options.name}\` | \`${name}\` | ${unique ? 'unique' : 'index'} | ${Array.isArray(columns) ? columns.join(', ') : ''} |`,
    ),
    ...(options.checks ?? []).map(
      ({ name, expression }) => `| \`${options.name}\` | \`${name}\` | check | \`${expression}\` |`,
    ),
  ]);
  return ['| table | name | kind | on |', '|---|---|---|---|', ...rows].join('\n');
}
