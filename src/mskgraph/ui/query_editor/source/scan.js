// What stands where in a SPARQL text, be it whole or half written: its words, not its grammar.

const LETTER = "A-Za-z\\u00C0-\\u00D6\\u00D8-\\u00F6\\u00F8-\\u02FF\\u0370-\\u037D\\u037F-\\u1FFF\\u200C\\u200D" +
  "\\u2070-\\u218F\\u2C00-\\u2FEF\\u3001-\\uD7FF\\uF900-\\uFDCF\\uFDF0-\\uFFFD\\u{10000}-\\u{EFFFF}";
const MORE = `${LETTER}_0-9\\u00B7\\u0300-\\u036F\\u203F\\u2040`;

const PREFIX_NAME = new RegExp(`^[${LETTER}](?:[${MORE}.-]*[${MORE}-])?$`, "u");
const LOCAL_NAME = new RegExp(`^[${LETTER}_:0-9](?:[${MORE}.:-]*[${MORE}:-])?$`, "u");
const IRI = /^[^<>"{}|^`\\\u0000-\u0020]+$/;

/** Whether this may stand before the colon of a prefixed name. */
export const isPrefixName = (text) => PREFIX_NAME.test(text);
/** Whether this may stand after the colon, without escapes. */
export const isLocalName = (text) => LOCAL_NAME.test(text);
/** Whether this may stand between angle brackets. */
export const isIri = (text) => IRI.test(text);

// In the order in which they are tried. A string or an IRI that is still open ends with its line, a long string with
// the text.
const TOKENS = {
  comment: "#[^\\n]*",
  iri: "<[^<>\"{}|^`\\\\\\s]*>|<[A-Za-z][A-Za-z0-9+.-]*:[^<>\"{}|^`\\\\\\s]*",
  long: "\"\"\"(?:[^\"\\\\]|\\\\[^]|\"(?!\"\"))*(?:\"\"\"|$)|'''(?:[^'\\\\]|\\\\[^]|'(?!''))*(?:'''|$)",
  short: "\"(?:[^\"\\\\\\n]|\\\\.)*\"?|'(?:[^'\\\\\\n]|\\\\.)*'?",
  variable: `[?$][${MORE}]+`,
  name: `(?:[${LETTER}][${MORE}.-]*)?:(?:[${MORE}.:%-]*[${MORE}:%-])?`,
  word: `[@${MORE}][${MORE}-]*`,
  bracket: "[()\\[\\]{}]",
  space: "\\s+",
  other: "[^]",
};
const KINDS = Object.keys(TOKENS);
const TOKEN = new RegExp(KINDS.map((kind) => `(${TOKENS[kind]})`).join("|"), "uy");

/** The pieces of a text, in order: {kind, from, to, text}. Spaces are left out. */
export function* tokens(text) {
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const from = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    const kind = KINDS[match.findIndex((part, place) => place > 0 && part !== undefined) - 1];
    const to = TOKEN.lastIndex;
    if (kind !== "space") yield { kind, from, to, text: match[0] };
    TOKEN.lastIndex = to; // whoever reads this may have begun another text in between
  }
}

/** Whether what is typed at the end of this text is a comment, or within a string or an IRI. */
export function endsInText(text) {
  let last = null;
  for (const token of tokens(text)) last = token;
  if (last === null || last.to < text.length) return false;
  switch (last.kind) {
    case "comment": return true;
    case "iri": return !last.text.endsWith(">");
    case "short": return last.text.length < 2 || last.text.at(-1) !== last.text[0];
    case "long": return last.text.length < 6 || last.text.slice(-3) !== last.text.slice(0, 3);
    default: return false;
  }
}

/** The head of a query: its prefixes (name -> namespace) and where the next declaration goes. */
export function prologue(text) {
  const declared = new Map();
  const found = [...tokens(text)].filter(({ kind }) => kind !== "comment");
  let place = 0;
  let end = null;
  while (place < found.length && found[place].kind === "word") {
    const word = found[place].text.toUpperCase();
    const iri = found[place + (word === "PREFIX" ? 2 : 1)];
    if (!["PREFIX", "BASE"].includes(word) || iri?.kind !== "iri") break;
    if (word === "PREFIX") declared.set(found[place + 1].text.slice(0, -1), iri.text.slice(1, -1));
    end = iri.to;
    place += word === "PREFIX" ? 3 : 2;
  }
  return { declared, end, start: found.length ? found[0].from : text.length };
}

/** Every variable of a text, with its mark, each once. */
export function variables(text) {
  return [...new Set([...tokens(text)].filter(({ kind }) => kind === "variable").map((token) => token.text))];
}

const CLOSING = { "(": ")", "[": "]", "{": "}" };

/** Brackets without their other half: {from, to, text, opens}. */
export function oddBrackets(text) {
  const open = [];
  const odd = [];
  for (const token of tokens(text)) {
    if (token.kind !== "bracket") continue;
    if (token.text in CLOSING) {
      open.push(token);
      continue;
    }
    // One that closes an outer bracket leaves the inner ones open: theirs is the fault.
    const match = open.findLastIndex((bracket) => CLOSING[bracket.text] === token.text);
    if (match < 0) odd.push({ ...token, opens: false });
    else odd.push(...open.splice(match).slice(1).map((bracket) => ({ ...bracket, opens: true })));
  }
  return [...odd, ...open.map((bracket) => ({ ...bracket, opens: true }))].sort((a, b) => a.from - b.from);
}
