// This file is a charger made of `ocpp-rpc`; it guards that strict mode checks every message against its schema.
import { readFileSync } from "node:fs";
import { basic, conversation, Journal, large, library, orders, password, say, validators } from "./journal.mjs";

const { RPCClient } = library("ocpp-rpc");
const DEADLINE_MS = 20000;
const secure = orders.profile >= 2;
const named = (path, identity) => readFileSync(path.replace("{identity}", identity));
const tls = (ca, identity) => ({
  ...(secure && { ca: readFileSync(ca) }),
  ...(identity && orders.profile === 3 && { cert: named(orders.certificate, identity), key: named(orders.key, identity) }),
});

function client(identity, version, { secret = password, ca = orders.ca, identified = true, pingIntervalMs = 0 } = {}) {
  return new RPCClient({
    endpoint: orders.url,
    identity,
    protocols: [version],
    strictMode: true,
    strictModeValidators: validators(),
    reconnect: false,
    pingIntervalMs,
    callTimeoutMs: 10000,
    ...(basic && { password: secret }),
    wsOpts: { ...tls(ca, identified && identity), perMessageDeflate: true },
  });
}

async function refused(journal, what, identity, version, how) {
  try {
    await client(identity, version, how).connect();
    journal.add(what, "let in");
  } catch (error) {
    if (error.response) {
      journal.add(what, `${error.code} ${error.message}`);
      journal.fields("refusal", error.response.rawHeaders);
    } else {
      journal.add(what, "syscall" in error || /^(ERR_SSL|ECONNRESET|EPIPE)|CERT|UNABLE/.test(error.code ?? "") ? "no handshake" : error.message);
    }
  }
}

// The server may find out only after its side of the TLS handshake: then the end comes as the first thing that is read.
async function play(journal, version) {
  await refused(journal, "unknown", `nobody-${version}`, version);
  await refused(journal, "busy", `busy-${version}`, version);
  if (basic) await refused(journal, "wrong password", `CP-${version}`, version, { secret: "wrong" });
  if (secure) await refused(journal, "untrusted server", `CP-${version}`, version, { ca: orders.stranger_ca });
  if (orders.profile === 3) await refused(journal, "no certificate", `CP-${version}`, version, { identified: false });
  const stranger = new RPCClient({ endpoint: orders.url, identity: `CP-${version}`, protocols: ["ocpp9.9"], reconnect: false,
    ...(basic && { password }), wsOpts: tls(orders.ca, `CP-${version}`) });
  await stranger.connect().then(() => stranger.close(), (error) => journal.add("no common version", error.message));
  await converse(journal, version);
}

async function converse(journal, version) {
  const talk = conversation[version];
  const charger = client(`CP-${version}`, version, { pingIntervalMs: 700 });
  const closed = new Promise((done) => charger.on("close", done));
  charger.on("message", ({ message, outbound }) => outbound || journal.message(message));
  charger.on("badMessage", ({ error }) => journal.add("bad message", error.rpcErrorCode ?? error.name));
  charger.on("strictValidationFailure", ({ method, error }) => journal.add("schema", `${method} ${error.rpcErrorCode}`));
  let answered = 0;
  const all = new Promise((done) => {
    charger.on("response", ({ outbound }) => {
      if (outbound && ++answered === talk.csms_calls.length) setImmediate(done);
    });
  });
  for (const [action, answer] of Object.entries(talk.charger_answers)) charger.handle(action, () => answer);
  const ponged = new Promise((done) => charger.once("ping", done));
  const { response } = await charger.connect();
  journal.fields("response", response.rawHeaders);
  journal.add("subprotocol", charger.protocol);
  await ponged;
  journal.add("pong", "came");
  charger.reconfigure({ pingIntervalMs: 0 });
  for (const [action, params] of talk.charger_calls) {
    await call(journal, charger, action, params.data === "LARGE" ? { ...params, data: large } : params);
    if (params.messageId === "call-me") await all;
  }
  await call(journal, charger, "Heartbeat", { not: "in the schema" });
  for (const text of conversation.odd_texts) {
    charger.sendRaw(text);
    await call(journal, charger, "Heartbeat", {});
  }
  await charger.close({ code: 1000, reason: "done" });
  const { code, reason } = await closed;
  journal.add("close", `${code} ${reason}`);
}

async function call(journal, charger, action, params) {
  try {
    journal.add("result", `${action} ${JSON.stringify(await charger.call(action, params))}`);
  } catch (error) {
    journal.add("result", `${action} ${error.rpcErrorCode ?? error.name} ${error.message}`);
  }
}

for (const version of orders.cases) {
  const journal = new Journal(version);
  const late = setTimeout(() => {
    process.stderr.write(`${version} took too long after ${JSON.stringify(journal.facts.at(-1))}\n`);
    process.exit(1);
  }, DEADLINE_MS);
  await play(journal, version);
  clearTimeout(late);
  journal.add("end", "the scenario is complete");
  say({ case: version, facts: journal.facts });
}
process.exit(0);
