// Settings of a figure that learns: those that are accepted, and what is said of the others.

/** Of each setting, all that it may be. @typedef {Record<string, (string | number)[]>} Options */

/**
 * Settings as they are accepted, and what is to be said of those that are not.
 * @template {Record<string, string | number>} S
 * @param {Record<string, unknown>} wanted @param {S} kept @param {Options} accepts
 */
export function accepted(wanted, kept, accepts) {
  /** @type {string[]} */
  const refused = [];
  const entries = Object.entries(accepts).map(([name, options]) => {
    const found = options.find((one) => String(one) === String(wanted[name]));
    if (found === undefined) {
      const word = String(wanted[name]).slice(0, 30);
      refused.push(`${name} “${word}” (it takes ${options.join(", ")}; kept: ${kept[name]})`);
    }
    return [name, found ?? kept[name]];
  });
  /** @type {S} */
  const settings = { ...kept, ...Object.fromEntries(entries) };
  return { settings, refused };
}

/** What a link asks for in vain, as a sentence. @param {string[]} refused */
export const complaintOf = (refused) =>
  refused.length ? `The link asks for ${refused.join(" and ")}.` : "";
