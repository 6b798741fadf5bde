/** The page a buyer's browser would see: what Toss's widget does, with two buttons instead of a card form. */
import { z } from 'zod';
import { CURRENCY } from '../domain/money';

/** Only web addresses: a `javascript:` target would run in the page's origin. */
const webUrl = z.url({ protocol: /^https?$/ });

export const PayRequest = z.object({
  orderId: z.string().regex(/^[A-Za-z0-9_-]{6,64}$/),
  amount: z.coerce.number().int().min(1).max(1_000_000_000_000),
  orderName: z.string().max(200).default(''),
  successUrl: webUrl.optional(),
  failUrl: webUrl.optional(),
});
export type PayRequest = z.output<typeof PayRequest>;

const htmlOf = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

const page = (title: string, body: string): string => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${htmlOf(title)}</title>
<style>body{font:16px/1.5 system-ui;max-width:30rem;margin:3rem auto;padding:0 1rem}button{font:inherit;padding:.6rem 1.4rem;margin-right:.6rem}code{word-break:break-all}</style>
</head><body><h1>${htmlOf(title)}</h1>${body}</body></html>`;

const hidden = (request: PayRequest): string =>
  Object.entries(request)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `<input type="hidden" name="${name}" value="${htmlOf(String(value))}">`)
    .join('');

export const payPage = (request: PayRequest): string =>
  page(
    'Sandbox payment',
    `<p>${htmlOf(request.orderName || request.orderId)}<br><strong>${request.amount.toLocaleString('en')} ${CURRENCY}</strong></p>
<form method="post" action="/sandbox/pay">${hidden(request)}
<button name="choice" value="approve">Approve</button><button name="choice" value="decline">Decline</button></form>`,
  );

export const approvedPage = (request: PayRequest, paymentKey: string): string =>
  page(
    'Authorised',
    `<p>No money has moved yet: the shop has to confirm within ten minutes.</p>
<p><code>{"paymentKey": "${htmlOf(paymentKey)}", "orderId": "${htmlOf(request.orderId)}", "amount": ${request.amount}}</code></p>`,
  );

export const declinedPage = (): string => page('Declined', '<p>Nothing was authorised.</p>');

/** Where Toss sends the browser after the buyer's decision. */
export function returnUrl(base: string, parameters: Readonly<Record<string, string | number>>): string {
  const url = new URL(base);
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, String(value));
  return url.href;
}
