/** How an operation is called: by curl, from Python and from TypeScript. Pure. */

const KINDS = { curl: fromCurl, Python: fromPython, TypeScript: fromTypeScript };

/** `{curl, Python, TypeScript}` of an operation. `guildId`: the reader's own guild, or null. */
export function samplesOf(spec, path, method, { origin, guildId }) {
  const operation = spec.paths[path][method];
  const parameters = [...(spec.paths[path].parameters ?? []), ...(operation.parameters ?? [])].map((each) => resolved(spec, each));
  const called = parameters.filter((each) => each.in === "path").reduce((filled, each) => filled.replace(`{${each.name}}`, each.name === "guild_id" && guildId ? guildId : encodeURIComponent(exampleOf(spec, each) ?? each.name)), path);
  const query = parameters.filter((each) => each.in === "query" && each.required).map((each) => `${each.name}=${encodeURIComponent(exampleOf(spec, each) ?? "")}`);
  const call = { method: method.toUpperCase(), origin, path: query.length > 0 ? `${called}?${query.join("&")}` : called, body: bodyOf(spec, operation), isPublic: operation.security?.length === 0 };
  return Object.fromEntries(Object.entries(KINDS).map(([name, write]) => [name, write(call)]));
}

function resolved(spec, node) {
  if (!node?.$ref) return node ?? {};
  return resolved(spec, node.$ref.split("/").slice(1).reduce((place, step) => place?.[step.replaceAll("~1", "/").replaceAll("~0", "~")], spec));
}

function exampleOf(spec, described) {
  const schema = resolved(spec, described.schema);
  return described.example ?? Object.values(described.examples ?? {})[0]?.value ?? schema.examples?.[0] ?? schema.default ?? schema.enum?.[0];
}

/** `{type, value}` of the example of a body; null without a body. */
function bodyOf(spec, operation) {
  const content = resolved(spec, operation.requestBody)?.content;
  if (!content) return null;
  const type = ["application/json", "application/merge-patch+json"].find((each) => content[each]) ?? Object.keys(content)[0];
  return { type, value: type.includes("json") ? exampleOf(spec, content[type]) : undefined };
}

const hasJson = (call) => call.body !== null && call.body.value !== undefined;

function fromCurl(call) {
  const lines = [`curl${call.method === "GET" ? "" : ` -X ${call.method}`} "${call.origin}${call.path}"`];
  if (!call.isPublic) lines.push(`  -H "Authorization: Bearer $GUILDHALL_KEY"`);
  if (call.body !== null) lines.push(`  -H "Content-Type: ${call.body.type}"`);
  if (hasJson(call)) lines.push(`  -d '${JSON.stringify(call.body.value).replaceAll("'", String.raw`'\''`)}'`);
  else if (call.body !== null) lines.push("  --data-binary @file");
  return lines.join(" \\\n");
}

function fromPython(call) {
  if (call.body !== null && !hasJson(call)) return "# Files are sent by `imports` and `cards` of the client: see clients/python.";
  const body = hasJson(call) ? `, body=${python(call.body.value)}` : "";
  return [
    "import os",
    "",
    "from guildhall_client import Guildhall",
    "",
    `async with Guildhall("${call.origin}", os.environ["GUILDHALL_KEY"]) as guildhall:`,
    `    answer = await guildhall.request("${call.method}", "${call.path}", object${body})`,
  ].join("\n");
}

function fromTypeScript(call) {
  if (call.body !== null && !hasJson(call)) return "// Files are sent by `imports` and `cards` of the client: see clients/typescript.";
  const body = hasJson(call) ? `, {\n  body: ${JSON.stringify(call.body.value, null, 2).replaceAll("\n", "\n  ")},\n}` : "";
  return [
    'import { Guildhall } from "guildhall-client";',
    "",
    `const guildhall = new Guildhall("${call.origin}", process.env.GUILDHALL_KEY!);`,
    `const answer = await guildhall.request("${call.method}", "${call.path}"${body});`,
  ].join("\n");
}

/** A JSON value as Python writes it. */
function python(value) {
  if (value === null) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (Array.isArray(value)) return `[${value.map(python).join(", ")}]`;
  if (typeof value === "object") return `{${Object.entries(value).map(([name, item]) => `${JSON.stringify(name)}: ${python(item)}`).join(", ")}}`;
  return JSON.stringify(value);
}
