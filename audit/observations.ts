/** What buyers were told, one JSON object a line, as a load script may write it down. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';

const Observation = z.object({
  memberId: z.string(),
  key: z.string(),
  /** HTTP status of the checkout's answer */
  status: z.number().int(),
  orderId: z.string().optional(),
  amount: z.number().int().optional(),
  /** the admission number */
  sequence: z.number().int().optional(),
  productId: z.string().optional(),
  /** of a 409 sold_out */
  final: z.boolean().optional(),
});
export type Observation = z.infer<typeof Observation>;

/** @throws when a line is not an observation */
export const readObservations = (file: string): Observation[] =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => Observation.parse(JSON.parse(line)));
