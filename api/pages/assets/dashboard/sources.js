/** The bots and formats that standings come from, and how to get their files. */

const JSON_FILE = { type: "application/json", accept: ".json,application/json" };
const LINES_FILE = { type: "application/x-ndjson", accept: ".ndjson,.jsonl,.json" };
const CSV_FILE = { type: "text/csv", accept: ".csv,.tsv,.txt,text/csv" };

/** By the API's name: what it is called, what its file is, whether it has settings, and how to get it. */
export function sourcesOf(guild) {
  return {
    mee6: {
      ...JSON_FILE,
      name: "MEE6",
      hasSettings: true,
      steps: [
        "Make the leaderboard public in MEE6's dashboard.",
        ["Open ", { code: `https://mee6.xyz/api/plugins/levels/leaderboard/${guild.id}?limit=1000&page=0` }, " in your browser and save the page as a file."],
        "More than 1,000 members? Go on with page=1, 2 and so on, and import one file after the other.",
      ],
    },
    amari: {
      ...JSON_FILE,
      name: "AmariBot",
      steps: [
        "Ask for an API key in AmariBot's support server.",
        ["Send it in the header ", { code: "Authorization" }, " to ", { code: `https://amaribot.com/api/v1/guild/leaderboard/${guild.id}?limit=1000` }, "."],
        "Save the answer as a file.",
      ],
    },
    tatsu: {
      ...JSON_FILE,
      name: "Tatsu",
      steps: [
        "Get an API key from Tatsu with its command for API keys.",
        ["Send it in the header ", { code: "Authorization" }, " to ", { code: `https://api.tatsu.gg/v1/guilds/${guild.id}/rankings/all` }, "."],
        "Save the answer as a file. It has 100 members: go on with ?offset=100, and import one file after the other.",
      ],
    },
    lurkr: {
      ...JSON_FILE,
      name: "Lurkr",
      steps: [["Open ", { code: `https://api.lurkr.gg/v2/levels/${guild.id}?page=1` }, " in your browser."], "Save the page as a file.", "Go on with page=2 and so on, and import one file after the other."],
    },
    polaris: { ...JSON_FILE, accept: ".json,.csv", name: "Polaris", hasSettings: true, steps: ["Open your server in Polaris's dashboard.", "Go to the page for its data, and export it.", "Take the JSON file if there is a choice: only that one has the settings."] },
    csv: {
      ...CSV_FILE,
      name: "A table (CSV)",
      steps: [["Make a table with the columns ", { code: "user_id" }, " and ", { code: "xp" }, "."], ["The columns ", { code: "level" }, ", ", { code: "messages" }, ", ", { code: "username" }, " and ", { code: "display_name" }, " are taken too."], "Save it as CSV. Keep the ids as text: some programs round long numbers."],
    },
    guildhall: { ...LINES_FILE, name: "Guildhall", steps: ["Download the export of the other installation, from this page there or with guildhall export.", "It has settings, achievements and activity, too.", "Choose the file here as it is."] },
    events: { ...LINES_FILE, name: "Past activity", hasNoMode: true, steps: ["Write one event on each line, as JSON, in the form in which a bot sends activity.", "Events may be of any age.", "They are counted by this guild's settings, as if they happened now."] },
  };
}

/** The media type of a chosen file. Polaris gives two kinds. */
export const mediaTypeOf = (source, file) => (/\.csv$/i.test(file.name) ? CSV_FILE.type : source.type);
