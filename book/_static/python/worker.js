// Python, beside the page: it loads Pyodide with numpy and the judge, then runs and grades what it
// is sent. The page ends it where code does not come to an end.

/**
 * What the page asks: to run a source alone, or to grade it by an exercise's data.
 * @typedef {{ id: number, source: string, data?: string }} Task
 */
{
  const worker = /** @type {any} */ (self);
  /** To the page. @param {object} message */
  const tell = (message) => worker.postMessage(message, []); // a worker's page takes no origin
  const JUDGE = "/judge";
  const ENTRY = "marl_edu.exercises.engine.in_page";

  /** @param {string} name */
  const place = (name) => new URL(name, worker.location.href).href;

  /** What is fetched, and the page is told how much of it has come. @param {any} fetchFile */
  const counting = (fetchFile) => {
    let seen = 0;
    /** @param {RequestInfo} file @param {RequestInit} [options] */
    return async (file, options) => {
      const answer = await fetchFile(file, options);
      if (!answer.ok || !answer.body) return answer;
      const counted = answer.body.pipeThrough(
        new TransformStream({
          transform(chunk, out) {
            seen += chunk.byteLength;
            tell({ loaded: seen });
            out.enqueue(chunk);
          },
        }),
      );
      return new Response(counted, answer);
    };
  };

  /** The judge's modules, as files of Python's. @param {any} python @param {Record<string, string>} modules */
  function write(python, modules) {
    for (const [path, text] of Object.entries(modules)) {
      const whole = `${JUDGE}/${path}`;
      python.FS.mkdirTree(whole.slice(0, whole.lastIndexOf("/")));
      python.FS.writeFile(whole, text);
    }
  }

  async function start() {
    const plain = worker.fetch;
    worker.fetch = counting(plain);
    worker.importScripts(place("pyodide/pyodide.js"));
    const silent = { stdin: () => null, stdout: () => {}, stderr: () => {} };
    const [python, judge] = await Promise.all([
      worker.loadPyodide({ indexURL: place("pyodide/"), packages: ["numpy"], ...silent }),
      worker.fetch(place("judge.json")).then((/** @type {Response} */ answer) => {
        if (!answer.ok) throw new Error(`judge.json: ${answer.status}`);
        return answer.json();
      }),
    ]);
    worker.fetch = plain;
    write(python, judge);
    python.runPython(`import sys; sys.path.insert(0, "${JUDGE}")`);
    return python.pyimport(ENTRY);
  }

  const starting = start();
  starting.then(
    () => tell({ ready: true }),
    (error) => tell({ failed: `${error}` }),
  );

  worker.addEventListener("message", async (/** @type {MessageEvent<Task>} */ { data: task }) => {
    const judge = await starting;
    try {
      const { source, data } = task;
      const result = data === undefined ? judge.ran(source) : judge.graded(data, source);
      tell({ id: task.id, result: JSON.parse(result) });
    } catch (error) {
      tell({ id: task.id, crashed: `${error}` }); // this Python is of no more use
    }
  });
}
