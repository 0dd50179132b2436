// This file is a CSMS made of `ocpp-rpc`; it guards that strict mode checks every message against its schema.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { basic, Connections, conversation, library, orders, passwordOf, say, validators, versions } from "./journal.mjs";

const { RPCServer } = library("ocpp-rpc");
const connections = new Connections();
const journals = new WeakMap();
const server = new RPCServer({
  protocols: versions,
  strictMode: true,
  strictModeValidators: validators(),
  pingIntervalMs: 0,
  wssOptions: { perMessageDeflate: true },
});

server.auth((accept, reject, handshake) => {
  const { request, identity, protocols } = handshake;
  const journal = connections.opened(identity);
  journal.add("request", request.url);
  journal.fields("request", request.rawHeaders);
  if (orders.profile === 3) journal.add("client certificate", request.socket.getPeerCertificate().subject.CN);
  const refuse = (code, message) => {
    journal.add("refused", code);
    connections.closed();
    reject(code, message);
  };
  if (identity.startsWith("nobody")) return refuse(404, "Nobody");
  if (identity.startsWith("busy")) return refuse(503, "Busy");
  if (basic && !handshake.password?.equals(passwordOf(identity))) return refuse(401, "Not you");
  journals.set(handshake, journal);
  // Where nothing is agreed, the library completes the handshake and the client hangs up (OCPP-J 1.6, 3.1.2).
  return accept({}, versions.find((version) => protocols.has(version)) ?? false);
});

server.on("client", (client) => {
  const journal = journals.get(client.handshake);
  journal.add("subprotocol", client.protocol);
  client.on("message", ({ message, outbound }) => outbound || journal.message(message));
  client.on("badMessage", ({ error }) => journal.add("bad message", error.rpcErrorCode ?? error.name));
  client.on("strictValidationFailure", ({ method, error }) => journal.add("schema", `${method} ${error.rpcErrorCode}`));
  client.on("close", ({ code, reason }) => {
    journal.add("close", `${code} ${reason}`);
    connections.closed();
  });
  const talk = conversation[client.protocol];
  if (!talk) return;
  for (const [action, answer] of Object.entries(talk.csms_answers)) {
    client.handle(action, ({ params }) => {
      if (params.messageId === "call-me") setImmediate(() => makeCalls(client, talk, journal));
      return answer;
    });
  }
});

async function makeCalls(client, talk, journal) {
  for (const [action, params] of talk.csms_calls) {
    try {
      journal.add("result", `${action} ${JSON.stringify(await client.call(action, params))}`);
    } catch (error) {
      journal.add("result", `${action} ${error.rpcErrorCode ?? error.name} ${error.message}`);
    }
  }
}

const secure = orders.profile >= 2;
const web = secure
  ? createSecureServer({
      cert: readFileSync(orders.certificate),
      key: readFileSync(orders.key),
      ca: readFileSync(orders.ca),
      requestCert: orders.profile === 3,
      rejectUnauthorized: orders.profile === 3,
    })
  : createServer();
web.on("upgrade", server.handleUpgrade);
web.listen(0, "127.0.0.1", () => say({ port: web.address().port }));
await connections.report();
process.exit(0);
