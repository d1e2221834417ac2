// Draws /docs from /openapi.json. No library, no other host, no inline code.
"use strict";

const METHODS = ["get", "post", "put", "delete"];
// Answers that routes have in common: folded away. What 401 and 403 say is the same for signed routes only.
const COMMON = new Set(["408", "413", "429", "500", "503"]);
const COMMON_SIGNED = new Set(["401", "403", ...COMMON]);
// What `x-proof` asks for: the words of its badge, and what they mean.
const PROOFS = {
  genuine: ["expired proof accepted", "A proof that is genuine but expired is taken"],
  full: ["full proof", "The proof must be in force"],
  session: ["access token", "The access token of a session"],
  login: ["no proof", "What the body carries is the proof"],
  partner: ["partner key", "A key of the app's backend"],
  broker: ["broker key", "A broker's key"],
};
const NO_PROOF = ["no proof", "Whoever has the address may ask"];
const proof = { app: "trailguard", user: "ana-42", hash: "<userHash>" };
const JSON_BODY = "application/json";
// A longer list of members shows its first ones and folds the rest away.
const FOLD_ABOVE = 12;
const FOLD_AT = 8;
let api;

// ---- small tools ----

function el(tag, options, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(options || {})) {
    if (value === undefined || value === false) continue;
    if (name === "class") node.className = value;
    else if (name === "on") for (const [event, run] of Object.entries(value)) node.addEventListener(event, run);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

// `code` and **strong** of a line; everything else is text, never markup.
function inline(text) {
  return text.split(/(`[^`]+`|\*\*[^*]+\*\*)/).map((part) => {
    if (part.startsWith("`")) return el("code", null, part.slice(1, -1));
    if (part.startsWith("**")) return el("strong", null, part.slice(2, -2));
    return part;
  });
}

function prose(text) {
  return (text || "").trim().split(/\n\s*\n/).map((block) => {
    const flat = block.replace(/\s*\n\s*/g, " ");
    return flat.startsWith("### ") ? el("h2", null, flat.slice(4)) : el("p", null, inline(flat));
  });
}

// ---- schemas ----

function resolve(schema) {
  let found = schema || {};
  for (let depth = 0; found.$ref && depth < 16; depth += 1) {
    const target = found.$ref.slice(2).split("/").reduce((node, key) => node && node[key], api);
    found = { ...target, ...(found.description ? { description: found.description } : {}) };
  }
  return found;
}

const isNull = (schema) => schema.type === "null";

// The alternatives of a schema, without null.
function choices(schema) {
  return (schema.oneOf || schema.anyOf || []).filter((choice) => !isNull(choice)).map(resolve);
}

// One view of an object: allOf merged, a nullable reference unwrapped.
function shape(schema) {
  const base = resolve(schema);
  if (base.allOf) {
    const merged = { ...base, properties: {}, required: [] };
    // What a body says itself comes before what it shares with others.
    const parts = [...base.allOf].sort((a, b) => Boolean(a.$ref) - Boolean(b.$ref));
    for (const part of parts.map(shape)) {
      Object.assign(merged.properties, part.properties);
      merged.required.push(...(part.required || []));
      merged.description = merged.description || part.description;
    }
    delete merged.allOf;
    return { ...merged, type: "object" };
  }
  const options = choices(base);
  if (options.length === 1) {
    const only = shape(options[0]);
    return { ...only, description: base.description || only.description };
  }
  return base;
}

function types(schema) {
  return [].concat(schema.type || []).filter((type) => type !== "null");
}

function kind(schema) {
  const seen = shape(schema);
  const options = choices(seen);
  if (options.length) return [...new Set(options.map(kind))].join(" or ");
  const type = types(seen)[0] || (seen.properties ? "object" : "any");
  if (type === "array") return `${kind(seen.items || {})}[]`;
  if (type === "string" && seen.format === "date-time") return "time";
  if (type === "string" && seen.format === "uuid") return "uuid";
  return type;
}

function nullable(schema) {
  const seen = resolve(schema);
  return [].concat(seen.type || []).includes("null") || (seen.oneOf || []).some(isNull);
}

function limits(schema) {
  const { minimum, maximum, maxLength } = shape(schema);
  if (minimum !== undefined && maximum !== undefined) return `${minimum} to ${maximum}`;
  if (minimum !== undefined) return `from ${minimum}`;
  if (maxLength !== undefined) return `up to ${maxLength} characters`;
  return "";
}

// What a body looks like. In a request only what has an example or is required is shown.
function example(schema, request, depth = 0) {
  const own = resolve(schema);
  if (own.example !== undefined) return own.example;
  const seen = shape(schema);
  if (seen.example !== undefined) return seen.example;
  if (depth > 8) return null;
  const options = choices(seen);
  if (options.length) return example(options[0], request, depth + 1);
  if (types(seen)[0] === "array") {
    const item = example(seen.items || {}, request, depth + 1);
    return item === undefined ? [] : [item];
  }
  if (types(seen)[0] === "object" && !seen.properties && !request) return {};
  if (seen.properties) {
    const whole = {};
    const required = new Set(seen.required || []);
    for (const [name, member] of Object.entries(seen.properties)) {
      const value = example(member, request, depth + 1);
      if (value !== undefined) whole[name] = value;
      else if (!request && nullable(member)) whole[name] = null;
      else if (types(shape(member))[0] === "string" && (!request || required.has(name))) whole[name] = request ? `<${name}>` : "…";
    }
    return request && !Object.keys(whole).length ? undefined : whole;
  }
  return undefined;
}

// What has members to be listed: an object, or the items of a list.
function listed(schema) {
  const seen = shape(schema || {});
  const whole = types(seen)[0] === "array" ? shape(seen.items || {}) : seen;
  return Object.keys(whole.properties || {}).length ? whole : undefined;
}

function members(schema, request, depth = 0) {
  const seen = shape(schema);
  const required = new Set(seen.required || []);
  const rows = Object.entries(seen.properties || {}).map(([name, member]) => {
    const inner = shape(member);
    const element = types(inner)[0] === "array" ? shape(inner.items || {}) : inner;
    const variants = choices(element).filter((choice) => shape(choice).properties);
    const nested = element.properties ? [element] : variants;
    const note = [kind(member), nullable(member) && !request ? "or null" : "", limits(member)];
    return el("li", null,
      el("span", { class: "name" }, name),
      el("span", { class: "kind" }, note.filter(Boolean).join(" ")),
      request && required.has(name) && el("span", { class: "must" }, "required"),
      (inner.description || seen.description) && inner.description
        && el("span", { class: "what" }, inline(inner.description.replace(/\s*\n\s*/g, " "))),
      depth < 5 && nested.map((part) => Object.keys(part.properties || {}).length > 0
        && el("details", null, el("summary", null, nested.length > 1 && part.description ? part.description.replace(/\.$/, "") : `Members of ${name}`), members(part, request, depth + 1))));
  });
  if (rows.length <= FOLD_ABOVE) return el("ul", { class: "members" }, rows);
  const rest = rows.splice(FOLD_AT);
  return [
    el("ul", { class: "members" }, rows),
    el("details", { class: "rest" }, el("summary", null, `${rest.length} more members`), el("ul", { class: "members" }, rest)),
  ];
}

// An object's members in the order of its description.
function ordered(value, schema) {
  const names = Object.keys(shape(schema).properties || {});
  const place = (name) => (names.includes(name) ? names.indexOf(name) : names.length);
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => place(a) - place(b)));
}

// ---- samples ----

// JSON as coloured nodes.
function paint(text) {
  const nodes = [];
  const token = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(true|false|null)\b|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)/g;
  let last = 0;
  for (const match of text.matchAll(token)) {
    nodes.push(text.slice(last, match.index));
    const [all, string, colon, word] = match;
    if (string) nodes.push(el("span", { class: colon ? "k" : "t" }, string), colon || "");
    else nodes.push(el("span", { class: word ? "w" : "n" }, all));
    last = match.index + all.length;
  }
  nodes.push(text.slice(last));
  return nodes;
}

function sample(title, text, coloured) {
  const copy = el("button", { type: "button" }, "Copy");
  const code = el("code", null, coloured ? paint(text) : text);
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      copy.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(code);
      copy.textContent = "Selected";
    }
    setTimeout(() => { copy.textContent = "Copy"; }, 1500);
  });
  return el("div", { class: "sample" }, el("header", null, el("span", null, title), copy), el("pre", { tabindex: "0" }, code));
}

// A text as one word of a POSIX shell.
const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

// The headers of the first way to prove who asks.
function proofHeaders(operation) {
  const schemes = Object.keys((operation.security || [])[0] || {});
  const header = {
    appId: () => `X-App-ID: ${proof.app}`,
    userId: () => `X-User-ID: ${proof.user}`,
    userHash: () => `Authorization: Bearer ${proof.hash}`,
  };
  const order = ["appId", "userId", "userHash"];
  return [...schemes].sort((a, b) => order.indexOf(a) - order.indexOf(b))
    .map((scheme) => (header[scheme] ? header[scheme]() : `Authorization: Bearer <${scheme}>`));
}

// The path with an example for each of its parameters.
function filled(route) {
  const given = new Map((route.operation.parameters || []).map((one) => [one.name, one.example]));
  const usual = (name) => (name === "token" ? "<token>" : "0199d7a1-52c4-7e0f-8d6b-2a9c3e5f7b01");
  return route.path.replace(/\{([^}]+)\}/g, (_, name) => given.get(name) ?? usual(name));
}

function curl(route) {
  const url = location.origin + filled(route);
  const method = route.method === "GET" ? "" : `-X ${route.method} `;
  const lines = [`curl ${method}${/^[\w:/.-]+$/.test(url) ? url : quoted(url)}`];
  for (const header of proofHeaders(route.operation)) lines.push(`-H ${quoted(header)}`);
  const body = bodyOf(route.operation);
  if (body) {
    const given = body.example || example(body.schema, true) || {};
    if (body.type === JSON_BODY) {
      lines.push(`-H ${quoted(`Content-Type: ${JSON_BODY}`)}`);
      // A trigger of long ago would be flagged for its clock: show one of today.
      const fresh = given.timestamp ? { ...given, timestamp: new Date().toISOString() } : given;
      lines.push(`-d ${quoted(JSON.stringify(ordered(fresh, body.schema), null, 2))}`);
    } else {
      for (const [name, value] of Object.entries(ordered(given, body.schema))) lines.push(`--data-urlencode ${quoted(`${name}=${value}`)}`);
    }
  }
  return lines.join(" \\\n  ");
}

// A body as it is described: JSON if there is a choice.
function described(content) {
  if (!content) return undefined;
  const type = content[JSON_BODY] ? JSON_BODY : Object.keys(content)[0];
  return type && { type, ...content[type] };
}

function bodyOf(operation) {
  return operation.requestBody && described(operation.requestBody.content);
}

function success(operation) {
  const all = Object.entries(operation.responses || {});
  return all.find(([status]) => status.startsWith("2")) || all[0] || ["", {}];
}

// ---- page ----

function answers(entries) {
  return el("ul", { class: "answers" }, entries.map(([status, response]) =>
    el("li", null, el("b", { class: `s${status[0]}` }, status), el("span", null, inline(response.description || "")))));
}

// The title of a route, where it is and who may ask.
function heading(route) {
  const { operation, method, path, id } = route;
  const [word, meaning] = PROOFS[operation["x-proof"]] || NO_PROOF;
  return [
    el("h3", null, el("a", { href: `#${id}` }, operation.summary || path)),
    el("div", { class: "where" },
      el("span", { class: `badge ${method}` }, method), el("span", null, path),
      el("span", { class: `proof ${operation["x-proof"] === "genuine" ? "genuine" : ""}`, title: meaning }, word)),
  ];
}

// What the answer looks like, painted.
function answerSample(status, answer) {
  const title = el("span", null, el("b", { class: `s${status[0]}` }, status), "Answer");
  if (!answer) return sample(title, "(no body)", false);
  const shown = answer.example ?? example(answer.schema, false);
  if (answer.type === JSON_BODY && answer.example === undefined && shown && typeof shown === "object" && !listed(answer.schema) && !Object.keys(shown).length) {
    return sample(title, "(JSON, as the description says)", false);
  }
  if (answer.type !== JSON_BODY || shown === undefined) return sample(title, `(${answer.type})`, false);
  return sample(title, JSON.stringify(shown, null, 2), true);
}

function article(route) {
  const { operation, id } = route;
  const body = bodyOf(operation);
  const [status, done] = success(operation);
  const answer = described(done.content);
  const signed = ["full", "genuine"].includes(operation["x-proof"]);
  const common = signed ? COMMON_SIGNED : COMMON;
  const entries = Object.entries(operation.responses || {});
  const parameters = operation.parameters || [];
  const query = parameters.map((one) => [one.name, { ...one.schema, description: one.description }]);
  const must = parameters.filter((one) => one.required).map((one) => one.name);
  const asked = body && listed(body.schema);
  const told = answer && listed(answer.schema);
  return el("article", { class: "route", id },
    el("div", null,
      heading(route),
      el("div", { class: "prose" }, prose(operation.description)),
      query.length > 0 && [el("h4", null, "Parameters"), members({ type: "object", properties: Object.fromEntries(query), required: must }, true)],
      asked && [el("h4", null, "Body"), members(asked, true)],
      told && [el("h4", null, "Answer"), members(told, false)],
      el("h4", null, "Status"),
      answers(entries.filter(([code]) => !common.has(code))),
      el("details", { class: "common" }, el("summary", null, signed ? "As on every signed route" : "As on every route"), answers(entries.filter(([code]) => common.has(code))))),
    el("div", { class: "samples" },
      el("div", { class: "curl" }, sample("curl", curl(route), false)),
      answerSample(status, answer)));
}

// A route whose description we cannot read keeps its place, and takes no other with it.
function drawn(route) {
  try {
    return article(route);
  } catch (error) {
    console.error(`${route.id}: ${error.message}`);
    return el("article", { class: "route undrawn", id: route.id },
      el("div", null, heading(route), el("div", { class: "prose" }, prose(route.operation.description)),
        el("p", null, "The rest of it could not be drawn: read it in ", el("a", { href: "/openapi.json" }, "openapi.json"), ".")));
  }
}

function credentials(redraw) {
  const field = (label, name, hint) => el("label", null, label,
    el("input", { value: name === "hash" ? undefined : proof[name], placeholder: hint, spellcheck: "false", autocomplete: "off",
      on: { input: (event) => { proof[name] = event.target.value || hint; redraw(); } } }));
  return el("aside", { class: "panel" },
    el("h2", null, "Make the examples yours"),
    el("p", null, "Fills in the curl lines below. Nothing leaves this page, and nothing is kept."),
    field("X-App-ID", "app", "trailguard"), field("X-User-ID", "user", "ana-42"), field("User hash", "hash", "<userHash>"));
}

function routesOf(document_) {
  const routes = [];
  for (const [path, item] of Object.entries(document_.paths)) {
    for (const method of METHODS) {
      const operation = item[method];
      if (operation) routes.push({ path, method: method.toUpperCase(), operation, tag: (operation.tags || ["Other"])[0], id: operation.operationId || `${method} ${path}` });
    }
  }
  return routes;
}

// The sections: those that are described, then those that only routes name.
function tagsOf(document_, routes) {
  const described_ = document_.tags || [];
  const names = new Set(described_.map((tag) => tag.name));
  const others = [...new Set(routes.map((route) => route.tag))].filter((name) => !names.has(name));
  return [...described_, ...others.map((name) => ({ name }))];
}

function draw(document_) {
  api = document_;
  const routes = routesOf(api);
  const nav = document.getElementById("nav");
  const main = document.getElementById("main");
  document.getElementById("version").textContent = api.info.version;
  const redraw = () => routes.forEach((route) => {
    const place = route.article.querySelector(".curl");
    if (place) place.replaceChildren(sample("curl", curl(route), false));
  });
  const hero = el("section", { class: "hero", id: "top" },
    el("div", { class: "prose" }, el("h1", null, "The API behind a safety SDK"), prose(api.info.description)), credentials(redraw));
  nav.append(el("h2", null, "Start"), el("a", { class: "plain", href: "#top" }, "Proof and conventions"));
  const sections = tagsOf(api, routes).map((tag) => {
    const own = routes.filter((route) => route.tag === tag.name);
    const title = el("h2", null, tag.name);
    nav.append(title);
    for (const route of own) {
      route.article = drawn(route);
      route.link = el("a", { href: `#${route.id}` }, el("span", { class: `verb ${route.method}` }, route.method), el("span", null, route.operation.summary || route.path));
      nav.append(route.link);
    }
    return { title, own, section: el("section", { class: "noun", id: tag.name }, el("h2", null, tag.name), tag.description && el("p", null, inline(tag.description)), own.map((route) => route.article)) };
  });
  main.replaceChildren(hero, ...sections.map((one) => one.section));
  find(sections, hero);
  follow(routes);
  if (location.hash.length > 1) {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target) target.scrollIntoView({ behavior: "instant" });
  }
}

// The search box hides what does not match.
function find(sections, hero) {
  const box = document.getElementById("find");
  box.addEventListener("input", () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    hero.hidden = words.length > 0;
    for (const { title, own, section } of sections) {
      let any = false;
      for (const route of own) {
        const text = `${route.method} ${route.path} ${route.operation.summary} ${route.operation.description}`.toLowerCase();
        const match = words.every((word) => text.includes(word));
        route.article.hidden = route.link.hidden = !match;
        any = any || match;
      }
      section.hidden = title.hidden = !any;
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !/INPUT|TEXTAREA/.test(document.activeElement.tagName)) {
      event.preventDefault();
      box.focus();
    }
    if (event.key === "Escape" && document.activeElement === box) {
      box.value = "";
      box.dispatchEvent(new Event("input"));
      box.blur();
    }
  });
}

// Marks in the list what is being read.
function follow(routes) {
  const links = new Map(routes.map((route) => [route.article, route.link]));
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      links.forEach((link) => link.removeAttribute("aria-current"));
      links.get(entry.target).setAttribute("aria-current", "location");
    }
  }, { rootMargin: "-15% 0px -75% 0px" });
  routes.forEach((route) => watcher.observe(route.article));
}

function theme() {
  const root = document.documentElement;
  const kept = localStorage.getItem("theme");
  if (kept === "light" || kept === "dark") root.dataset.theme = kept;
  document.getElementById("theme").addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    localStorage.setItem("theme", root.dataset.theme);
  });
  const menu = document.getElementById("menu");
  const nav = document.getElementById("nav");
  const toggle = (open) => { nav.classList.toggle("open", open); menu.setAttribute("aria-expanded", String(open)); };
  menu.addEventListener("click", () => toggle(!nav.classList.contains("open")));
  nav.addEventListener("click", (event) => { if (event.target.closest("a")) toggle(false); });
}

theme();
fetch("/openapi.json")
  .then((answer) => { if (!answer.ok) throw new Error(`status ${answer.status}`); return answer.json(); })
  .then(draw)
  .catch((error) => { document.getElementById("notice").textContent = `The description could not be read (${error.message}). Reload the page.`; });
