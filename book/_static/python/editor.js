// The editor of an answer: CodeMirror, loaded when a reader first touches one. A module of its own,
// since it imports CodeMirror's, which a page from disk may not.

/** @import { Editor } from "./answers.js" */

/** @param {string} name @returns {Promise<any>} */
const part = (name) => import(new URL(`editor/${name}.js`, import.meta.url).href);

async function load() {
  const [state, view, commands, language, autocomplete, python, highlight] = await Promise.all(
    [
      "codemirror-state",
      "codemirror-view",
      "codemirror-commands",
      "codemirror-language",
      "codemirror-autocomplete",
      "codemirror-lang-python",
      "lezer-highlight",
    ].map(part),
  );

  // The line that is wrong, until something is typed.
  const marking = state.StateEffect.define();
  const wrong = view.Decoration.line({ class: "marl-wrong-line" });
  const mark = state.StateField.define({
    create: () => view.Decoration.none,
    update(/** @type {any} */ marks, /** @type {any} */ change) {
      for (const effect of change.effects) {
        if (!effect.is(marking)) continue;
        const { doc } = change.state;
        if (effect.value === null || effect.value > doc.lines) return view.Decoration.none;
        return view.Decoration.set([wrong.range(doc.line(effect.value).from)]);
      }
      return change.docChanged ? view.Decoration.none : marks;
    },
    provide: (/** @type {any} */ field) => view.EditorView.decorations.from(field),
  });

  // Escape, then Tab leaves: within a minute, and until another key.
  const leave = (/** @type {any} */ editor) => {
    setTimeout(() => editor.setTabFocusMode(60_000));
    return false;
  };

  /**
   * An editor in the place of a text area, with its text, its selection and its name.
   * @param {HTMLTextAreaElement} area @param {{ label: string, note: string, changed: () => void }} how
   * @returns {Editor}
   */
  return (area, { label, note, changed }) => {
    const extensions = [
      mark,
      view.lineNumbers(),
      view.drawSelection(),
      view.EditorView.lineWrapping,
      commands.history(),
      language.indentOnInput(),
      language.indentUnit.of("    "),
      language.bracketMatching(),
      language.syntaxHighlighting(highlight.classHighlighter),
      autocomplete.closeBrackets(),
      python.pythonLanguage,
      view.keymap.of([
        { key: "Escape", run: leave },
        ...autocomplete.closeBracketsKeymap,
        commands.indentWithTab,
        ...commands.historyKeymap,
        ...commands.defaultKeymap,
      ]),
      view.EditorView.contentAttributes.of({ "aria-labelledby": label, "aria-describedby": note }),
      view.EditorView.domEventHandlers({
        blur: (/** @type {Event} */ _, /** @type {any} */ left) => left.setTabFocusMode(false),
      }),
      view.EditorView.updateListener.of((/** @type {any} */ update) => {
        if (update.docChanged) changed();
      }),
    ];
    const editor = new view.EditorView({
      state: state.EditorState.create({
        doc: area.value,
        selection: { anchor: area.selectionStart, head: area.selectionEnd },
        extensions,
      }),
    });
    const held = document.activeElement === area;
    area.replaceWith(editor.dom);
    if (held) editor.focus();
    return {
      text: () => editor.state.doc.toString(),
      replace(text) {
        editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: text } });
      },
      insert(text) {
        editor.dispatch(editor.state.replaceSelection(text));
        editor.focus();
      },
      indent() {
        commands.indentMore(editor);
        editor.focus();
      },
      mark(line) {
        editor.dispatch({ effects: marking.of(line) });
      },
    };
  };
}

/** @type {any} */ (globalThis).marlEditor = load();
