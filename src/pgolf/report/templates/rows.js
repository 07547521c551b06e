// The table, the plots and the sections of a report of rows. All text goes through `textContent`; nothing is parsed as markup.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const rows = data.rows;
  const $ = (id) => document.getElementById(id);
  const NOTHING = "–";
  const BATCH = 150;
  const VERDICTS = ["FLAGGED", "UNVERIFIED", "VERIFIED"];
  const MEANING = {
    FLAGGED: "The evidence proves a deviation or a contradiction.",
    UNVERIFIED: "Not enough evidence to decide. This is a statement about the evidence, not about the result.",
    VERIFIED: "The evidence agrees with the canonical rule.",
  };

  // --- text -------------------------------------------------------------------------------------------------------------
  const hex = (n) => n.toString(16).padStart(4, "0");
  const hidden = new RegExp(`[${data.invisible.map(([a, b]) => `\\u{${hex(a)}}-\\u{${hex(b)}}`).join("")}]`, "gu");
  const NAMED = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };
  const visible = (value) => {
    const text = String(value);
    const cut = text.length > 2000 ? `… (${(text.length - 2000).toLocaleString("en")} more characters)` : "";
    return text.slice(0, 2000).replace(hidden, (c) => NAMED[c] || `\\u{${hex(c.codePointAt(0))}}`) + cut;
  };
  const decimals = (value, places) => (typeof value === "number" ? value.toFixed(places) : NOTHING);
  const count = (value) => value.toLocaleString("en");

  const element = (tag, attributes, ...children) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (name === "class") made.className = value;
      else if (name === "text") made.textContent = visible(value);
      else made.setAttribute(name, value);
    }
    made.append(...children.filter((child) => child !== null && child !== undefined));
    return made;
  };
  const svg = (tag, attributes, text) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes || {})) made.setAttribute(name, value);
    if (text !== undefined) made.textContent = visible(text);
    return made;
  };
  const shape = (verdict) => {
    const made = svg("svg", { class: verdict === "UNVERIFIED" ? "shape hollow" : "shape", viewBox: "0 0 10 10", "aria-hidden": "true" });
    if (verdict === "FLAGGED") made.append(svg("path", { d: "M5 0 10 5 5 10 0 5Z" }));
    else made.append(svg("circle", { cx: 5, cy: 5, r: verdict === "UNVERIFIED" ? 3.6 : 4.5 }));
    return made;
  };
  const badge = (verdict) => element("span", { class: `verdict ${VERDICTS.includes(verdict) ? verdict : ""}` }, shape(verdict), element("span", { text: verdict }));

  // --- rows: what is derived once ---------------------------------------------------------------------------------------
  const DAY = 86400000;
  const moment = (value) => {
    const match = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2})?(\.\d{1,9})?(Z|[+-]\d{2}:\d{2}))?/.exec(typeof value === "string" ? value : "");
    const time = match ? Date.parse(match[0]) : NaN;
    return Number.isFinite(time) ? time : null;
  };
  const taken = new Set();
  rows.forEach((row, index) => {
    const folder = row.folder || row.script || "(no folder)";
    const cut = folder.replace(/\/+$/, "").lastIndexOf("/");
    row.$index = index;
    row.$base = folder.slice(cut + 1) || folder;
    row.$track = cut > 0 ? folder.slice(0, cut) : "";
    row.$date = moment(row.committed) ?? moment(row.date) ?? moment(row.$base);
    row.$rules = [...new Set(row.reasons.map((reason) => reason.rule))];
    row.$search = [row.pr === null ? "" : `#${row.pr}`, folder, row.title, row.tokenizer, row.verdict, row.script_sha256, ...row.lut_bug_detections, ...row.$rules]
      .filter(Boolean).join("\n").toLowerCase();
    const wanted = row.pr !== null ? `pr-${row.pr}` : `row-${index + 1}`;
    let id = wanted;
    for (let n = 2; taken.has(id); n += 1) id = `${wanted}-${n}`;
    taken.add(id);
    row.$id = id;
  });

  // --- state: filter and order ------------------------------------------------------------------------------------------
  const state = { text: "", verdict: "", tokenizer: "", rule: "", key: "", down: false };
  let shown = rows.slice();
  // Rows from `start` to `rendered` are in the document; a deep link far down starts there instead of drawing all above it.
  let start = 0;
  let rendered = 0;
  const opened = new Set();
  const collator = new Intl.Collator("en", { numeric: true });
  const KEYS = {
    pr: (row) => row.pr,
    folder: (row) => row.$base,
    verdict: (row) => VERDICTS.indexOf(row.verdict),
    reported: (row) => row.reported_bpb,
    ratio: (row) => row.inflation_ratio,
    corrected: (row) => row.corrected_bpb,
    bytes: (row) => row.bytes_per_token,
    tokenizer: (row) => row.tokenizer,
    reasons: (row) => row.$rules.join(", ") || null,
  };
  const select = () => {
    const words = state.text.toLowerCase().split(/\s+/).filter(Boolean);
    shown = rows.filter((row) =>
      (!state.verdict || row.verdict === state.verdict) &&
      (!state.tokenizer || row.tokenizer === state.tokenizer) &&
      (!state.rule || row.$rules.includes(state.rule)) &&
      words.every((word) => row.$search.includes(word)));
    const key = KEYS[state.key];
    if (!key) return;
    const sign = state.down ? -1 : 1;
    // Rows without a value come last in both directions; equal rows keep the order they came in.
    shown.sort((one, two) => {
      const a = key(one), b = key(two);
      const noA = a === null || a === undefined, noB = b === null || b === undefined;
      if (noA || noB) return noA - noB || one.$index - two.$index;
      return sign * (typeof a === "number" && typeof b === "number" ? a - b : collator.compare(String(a), String(b))) || one.$index - two.$index;
    });
  };

  // --- table ------------------------------------------------------------------------------------------------------------
  const body = $("body");
  const cell = (label, className, text) => element("td", { class: className, role: "cell", "data-label": label, text });
  const changed = (row) => typeof row.inflation_ratio === "number" && Math.abs(row.inflation_ratio - 1) > 5e-5;
  // A date at the front stays in one piece, and lines break after underscores.
  const nameParts = (name) => {
    const date = /^\d{4}-\d{2}-\d{2}_/.exec(name);
    const rest = date ? name.slice(date[0].length) : name;
    const parts = rest.slice(0, 400).split(/(?<=_)/).flatMap((piece) => [document.createElement("wbr"), visible(piece)]);
    if (rest.length > 400) parts.push(visible(`… (${count(rest.length - 400)} more characters)`));
    return date ? [element("span", { class: "whole", text: date[0] }), ...parts] : parts.slice(1);
  };
  const makeRow = (row) => {
    const opener = element("button", { class: "opener", type: "button", "aria-expanded": "false", text: row.pr === null ? NOTHING : `#${row.pr}` });
    opener.setAttribute("aria-label", visible(`Evidence for ${row.pr === null ? "" : `pull request ${row.pr}, `}${row.$base}`));
    const made = element("tr", { class: "row", role: "row", "data-index": row.$index },
      element("td", { role: "cell", class: "c-pr" }, opener),
      element("td", { role: "cell", class: "name" }, ...nameParts(row.$base), row.$track ? element("span", { class: "track", text: row.$track }) : null),
      element("td", { role: "cell", class: "c-verdict" }, badge(row.verdict)),
      cell("Reported", "number c-value", decimals(row.reported_bpb, 5)),
      cell("Ratio", `number c-ratio${changed(row) ? " changed" : ""}`, decimals(row.inflation_ratio, 4)),
      cell("Corrected", `number c-value${changed(row) ? " changed" : ""}`, decimals(row.corrected_bpb, 5)),
      cell("Bytes / token", "number c-bytes", decimals(row.bytes_per_token, 4)),
      element("td", { role: "cell", class: "c-tokenizer", text: row.tokenizer || NOTHING }),
      element("td", { role: "cell", class: "c-reasons reasons-cell", text: row.$rules.join(", ") || NOTHING }));
    return made;
  };
  const render = (upTo) => {
    const part = document.createDocumentFragment();
    const end = Math.min(shown.length, upTo);
    for (; rendered < end; rendered += 1) {
      const row = shown[rendered];
      const made = makeRow(row);
      part.append(made);
      if (opened.has(row.$index)) part.append(expand(made, row));
    }
    body.append(part);
    $("more").hidden = rendered >= shown.length;
    $("rest").textContent = `${count(rendered)} of ${count(shown.length)} rows drawn`;
    $("above").hidden = start === 0;
    $("earlier").textContent = `Draw the ${count(start)} rows above`;
  };
  const restart = (from, upTo) => {
    body.replaceChildren();
    start = rendered = from;
    render(upTo);
  };
  const refresh = () => {
    select();
    restart(0, BATCH);
    const filtered = shown.length !== rows.length;
    $("shown").textContent = filtered ? `${count(shown.length)} of ${count(rows.length)} submissions` : `${count(rows.length)} submissions`;
    $("none").hidden = shown.length > 0;
    $("none-filtered").hidden = rows.length === 0;
    $("none-at-all").hidden = rows.length > 0;
    $("table").hidden = shown.length === 0;
    $("clear").hidden = !filtered;
    $("csv").disabled = $("json").disabled = shown.length === 0;
    for (const tile of document.querySelectorAll(".tile")) tile.setAttribute("aria-pressed", String(tile.dataset.verdict === state.verdict));
    for (const head of document.querySelectorAll("th[data-key]")) {
      if (head.dataset.key === state.key) head.setAttribute("aria-sort", state.down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
    $("order").value = state.key ? `${state.key}:${state.down ? "down" : "up"}` : "";
    schedulePlots();
  };

  // --- one submission's evidence ----------------------------------------------------------------------------------------
  const PUBLISHED = new Set(["version", "pr", "folder", "script", "script_sha256", "lut_status", "lut_bug_detections", "byte_source", "eval_status",
    "packed_layers", "evidence", "tokenizer", "reported_bpb", "log_bpb", "bytes_per_token", "fingerprint_status", "inflation_ratio", "corrected_bpb", "verdict", "reasons"]);
  const facts = (pairs) => {
    const list = element("dl");
    for (const [name, value, className] of pairs) {
      if (value === null || value === undefined || value === "") continue;
      list.append(element("dt", { text: name }), element("dd", { class: className || "", text: value }));
    }
    return list;
  };
  const label = (name) => { const words = name.replaceAll("_", " ").replace("sha256", "SHA-256"); return words.charAt(0).toUpperCase() + words.slice(1); };
  const plainValue = (value) => {
    if (typeof value === "number") return Number.isInteger(value) ? count(value) : String(Number(value.toPrecision(7)));
    if (Array.isArray(value) && value.every((item) => typeof item !== "object" || item === null)) return value.map(plainValue).join(", ");
    return typeof value === "object" && value !== null ? JSON.stringify(value) : value;
  };
  const remark = (status, detail) => (detail ? `${status} (${detail})` : status);
  const inkOf = (status) => ({ BUGGY: "flagged-ink", DEVIATES: "flagged-ink", OBFUSCATED: "warning-ink", CORRECT: "verified-ink", CANONICAL: "verified-ink", MATCHES: "verified-ink" })[status] || "";
  const evidence = (row) => {
    const made = element("section", { class: "evidence", id: row.$id, tabindex: "-1" });
    const title = row.title || row.$base;
    made.append(element("h2", { text: row.pr === null ? title : `#${row.pr}  ${title}` }));
    made.append(element("p", {}, badge(row.verdict), ` ${MEANING[row.verdict] || ""}`));
    const part = (name, value, className) => element("div", {}, element("span", { class: `value ${className || ""}`, text: value }), element("span", { class: "name", text: name }));
    const sign = (text) => element("span", { class: "sign", "aria-hidden": "true", text });
    const sum = element("div", { class: "sum" });
    if (typeof row.reported_bpb === "number") sum.append(part("reported bpb", decimals(row.reported_bpb, 5)));
    if (typeof row.inflation_ratio === "number") sum.append(sum.hasChildNodes() ? sign("×") : "", part("inflation ratio", decimals(row.inflation_ratio, 4)));
    if (typeof row.corrected_bpb === "number") sum.append(sum.hasChildNodes() ? sign("=") : "", part("corrected bpb", decimals(row.corrected_bpb, 5), changed(row) ? "flagged-ink" : ""));
    else if (typeof row.reported_bpb === "number") sum.append(part("corrected bpb", row.verdict === "FLAGGED" ? "not known" : NOTHING));
    made.append(sum);
    const left = element("div", {}, element("h3", { text: "What was established" }), facts([
      ["Tables", remark(row.lut_status, row.evidence), inkOf(row.lut_status)],
      ["Deviations", row.lut_bug_detections.join(", ")],
      ["Eval loop", row.eval_status, inkOf(row.eval_status)],
      ["Byte source", row.byte_source],
      ["Bytes per token", remark(row.fingerprint_status, typeof row.bytes_per_token === "number" ? decimals(row.bytes_per_token, 4) : ""), inkOf(row.fingerprint_status)],
      ["Bpb in the logs", typeof row.log_bpb === "number" ? decimals(row.log_bpb, 5) : ""],
      ["Tokenizer", row.tokenizer],
      ["Packed as", row.packed_layers.join(" → ")],
    ]), element("h3", { text: "What was read" }), facts([
      ["Folder", row.folder, "mono"],
      ["Script", row.script, "mono"],
      ["SHA-256", row.script_sha256, "mono"],
      ...Object.entries(row).filter(([name]) => !PUBLISHED.has(name) && !name.startsWith("$") && !["title", "missing"].includes(name))
        .map(([name, value]) => [label(name), plainValue(value), /(sha256|head|base|commit)$/.test(name) ? "mono" : ""]),
    ]));
    if (row.pr !== null && data.repository) {
      const link = element("a", { href: `https://github.com/${data.repository}/pull/${Number(row.pr)}`, rel: "noopener noreferrer", text: `Pull request #${row.pr}` });
      left.append(element("p", {}, link));
    }
    const right = element("div", {}, element("h3", { text: row.reasons.length ? `Reasons (${row.reasons.length})` : "Reasons" }));
    if (row.reasons.length) {
      const list = element("ul", { class: "findings" });
      for (const reason of row.reasons) {
        list.append(element("li", { class: ["error", "warning", "note"].includes(reason.severity) ? reason.severity : "" },
          element("span", { class: "rule", text: reason.rule }), ` ${visible(reason.severity)}, ${visible(reason.confidence)}`,
          element("span", { class: "message", text: reason.message }),
          reason.path ? element("span", { class: "where mono", text: reason.line ? `${reason.path}:${reason.line}` : reason.path }) : null));
      }
      right.append(list);
    } else right.append(element("p", { class: "muted", text: "Nothing was found that speaks against this result." }));
    const missing = Array.isArray(row.missing) ? row.missing : [];
    if (missing.length) right.append(element("h3", { text: "Missing evidence" }), ...missing.map((item) => element("p", { text: item })));
    made.append(element("div", { class: "columns" }, left, right));
    return made;
  };
  const expand = (tableRow, row) => {
    tableRow.classList.add("open");
    const opener = tableRow.querySelector(".opener");
    opener.setAttribute("aria-expanded", "true");
    opener.setAttribute("aria-controls", row.$id);
    return element("tr", { class: "detail", role: "row" }, element("td", { colspan: "9", role: "cell" }, evidence(row)));
  };
  const rowElement = (index) => body.querySelector(`tr.row[data-index="${index}"]`);
  const open = (index) => {
    const made = rowElement(index);
    opened.add(index);
    if (made && !made.classList.contains("open")) made.after(expand(made, rows[index]));
  };
  const close = (index) => {
    const made = rowElement(index);
    opened.delete(index);
    if (!made || !made.classList.contains("open")) return;
    made.classList.remove("open");
    const opener = made.querySelector(".opener");
    opener.setAttribute("aria-expanded", "false");
    opener.removeAttribute("aria-controls");
    made.nextElementSibling.remove();
  };
  const address = (hash) => { try { history.replaceState(null, "", hash || location.pathname + location.search); } catch { /* some viewers forbid it */ } };
  const reveal = (index) => {
    // A deep link must work whatever is filtered: show the row's neighbours as they are, or clear the filter.
    if (!shown.includes(rows[index])) { clearFilter(); refresh(); }
    const position = shown.indexOf(rows[index]);
    if (position < start || position >= rendered + BATCH) restart(Math.max(0, position - 5), position + 40);
    else if (position >= rendered) render(position + 20);
    open(index);
    rowElement(index).scrollIntoView({ block: "start" });
    $(rows[index].$id).focus({ preventScroll: true });
  };
  const followHash = () => {
    let wanted = "";
    try { wanted = decodeURIComponent(location.hash.slice(1)); } catch { return; }
    const row = wanted && rows.find((candidate) => candidate.$id === wanted);
    if (row) reveal(row.$index);
  };
  body.addEventListener("click", (event) => {
    const made = event.target.closest("tr.row");
    if (!made) return;
    // Marking text in a row is no click on it; the button always is one.
    const marked = getSelection();
    if (!event.target.closest(".opener") && !marked.isCollapsed && made.contains(marked.anchorNode)) return;
    const index = Number(made.dataset.index);
    if (made.classList.contains("open")) { close(index); address(""); } else { open(index); address(`#${rows[index].$id}`); }
  });
  body.addEventListener("keydown", (event) => {
    const section = event.key === "Escape" && event.target.closest("tr.detail");
    if (!section) return;
    const made = section.previousElementSibling;
    close(Number(made.dataset.index));
    made.querySelector(".opener").focus();
  });

  // --- plots ------------------------------------------------------------------------------------------------------------
  const quantile = (sorted, q) => sorted[Math.min(sorted.length - 1, Math.max(0, Math.round(q * (sorted.length - 1))))];
  const ticks = (low, high, wanted) => {
    const raw = (high - low) / wanted;
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((s) => s >= raw) || raw;
    const made = [];
    for (let value = Math.ceil(low / step) * step; value <= high + step * 1e-9; value += step) made.push(value);
    return made;
  };
  const canvas = (host, label) => {
    const width = Math.max(280, Math.floor(host.clientWidth));
    const height = width < 420 ? 260 : 330;
    const root = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": label });
    host.replaceChildren(root);
    return { root, width, height };
  };
  const nothing = (root, width, height, text) => root.append(svg("text", { class: "empty", x: width / 2, y: height / 2, "text-anchor": "middle" }, text));
  const tooltip = (host, root, points, lines) => {
    const tip = element("div", { class: "tip", hidden: "" });
    const ring = svg("circle", { class: "focus", r: 6, visibility: "hidden" });
    host.append(tip);
    root.append(ring);
    const nearest = (event) => {
      const box = root.getBoundingClientRect();
      const scale = root.viewBox.baseVal.width / box.width;
      const x = (event.clientX - box.left) * scale, y = (event.clientY - box.top) * scale;
      let best = null, distance = 18 ** 2;
      for (const point of points) {
        const d = (point.x - x) ** 2 + (point.y - y) ** 2;
        if (d < distance) { best = point; distance = d; }
      }
      return best;
    };
    root.addEventListener("pointermove", (event) => {
      const point = nearest(event);
      tip.hidden = !point;
      root.classList.toggle("hot", Boolean(point));
      ring.setAttribute("visibility", point ? "visible" : "hidden");
      if (!point) return;
      ring.setAttribute("cx", point.x);
      ring.setAttribute("cy", point.y);
      tip.replaceChildren(...lines(point).map((line) => element("div", { text: line })));
      tip.style.left = `${Math.min(point.x + 10, host.clientWidth - tip.offsetWidth - 4)}px`;
      tip.style.top = `${Math.max(0, point.y - tip.offsetHeight - 10)}px`;
    });
    root.addEventListener("pointerleave", () => { tip.hidden = true; ring.setAttribute("visibility", "hidden"); });
    root.addEventListener("click", (event) => {
      const point = nearest(event);
      if (point) { address(`#${point.row.$id}`); reveal(point.row.$index); }
    });
  };

  const drawTime = () => {
    const host = $("time");
    const dated = shown.filter((row) => row.$date !== null).length >= shown.length * 0.6;
    // Many submissions share a day without a time: within it they stand side by side in the order they came in.
    if (dated) {
      const perDay = new Map(), seen = new Map();
      for (const row of rows) {
        row.$when = row.$date;
        if (row.$date !== null && row.$date % DAY === 0) perDay.set(row.$date, (perDay.get(row.$date) || 0) + 1);
      }
      for (const row of rows) {
        if (!perDay.has(row.$date)) continue;
        const rank = seen.get(row.$date) || 0;
        seen.set(row.$date, rank + 1);
        row.$when = row.$date + (DAY * 0.9 * (rank + 0.5)) / perDay.get(row.$date);
      }
    }
    const when = (row) => (dated ? row.$when : row.pr);
    const usable = shown.filter((row) => when(row) !== null && (typeof row.reported_bpb === "number" || typeof row.corrected_bpb === "number"));
    const { root, width, height } = canvas(host, `Reported and corrected bits per byte of ${usable.length} submissions over time; the table has every value.`);
    $("time-note").textContent = "";
    if (!usable.length) return nothing(root, width, height, "No submission here has both a value and a date or number.");
    const claimed = (row) => (typeof row.reported_bpb === "number" ? row.reported_bpb : row.corrected_bpb);
    const actual = (row) => (typeof row.corrected_bpb === "number" ? row.corrected_bpb : row.reported_bpb);
    const values = usable.flatMap((row) => [claimed(row), actual(row)]).sort((a, b) => a - b);
    // Tukey's fences: crashed runs and impossible claims must not press the contest into a line.
    const lower = quantile(values, 0.25), upper = quantile(values, 0.75), reach = Math.max(1.5 * (upper - lower), 0.01);
    let low = Math.max(values[0], lower - reach), high = Math.min(values[values.length - 1], upper + reach);
    const pad = Math.max((high - low) * 0.05, 0.005);
    low -= pad; high += pad;
    const times = usable.map(when);
    let first = Math.min(...times), last = Math.max(...times);
    if (first === last) { first -= 1; last += 1; }
    const box = { left: 44, right: width - 12, top: 10, bottom: height - 26 };
    const x = (row) => box.left + 6 + ((when(row) - first) / (last - first)) * (box.right - box.left - 12);
    const y = (value) => box.bottom - ((value - low) / (high - low)) * (box.bottom - box.top);
    for (const value of ticks(low, high, 6)) {
      root.append(svg("line", { class: "grid", x1: box.left, x2: box.right, y1: y(value), y2: y(value) }));
      root.append(svg("text", { x: box.left - 6, y: y(value) + 4, "text-anchor": "end" }, value.toFixed(high - low < 0.1 ? 3 : 2)));
    }
    root.append(svg("line", { class: "axis", x1: box.left, x2: box.right, y1: box.bottom, y2: box.bottom }));
    const labels = Math.max(2, Math.min(6, Math.floor(width / 110)));
    const month = new Intl.DateTimeFormat("en", { day: "numeric", month: "short", timeZone: "UTC" });
    for (let i = 0; i < labels; i += 1) {
      const value = first + ((last - first) * i) / (labels - 1);
      const at = box.left + 6 + (i / (labels - 1)) * (box.right - box.left - 12);
      root.append(svg("text", { x: at, y: height - 8, "text-anchor": i === 0 ? "start" : i === labels - 1 ? "end" : "middle" },
        dated ? month.format(value) : `#${Math.round(value)}`));
    }
    const clip = svg("clipPath", { id: "time-clip" });
    clip.append(svg("rect", { x: box.left, y: box.top, width: box.right - box.left, height: box.bottom - box.top }));
    const marks = svg("g", { "clip-path": "url(#time-clip)" });
    root.append(clip, marks);
    const ordered = usable.slice().sort((a, b) => when(a) - when(b) || a.$index - b.$index);
    const frontier = (members, value, className) => {
      let best = Infinity, path = "";
      for (const row of members) {
        if (!(value(row) < best)) continue;
        path += path ? `H${x(row).toFixed(1)}V${y(value(row)).toFixed(1)}` : `M${x(row).toFixed(1)} ${y(value(row)).toFixed(1)}`;
        best = value(row);
      }
      if (path) marks.append(svg("path", { class: className, d: `${path}H${box.right}` }));
    };
    const points = [];
    let outside = 0;
    const inside = (value) => value >= low && value <= high;
    const mark = (row, value, kind) => {
      if (!inside(value)) { outside += 1; return; }
      const px = x(row), py = y(value);
      points.push({ x: px, y: py, row, kind });
      if (kind === "reported") marks.append(svg("circle", { class: "reported", cx: px, cy: py, r: 2.8 }));
      else if (row.verdict === "FLAGGED") marks.append(svg("path", { class: typeof row.corrected_bpb === "number" ? "FLAGGED" : "uncorrected", d: `M${px} ${py - 4}l4 4-4 4-4-4Z` }));
      else marks.append(svg("circle", { class: row.verdict, cx: px, cy: py, r: row.verdict === "VERIFIED" ? 3 : 2.4 }));
    };
    const weight = { UNVERIFIED: 0, FLAGGED: 1, VERIFIED: 2 };
    const layered = ordered.slice().sort((a, b) => weight[a.verdict] - weight[b.verdict]);
    for (const row of layered) {
      if (changed(row) && typeof row.reported_bpb === "number" && typeof row.corrected_bpb === "number") {
        marks.append(svg("line", { class: "link", x1: x(row), x2: x(row), y1: y(row.reported_bpb), y2: y(row.corrected_bpb) }));
        mark(row, row.reported_bpb, "reported");
      }
      mark(row, actual(row), "corrected");
    }
    // A claim of 0.0001 would end this line at once: only what the plot shows can be read from it.
    frontier(ordered.filter((row) => typeof row.reported_bpb === "number" && inside(row.reported_bpb)), claimed, "claimed");
    frontier(ordered.filter((row) => row.verdict === "VERIFIED"), actual, "frontier");
    if (outside) $("time-note").textContent = ` ${count(outside)} values lie outside the range that is shown.`;
    tooltip(host, root, points, (point) => [
      `${point.row.pr === null ? "" : `#${point.row.pr} `}${point.row.$base}`,
      `${point.row.verdict}: reported ${decimals(point.row.reported_bpb, 5)}, corrected ${decimals(point.row.corrected_bpb, 5)}`,
    ]);
  };

  const drawBytes = () => {
    const host = $("bytes");
    const usable = shown.filter((row) => typeof row.bytes_per_token === "number" && row.bytes_per_token > 0);
    const { root, width, height } = canvas(host, `Histogram of implied bytes per token of ${usable.length} submissions; the table has every value.`);
    $("bytes-note").textContent = "";
    if (!usable.length) return nothing(root, width, height, "No submission here implies bytes per token.");
    const values = usable.map((row) => row.bytes_per_token).sort((a, b) => a - b);
    const known = data.constants.map((constant) => constant.bytes_per_token);
    // All constants, and ratios of up to 1.35 beyond the largest: the known families lie there.
    const low = Math.floor(Math.max(Math.min(...known) * 0.9, Math.min(...known, values[0]) - 0.1) * 10) / 10;
    const high = Math.ceil(Math.min(Math.max(...known) * 1.35, Math.max(...known, values[values.length - 1]) + 0.1) * 10) / 10;
    const box = { left: 38, right: width - 10, top: 44, bottom: height - 26 };
    const bins = Math.max(24, Math.floor((box.right - box.left) / 5));
    const size = (high - low) / bins;
    const counts = Array.from({ length: bins }, () => ({ MATCHES: 0, DEVIATES: 0, UNKNOWN: 0, all: 0 }));
    let outside = 0;
    for (const row of usable) {
      const bin = Math.floor((row.bytes_per_token - low) / size);
      if (bin < 0 || bin >= bins) { outside += 1; continue; }
      counts[bin].all += 1;
      counts[bin][row.fingerprint_status in counts[bin] ? row.fingerprint_status : "UNKNOWN"] += 1;
    }
    const tallest = Math.max(1, ...counts.map((bin) => bin.all));
    const x = (value) => box.left + ((value - low) / (high - low)) * (box.right - box.left);
    const tall = (n) => (Math.log10(1 + n) / Math.log10(1 + tallest)) * (box.bottom - box.top);
    for (const n of [1, 10, 100, 1000, 10000].filter((value) => value <= tallest)) {
      const at = box.bottom - tall(n);
      root.append(svg("line", { class: "grid", x1: box.left, x2: box.right, y1: at, y2: at }));
      root.append(svg("text", { x: box.left - 6, y: at + 4, "text-anchor": "end" }, count(n)));
    }
    counts.forEach((bin, index) => {
      let at = box.bottom;
      for (const status of ["MATCHES", "DEVIATES", "UNKNOWN"]) {
        if (!bin[status]) continue;
        const part = (tall(bin.all) * bin[status]) / bin.all;
        at -= part;
        root.append(svg("rect", { class: status, x: x(low + index * size) + 0.5, y: at, width: Math.max(1, x(low + size) - x(low) - 1), height: part }));
      }
    });
    root.append(svg("line", { class: "axis", x1: box.left, x2: box.right, y1: box.bottom, y2: box.bottom }));
    for (const value of ticks(low, high, Math.max(3, Math.floor(width / 90)))) {
      root.append(svg("text", { x: x(value), y: height - 8, "text-anchor": "middle" }, value.toFixed(1)));
    }
    // Labels of the constants: one of three lines each, the first where it does not touch its neighbour.
    const ends = [-Infinity, -Infinity, -Infinity];
    for (const constant of data.constants.slice().sort((a, b) => a.bytes_per_token - b.bytes_per_token)) {
      const at = x(constant.bytes_per_token);
      const wide = constant.label.length * 6 + 8;
      const start = Math.min(Math.max(0, at - wide / 2), width - wide);
      const line = Math.max(0, ends.findIndex((end) => end <= start));
      ends[line] = start + wide;
      const top = 40 - line * 13;
      root.append(svg("line", { class: "constant", x1: at, x2: at, y1: top + 2, y2: box.bottom }));
      root.append(svg("text", { class: "constant-label", x: start + wide / 2, y: top, "text-anchor": "middle" }, constant.label));
    }
    if (outside) $("bytes-note").textContent = ` ${count(outside)} values lie outside the range that is shown.`;
  };

  let pending = 0;
  const schedulePlots = () => {
    cancelAnimationFrame(pending);
    pending = requestAnimationFrame(() => { drawTime(); drawBytes(); });
  };

  // --- downloads --------------------------------------------------------------------------------------------------------
  const COLUMNS = ["pr", "folder", "script", "script_sha256", "verdict", "lut_status", "lut_bug_detections", "byte_source", "eval_status", "packed_layers",
    "evidence", "tokenizer", "reported_bpb", "log_bpb", "bytes_per_token", "fingerprint_status", "inflation_ratio", "corrected_bpb"];
  const csvCell = (value) => {
    if (value === null || value === undefined) return "";
    if (typeof value === "number") return String(value);
    const text = Array.isArray(value) ? value.join("; ") : String(value);
    // A spreadsheet must not take a hostile name for a formula.
    const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  const plain = (row) => Object.fromEntries(Object.entries(row).filter(([name]) => !name.startsWith("$")));
  const save = (name, type, text) => {
    const url = URL.createObjectURL(new Blob([text], { type }));
    const link = element("a", { href: url, download: name });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(url), 60000);
  };
  $("csv").addEventListener("click", () => {
    const lines = [[...COLUMNS, "reasons"], ...shown.map((row) => [...COLUMNS.map((name) => row[name]), row.$rules])];
    save("pgolf-audit.csv", "text/csv;charset=utf-8", lines.map((line) => line.map(csvCell).join(",")).join("\r\n") + "\r\n");
  });
  $("json").addEventListener("click", () => save("pgolf-audit.json", "application/json", JSON.stringify(shown.map(plain), null, 1)));

  // --- controls ---------------------------------------------------------------------------------------------------------
  const fill = (list, values) => values.forEach(([value, number]) => {
    const option = element("option", { value, text: `${value} (${number})` });
    list.append(option);
  });
  const tally = (lists) => {
    const found = new Map();
    for (const list of lists) for (const value of list) if (value) found.set(value, (found.get(value) || 0) + 1);
    return [...found].sort((a, b) => b[1] - a[1] || collator.compare(a[0], b[0])).slice(0, 200);
  };
  fill($("tokenizer"), tally(rows.map((row) => [row.tokenizer])));
  fill($("rule"), tally(rows.map((row) => row.$rules)));
  const clearFilter = () => {
    Object.assign(state, { text: "", verdict: "", tokenizer: "", rule: "" });
    for (const id of ["search", "tokenizer", "rule"]) $(id).value = "";
  };
  let typing = 0;
  $("search").addEventListener("input", () => { clearTimeout(typing); typing = setTimeout(() => { state.text = $("search").value; refresh(); }, 120); });
  $("tokenizer").addEventListener("change", () => { state.tokenizer = $("tokenizer").value; refresh(); });
  $("rule").addEventListener("change", () => { state.rule = $("rule").value; refresh(); });
  $("order").addEventListener("change", () => { const [key, way] = $("order").value.split(":"); state.key = key; state.down = way === "down"; refresh(); });
  for (const id of ["clear", "clear-too"]) $(id).addEventListener("click", () => { clearFilter(); refresh(); $("search").focus(); });
  for (const tile of document.querySelectorAll(".tile")) {
    tile.addEventListener("click", () => { state.verdict = state.verdict === tile.dataset.verdict ? "" : tile.dataset.verdict; refresh(); });
  }
  for (const head of document.querySelectorAll("th[data-key]")) {
    head.firstElementChild.addEventListener("click", () => {
      if (state.key === head.dataset.key) state.down = !state.down;
      else { state.key = head.dataset.key; state.down = false; }
      refresh();
    });
  }
  const drawAll = () => { if (start) restart(0, Infinity); else render(Infinity); };
  $("all").addEventListener("click", drawAll);
  $("earlier").addEventListener("click", () => {
    // The rows that are read stay where they are on the screen.
    const index = shown[start].$index;
    const before = rowElement(index).getBoundingClientRect().top;
    restart(0, rendered);
    scrollBy(0, rowElement(index).getBoundingClientRect().top - before);
  });
  new IntersectionObserver((entries) => { if (entries.some((entry) => entry.isIntersecting) && rendered < shown.length) render(rendered + BATCH); }, { rootMargin: "600px" }).observe($("more"));
  addEventListener("beforeprint", drawAll);
  addEventListener("hashchange", followHash);
  addEventListener("keydown", (event) => {
    if (event.key === "/" && !event.target.closest("input, select, textarea") && !event.ctrlKey && !event.metaKey) { event.preventDefault(); $("search").focus(); }
  });
  let wide = innerWidth;
  addEventListener("resize", () => { if (innerWidth !== wide) { wide = innerWidth; schedulePlots(); } });

  refresh();
  followHash();
})();
