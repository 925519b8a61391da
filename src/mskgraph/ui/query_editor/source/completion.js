// What can be offered while a query is typed: words of SPARQL, variables, prefixes, and terms of the graph by name.
import { pickedCompletion, startCompletion } from "@codemirror/autocomplete";

import { endsInText, isIri, isLocalName, isPrefixName, prologue, variables } from "./scan.js";

const WORDS = `ADD ALL AS ASC ASK BASE BIND BY CLEAR CONSTRUCT COPY CREATE DATA DEFAULT DELETE DESC DESCRIBE DISTINCT DROP
  EXISTS FILTER FROM GRAPH GROUP HAVING IN INSERT INTO LIMIT LOAD MINUS MOVE NAMED NOT OFFSET OPTIONAL ORDER PREFIX
  REDUCED SELECT SERVICE SILENT TO UNDEF UNION USING VALUES WHERE WITH false true`.split(/\s+/);
const FUNCTIONS = `ABS AVG BNODE BOUND CEIL COALESCE CONCAT CONTAINS COUNT DATATYPE DAY ENCODE_FOR_URI FLOOR GROUP_CONCAT
  HOURS IF IRI isBLANK isIRI isLITERAL isNUMERIC LANG LANGMATCHES LCASE MAX MD5 MIN MINUTES MONTH NOW RAND REGEX REPLACE
  ROUND sameTerm SAMPLE SECONDS SHA1 SHA256 SHA384 SHA512 STR STRAFTER STRBEFORE STRDT STRENDS STRLANG STRLEN STRSTARTS
  STRUUID SUBSTR SUM TIMEZONE TZ UCASE URI UUID YEAR`.split(/\s+/);
const RESERVED = new Set(["A", ...WORDS, ...FUNCTIONS].map((word) => word.toUpperCase()));

const LARGE = 200_000; // characters from which on a text is read too slowly to be read at every key
const TYPED = 3; // letters before terms are asked for; with Ctrl+Space one is enough
const WAIT = 120; // ms of rest before the server is asked
const WORDS_OF_A_NAME = 8;
const LIMIT = 20;
const KEPT = 200; // answers

const SECTIONS = Object.fromEntries(
  ["SPARQL", "Variables", "Prefixes", "Terms"].map((name, rank) => [name, { name, rank }]));

// A run of words up to the cursor. It begins at no variable, prefixed name, language tag or number with a point.
const RUN = /(?<![\p{L}\p{N}_?$:@.%^<\\-])[\p{L}\p{N}][\p{L}\p{N}'\u2019+-]*(?:[ \t]+[\p{L}\p{N}][\p{L}\p{N}'\u2019+-]*)*[ \t]?$/u;
const PREFIXED = /(?<![\p{L}\p{N}_?$:@<.-])([\p{L}][\p{L}\p{N}_.-]*)?:([\p{L}\p{N}_.-]*)$/u;
const WORD = /(?<![\p{L}\p{N}_?$:@<.-])[\p{L}_][\p{L}\p{N}_.-]*$/u;
const VARIABLE = /[?$][\p{L}\p{N}_]*$/u;

function before(context) {
  const line = context.state.doc.lineAt(context.pos);
  return line.text.slice(0, context.pos - line.from);
}

/** Whether nothing is to be offered here: within a string, a comment or an IRI. */
function quiet(context) {
  return context.state.doc.length > LARGE || endsInText(context.state.sliceDoc(0, context.pos));
}

const starts = (word, typed) => word.toUpperCase().startsWith(typed.toUpperCase());

// ---------------------------------------------------------------------------------------------- prefixes

/** The declaration of a prefix as a change of the text: after the others, else before the query. */
function declaration(text, name, namespace) {
  const { end, start } = prologue(text);
  const line = `PREFIX ${name}: <${namespace}>`;
  return end === null ? { from: start, insert: `${line}\n` } : { from: end, insert: `\n${line}` };
}

/**
 * How an IRI is written in a text: as a prefixed name if its last part can be one, with the prefixes that the text
 * declares before those that are known, else in full. Null if it cannot be written.
 */
export function written(iri, text, known) {
  const { declared } = prologue(text);
  const longestFirst = (pairs) => [...pairs].sort((a, b) => b[1].length - a[1].length);
  const fits = ([, namespace]) =>
    namespace !== "" && iri.startsWith(namespace) && isLocalName(iri.slice(namespace.length));
  const own = longestFirst(declared).find(fits);
  if (own) return { text: `${own[0]}:${iri.slice(own[1].length)}`, declare: null };
  const other = longestFirst(known).find((pair) => fits(pair) && !declared.has(pair[0]));
  if (other) return { text: `${other[0]}:${iri.slice(other[1].length)}`, declare: other };
  return isIri(iri) ? { text: `<${iri}>`, declare: null } : null;
}

/** Put a text in the place of what was typed, and a declaration into the head if one is needed: one step to undo. */
function put(view, completion, from, to, insert, declare, inward = 0) {
  const changes = view.state.changes([
    { from, to, insert },
    ...(declare ? [declaration(view.state.doc.toString(), ...declare)] : []),
  ]);
  view.dispatch({
    changes,
    selection: { anchor: changes.mapPos(to, 1) - inward },
    scrollIntoView: true,
    userEvent: "input.complete",
    annotations: pickedCompletion.of(completion),
  });
}

// ---------------------------------------------------------------------------------------------- words of the text

function wordOptions(typed, explicit) {
  const offered = (word) => starts(word, typed) && (explicit || word.toUpperCase() !== typed.toUpperCase());
  return [
    ...WORDS.filter(offered).map((label) => ({ label, section: SECTIONS.SPARQL, kindName: "keyword" })),
    ...FUNCTIONS.filter(offered).map((label) => ({
      label, section: SECTIONS.SPARQL, kindName: "function",
      apply: (view, completion, from, to) => put(view, completion, from, to, `${label}()`, null, 1),
    })),
  ];
}

function prefixOptions(typed, text, known) {
  const { declared } = prologue(text);
  const all = new Map([...known, ...declared]);
  return [...all].filter(([name]) => starts(name, typed)).map(([name, namespace]) => ({
    label: `${name}:`, detail: namespace, section: SECTIONS.Prefixes, kindName: "prefix",
    apply: (view, completion, from, to) => {
      put(view, completion, from, to, `${name}:`, declared.has(name) ? null : [name, namespace]);
      startCompletion(view); // what the prefix stands before
    },
  }));
}

/** Words of SPARQL, variables and prefixes: what needs no server. */
export function localSource(settings) {
  return (context) => {
    const line = before(context);
    const variable = VARIABLE.exec(line)?.[0];
    if (variable === undefined && PREFIXED.test(line)) return null;
    const word = variable === undefined ? (WORD.exec(line)?.[0] ?? "") : "";
    if (!context.explicit && variable === undefined && word.length < 2) return null;
    if (!word && variable === undefined && /[\p{L}\p{N}_@:]$/u.test(line)) return null; // the end of something else
    if (quiet(context)) return null;
    const from = context.pos - (variable ?? word).length;
    const text = context.state.doc.toString();
    const others = `${text.slice(0, from)} ${text.slice(context.pos)}`; // without what is being typed
    const options = variable === undefined
      ? [...wordOptions(word, context.explicit), ...prefixOptions(word, text, settings().prefixes)] : [];
    if (variable !== undefined || (context.explicit && !word)) {
      options.push(...variables(others).filter((name) => name.startsWith(variable ?? "")).map((label) => (
        { label, section: SECTIONS.Variables, kindName: "variable" })));
    }
    return options.length ? { from, options, filter: false } : null;
  };
}

// ---------------------------------------------------------------------------------------------- terms of the graph

/** What may name a term before the cursor: {from, typed}, places within the line, the longest first. */
function runs(line, explicit) {
  const found = RUN.exec(line);
  if (found === null) return [];
  const words = [...found[0].matchAll(/[^ \t]+/g)]
    .map((match) => ({ text: match[0], place: found.index + match.index }))
    .slice(-WORDS_OF_A_NAME);
  const reserved = (word) => RESERVED.has(word.text.toUpperCase());
  while (words.length > 1 && reserved(words[0])) words.shift(); // OPTIONAL soft tissue: the first is no part of the name
  if (!explicit && (words.length === 1 && reserved(words[0]))) return [];
  const all = words.map((word) => ({ from: word.place, typed: line.slice(word.place).trim() }));
  return all.filter(({ typed }) => /\p{L}/u.test(typed) && typed.length >= (explicit ? 1 : TYPED));
}

/** Where the words typed begin words of a label: marked in the list. */
function marks(label, typed) {
  const places = [];
  let end = 0;
  for (const word of typed.toLowerCase().split(/[\s-]+/).filter(Boolean)) {
    const place = label.toLowerCase().indexOf(word, end);
    if (place < 0) return [];
    places.push(place, place + word.length);
    end = place + word.length;
  }
  return places;
}

function isTerm(term) {
  return ["iri", "curie", "label", "kind", "matched"].every((field) => typeof term?.[field] === "string");
}

const pause = (signal, ms) => new Promise((done) => {
  const timer = setTimeout(done, ms);
  signal.addEventListener("abort", () => { clearTimeout(timer); done(); });
});

/** Terms whose names begin with the words typed, asked of this page's own server. */
export function termSource(settings) {
  const kept = new Map();

  async function ask(typed, signal) {
    const { address } = settings();
    if (kept.has(typed)) return kept.get(typed);
    address.searchParams.set("q", typed);
    address.searchParams.set("limit", String(LIMIT));
    const answer = await fetch(address, { signal, headers: { Accept: "application/json" }, redirect: "error" });
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
    const { terms, near } = await answer.json();
    const found = { terms: terms.filter(isTerm), near: near === true };
    kept.set(typed, found);
    if (kept.size > KEPT) kept.delete(kept.keys().next().value);
    return found;
  }

  function options(terms, text, typed) {
    const { prefixes } = settings();
    return terms.filter((term) => written(term.iri, text, prefixes)).map((term) => ({
      label: term.label,
      other: term.matched,
      curie: term.curie,
      kindName: term.kind,
      section: SECTIONS.Terms,
      typed,
      apply: (view, completion, from, to) => {
        const { text: insert, declare } = written(term.iri, view.state.doc.toString(), prefixes);
        put(view, completion, from, to, insert, declare);
      },
    }));
  }

  /** What a prefixed name being typed is to the server, which knows its own prefixes only. */
  function prefixed(line, text) {
    const found = PREFIXED.exec(line);
    if (found === null) return null;
    const { prefixes } = settings();
    const name = found[1] ?? "";
    const namespace = prologue(text).declared.get(name) ?? prefixes.get(name);
    const [known] = [...prefixes].find(([, each]) => each === namespace) ?? [];
    if (known === undefined) return { from: found.index, typed: "", namespace };
    return { from: found.index, typed: `${known}:${found[2]}`, namespace };
  }

  return async (context) => {
    const line = before(context);
    if (settings().address === null || quiet(context)) return null;
    const text = context.state.doc.toString();
    const name = prefixed(line, text);
    const tries = name === null ? runs(line, context.explicit) : [name].filter(({ typed }) => typed);
    if (!tries.length) return null;
    const stop = new AbortController();
    context.addEventListener("abort", () => stop.abort(), { onDocChange: true });
    if (!context.explicit) await pause(stop.signal, WAIT);
    try {
      let near = null;
      for (const { from, typed, namespace = "" } of tries) {
        if (context.aborted) return null;
        const found = await ask(typed.slice(0, 200), stop.signal);
        const terms = found.terms.filter(({ iri }) => iri.startsWith(namespace));
        const result = { from: context.pos - line.length + from, filter: false, options: options(terms, text, typed), getMatch };
        if (!found.near && result.options.length) return settings().say(""), result;
        near ??= found.near && result.options.length && namespace === "" ? result : null;
      }
      settings().say("");
      return near;
    } catch (error) {
      if (!stop.signal.aborted) settings().say("No completion of terms: the server does not answer.");
      return null;
    }
  };
}

function getMatch(completion) {
  return marks(completion.label, completion.typed);
}

// ---------------------------------------------------------------------------------------------- looks

function cell(className, text) {
  const element = document.createElement("span");
  element.className = className;
  element.textContent = text; // text from the graph stays text
  return element;
}

/** Columns of the list beside the label: the name that fitted, the kind, the written form. */
export const columns = [
  {
    position: 55,
    render: (option) => (option.other && option.other !== option.label && option.other !== option.curie
      ? cell("cm-other", option.other) : null),
  },
  { position: 60, render: (option) => cell("cm-kind", option.kindName ?? "") },
  { position: 65, render: (option) => (option.curie ? cell("cm-curie", option.curie) : null) },
];

export const isKnownPrefix = ([name, namespace]) => isPrefixName(name) && isIri(namespace);
