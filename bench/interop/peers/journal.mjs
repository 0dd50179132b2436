// This file is how a Node peer reports; it guards the form that journal.py gives to the same facts.
import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

const TEXT_MAX = 4096;
const DRAIN_MS = 8000;

export const orders = JSON.parse(process.argv[2]);
export const conversation = JSON.parse(readFileSync(new URL("conversation.json", import.meta.url)));
export const versions = ["ocpp2.1", "ocpp2.0.1", "ocpp1.6"];
export const password = Buffer.concat([Buffer.from("gr"), Buffer.from([0xfc]), Buffer.from("n"), Buffer.from([0xff]), Buffer.from("-0123456789abc")]);
// Its program takes a password only as UTF-8 in a URL.
export const passwordOf = (identity) => (identity.endsWith("-tool") ? Buffer.from("0123456789abcdefghij") : password);
export const large = "\u00e4".repeat(150000);
export const basic = orders.profile === 1 || orders.profile === 2;
// The libraries are where the bench has installed them, not beside this file.
export const library = createRequire(`${orders.modules}/`);

// The library's schemas of 2.1 have ids that its own lookup does not find (Request for .req); so they are named anew.
export function validators() {
  const named = (id) => id.replace(/Request$/, ".req").replace(/Response$/, ".conf");
  const schemas = library("ocpp-rpc/lib/schemas/ocpp2_1.json").map((each) => ({ ...each, $id: named(each.$id) }));
  return [library("ocpp-rpc").createValidator("ocpp2.1", schemas)];
}

export class Journal {
  constructor(identity = "") {
    this.identity = identity;
    this.facts = [];
  }

  add(kind, value) {
    this.facts.push([kind, String(value)]);
  }

  fields(kind, raw) {
    const pairs = [];
    for (let at = 0; at < raw.length; at += 2) pairs.push([raw[at].toLowerCase(), raw[at + 1]]);
    for (const [name, value] of pairs.sort()) this.add(`${kind} ${name}`, value);
  }

  message(text) {
    const [head] = text.match(/^\[\d+, *"[^"]*"/) ?? [""];
    const rest = Buffer.from(text.slice(head.length));
    if ([...text].length <= TEXT_MAX) this.add("text", text);
    else this.add("text", `${head}${rest.length} bytes, sha256 ${createHash("sha256").update(rest).digest("hex")}`);
  }
}

export function say(what) {
  process.stdout.write(`${JSON.stringify(what)}\n`);
}

export class Connections {
  constructor() {
    this.journals = [];
    this.open = 0;
  }

  opened(identity) {
    const journal = new Journal(identity);
    this.open += 1;
    this.journals.push(journal);
    return journal;
  }

  closed() {
    this.open -= 1;
  }

  async report() {
    for await (const _ of createInterface({ input: process.stdin })) {
      const deadline = Date.now() + DRAIN_MS;
      while (this.open > 0 && Date.now() < deadline) await new Promise((go) => setTimeout(go, 10));
      if (this.open > 0) this.journals.push({ identity: "", facts: [["error", `${this.open} have not ended`]] });
      say(this.journals);
      this.journals = [];
    }
  }
}
