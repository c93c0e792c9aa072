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

function example(api, schema, depth = 0) {
  const known = resolve(api, schema) ?? {};
  if (depth > DEPTH_MAX) return null;
  if (known.examples?.length) return known.examples[0];
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

function fieldTable(api, schema) {
  const known = resolve(api, schema);
  const properties = known?.properties;
  if (!properties) return element("p", {}, element("code", { textContent: typeOf(schema) }));
  const needed = new Set(known.required ?? []);
  const rows = Object.entries(properties).map(([name, field]) => element("tr", {},
    element("td", {}, element("code", { textContent: name })),
    element("td", { textContent: typeOf(field) + (needed.has(name) ? ", needed" : "") }),
    element("td", { textContent: field.description ?? resolve(api, field)?.description ?? "" })));
  return element("table", {}, element("tbody", {}, ...rows));
}

async function attempt(method, path, inputs, body, output) {
  const query = new URLSearchParams();
  let filled = path;
  for (const { parameter, input } of inputs) {
    if (input.value === "") continue;
    if (parameter.in === "path") filled = filled.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
    else query.append(parameter.name, input.value);
  }
  const headers = {};
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
    element("code", { textContent: path }), ` ${operation.summary ?? ""}`));
  view.dataset.words = `${method} ${path} ${operation.summary ?? ""} ${operation.description ?? ""}`.toLowerCase();
  view.addEventListener("toggle", () => { if (view.open && view.childElementCount === 1) fill(); });
  function fill() {
    if (operation.description) view.append(element("p", { textContent: operation.description }));
    const inputs = (operation.parameters ?? []).map((parameter) => {
      const input = element("input", { name: parameter.name, placeholder: parameter.description ?? "" });
      view.append(element("label", {}, `${parameter.name}${parameter.required ? " (needed)" : ""} `, input));
      return { parameter, input };
    });
    const schema = operation.requestBody?.content?.["application/json"]?.schema;
    let body = null;
    if (schema) {
      body = element("textarea", { value: JSON.stringify(example(api, schema), null, 2), spellcheck: false });
      view.append(element("h4", { textContent: "Body" }), fieldTable(api, schema), body);
    }
    const output = element("pre", { textContent: "" });
    const button = element("button", { type: "button", textContent: "Try it" });
    button.addEventListener("click", () => attempt(method, path, inputs, body, output));
    view.append(element("p", {}, button), output);
    const answers = Object.entries(operation.responses ?? {}).map(([status, answer]) => element("tr", {},
      element("td", { textContent: status }), element("td", { textContent: answer.description ?? "" })));
    view.append(element("h4", { textContent: "Answers" }), element("table", {}, element("tbody", {}, ...answers)));
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
