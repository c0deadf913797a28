// The service worker: stores the book in reading order, and answers from it where no network does.
// Before it, the build writes self.BOOK: version, and files as [path, hash, title]. Those for later
// are what exercises in the page load: they are stored once a reader has used them.

/**
 * @typedef {object} Book
 * @property {string} version @property {[string, string, string][]} files
 * @property {[string, string, string][]} later
 */
const worker = /** @type {any} */ (self);
/** @type {Book} */
const book = worker.BOOK;
const PREFIX = "book-";
const HASH = "x-book-hash";
const DONE = "https://stored.invalid/"; // an entry of a copy that is whole
const EXERCISE = /\/exercises\/([^/]+)\.json$/; // its name

/** @type {Promise<void> | null} */
let storing = null;

/** @param {string} path */
const place = (path) => new URL(path, worker.registration.scope).href;

/** @param {string} name @param {string} path */
const stored = async (name, path) => (await caches.open(name)).match(place(path));

/** The copies on this device: whole ones first. */
async function copies() {
  const names = (await caches.keys()).filter((name) => name.startsWith(PREFIX));
  const whole = await Promise.all(
    names.map(async (name) => Boolean(await (await caches.open(name)).match(DONE))),
  );
  return names
    .map((name, k) => ({ name, whole: whole[k] }))
    .toSorted((a, b) => Number(b.whole) - Number(a.whole));
}

/** @param {unknown} message */
async function say(message) {
  for (const client of await worker.clients.matchAll({ includeUncontrolled: true })) {
    client.postMessage(message, []); // a worker's client takes no origin
  }
}

/** The first letters of a file's SHA-256. @param {ArrayBuffer} body */
async function hashOf(body) {
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", body));
  return Array.from(bytes.slice(0, 8), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * One file into a copy, from another copy if it is the same there. Throws where it cannot be had, or
 * is of another build: then this copy stays unfinished, and the one that was whole stays.
 * @param {Cache} into @param {string[]} others @param {[string, string, string]} file
 */
async function storeFile(into, others, [path, hash]) {
  const url = place(path);
  if (await into.match(url)) return;
  for (const name of others) {
    const there = await (await caches.open(name)).match(url);
    if (there?.headers.get(HASH) === hash) return into.put(url, there);
  }
  const answer = await fetch(url, { cache: "no-cache" });
  if (!answer.ok) throw new Error(`${answer.status}: ${path}`);
  const body = await answer.arrayBuffer();
  if ((await hashOf(body)) !== hash) throw new Error(`of another build: ${path}`);
  const headers = { "content-type": answer.headers.get("content-type") ?? "", [HASH]: hash };
  const packed = new Blob([body]).stream().pipeThrough(new CompressionStream("gzip"));
  return into.put(url, new Response(packed, { headers }));
}

/** What is stored of a request, unpacked. @param {string} name @param {Request} request */
async function unpacked(name, request) {
  const there = await (await caches.open(name)).match(request, { ignoreSearch: true });
  if (!there?.body || !there.headers.has(HASH)) return there;
  const body = there.body.pipeThrough(new DecompressionStream("gzip"));
  return new Response(body, {
    headers: { "content-type": there.headers.get("content-type") ?? "" },
  });
}

/** Whether one of these copies has a file. @param {string[]} names @param {string} path */
const inOne = async (names, path) =>
  (await Promise.all(names.map((name) => stored(name, path)))).some(Boolean);

/** Whether a worker of another build is about to take over. */
const newer = () => Boolean(worker.registration.installing ?? worker.registration.waiting);

/** Go on where an interruption left off. */
async function store() {
  if (newer()) return;
  const name = PREFIX + book.version;
  const into = await caches.open(name);
  const others = (await copies()).map((one) => one.name).filter((one) => one !== name);
  try {
    if (!(await into.match(DONE))) {
      for (const file of book.files) await storeFile(into, others, file);
      for (const file of book.later) {
        if (await inOne(others, file[0])) await storeFile(into, others, file);
      }
      await into.put(DONE, new Response(book.version));
    }
    if (newer()) return;
    await Promise.all(others.map((other) => caches.delete(other)));
    await say({ offline: "ready" });
  } catch (error) {
    const full = /** @type {Error} */ (error).name === "QuotaExceededError";
    await say({ offline: full ? "full" : "interrupted" });
  }
}

/** Store what these exercises load, beside the book. @param {string[]} exercises by name */
async function keep(exercises) {
  const into = await caches.open(PREFIX + book.version);
  for (const file of book.later) {
    const of = file[0].match(EXERCISE);
    if (!of || exercises.includes(of[1])) await storeFile(into, [], file);
  }
}

/** @param {string} text */
const safe = (text) => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

/** What is shown for a page that is not on this device: which ones are. */
async function notStored() {
  const [copy] = await copies();
  const here = await Promise.all(
    book.files.map(async ([path, , title]) => title && copy && (await stored(copy.name, path))),
  );
  const links = book.files
    .filter((_, k) => here[k])
    .map(([path, , title]) => `<li><a href="${place(path)}">${safe(title)}</a></li>`);
  const text = links.length ? "These pages are:" : "No page of the book is.";
  const html = `<!DOCTYPE html><html lang="en"><meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1"><title>Not stored</title>
    <style>:root { color-scheme: light dark } body { max-width: 40rem; margin: 2rem auto;
    padding: 0 1rem; font: 1.1rem/1.5 system-ui, sans-serif }</style><main><h1>You are offline</h1>
    <p>This page is not stored on this device. ${text}</p><ul>${links.join("")}</ul></main></html>`;
  return new Response(html, { status: 503, headers: { "content-type": "text/html" } });
}

/** From the network, so that no page is stale; where there is none, from this device. @param {Request} request */
async function answer(request) {
  try {
    return await fetch(request);
  } catch (error) {
    for (const { name } of await copies()) {
      const there = await unpacked(name, request);
      if (there) return there;
    }
    if (request.mode === "navigate") return notStored();
    throw error;
  }
}

worker.addEventListener("install", () => worker.skipWaiting());
worker.addEventListener("activate", (/** @type {any} */ event) =>
  event.waitUntil(worker.clients.claim()),
);
worker.addEventListener("message", (/** @type {any} */ event) => {
  if (event.data?.keep) event.waitUntil(keep(event.data.keep).catch(() => {})); // they work without
  if (event.data !== "store") return;
  storing ??= store().finally(() => {
    storing = null;
  });
  event.waitUntil(storing);
});
worker.addEventListener("fetch", (/** @type {any} */ event) => {
  const { request } = event;
  if (request.method === "GET" && request.url.startsWith(worker.registration.scope)) {
    event.respondWith(answer(request));
  }
});
