/** The API reference: the viewer, with the operations at its side and samples in three languages. */

/* global SwaggerUIBundle */

import { samplesOf } from "./reference/samples.js";
import { element, sidebar } from "./reference/sidebar.js";

const GUILD = "guildhall-guild";
const LANGUAGE = "guildhall-sample";

const dark = matchMedia("(prefers-color-scheme: dark)");
const followTheme = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", followTheme);
followTheme();

const answer = await fetch("/schema/openapi.json");
const spec = await answer.json();

/** The viewer's parts, with more around them. */
function around({ React }) {
  const folded = (title, isOpen) => (Original) => (props) =>
    React.createElement("details", { className: "folded", open: isOpen }, React.createElement("summary", null, title), React.createElement(Original, props));
  const Samples = ({ path, method }) => {
    const [language, choose] = React.useState(localStorage.getItem(LANGUAGE) ?? "curl");
    const samples = samplesOf(spec, path, method, { origin: location.origin, guildId: localStorage.getItem(GUILD) });
    const take = (name) => {
      localStorage.setItem(LANGUAGE, name);
      choose(name);
    };
    const tab = (name) => React.createElement("button", { key: name, type: "button", "aria-pressed": name === language, onClick: () => take(name) }, name);
    return React.createElement("div", { className: "samples" }, React.createElement("div", { className: "sample-tabs" }, Object.keys(samples).map(tab)), React.createElement("pre", { tabIndex: 0, "aria-label": `Sample in ${language}` }, React.createElement("code", null, samples[language])));
  };
  return {
    wrapComponents: {
      InfoContainer: folded("How the API works: keys, ids, lists, problems", false),
      responses: folded("Answers", true),
      parameters: (Original) => (props) => {
        const [path, method] = props.pathMethod;
        return React.createElement("div", null, React.createElement(Samples, { path, method }), React.createElement(Original, props));
      },
    },
  };
}

// No validatorUrl: its badge would be fetched from the internet.
// No persistAuthorization: a key typed here is gone with the tab.
const viewer = SwaggerUIBundle({
  spec,
  dom_id: "#reference",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  validatorUrl: null,
  persistAuthorization: false,
  plugins: [around],
});

/** Shows an operation, and an address that leads to it. */
function open(tag, operation) {
  history.replaceState(null, "", `#/${tag}/${operation}`);
  viewer.layoutActions.show(["operations-tag", tag], true);
  viewer.layoutActions.show(["operations", tag, operation], true);
  requestAnimationFrame(() => {
    const place = document.getElementById(`operations-${tag}-${operation}`);
    place?.scrollIntoView({ block: "start" });
    place?.querySelector("button")?.focus({ preventScroll: true });
  });
}

const guild = element("input", { id: "guild", inputmode: "numeric", maxlength: "19", autocomplete: "off", placeholder: "81384788765712384" });
guild.value = localStorage.getItem(GUILD) ?? "";
guild.addEventListener("change", () => {
  if (/^[1-9]\d{0,18}$/.test(guild.value)) localStorage.setItem(GUILD, guild.value);
  else localStorage.removeItem(GUILD);
  location.reload();
});
document.getElementById("side").append(element("p", { class: "own-guild" }, element("label", { for: "guild" }, "Your guild's id, for the samples"), guild), sidebar(spec, open));
