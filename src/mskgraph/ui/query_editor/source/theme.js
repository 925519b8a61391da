// Colours of the text. They are variables of query_editor.css, which has a light and a dark value for each.
import { HighlightStyle } from "@codemirror/language";
import { EditorView } from "@codemirror/view";
import { styleTags, tags } from "@lezer/highlight";

const FUNCTIONS = "STR LANG LANGMATCHES DATATYPE BOUND IRI URI BNODE RAND ABS CEIL FLOOR ROUND CONCAT STRLEN UCASE LCASE " +
  "ENCODE_FOR_URI CONTAINS STRSTARTS STRENDS STRBEFORE STRAFTER YEAR MONTH DAY HOURS MINUTES SECONDS TIMEZONE TZ NOW UUID " +
  "STRUUID MD5 SHA1 SHA256 SHA384 SHA512 COALESCE IF STRLANG STRDT SAMETERM ISIRI ISURI ISBLANK ISLITERAL ISNUMERIC " +
  "SUBSTR REPLACE REGEX COUNT SUM MIN MAX AVG SAMPLE GROUP_CONCAT";

/** Names for what the grammar leaves without one: prefixed names, functions, language tags, numbers with a sign. */
export const names = styleTags({
  [FUNCTIONS]: tags.function(tags.name),
  A_predicate: tags.keyword,
  Var: tags.variableName,
  Pname_ln: tags.propertyName,
  Pname_ns: tags.namespace,
  IriRef: tags.url,
  VerbPath: tags.content,
  Iri: tags.content,
  "RDFLiteral/Iri": tags.content,
  String: tags.string,
  Langtag: tags.annotation,
  "Integer Decimal Double IntegerPositive DecimalPositive DoublePositive IntegerNegative DecimalNegative DoubleNegative":
    tags.number,
  Blank_node_label: tags.labelName,
});

export const highlighting = HighlightStyle.define([
  { tag: tags.keyword, color: "var(--keyword)", fontWeight: "600" },
  { tag: tags.function(tags.name), color: "var(--function)" },
  { tag: [tags.variableName, tags.labelName], color: "var(--variable)" },
  { tag: tags.propertyName, color: "var(--name)" },
  { tag: tags.namespace, color: "var(--name)" },
  { tag: tags.url, color: "var(--iri)" },
  { tag: tags.string, color: "var(--string)" },
  { tag: tags.annotation, color: "var(--number)" },
  { tag: [tags.number, tags.integer, tags.float, tags.bool], color: "var(--number)" },
  { tag: tags.comment, color: "var(--comment)", fontStyle: "italic" },
]);

const line = "color-mix(in srgb, var(--st-text-color) 22%, var(--st-background-color))";
const box = {
  border: "1px solid color-mix(in srgb, var(--st-text-color) 45%, var(--st-background-color))",
  borderRadius: "0.4rem",
  backgroundColor: "var(--st-background-color)",
  color: "var(--st-text-color)",
};

export const theme = EditorView.theme({
  "&": { height: "100%", fontSize: "0.9rem", color: "var(--st-text-color)", backgroundColor: "transparent" },
  "&.cm-focused": { outline: "none" }, // the frame around it has one
  ".cm-scroller": { fontFamily: "var(--st-code-font, monospace)", lineHeight: "1.55" },
  ".cm-content": { padding: "0.5rem 0", caretColor: "var(--st-text-color)" },
  ".cm-line": { padding: "0 0.75rem 0 0.5rem" },
  ".cm-cursor": { borderLeftColor: "var(--st-text-color)", borderLeftWidth: "2px" },
  ".cm-gutters": {
    backgroundColor: "var(--st-secondary-background-color)", color: "var(--comment)", borderRight: `1px solid ${line}`,
  },
  ".cm-activeLine": { backgroundColor: "var(--line)" },
  ".cm-activeLineGutter": { backgroundColor: "var(--line)", color: "var(--st-text-color)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground":
    { backgroundColor: "var(--selection)" },
  "&.cm-focused .cm-matchingBracket": { backgroundColor: "var(--selection)", outline: "1px solid var(--comment)" },
  "&.cm-focused .cm-nonmatchingBracket": { backgroundColor: "transparent", color: "var(--error)" },
  ".cm-placeholder": { color: "var(--comment)" },

  ".cm-lintRange-error": {
    backgroundImage: "none", textDecoration: "underline wavy var(--error) 1.5px", textUnderlineOffset: "3px",
    textDecorationSkipInk: "none",
  },
  ".cm-lintRange-active": { backgroundColor: "color-mix(in srgb, var(--error) 15%, transparent)" },
  ".cm-lintPoint-error:after": { borderBottomColor: "var(--error)" },
  ".cm-gutter-lint": { width: "1.1rem" },
  ".cm-gutter-lint .cm-gutterElement": { padding: "0.3rem 0 0 0.25rem" },
  ".cm-lint-marker": { width: "0.7rem", height: "0.7rem" },
  ".cm-lint-marker-error": { content: "none", borderRadius: "50%", backgroundColor: "var(--error)", display: "block" },
  ".cm-diagnostic": { padding: "0.35rem 0.6rem", fontFamily: "var(--st-font)", whiteSpace: "pre-wrap" },
  ".cm-diagnostic-error": { borderLeft: "4px solid var(--error)" },

  ".cm-tooltip": { ...box, boxShadow: "0 4px 16px rgb(0 0 0 / 0.18)", overflow: "hidden", zIndex: "1000" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": {
    fontFamily: "var(--st-font)", fontSize: "0.85rem", maxHeight: "17rem", maxWidth: "min(46rem, 92vw)",
    minWidth: "min(22rem, 88vw)",
  },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li": {
    display: "flex", flexWrap: "wrap", alignItems: "baseline", gap: "0 0.6rem", padding: "0.25rem 0.6rem",
    lineHeight: "1.4", whiteSpace: "normal",
  },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]": {
    backgroundColor: "var(--chosen)", color: "var(--st-text-color)", boxShadow: "inset 3px 0 var(--st-primary-color)",
  },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > completion-section": {
    display: "list-item", listStyle: "none", padding: "0.3rem 0.6rem 0.15rem", border: "none", opacity: "1",
    fontSize: "0.72rem", fontWeight: "600", letterSpacing: "0.04em", textTransform: "uppercase", color: "var(--comment)",
    backgroundColor: "var(--st-secondary-background-color)",
  },
  ".cm-tooltip.cm-tooltip-autocomplete-disabled > ul": { opacity: "0.75" },
  ".cm-completionLabel": { fontWeight: "500" },
  ".cm-completionMatchedText": { textDecoration: "none", fontWeight: "700" },
  ".cm-completionDetail": {
    marginLeft: "0", fontStyle: "normal", color: "var(--comment)", overflowWrap: "anywhere", order: "2",
  },
  ".cm-other": { color: "var(--comment)" },
  ".cm-other::before": { content: "'also: '" },
  ".cm-kind": {
    order: "1", padding: "0 0.4rem", borderRadius: "0.6rem", fontSize: "0.72rem", color: "var(--comment)",
    border: `1px solid ${line}`, backgroundColor: "var(--st-background-color)",
  },
  ".cm-curie": {
    order: "2", marginLeft: "auto", fontFamily: "var(--st-code-font, monospace)", fontSize: "0.78rem", color: "var(--name)",
    overflowWrap: "anywhere",
  },
});
