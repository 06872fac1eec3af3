/** Which licences may be in what ships, and what a few packages say in other words than SPDX's. */

/** Licence → why it fits a product under Apache-2.0 that is installed as source packages. */
export const ALLOWED = {
  "0BSD": "asks for nothing",
  "Apache-2.0": "that of nominald; NOTICE files stay in the packages",
  "BSD-2-Clause": "text stays in the package",
  "BSD-3-Clause": "text stays in the package",
  "CC0-1.0": "asks for nothing",
  ISC: "text stays in the package",
  MIT: "text stays in the package",
  "LGPL-3.0-or-later": "libvips, which sharp loads as a library of its own that can be replaced",
};

/** Packages whose manifest does not say it in SPDX, by name and what they say. */
export const IN_OTHER_WORDS = { usearch: { "Apache 2.0": "Apache-2.0" } };

/** @returns the SPDX expression of a package */
export function licenceOf(name, stated) {
  return IN_OTHER_WORDS[name]?.[stated] ?? stated;
}

/**
 * @param expression of SPDX: names, AND, OR, brackets
 * @returns whether a choice of it is allowed throughout
 */
export function isAllowed(expression) {
  const tokens = expression.match(/\(|\)|[^\s()]+/g) ?? [];
  let at = 0;
  const one = () => {
    if (tokens[at] !== "(") return Object.hasOwn(ALLOWED, tokens[at++] ?? "");
    at++;
    const inner = either();
    return tokens[at++] === ")" && inner;
  };
  const both = () => {
    let allowed = one();
    while (tokens[at] === "AND") {
      at++;
      // Both sides are read, whatever the first says.
      allowed = one() && allowed;
    }
    return allowed;
  };
  const either = () => {
    let allowed = both();
    while (tokens[at] === "OR") {
      at++;
      allowed = both() || allowed;
    }
    return allowed;
  };
  const allowed = either();
  return allowed && at === tokens.length;
}
