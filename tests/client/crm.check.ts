// The helper in Node: node crm.check.js http://127.0.0.1:8000 USERNAME PASSWORD. Prints what it saw as JSON.
import { createCrm, type Options } from "./crm";
import { CrmError } from "./crm-error";

declare const process: { argv: string[] };

const [url = "", username = "", password = ""] = process.argv.slice(2);
const stored = new Map<string, string>();
const store = {
  getItem: (name: string) => stored.get(name) ?? null,
  setItem: (name: string, value: string) => void stored.set(name, value),
  removeItem: (name: string) => void stored.delete(name),
};
const crm = createCrm(url, store);
const seen: Record<string, unknown> = {};

/** What a call is refused with. */
async function refusal(call: Promise<unknown>): Promise<CrmError> {
  const error = await call.then(() => null, (error: unknown) => error);
  if (!(error instanceof CrmError)) throw new Error(`No CrmError: ${error}`);
  return error;
}

seen.wrong = (await refusal(crm.login(username, "wrong password"))).status;
seen.anonymous = (await refusal(crm.send("GET", "/api/users/me"))).status;
await crm.login(username, password);

// The first try of each request is carried out, and its reply lost.
const { fetch } = globalThis;
let requests = 0;
globalThis.fetch = async (...given) => {
  requests += 1;
  const reply = await fetch(...given);
  if (requests % 2) throw new TypeError("connection reset");
  return reply;
};
const lead = { first_name: "John", last_name: "Smith", email: "john@example.com", phone: "" };
const created = await crm.send<{ id: number }>("POST", "/api/leads", { body: lead });
seen.replayed = created.headers.get("Idempotent-Replayed");
const found = await crm.send<unknown[]>("GET", "/api/leads", { query: { status: ["new", "lost"], count: "exact" } });
seen.found = [found.data.length, found.headers.get("X-Total-Count")];

// A server that is busy says when to come back.
requests = 0;
globalThis.fetch = async (...given) => {
  requests += 1;
  if (requests >= 3) return fetch(...given);
  return new Response('{"detail": "busy"}', { status: 503, headers: { "Retry-After": "0" } });
};
seen.after_two_503 = (await crm.send<unknown[]>("GET", "/api/leads")).data.length;
requests = -9;
seen.always_503 = [(await refusal(crm.send("GET", "/api/leads"))).detail, requests];
globalThis.fetch = fetch;

// Two calls whose token has expired share one renewal.
const old = JSON.parse(store.getItem("crm-tokens") ?? "{}");
store.setItem("crm-tokens", JSON.stringify({ ...old, access_token: "expired" }));
await Promise.all([crm.send("GET", "/api/users/me"), crm.send("GET", "/api/leads")]);
seen.renewed = JSON.parse(store.getItem("crm-tokens") ?? "{}").refresh_token !== old.refresh_token;

const refused = await refusal(crm.send("POST", "/api/leads", { body: { ...lead, email: "john", phone: null } }));
seen.fields = refused.fields;
const options: Options = { body: [lead, { ...lead, email: "j" }] };
seen.rows = Object.keys((await refusal(crm.send("POST", "/api/leads", options))).fields);
seen.deleted = (await crm.send("DELETE", `/api/leads/${created.data.id}`)).data;
await crm.logout();
seen.logged_out = [crm.isLoggedIn(), (await refusal(crm.send("GET", "/api/leads"))).status];
console.log(JSON.stringify(seen));
