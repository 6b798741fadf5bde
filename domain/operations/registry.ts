/** Service registry: which instances of the services are alive, as the asked gateway sees it. */
import { z } from 'zod';
import { SERVICE_NAMES } from '../names';
import { timestamp } from './fields';
import { defineOperation } from './operation';

export const RegistryInstance = z.object({
  service: z.enum(SERVICE_NAMES),
  instanceId: z.string(),
  url: z.string(),
  startedAt: timestamp,
  inFlight: z.number().int().describe('requests of this gateway under way there'),
  leftOut: z.boolean().describe('left out for a moment because it refused a connection'),
});

export const getRegistry = defineOperation({
  id: 'getRegistry',
  summary: 'Live instances of the services',
  service: 'gateway',
  method: 'get',
  path: '/v1/registry',
  access: 'admin',
  answers: { 200: { description: 'The instances', schema: z.object({ items: z.array(RegistryInstance) }) } },
});
