/**
 * `/docs/`: Swagger UI over `/openapi.json`, served from its package. Nothing comes from elsewhere, so it works offline,
 * and of the package nothing is loaded: the gateway knows where it lies, and reads a file when a browser asks for it.
 */
import path from 'node:path';
import express, { Router } from 'express';
import helmet from 'helmet';

const OWN = path.join(__dirname, 'static');
/** Names carry no version; after an update an old copy still shows the same document. */
const LONG_MS = 30 * 24 * 3_600_000;

/**
 * What the pages for people may load: files of this gateway, and the icons that Swagger UI's style sheet embeds as `data:`
 * images. It writes no style into its HTML, so none is let in. Helmet's defaults are left out for one of them,
 * `upgrade-insecure-requests`: it breaks these pages, and the links between them, where they are reached by plain HTTP.
 */
export const pagePolicy = helmet.contentSecurityPolicy({
  useDefaults: false,
  directives: {
    defaultSrc: ["'self'"],
    imgSrc: ["'self'", 'data:'],
    objectSrc: ["'none'"],
    baseUri: ["'none'"],
    formAction: ["'none'"],
    frameAncestors: ["'none'"],
  },
});

/** To be mounted at `/docs`, which it redirects to `/docs/`. Our own files come first: the package has an index, too. */
export function docsRouter(): Router {
  const library = path.dirname(require.resolve('swagger-ui-dist/package.json'));
  return Router()
    .use(pagePolicy)
    .use(
      express.static(OWN, { cacheControl: false, setHeaders: (response) => response.set('cache-control', 'no-cache') }),
    )
    .use(express.static(library, { index: false, maxAge: LONG_MS }));
}
