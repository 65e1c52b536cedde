"use strict";

const place = document.getElementById("swagger-ui");
window.ui = SwaggerUIBundle({
  url: place.dataset.openapi,
  domNode: place,
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
  deepLinking: true,
  persistAuthorization: true,
  displayRequestDuration: true,
  showExtensions: true,
  // Swagger UI would otherwise show the document to a validator on another site.
  validatorUrl: null,
});
