// Says what the AsyncAPI parser has against each of several documents: a list of lines for each, empty where it is valid.
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";

const parser = new Parser();
const said = [];
for (const each of JSON.parse(readFileSync(0, "utf8"))) {
  const { document, diagnostics } = await parser.parse(each);
  const lines = diagnostics.map((found) => `${found.path.join(".")}: ${found.message}`);
  said.push(document || lines.length ? lines : ["no document"]);
}
console.log(JSON.stringify(said));
