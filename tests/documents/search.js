// Asks the site's own search, as a browser would: node search.js SITE WORD... prints the first pages of each word as JSON.
const fs = require("fs");
const path = require("path");
const vm = require("vm");

const [site, ...words] = process.argv.slice(2);
const nothing = () => undefined;
const context = vm.createContext({
  _: (text) => text,
  console,
  document: { getElementById: () => ({}) },
  localStorage: { setItem: nothing },
  setTimeout: nothing,
  _ready: nothing,
  SPHINX_HIGHLIGHT_ENABLED: false,
});
context.window = context; // as in a browser: what is put there is a global name
for (const name of ["documentation_options.js", "language_data.js", "searchtools.js"]) {
  vm.runInContext(fs.readFileSync(path.join(site, "_static", name), "utf8"), context);
}
vm.runInContext(fs.readFileSync(path.join(site, "searchindex.js"), "utf8"), context);
const asked = `(word) => Search._performSearch(...Search._parseQuery(word)).map(([page]) => page)`;
const pages = vm.runInContext(asked, context);
// Sphinx sorts the best to the end, and takes results from there.
console.log(JSON.stringify(Object.fromEntries(words.map((word) => [word, pages(word).reverse().slice(0, 3)]))));
