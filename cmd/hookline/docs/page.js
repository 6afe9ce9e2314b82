// Shows every description that the page names. Nothing is loaded from
// elsewhere: validatorUrl would be.
for (const place of document.querySelectorAll("[data-openapi]")) {
  SwaggerUIBundle({
    domNode: place,
    url: place.dataset.openapi,
    presets: [SwaggerUIBundle.presets.apis],
    layout: "BaseLayout",
    validatorUrl: null,
    defaultModelsExpandDepth: -1,
    docExpansion: "list",
  });
}
