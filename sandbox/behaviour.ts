/**
 * The sandbox's knobs: how it misbehaves, for all payments and for single card numbers.
 * A PUT replaces the knobs for all (what it does not name goes back to its default) and adds to the cards:
 * whoever uses a card number of its own is not disturbed by others. A card set to {} is as any other.
 */
import { z } from 'zod';

/** 0 never, 1 always; true and false say the same */
const share = z.union([z.boolean().transform(Number), z.number().min(0).max(1)]);
const milliseconds = z.number().int().min(0).max(86_400_000);

export const WEBHOOK_MODES = ['normal', 'doubled', 'reordered', 'forged', 'none'] as const;

const knobs = {
  /** share of confirms that are refused for good */
  declineShare: share.default(0),
  /** the code they are refused with */
  declineCode: z.string().min(1).max(60).default('REJECT_CARD_COMPANY'),
  /** time the provider thinks before confirm and cancel decide; a caller may have gone by then, the effect comes anyway */
  delayMs: milliseconds.default(0),
  /** confirm and cancel: the effect happens, then the connection is dropped (a repeat under the same key is answered) */
  approveThenDrop: share.default(0),
  /** confirm and cancel: the effect happens, then 500 (a repeat under the same key is answered) */
  approveThen500: share.default(0),
  /** any call: 500, and nothing happened */
  errorShare: share.default(0),
  /** any call: 429, and nothing happened */
  rateLimitShare: share.default(0),
  /** won captured beyond what was asked: a provider that captures the wrong amount */
  captureOffBy: z.number().int().default(0),
  /** cancels are refused for good with this code */
  refundRefusal: z.string().min(1).max(60).nullable().default(null),
  webhooks: z.enum(WEBHOOK_MODES).default('normal'),
  webhookDelayMs: milliseconds.default(200),
  /** pauses between attempts of one webhook; Toss waits 1, 4, 16 … 4096 minutes */
  webhookRetryMs: z.array(milliseconds).max(7).default([500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000]),
  /** an authorisation not confirmed for this long is EXPIRED */
  authorizationLifeMs: milliseconds.default(600_000),
};

const Knobs = z.strictObject(knobs);
/** The same, all optional: what a card does differently. */
const CardKnobs = z.strictObject(
  Object.fromEntries(Object.entries(knobs).map(([name, schema]) => [name, schema.removeDefault().optional()])),
);

/** A card that is always declined, whatever the knobs say: scripts need no global switch. */
export const DECLINED_CARD = '4000000000000002';
export const DEFAULT_CARD = '4242424242424242';

export const Behaviour = Knobs.extend({
  cards: z.record(z.string().regex(/^\d{12,19}$/), CardKnobs).default({}),
});
export type Behaviour = z.output<typeof Behaviour>;
export type KnobSet = z.output<typeof Knobs>;

export const DEFAULT_BEHAVIOUR: Behaviour = Behaviour.parse({});

/** What holds after a PUT. */
export const replaceBehaviour = (before: Behaviour, put: Behaviour): Behaviour => ({
  ...put,
  cards: { ...before.cards, ...put.cards },
});

/** What holds for one card. */
export function knobsFor(behaviour: Behaviour, card: string | null): KnobSet {
  const { cards, ...global } = behaviour;
  const own = card ? (cards[card] as Partial<KnobSet> | undefined) : undefined;
  const always = card === DECLINED_CARD ? { declineShare: 1 } : {};
  return { ...global, ...always, ...own };
}

/** True for about `share` of the calls; never for 0, always for 1. */
export const happens = (share: number): boolean => Math.random() < share;
