// Lists the operations of the OpenAPI document, each with a form to try it.

const METHODS = ["get", "post", "patch", "put", "delete"];
const DEPTH_MAX = 6;

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function resolve(api, schema) {
  const path = schema?.$ref?.split("/").slice(1);
  return path ? path.reduce((at, name) => at?.[name], api) : schema;
}

function typeOf(schema) {
  if (schema?.$ref) return schema.$ref.split("/").pop();
  const type = Array.isArray(schema?.type) ? schema.type.join(" or ") : schema?.type;
  return type ?? (schema?.oneOf ? schema.oneOf.map(typeOf).join(" or ") : "any");
}

// The words that a schema takes, if it names them.
function wordsOf(api, schema) {
  const known = resolve(api, schema);
  const choices = known?.oneOf ?? known?.anyOf;
  return known?.enum ?? choices?.map((one) => wordsOf(api, one)).find(Boolean) ?? null;
}

// The type of a field, its words and its limits.
function limitsOf(api, schema) {
  const words = wordsOf(api, schema);
  if (words) return words.join(", ");
  const known = resolve(api, schema) ?? {};
  const limits = [
    known.minimum !== undefined && `from ${known.minimum}`,
    known.maximum !== undefined && `to ${known.maximum}`,
    known.maxLength !== undefined && `up to ${known.maxLength} characters`,
    known.maxItems !== undefined && `up to ${known.maxItems}`,
  ].filter(Boolean);
  return [typeOf(schema), ...limits].join(", ");
}

function example(api, schema, depth = 0) {
  const known = resolve(api, schema) ?? {};
  if (depth > DEPTH_MAX) return null;
  if (known.examples?.length) return known.examples[0];
  if (known.enum) return known.enum[0];
  const choices = known.oneOf ?? known.anyOf;
  if (choices) return example(api, choices.find((one) => one.type !== "null") ?? {}, depth);
  if (known.properties) {
    const needed = known.required ?? Object.keys(known.properties);
    return Object.fromEntries(needed.map((name) => [name, example(api, known.properties[name], depth + 1)]));
  }
  const type = Array.isArray(known.type) ? known.type.find((one) => one !== "null") : known.type;
  switch (type) {
    case "array": return [example(api, known.items, depth + 1)];
    case "integer": case "number": return known.minimum ?? 1;
    case "boolean": return true;
    case "object": return {};
    default: return "";
  }
}

// A text in which `words` between backticks are code.
function prose(text) {
  return text.split("`").map((part, at) => (at % 2 ? element("code", { textContent: part }) : part));
}

// The fields of a schema and of the parts it is made of.
function fieldsOf(api, schema) {
  const known = resolve(api, schema) ?? {};
  const parts = (known.allOf ?? []).map((part) => fieldsOf(api, part));
  const properties = Object.assign({}, ...parts.map((part) => part.properties), known.properties);
  return { properties, required: [...parts.flatMap((part) => part.required), ...(known.required ?? [])] };
}

function fieldTable(api, schema, marksNeeded = false) {
  const { properties, required } = fieldsOf(api, schema);
  if (!Object.keys(properties).length) {
    const choices = (resolve(api, schema)?.oneOf ?? []).filter((one) => one.type !== "null");
    if (choices.length && choices[0].$ref) return fieldTable(api, choices[0], marksNeeded);
    return element("p", {}, element("code", { textContent: typeOf(schema) }));
  }
  const needed = new Set(marksNeeded ? required : []);
  const rows = Object.entries(properties).map(([name, field]) => element("tr", {},
    element("td", {}, element("code", { textContent: name })),
    element("td", { textContent: (needed.has(name) ? "needed: " : "") + limitsOf(api, field) }),
    element("td", {}, ...prose(field.description ?? resolve(api, field)?.description ?? ""))));
  return element("table", {}, element("tbody", {}, ...rows));
}

async function attempt(method, path, inputs, body, output) {
  const query = new URLSearchParams();
  const headers = {};
  let filled = path;
  for (const { parameter, input } of inputs) {
    const value = input.value.trim();
    if (value === "" && parameter.in === "path") {
      output.textContent = `${parameter.name} is needed`;
      input.focus();
      return;
    }
    if (value === "") continue;
    if (parameter.in === "path") filled = filled.replace(`{${parameter.name}}`, encodeURIComponent(value));
    else if (parameter.in === "header") headers[parameter.name] = value;
    else query.append(parameter.name, value);
  }
  const key = document.querySelector("#key").value.trim();
  if (key) headers.Authorization = `Bearer ${key}`;
  if (body) headers["Content-Type"] = "application/json";
  const url = filled + (query.size ? `?${query}` : "");
  output.textContent = `${method.toUpperCase()} ${url}\n…`;
  try {
    const answer = await fetch(url, { method: method.toUpperCase(), headers, body: body?.value });
    const text = await answer.text();
    let shown = text;
    try { shown = JSON.stringify(JSON.parse(text), null, 2); } catch { /* not JSON: shown as it is */ }
    output.textContent = `${method.toUpperCase()} ${url}\n${answer.status} ${answer.statusText}\n\n${shown}`;
  } catch (failure) {
    output.textContent = `${method.toUpperCase()} ${url}\n${failure}`;
  }
}

function operationView(api, method, path, operation) {
  const view = element("details", {}, element("summary", {},
    element("span", { className: "method", textContent: method.toUpperCase() }),
    element("code", { textContent: path }), " ", ...prose(operation.summary ?? "")));
  view.dataset.words = `${method} ${path} ${operation.summary ?? ""} ${operation.description ?? ""}`.toLowerCase();
  view.addEventListener("toggle", () => { if (view.open && view.childElementCount === 1) fill(); });
  function fill() {
    if (operation.description) view.append(element("p", {}, ...prose(operation.description)));
    const inputs = (operation.parameters ?? []).map((parameter) => {
      const words = wordsOf(api, parameter.schema);
      const input = words
        ? element("select", { name: parameter.name }, ...["", ...words].map((word) => element("option", { textContent: word })))
        : element("input", { name: parameter.name, placeholder: parameter.description ?? "", title: parameter.description ?? "" });
      view.append(element("label", {}, `${parameter.name}${parameter.required ? " (needed)" : ""} `, input));
      return { parameter, input };
    });
    const schema = operation.requestBody?.content?.["application/json"]?.schema;
    let body = null;
    if (schema) {
      body = element("textarea", { value: JSON.stringify(example(api, schema), null, 2), spellcheck: false });
      view.append(element("h4", { textContent: "Body" }), fieldTable(api, schema, true), body);
    }
    const output = element("pre", { textContent: "" });
    const button = element("button", { type: "button", textContent: "Try it" });
    button.addEventListener("click", () => attempt(method, path, inputs, body, output));
    view.append(element("p", {}, button), output);
    const refusals = [];
    for (const [status, answer] of Object.entries(operation.responses ?? {})) {
      const content = Object.entries(answer.content ?? {});
      if (content.some(([type]) => type === "application/problem+json")) {
        refusals.push(element("tr", {},
          element("td", { textContent: status }), element("td", {}, ...prose(answer.description ?? ""))));
        continue;
      }
      const types = content.map(([type]) => type).join(", ");
      view.append(element("h4", { textContent: `Answer ${status}` }),
        element("p", {}, ...prose([answer.description, types].filter(Boolean).join(": ") || "nothing")));
      const json = answer.content?.["application/json"]?.schema;
      if (json) view.append(fieldTable(api, json));
    }
    view.append(element("h4", { textContent: "Refusals" }), element("table", {}, element("tbody", {}, ...refusals)));
  }
  return view;
}

function show(api) {
  document.querySelector("#about").textContent = api.info.description;
  const sections = new Map((api.tags ?? []).map((tag) => [tag.name, []]));
  for (const [path, item] of Object.entries(api.paths)) {
    for (const method of METHODS.filter((name) => item[name])) {
      const tag = item[method].tags?.[0] ?? "other";
      if (!sections.has(tag)) sections.set(tag, []);
      sections.get(tag).push(operationView(api, method, path, item[method]));
    }
  }
  const made = [...sections].filter(([, views]) => views.length).map(([tag, views]) =>
    element("section", {}, element("h2", { textContent: tag }), ...views));
  document.querySelector("#operations").replaceChildren(...made);
  document.querySelector("#find").addEventListener("input", (event) => {
    const words = event.target.value.toLowerCase();
    for (const view of document.querySelectorAll("details")) view.hidden = !view.dataset.words.includes(words);
    for (const section of document.querySelectorAll("section")) {
      section.hidden = ![...section.querySelectorAll("details")].some((view) => !view.hidden);
    }
  });
}

try {
  show(await (await fetch("/v1/openapi.json")).json());
} catch (failure) {
  document.querySelector("#operations").textContent = `The document cannot be read: ${failure}`;
}
