/** Shows this gateway's own contract, and tries it out on the gateway that the page came from. */
window.addEventListener('load', () => {
  window.SwaggerUIBundle({
    url: '/openapi.json',
    dom_id: '#swagger-ui',
    // Links from /problems/<code> open the operation they name.
    deepLinking: true,
    displayRequestDuration: true,
    persistAuthorization: false,
    tryItOutEnabled: true,
    // Otherwise the library asks its maker's server whether the document is valid.
    validatorUrl: null,
    // The address in the document may be another spelling of this one, and so another origin for the browser.
    requestInterceptor: (request) => {
      const { pathname, search } = new URL(request.url, window.location.href);
      request.url = window.location.origin + pathname + search;
      return request;
    },
  });
});
