// A field for SPARQL queries: CodeMirror, with completion from the graph and marks for what is wrong.
//
// The browser owns the text while it is edited. Python replaces it by sending another revision, and hears of it by the
// state "text" (a moment after the last key, and when the focus leaves) and by the trigger "run".
import { acceptCompletion, autocompletion, closeBrackets, closeBracketsKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentLess, indentMore } from "@codemirror/commands";
import { bracketMatching, indentUnit, LanguageSupport, syntaxHighlighting } from "@codemirror/language";
import { lintGutter, nextDiagnostic, previousDiagnostic, setDiagnostics } from "@codemirror/lint";
import { EditorState, Prec } from "@codemirror/state";
import {
  drawSelection, EditorView, highlightActiveLine, highlightActiveLineGutter, keymap, lineNumbers,
} from "@codemirror/view";
import { SparqlLanguage } from "codemirror-lang-sparql";

import { columns, isKnownPrefix, localSource, termSource } from "./completion.js";
import { oddBrackets } from "./scan.js";
import { highlighting, names, theme } from "./theme.js";

const LONGEST = 1_000_000; // characters that Python accepts
const REPORT_AFTER = 400; // ms without a key
const JUDGE_AFTER = 600; // ms without a key before an open bracket is called a fault
const LARGE = 200_000; // characters from which on brackets are not counted
const MOST_PROBLEMS = 20;

/** One live editor per mount. */
const editors = new WeakMap();
/** Place on the page -> {revision, doc, judged}: outlives the mount, so that a text survives a page switch. */
const memory = new Map();

/** A text with the line ends that CodeMirror gives it. */
const plain = (text) => text.replace(/\r\n?/g, "\n");

class QueryEditor {
  constructor(root) {
    this.root = root;
    this.frame = root.querySelector(".frame");
    this.button = root.querySelector("button.run");
    this.list = root.querySelector(".problems");
    this.status = root.querySelector(".said");
    this.heard = root.querySelector(".heard");
    this.count = Date.now(); // no two messages are alike, in no mount: Streamlit calls back on a difference only
    this.asked = null; // count of the last run, whose error Python may still have to find
    this.told = "";
    this.said = "";
  }

  // --- life

  open(data) {
    const kept = memory.get(data.place);
    const same = kept?.revision === data.revision;
    this.place = data.place;
    this.revision = data.revision;
    this.label = data.label;
    this.known = plain(data.text); // what Python has of the text
    this.frame.style.height = `${data.height}px`;
    this.height = data.height;
    this.view = new EditorView({
      parent: this.frame,
      root: this.root.getRootNode(),
      state: EditorState.create({
        doc: same ? kept.doc : this.known, extensions: this.extensions(),
      }),
    });
    this.judged = same ? kept.judged : this.view.state.doc; // the text that an error is about
    this.frame.mskEditor = this.view; // for tests
    const apple = /Mac|iP(hone|ad|od)/.test(navigator.platform);
    this.root.querySelector("kbd").textContent = apple ? "⌘ Enter" : "Ctrl+Enter";
    this.button.onmousedown = (event) => event.preventDefault(); // the focus stays, so the text is not sent twice
    this.button.onclick = () => this.run();
    // A finger's tap takes the focus away only when it ends, at once with the click that it is: this comes before it.
    this.elsewhere = (event) => {
      if (this.view.hasFocus && !event.composedPath().includes(this.root)) this.report();
    };
    window.addEventListener("pointerdown", this.elsewhere, { capture: true, passive: true });
  }

  close() {
    this.remember();
    clearTimeout(this.reportTimer);
    clearTimeout(this.judgeTimer);
    window.removeEventListener("pointerdown", this.elsewhere, { capture: true });
    this.view.destroy();
    delete this.frame.mskEditor;
  }

  remember() {
    memory.set(this.place, { revision: this.revision, doc: this.view.state.doc, judged: this.judged });
  }

  text() {
    return this.view.state.doc.toString();
  }

  extensions() {
    const settings = () => this.settings;
    return [
      lineNumbers(),
      lintGutter(),
      history(),
      drawSelection(),
      indentUnit.of("  "),
      EditorView.lineWrapping,
      bracketMatching(),
      closeBrackets(),
      highlightActiveLine(),
      highlightActiveLineGutter(),
      new LanguageSupport(SparqlLanguage.configure({ props: [names] })),
      syntaxHighlighting(highlighting),
      autocompletion({
        override: [localSource(settings), termSource(settings)],
        addToOptions: columns,
        icons: false,
        activateOnTypingDelay: 60,
        maxRenderedOptions: 200,
      }),
      Prec.highest(keymap.of([
        { key: "Mod-Enter", run: () => this.run() },
        { key: "Ctrl-Enter", run: () => this.run() },
        { key: "Tab", run: acceptCompletion },
      ])),
      keymap.of([
        ...closeBracketsKeymap,
        ...defaultKeymap,
        ...historyKeymap,
        { key: "Tab", run: indentMore, shift: indentLess },
        { key: "F8", run: nextDiagnostic, shift: previousDiagnostic },
        { key: "Escape", run: () => this.letTabLeave() },
      ]),
      EditorView.contentAttributes.of(() => ({
        "aria-label": this.label, "aria-describedby": "query-keys", spellcheck: "false", autocapitalize: "off",
        autocorrect: "off", translate: "no", tabindex: "0",
      })),
      EditorView.domEventHandlers({
        keydown: (event, view) => {
          if (!["Tab", "Escape", "Shift", "Control", "Alt", "Meta"].includes(event.key)) view.setTabFocusMode(false);
        },
        blur: (event, view) => {
          view.setTabFocusMode(false);
          this.say("");
          this.report();
        },
      }),
      EditorView.updateListener.of((update) => {
        if (update.docChanged) this.changed();
      }),
      theme,
    ];
  }

  letTabLeave() {
    this.view.setTabFocusMode(true);
    this.say("Tab now leaves the editor.");
    return true;
  }

  // --- data from Python

  update(data) {
    const address = new URL(data.terms, document.baseURI);
    this.settings = {
      prefixes: new Map(Object.entries(data.prefixes).filter(isKnownPrefix)),
      get address() { // a fresh one, as it is written to
        return address.origin === location.origin ? new URL(address) : null;
      },
      say: (words) => this.say(words),
    };
    if (this.revision !== data.revision) this.replace(data);
    else if (this.text() !== this.known) this.reportSoon(); // kept from before a page switch
    this.label = data.label;
    this.reports = data.reports;
    this.button.hidden = !data.runs;
    if (this.height !== data.height) {
      this.height = data.height; // the reader may have dragged it to another one
      this.frame.style.height = `${data.height}px`;
    }
    // Until Python has seen to the last run, its error is about an earlier one.
    this.error = this.asked === null || this.asked === data.ran ? data.error : null;
    const told = JSON.stringify([this.error, data.ran, data.revision]);
    if (told !== this.told) this.judge(true); // else brackets being typed would be judged too early
    this.told = told;
  }

  replace({ revision, text }) {
    this.revision = revision;
    this.known = plain(text);
    this.asked = null;
    if (this.known !== this.text()) {
      const { length } = this.view.state.doc;
      this.view.dispatch({
        changes: { from: 0, to: length, insert: this.known }, selection: { anchor: 0 }, scrollIntoView: true,
      });
    }
    clearTimeout(this.reportTimer);
    this.judged = this.view.state.doc;
    this.remember();
  }

  // --- data to Python

  changed() {
    this.remember();
    this.say("");
    this.reportSoon();
    clearTimeout(this.judgeTimer);
    this.judgeTimer = setTimeout(() => this.judge(false), JUDGE_AFTER);
  }

  reportSoon() {
    clearTimeout(this.reportTimer);
    this.reportTimer = setTimeout(() => this.report(), REPORT_AFTER);
  }

  message() {
    const text = this.text();
    if (text.length > LONGEST) {
      this.say("The text is too long to be used: more than a million characters.");
      return null;
    }
    this.count += 1;
    return { text, revision: this.revision, count: this.count };
  }

  report() {
    clearTimeout(this.reportTimer);
    if (!this.reports || this.text() === this.known) return;
    const message = this.message();
    if (message === null) return;
    this.known = message.text;
    this.fire.state("text", message);
  }

  run() {
    clearTimeout(this.reportTimer);
    const message = this.button.hidden ? null : this.message();
    if (message === null) return true;
    this.known = message.text; // the trigger brings it along
    this.asked = message.count;
    this.judged = this.view.state.doc;
    this.remember();
    this.error = null;
    this.heard.textContent = ""; // so that the same one is told again
    this.judge(false);
    this.fire.trigger("run", message);
    return true;
  }

  // --- what is wrong

  /** Mark the server's error, as long as the text is the one it is about, and brackets without their other half. */
  judge(aloud) {
    const { doc } = this.view.state;
    const problems = [];
    const error = doc.eq(this.judged) ? this.error : null;
    if (error) problems.push(this.placed(error, doc));
    else if (doc.length <= LARGE) {
      const odd = oddBrackets(doc.toString()).slice(0, MOST_PROBLEMS);
      for (const { from, to, text, opens } of odd) {
        const { number, from: start } = doc.lineAt(from);
        const column = [...doc.sliceString(start, from)].length + 1;
        problems.push({
          from, to, line: number, column, message: opens ? `${text} is never closed.` : `Nothing opens this ${text}.`,
        });
      }
    }
    const marks = problems.map(({ from, to, message }) => ({ from, to, message, severity: "error" }));
    this.view.dispatch(setDiagnostics(this.view.state, marks));
    this.list.replaceChildren(...problems.map((problem) => this.entry(problem)));
    const words = error ? `Error in line ${error.line}, column ${error.column}: ${error.message}` : "";
    if (aloud && this.heard.textContent !== words) this.heard.textContent = words;
  }

  /** Where an error is in the text. Python counts characters, JavaScript halves of some. */
  placed({ line, column, message }, doc) {
    const at = doc.line(Math.min(Math.max(1, line), doc.lines));
    const ahead = [...at.text].slice(0, Math.max(0, column - 1)).join("").length;
    const [all, word] = /^\s*([\p{L}\p{N}_?$:@.-]+|\S)/u.exec(at.text.slice(ahead)) ?? ["", ""];
    const to = at.from + ahead + all.length;
    const from = Math.max(at.from, to - (word.length || 1)); // past the end: the last character
    return { from, to, line: at.number, column, message };
  }

  entry({ from, line, column, message }) {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = `Line ${line}, column ${column}`;
    button.title = "Go there";
    button.onclick = () => {
      this.view.dispatch({ selection: { anchor: Math.min(from, this.view.state.doc.length) }, scrollIntoView: true });
      this.view.focus();
    };
    const words = document.createElement("span");
    words.textContent = message;
    item.append(button, words);
    return item;
  }

  say(words) {
    if (words !== this.said) this.status.textContent = words;
    this.said = words;
  }
}

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  let editor = editors.get(parentElement);
  if (!editor) {
    editor = new QueryEditor(parentElement);
    editor.open(data);
    editors.set(parentElement, editor);
  }
  editor.fire = { state: setStateValue, trigger: setTriggerValue }; // Streamlit gives new ones every time
  editor.update(data);
  return () => {
    editors.delete(parentElement);
    editor.close();
  };
}
