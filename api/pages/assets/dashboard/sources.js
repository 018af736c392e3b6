/** The bots and formats that standings come from, and how to get their files. */

import { h } from "./dom.js";
import { rich, t } from "./language.js";

const JSON_FILE = { type: "application/json", accept: ".json,application/json" };
const LINES_FILE = { type: "application/x-ndjson", accept: ".ndjson,.jsonl,.json" };
const CSV_FILE = { type: "text/csv", accept: ".csv,.tsv,.txt,text/csv" };

const code = (text) => h("code", {}, text);

/** By the API's name: what it is called, what its file is, whether it has settings, and how to get it. */
export function sourcesOf(guild) {
  return {
    mee6: {
      ...JSON_FILE,
      name: "MEE6",
      hasSettings: true,
      steps: [
        t("Make the leaderboard public in MEE6's dashboard."),
        rich("Open {address} in your browser and save the page as a file.", { address: code(`https://mee6.xyz/api/plugins/levels/leaderboard/${guild.id}?limit=1000&page=0`) }),
        t("More than 1,000 members? Go on with page=1, 2 and so on, and import one file after the other."),
      ],
    },
    amari: {
      ...JSON_FILE,
      name: "AmariBot",
      steps: [
        t("Ask for an API key in AmariBot's support server."),
        rich("Send it in the header {header} to {address}.", { header: code("Authorization"), address: code(`https://amaribot.com/api/v1/guild/leaderboard/${guild.id}?limit=1000`) }),
        t("Save the answer as a file."),
      ],
    },
    tatsu: {
      ...JSON_FILE,
      name: "Tatsu",
      steps: [
        t("Get an API key from Tatsu with its command for API keys."),
        rich("Send it in the header {header} to {address}.", { header: code("Authorization"), address: code(`https://api.tatsu.gg/v1/guilds/${guild.id}/rankings/all`) }),
        t("Save the answer as a file. It has 100 members: go on with ?offset=100, and import one file after the other."),
      ],
    },
    lurkr: {
      ...JSON_FILE,
      name: "Lurkr",
      steps: [rich("Open {address} in your browser.", { address: code(`https://api.lurkr.gg/v2/levels/${guild.id}?page=1`) }), t("Save the page as a file."), t("Go on with page=2 and so on, and import one file after the other.")],
    },
    polaris: { ...JSON_FILE, accept: ".json,.csv", name: "Polaris", hasSettings: true, steps: [t("Open your server in Polaris's dashboard."), t("Go to the page for its data, and export it."), t("Take the JSON file if there is a choice: only that one has the settings.")] },
    csv: {
      ...CSV_FILE,
      name: t("A table (CSV)"),
      steps: [rich("Make a table with the columns {id} and {xp}.", { id: code("user_id"), xp: code("xp") }), rich("The columns {level}, {messages}, {username} and {name} are taken, too.", { level: code("level"), messages: code("messages"), username: code("username"), name: code("display_name") }), t("Save it as CSV. Keep the ids as text: some programs round long numbers.")],
    },
    guildhall: { ...LINES_FILE, name: "Guildhall", steps: [t("Download the export of the other installation, from this page there or with guildhall export."), t("It has settings, achievements and activity, too."), t("Choose the file here as it is.")] },
    events: { ...LINES_FILE, name: t("Past activity"), hasNoMode: true, steps: [t("Write one event on each line, as JSON, in the form in which a bot sends activity."), t("Events may be of any age."), t("They are counted by this guild's settings, as if they happened now.")] },
  };
}

/** The media type of a chosen file. Polaris gives two kinds. */
export const mediaTypeOf = (source, file) => (/\.csv$/i.test(file.name) ? CSV_FILE.type : source.type);
