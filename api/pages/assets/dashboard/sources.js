/** The bots and formats that standings come from, and how to get their files. */

import { h } from "./dom.js";
import { rich, t } from "./language.js";

const JSON_FILE = { type: "application/json", accept: ".json,application/json" };
const LINES_FILE = { type: "application/x-ndjson", accept: ".ndjson,.jsonl,.json" };
const CSV_FILE = { type: "text/csv", accept: ".csv,.tsv,.txt,text/csv" };

const code = (text) => h("code", {}, text);

/** A command that asks with a key and keeps the answer. */
const inTerminal = (file, address) => rich("Run this in a terminal, with your key instead of KEY: {command}", { command: code(`curl -H "Authorization: KEY" "${address}" -o ${file}`) });

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
        rich("Apply for an API key at {address}. It comes as a direct message, mostly within a day.", { address: code("https://amaribot.com/developer") }),
        inTerminal("amari.json", `https://amaribot.com/api/v1/guild/leaderboard/${guild.id}?limit=1000`),
        rich("It makes the file {file}, which you choose here.", { file: code("amari.json") }),
      ],
    },
    tatsu: {
      ...JSON_FILE,
      name: "Tatsu",
      steps: [
        rich("Write {command} where Tatsu is. It sends you an API key as a direct message.", { command: code("t!apikey create") }),
        inTerminal("tatsu.json", `https://api.tatsu.gg/v1/guilds/${guild.id}/rankings/all?offset=0`),
        rich("It makes the file {file}, with 100 members. Go on with offset=100 and so on, and import one file after the other.", { file: code("tatsu.json") }),
      ],
    },
    lurkr: {
      ...JSON_FILE,
      name: "Lurkr",
      steps: [rich("Open {address} in your browser.", { address: code(`https://api.lurkr.gg/v2/levels/${guild.id}?page=1`) }), t("Save the page as a file."), t("It has 100 members. Go on with page=2 and so on, and import one file after the other.")],
    },
    polaris: { ...JSON_FILE, accept: ".json,.csv", name: "Polaris", hasSettings: true, steps: [rich("Write {command} in your server, as somebody who manages it.", { command: code("/config") }), t("Press Export Data: Polaris answers with a file, which only you see."), t("Choose that JSON file here. It has the settings, too.")] },
    csv: {
      ...CSV_FILE,
      name: t("A table (CSV)"),
      steps: [t("For bots that export nothing, such as Arcane, and for numbers of your own."), rich("Make a table with the columns {id} and {xp}.", { id: code("user_id"), xp: code("xp") }), rich("The columns {level}, {messages}, {username} and {name} are imported, too.", { level: code("level"), messages: code("messages"), username: code("username"), name: code("display_name") }), t("Save it as CSV. Keep the ids as text: some programs round long numbers.")],
    },
    guildhall: { ...LINES_FILE, name: "Guildhall", steps: [t("Download the export of the other installation, from this page there or with guildhall export."), t("It has settings, achievements and activity, too."), t("Choose the file here as it is.")] },
    events: { ...LINES_FILE, name: t("Past activity"), hasNoMode: true, steps: [t("Write one event on each line, as JSON, in the form in which a bot sends activity."), t("Events may be of any age."), t("They are counted by this guild's settings, as if they happened now.")] },
  };
}

/** The media type of a chosen file. Polaris gives two kinds. */
export const mediaTypeOf = (source, file) => (/\.csv$/i.test(file.name) ? CSV_FILE.type : source.type);
