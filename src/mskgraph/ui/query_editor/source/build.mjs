// Puts the editor and the packages it stands on into ../frontend, from where it is served. Run by `make editor`.
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const target = join(here, "..", "frontend");

/** SHA-256 of all that the built files are made from; tests/test_query_editor.py computes the same. */
function fingerprint() {
  const hash = createHash("sha256");
  for (const name of readdirSync(here).filter((each) => /\.(js|mjs|json|css)$/.test(each)).sort()) {
    hash.update(`${name}\0`).update(readFileSync(join(here, name))).update("\0");
  }
  return hash.digest("hex");
}

const banner = `/* mskgraph query editor. Do not edit: made from ../source by make editor. Sources: sha256-${fingerprint()} */`;
const { metafile } = await build({
  absWorkingDir: here,
  entryPoints: { query_editor: "editor.js" },
  outdir: target,
  bundle: true,
  format: "esm",
  target: "es2022",
  minify: true,
  charset: "utf8",
  legalComments: "none", // they are all in query_editor.LICENSES.txt
  banner: { js: banner },
  metafile: true,
});
mkdirSync(target, { recursive: true });
writeFileSync(join(target, "query_editor.css"), `${banner}\n${readFileSync(join(here, "query_editor.css"), "utf8")}`);

const packages = new Set(Object.keys(metafile.inputs)
  .map((path) => /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1]).filter(Boolean));
const licences = [...packages].sort().map((name) => {
  const folder = join(here, "node_modules", name);
  const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
  if (file === undefined) throw new Error(`${name} comes without its licence`);
  return `${name} ${version} (${license})\n\n${readFileSync(join(folder, file), "utf8").trim()}\n`;
});
writeFileSync(join(target, "query_editor.LICENSES.txt"),
  `query_editor.js contains these packages.\n\n${licences.join(`\n${"-".repeat(80)}\n\n`)}`);
