"use strict";

// The API is where this page is, whatever proxies are in front of it.
const base = location.pathname.replace(/\/api\/ui$/, "");
const here = { basePath: base, host: location.host, schemes: [location.protocol.slice(0, -1)] };
const atHome = () => ({
  statePlugins: {
    spec: { wrapActions: { updateJsonSpec: (update) => (spec) => update({ ...spec, ...here }) } },
  },
});

SwaggerUIBundle({
  dom_id: "#page",
  url: `${base}/api/api.yml`,
  plugins: [atHome],
  deepLinking: true,
  filter: true,
  showExtensions: true,
  // Or else the description would be sent to a host that validates it.
  validatorUrl: null,
});
