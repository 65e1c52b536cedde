// A day at the office through the generated client: node build/office.js http://127.0.0.1:8000
// It must compile under --strict and print what it saw as JSON.
import createClient, { type Middleware } from "openapi-fetch";
import type { components, paths } from "./build/api.js";

type Schemas = components["schemas"];

function sure<T>(reply: { data?: T; error?: unknown; response: Response }): T {
  if (reply.data === undefined) {
    throw new Error(`${reply.response.url}: ${reply.response.status} ${JSON.stringify(reply.error)}`);
  }
  return reply.data;
}

const client = createClient<paths>({ baseUrl: process.argv[2] ?? "" });
const name = `ts-${Date.now()}-${Math.random().toString(36).slice(2)}`;

const user: Schemas["UserOut"] = sure(
  await client.POST("/api/users/register", {
    body: { username: name, email: `${name}@example.com`, password: "pass123456", first_name: "Type", last_name: "Script" },
  }),
);

// What an app does with a form: the problems of a 422 are typed, the sentence of a 409 is.
const again = await client.POST("/api/users/register", {
  body: { username: name, email: `${name}@example.com`, password: "pass123456", first_name: "", last_name: "" },
});
const taken = again.error && typeof again.error.detail === "string" ? again.error.detail : "";
const bad = await client.POST("/api/users/login", { body: { username: name, password: "\0" } });
const problems: Schemas["ValidationError"][] =
  bad.error && typeof bad.error.detail !== "string" ? bad.error.detail : [];

const token = sure(
  await client.POST("/api/users/token", {
    body: { username: name, password: "pass123456" },
    headers: { "Content-Type": "application/x-www-form-urlencoded" },
  }),
);
const kind: "bearer" = token.token_type;
const bearer: Middleware = {
  onRequest({ request }) {
    request.headers.set("Authorization", `Bearer ${token.access_token}`);
  },
};
client.use(bearer);

// An app keeps its rows in its own types; the optional fields stay optional.
const rows: Schemas["LeadCreate"][] = [
  { first_name: "Alice", last_name: "Ng", email: "alice@example.com", phone: "+1-555-0101" },
  { first_name: "Miguel", last_name: "Ortiz", email: "", phone: "+1-555-0102", status: "contacted", budget_min: 300000, budget_max: 450000 },
];
const created = sure(await client.POST("/api/leads", { body: rows }));
if (!Array.isArray(created)) throw new Error("an array was sent, an object came back");
const [alice, miguel] = created;
if (!alice || !miguel) throw new Error("two leads were sent");

const changed: Schemas["LeadOut"] = sure(
  await client.PUT("/api/leads/{lead_id}", {
    params: { path: { lead_id: alice.id } },
    body: { status: "qualified", property_interest: null },
  }),
);
const activity = sure(
  await client.POST("/api/leads/{lead_id}/activities", {
    params: { path: { lead_id: alice.id } },
    body: { activity_type: "call", title: "Intro call", activity_date: "2025-10-03" },
  }),
);
if (Array.isArray(activity)) throw new Error("an object was sent, an array came back");

// Whose lead it is, what is next, and whether it may be called.
const path = { lead_id: alice.id };
await client.PUT("/api/leads/{lead_id}/owner", { params: { path }, body: { user_id: user.id } });
await client.PUT("/api/leads/{lead_id}/tags", { params: { path }, body: ["vip", "cash buyer"] });
const consent = sure(
  await client.POST("/api/leads/{lead_id}/consents", { params: { path }, body: { channel: "call", state: "revoked" } }),
);
const planned: Schemas["FollowUpOut"] = sure(
  await client.POST("/api/leads/{lead_id}/follow-ups", {
    params: { path },
    body: { title: "Send comps", kind: "email", due_on: "2030-01-31" },
  }),
);
const done = sure(
  await client.POST("/api/activities/follow-ups/{follow_up_id}/done", {
    params: { path: { follow_up_id: planned.id } },
    body: { activity: { activity_type: "email", title: "Sent comps", activity_date: "2025-10-04" } },
  }),
);
const labelled = sure(
  await client.GET("/api/leads/{lead_id}", { params: { path, query: { include: ["owner", "tags", "consent", "next_follow_up"] } } }),
);
const found = sure(await client.GET("/api/leads", { params: { query: { q: "ng", status: ["all"], page: 1, size: 10 } } }));
const gone = await client.DELETE("/api/leads/{lead_id}", { params: { path: { lead_id: miguel.id } } });
const stats: Schemas["DashboardStats"] = sure(await client.GET("/api/dashboard"));

const author: string = stats.recent_activities.find(({ id }) => id === activity.id)?.user_name ?? "";
const budget: number | null = miguel.budget_min;
console.log(
  JSON.stringify({
    user: user.username === name,
    taken,
    problems: problems.map(({ loc, type }) => [type, ...loc]),
    kind,
    created: created.map(({ first_name, status, source }) => [first_name, status, source]),
    budget,
    status: changed.status,
    found: found.map(({ id }) => id === alice.id),
    deleted: gone.response.status,
    author,
    labels: [labelled.owner?.id === user.id, labelled.tags, labelled.consent?.call, labelled.next_follow_up],
    consent: consent.state,
    done: done.follow_up.activity_id === done.activity?.id,
    total_leads: typeof stats.total_leads,
  }),
);

// The types say something: each of these is an error that the compiler must find.
export function wrong(): void {
  // @ts-expect-error a lead has a telephone number
  const lead: Schemas["LeadCreate"] = { first_name: "A", last_name: "B", email: "" };
  // @ts-expect-error a budget is a number
  const rich: Schemas["LeadCreate"] = { ...lead, budget_min: "300000" };
  // @ts-expect-error null is no name
  const update: Schemas["LeadUpdate"] = { first_name: null };
  // @ts-expect-error the day is a must
  const call: Schemas["ActivityCreate"] = { activity_type: "call", title: "Intro call" };
  // @ts-expect-error there is no such path
  void client.GET("/api/clients");
  // @ts-expect-error a budget may be null
  const budget: number = changed.budget_max;
  void [lead, rich, update, call, budget];
}
