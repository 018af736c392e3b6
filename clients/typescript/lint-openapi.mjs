// Lints the OpenAPI document's snapshot by the rules that Redocly recommends, warnings included.
import { createConfig, lint } from "@redocly/openapi-core";

const DOCUMENT = new URL("../../tests/architecture/openapi.json", import.meta.url).pathname;

/** What a rule finds and is meant to be so: rule and place, then why. @type {Record<string, string>} */
const MEANT = {
  "operation-2xx-response #/paths/~1auth~1discord~1login/get/responses": "It only sends a browser on, to Discord.",
  "operation-2xx-response #/paths/~1auth~1discord~1callback/get/responses": "It only sends a browser on, to the dashboard.",
  "operation-4xx-response #/paths/~1health~1live/get/responses": "A probe needs no credentials and has no input.",
  "operation-4xx-response #/paths/~1health~1ready/get/responses": "A probe needs no credentials and has no input.",
};

const config = await createConfig({ extends: ["recommended-strict"] });
const found = new Map();
for (const { ruleId, message, location } of await lint({ ref: DOCUMENT, config })) {
  found.set(`${ruleId} ${location[0]?.pointer}`, message);
}
const faults = [
  ...[...found].filter(([place]) => !(place in MEANT)).map(([place, message]) => `${place}: ${message}`),
  ...Object.keys(MEANT).filter((place) => !found.has(place)).map((place) => `${place}: is explained, and not found any more`),
];
if (faults.length > 0) {
  console.error(faults.join("\n"));
  process.exit(1);
}
