// The page of an API: it shows the OpenAPI document beside it, and calls the API.
// Texts of the document are set as text only, never as HTML.

const documentURL = new URL("openapi.json", location.href);
const operationMethods = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];
// How many characters of an answer are shown. More would make the browser slow.
const maxShown = 1_000_000;

let api;
const byId = (id) => document.getElementById(id);

// element makes an element. Of the properties on* are listeners, and all others attributes; false and undefined are none.
function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value !== false && value !== undefined) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.flat(Infinity).filter((child) => child !== undefined && child !== ""));
  return made;
}

// resolve follows a reference. What stands beside it goes before what it refers to.
function resolve(value) {
  if (!value?.$ref) return value ?? {};
  const { $ref, ...beside } = value;
  const target = $ref.slice(2).split("/").reduce((at, name) => at[name.replaceAll("~1", "/").replaceAll("~0", "~")], api);
  return { ...resolve(target), ...beside };
}

// prose renders the CommonMark that descriptions have: paragraphs, lists, tables, and code in backticks.
function prose(text = "") {
  const inline = (line) => line.split("`").map((part, i) => (i % 2 ? element("code", {}, part) : part));
  return text.split(/\n{2,}/).filter(Boolean).map((block) => {
    const lines = block.split("\n");
    if (lines.every((line) => line.startsWith("|"))) {
      const row = (cell) => (line) => element("tr", {}, line.split("|").slice(1, -1).map((c) => element(cell, {}, inline(c.trim()))));
      return element("table", {}, element("thead", {}, row("th")(lines[0])), element("tbody", {}, lines.slice(2).map(row("td"))));
    }
    if (lines.every((line) => line.startsWith("- "))) {
      return element("ul", {}, lines.map((line) => element("li", {}, inline(line.slice(2)))));
    }
    return element("p", {}, inline(lines.join(" ")));
  });
}

// --- Schemas

// typeOf tells a schema's type in a few words.
function typeOf(schema) {
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (!schema.type && schema.allOf?.some((part) => part.$ref)) return schema.allOf.filter((part) => part.$ref).map(typeOf).join(" and ");
  if (schema.anyOf?.some((option) => option.type)) return schema.anyOf.map(typeOf).join(" or ");
  if (schema.type === "array") return `array of ${typeOf(schema.items ?? {})}`;
  if (schema.additionalProperties) return `map of ${typeOf(schema.additionalProperties)}`;
  const type = [schema.type ?? "any"].flat().join(" or ");
  const detail = schema.format ?? schema.contentEncoding;
  return detail ? `${type} (${detail})` : type;
}

const limits = {
  minimum: "at least", exclusiveMinimum: "more than", maximum: "at most", exclusiveMaximum: "less than", minLength: "characters, at least",
  maxLength: "characters, at most", minItems: "elements, at least", maxItems: "elements, at most", minProperties: "entries, at least",
  maxProperties: "entries, at most", pattern: "matches", const: "always",
};

// limitsOf tells what a schema allows, in a line.
function limitsOf(schema) {
  const told = Object.keys(limits).filter((key) => key in schema).map((key) => `${limits[key]} ${schema[key]}`);
  if (schema.uniqueItems) told.push("no element twice");
  if (schema.enum) told.push(`one of ${schema.enum.join(", ")}`);
  if (schema.not?.enum) told.push(`not ${schema.not.enum.join(", ")}`);
  return told.join("; ");
}

// describe renders what a schema says beside its type and its members.
function describe(schema) {
  const text = limitsOf(schema);
  return [...prose(schema.description), text && element("p", { class: "quiet" }, text)].filter(Boolean);
}

// inner returns the schema that has the members of a schema: that of its elements or of the values of its map.
function inner(schema) {
  const resolved = resolve(schema);
  if (resolved.type === "array" && resolved.items) return inner(resolved.items);
  if (resolved.additionalProperties) return inner(resolved.additionalProperties);
  return resolved;
}

// members renders the members of a schema's objects, and theirs once they are opened: schemas may hold themselves.
function members(schema) {
  const object = inner(schema);
  if (!object.properties) return [];
  return element("ul", { class: "members" }, Object.entries(object.properties).map(([name, of]) => {
    const resolved = resolve(of);
    const flags = [
      object.required?.includes(name) && "required", resolved.readOnly && "read-only", resolved.writeOnly && "write-only",
      resolved.deprecated && "deprecated",
    ].filter(Boolean);
    const head = [element("code", {}, name), " ", typeOf(of), " ", element("span", { class: "flags" }, flags.join(", "))];
    if (!inner(of).properties) return element("li", {}, head, describe(resolved));
    return element("li", {}, foldable(head, () => [describe(resolved), members(of)]));
  }));
}

// foldable renders a summary, and what is below it when it is first opened.
function foldable(summary, content, properties = {}) {
  return element("details", {
    ...properties,
    ontoggle: ({ target }) => {
      if (target.open && target.children.length === 1) target.append(element("div", {}, content()));
    },
  }, element("summary", {}, summary));
}

function schemaView(title, schema) {
  return foldable(`${title}: ${typeOf(schema)}`, () => [describe(resolve(schema)), members(schema)]);
}

// example returns a value for a schema that a request may start from: the zero value where nothing more is known. Members
// that are read-only are left out, and those that are neither required nor simple.
function example(schema, depth = 0) {
  const s = resolve(schema);
  if (s.examples) return s.examples[0];
  if ("const" in s) return s.const;
  if (s.enum) return s.enum.find((value) => !s.not?.enum?.includes(value) && !String(value).endsWith("_UNSPECIFIED")) ?? s.enum[0];
  switch ([s.type].flat()[0]) {
    case "object": return exampleObject(s, depth);
    case "array": return s.minItems && depth < 4 ? [example(s.items, depth + 1)] : [];
    case "boolean": return false;
    case "integer":
    case "number": return s.minimum ?? 0;
    case "string": return exampleText(s);
    default: return s.anyOf ? example(s.anyOf[0], depth) : null;
  }
}

function exampleText(s) {
  if (s.format === "date-time") return new Date().toISOString();
  if (s.format === "int64" || s.format === "uint64") return "0";
  // A pattern such as ^users/[^/]+$ has one obvious text.
  const text = s.pattern?.replace(/^\^|\$$/g, "").replaceAll("[^/]+", "ID");
  return text && /^[\w/-]+$/.test(text) ? text : "";
}

function exampleObject(s, depth) {
  const value = {};
  const choices = (s.allOf ?? []).flatMap((all) => all.oneOf ?? []).flatMap((option) => option.required ?? []);
  for (const [name, of] of Object.entries(s.properties ?? {})) {
    const property = resolve(of);
    const required = s.required?.includes(name);
    const simple = ["string", "integer", "number", "boolean"].includes(property.type) && property.format !== "date-time";
    if (property.readOnly || property.deprecated || choices.includes(name) || !(required || simple) || depth >= 4) continue;
    value[name] = example(of, depth + 1);
  }
  return value;
}

// exampleBody returns the text that a body starts from. A patch changes all that it holds, so it starts with one field.
function exampleBody(schema, method) {
  const value = example(schema);
  if (method === "patch" && value && typeof value === "object" && !Array.isArray(value)) {
    return JSON.stringify(Object.fromEntries(Object.entries(value).slice(0, 1)), null, 2);
  }
  return JSON.stringify(value, null, 2);
}

// --- Requests

// control makes the input of a parameter. Its values are what read returns: none if it is empty.
function control(parameter, id, hint) {
  const schema = resolve(parameter.schema ?? Object.values(parameter.content)[0].schema);
  const properties = { id, "aria-describedby": hint, required: Boolean(parameter.required) && !parameter["x-multi-segment"] };
  const values = schema.type === "boolean" ? [true, false] : schema.enum;
  if (values) {
    const select = element("select", properties, element("option", { value: "" }, "—"), values.map((v) => element("option", { value: String(v) }, String(v))));
    return { input: select, read: () => (select.value ? [select.value] : []) };
  }
  if (schema.type === "array") {
    const area = element("textarea", { ...properties, rows: 2, placeholder: "a value per line", spellcheck: "false" });
    return { input: area, read: () => area.value.split("\n").filter(Boolean) };
  }
  const input = element("input", { ...properties, type: "text", autocomplete: "off", spellcheck: "false" });
  return { input, read: () => (input.value ? [input.value] : []) };
}

// field renders a label, what is known of the value, and its control.
function field(label, about, hint, input) {
  return element("div", { class: "field" }, element("label", { for: input.id }, label), input, element("div", { id: hint }, about));
}

// parameterField renders a parameter and returns how to read it.
function parameterField(parameter, prefix) {
  const id = `${prefix}-${parameter.in}-${parameter.name}`;
  const hint = `${id}-hint`;
  const { input, read } = control(parameter, id, hint);
  const schema = parameter.schema ?? {};
  const flags = [parameter.in, typeOf(schema), parameter.required && "required", parameter.deprecated && "deprecated"].filter(Boolean).join(", ");
  const about = [element("p", { class: "quiet" }, flags), ...prose(parameter.description), ...describe(resolve(schema))];
  return { parameter, read, node: field(parameter.name, about, hint, input) };
}

// requestOf puts a request together from what is typed into a form.
function requestOf({ method, path, fields, body, accept, more }) {
  const query = [];
  const headers = [];
  for (const { parameter, read } of fields) {
    const values = read();
    if (parameter.in === "path") {
      const value = values[0] ?? "";
      const escaped = parameter["x-multi-segment"] ? value.split("/").map(encodeURIComponent).join("/") : encodeURIComponent(value);
      path = path.replace(`{${parameter.name}}`, () => escaped);
    } else if (parameter.in === "query") {
      query.push(...values.map((value) => `${encodeURIComponent(parameter.name)}=${encodeURIComponent(value)}`));
    } else {
      headers.push(...values.map((value) => [parameter.name, value]));
    }
  }
  if (accept) headers.push(["Accept", accept.value]);
  if (body?.area.value) headers.push(["Content-Type", body.type.value]);
  for (const line of more.value.split("\n").filter((line) => line.includes(":"))) {
    headers.push([line.slice(0, line.indexOf(":")).trim(), line.slice(line.indexOf(":") + 1).trim()]);
  }
  const base = api.servers[0].url.replace(/\/$/, "");
  const url = new URL(base + path + (query.length ? `?${query.join("&")}` : ""), location.href);
  return { method: method.toUpperCase(), url: url.href, headers, body: body?.area.value || undefined };
}

// curlOf returns the command that makes a request. The shell's variable stands for the token.
function curlOf({ method, url, headers, body }) {
  const quote = (text) => `'${text.replaceAll("'", `'\\''`)}'`;
  const verb = method === "HEAD" ? "-I " : method === "GET" ? "" : `-X ${method} `;
  const parts = [`curl ${verb}${quote(url)}`];
  parts.push(...headers.map(([name, value]) => `-H ${quote(`${name}: ${value}`)}`));
  if (byId("authorization").value) parts.push(`-H "Authorization: $AUTHORIZATION"`);
  if (body) parts.push(`--data-binary ${quote(body)}`);
  return parts.join(" \\\n  ");
}

// send makes a request and shows the answer as it comes.
async function send(request, answer, signal) {
  const headers = new Headers(request.headers);
  const authorization = byId("authorization").value;
  if (authorization) headers.set("Authorization", authorization);
  const start = performance.now();
  const elapsed = () => `${Math.round(performance.now() - start)} ms`;
  const status = element("p", { role: "status" }, "Waiting…");
  answer.replaceChildren(status);
  try {
    const response = await fetch(request.url, { method: request.method, headers, body: request.body, signal, cache: "no-store" });
    const told = `${response.status} ${response.statusText}`.trim();
    status.className = response.ok ? "good" : "bad";
    status.textContent = `${told}, first byte after ${elapsed()}`;
    answer.append(
      element("h4", {}, "Headers"),
      element("pre", { tabindex: 0, class: "headers", "aria-label": "Response headers" }, [...response.headers].map((h) => h.join(": ")).join("\n")),
      element("h4", {}, "Body"));
    await show(response, answer);
    status.textContent = `${told}, complete after ${elapsed()}`;
  } catch (error) {
    status.className = "bad";
    status.textContent = signal.aborted ? `Cancelled after ${elapsed()}` : `No answer: ${error.message}`;
  }
}

const isText = (type) => /^text\/|json|xml|javascript|urlencoded/.test(type);

// show renders the body of an answer: text as it comes, and JSON laid out once it is complete; all else as a file.
async function show(response, answer) {
  const type = response.headers.get("Content-Type") ?? "";
  if (!isText(type)) {
    const blob = await response.blob();
    answer.append(blob.size === 0
      ? element("p", {}, "Empty.")
      : element("p", {}, element("a", { href: URL.createObjectURL(blob), download: "body" }, `Save ${blob.size} bytes of ${type || "no type"}`)));
    return;
  }
  const pre = element("pre", { tabindex: 0, class: "body", "aria-label": "Response body" });
  answer.append(pre);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let shown = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    shown += value.length;
    if (shown > maxShown) {
      pre.append("\n… more is not shown.");
      await reader.cancel();
      return;
    }
    pre.append(value);
  }
  if (/^application\/([\w.-]+\+)?json\b/.test(type)) {
    try {
      // Numbers that JavaScript cannot hold would change; 64-bit ones are strings in this JSON.
      pre.textContent = JSON.stringify(JSON.parse(pre.textContent), null, 2);
    } catch {
      // It is shown as it came.
    }
  }
}

// requestForm renders the form that tries an operation.
function requestForm(path, method, operation) {
  const id = operation.operationId;
  const fields = (operation.parameters ?? []).map((parameter) => parameterField(resolve(parameter), id));
  const nodes = fields.map(({ node }) => node);
  const form = { method, path, fields };

  const content = Object.entries(operation.requestBody?.content ?? {});
  if (content.length > 0) {
    const [type, { schema }] = content[0];
    const isJSON = type !== "*/*";
    const area = element("textarea", { id: `${id}-body`, rows: 10, spellcheck: "false", "aria-describedby": `${id}-body-hint`, required: Boolean(operation.requestBody.required) });
    area.value = isJSON ? exampleBody(schema, method) : "";
    const typeInput = element("input", { id: `${id}-type`, type: "text", autocomplete: "off", spellcheck: "false" });
    typeInput.value = isJSON ? type : "text/plain";
    if (type === "application/x-ndjson") area.value = JSON.stringify(example(schema));
    form.body = { area, type: typeInput };
    nodes.push(
      field("Body", [...prose(operation.requestBody.description), schemaView("Schema", schema)], `${id}-body-hint`, area),
      field("Content-Type", [], `${id}-type-hint`, typeInput));
  }
  const types = Object.keys(resolve(operation.responses["200"]).content ?? {});
  if (types.length > 1) {
    form.accept = element("select", { id: `${id}-accept` }, types.map((type) => element("option", { value: type }, type)));
    nodes.push(field("Accept", [], `${id}-accept-hint`, form.accept));
  }
  form.more = element("textarea", { id: `${id}-more`, rows: 2, spellcheck: "false", placeholder: "Name: value", "aria-describedby": `${id}-more-hint` });
  nodes.push(field("More headers", element("p", { class: "quiet" }, "One per line."), `${id}-more-hint`, form.more));

  const answer = element("div", { class: "answer" });
  const cancel = element("button", { type: "button", disabled: true }, "Cancel");
  const submit = element("button", { type: "submit" }, "Send");
  const command = element("pre", { tabindex: 0, class: "command", "aria-label": "The request as a curl command" });
  const refresh = () => { command.textContent = curlOf(requestOf(form)); };
  const made = element("form", {
    "aria-label": `Try ${method.toUpperCase()} ${path}`,
    oninput: refresh,
    onsubmit: async (event) => {
      event.preventDefault();
      const controller = new AbortController();
      cancel.onclick = () => controller.abort();
      [submit.disabled, cancel.disabled] = [true, false];
      try {
        await send(requestOf(form), answer, controller.signal);
      } finally {
        [submit.disabled, cancel.disabled] = [false, true];
      }
    },
  }, nodes, element("p", {}, submit, " ", cancel), command);
  refresh();
  return [made, answer];
}

// --- Operations

// accessOf says what an operation's security asks of its callers.
function accessOf(security) {
  if (security.some((alternative) => Object.keys(alternative).length === 0)) return "Takes a token in the Authorization header, but needs none.";
  const [scopes] = Object.values(security[0]);
  return `Needs a token in the Authorization header${scopes.length ? `, with the scopes ${scopes.join(" ")}` : ""}.`;
}

function operationBody(path, method, operation) {
  return [
    operation.deprecated && element("p", { class: "bad" }, "Deprecated."),
    ...prose(operation.description),
    operation.security && element("p", {}, accessOf(operation.security)),
    element("p", { class: "quiet" }, "gRPC: ", element("code", {}, operation["x-rpc"])),
    element("h3", {}, "Try it"),
    ...requestForm(path, method, operation),
    element("h3", {}, "Responses"),
    Object.entries(operation.responses).map(([code, reference]) => {
      const response = resolve(reference);
      const title = code === "default" ? "Any error" : code;
      return foldable(title, () => [
        ...prose(response.description),
        Object.entries(response.content ?? {}).map(([type, { schema }]) => schemaView(type, schema)),
      ]);
    }),
  ].filter(Boolean);
}

function operationView(path, method, operation) {
  return foldable(
    [element("span", { class: `method ${method}` }, method.toUpperCase()), " ", element("code", {}, path), " ", operation.summary ?? ""],
    () => operationBody(path, method, operation),
    {
      id: operation.operationId,
      class: operation.deprecated ? "operation deprecated" : "operation",
      "data-text": [method, path, operation.operationId, operation.summary, operation["x-rpc"]].join(" ").toLowerCase(),
    });
}

function tagView(tag) {
  const operations = Object.entries(api.paths).flatMap(([path, item]) => operationMethods
    .filter((method) => item[method]?.tags.includes(tag.name))
    .map((method) => operationView(path, method, item[method])));
  const id = `tag-${tag.name}`;
  return element("section", { "aria-labelledby": id }, element("h2", { id }, tag.name), prose(tag.description), operations);
}

function unlistedView() {
  const unlisted = api["x-unlisted"] ?? [];
  if (unlisted.length === 0) return [];
  return element("section", { "aria-labelledby": "unlisted" },
    element("h2", { id: "unlisted" }, "What OpenAPI cannot say"),
    element("ul", {}, unlisted.map(({ method, path, rpc, reason }) => element("li", {}, element("code", {}, `${method} ${path}`), ` calls ${rpc}: ${reason}.`))));
}

// filter hides the operations that have not all the words that are typed.
function filter() {
  const words = byId("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  const all = [...document.querySelectorAll(".operation")];
  for (const operation of all) operation.hidden = !words.every((word) => operation.dataset.text.includes(word));
  for (const section of document.querySelectorAll("section")) {
    const own = [...section.querySelectorAll(".operation")];
    section.hidden = own.length > 0 && own.every((operation) => operation.hidden);
  }
  const visible = all.filter((operation) => !operation.hidden).length;
  byId("count").textContent = `${visible} of ${all.length} operations`;
}

// openTarget opens the operation that the address names.
function openTarget() {
  const target = byId(decodeURIComponent(location.hash.slice(1)));
  if (target?.matches("details.operation")) {
    target.open = true;
    target.scrollIntoView();
  }
}

async function start() {
  const main = byId("main");
  try {
    const response = await fetch(documentURL);
    if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
    api = await response.json();
  } catch (error) {
    main.replaceChildren(element("p", { class: "bad", role: "alert" }, `The OpenAPI document could not be read: ${error.message}`));
    main.setAttribute("aria-busy", "false");
    return;
  }
  document.title = byId("title").textContent = `${api.info.title} ${api.info.version}`;
  byId("introduction").append(...prose(api.info.description));
  main.replaceChildren(...(api.tags ?? []).map(tagView), ...[unlistedView()].flat());
  main.setAttribute("aria-busy", "false");
  byId("filter").addEventListener("input", filter);
  // The commands tell of it.
  byId("authorization").addEventListener("input", () => { for (const form of document.forms) form.dispatchEvent(new Event("input")); });
  addEventListener("hashchange", openTarget);
  filter();
  openTarget();
}

await start();
