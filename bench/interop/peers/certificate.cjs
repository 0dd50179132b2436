// This file gives `ocpp-ws-cli` a client certificate, for which it has no option; it guards that nothing else is changed.
const { readFileSync } = require("node:fs");
const tls = require("node:tls");

const connect = tls.connect;
const identity = { cert: readFileSync(process.env.INTEROP_CERTIFICATE), key: readFileSync(process.env.INTEROP_KEY) };
tls.connect = (options, ...rest) => connect.call(tls, { ...options, ...identity }, ...rest);
