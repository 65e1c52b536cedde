// Calls the recipes of docs/api.md, which stand before this in one module, and shows what came of it as JSON.
const seen = {};
await login(given.get("username"), given.get("password"));
tokens.access_token = "expired"; // the next call renews it
seen.me = (await (await call("/api/users/me")).json()).username === given.get("username");

const { fetch: send } = window;
let tries = 0;
window.fetch = async (...request) => {
  const reply = await send(...request);
  if (tries++ === 0) throw new TypeError("the reply was lost");
  return reply;
};
const lead = { first_name: "Ann", last_name: "A", email: "", phone: "555" };
const created = await create(lead);
seen.created = [created.status, created.headers.get("Idempotent-Replayed"), tries];
window.fetch = send;
await create({ ...lead, last_name: "B" });
await create({ ...lead, last_name: "C", status: "lost" });

const { rows, total } = await page({ number: 1, size: 2, sort: "name", statuses: ["new", "lost"] });
seen.page = [rows.map(({ last_name }) => last_name), total];
seen.edited = (await setStatus(rows, "contacted")).changed.map(({ status }) => status);
seen.moved = (await setStatus(rows, "closed")).moved.length;
seen.today = (await createdToday("America/Chicago")).length;
document.querySelector("#seen").textContent = JSON.stringify(seen);
createRoot(document.querySelector("#form")).render(<LeadForm onSaved={({ id }) => (document.title = `Lead ${id}`)} />);
