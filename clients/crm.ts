// A `fetch` for the API of the CRM: it logs in and stays logged in, waits where the server asks for it, sends a POST so
// that it is carried out only once, and throws typed errors. It needs no other package.

import { CrmError } from "./crm-error";

export type Reply<T> = { data: T; headers: Headers };
export type Options = {
  query?: object; // a list is sent as a repeated parameter
  body?: unknown; // sent as JSON, unless it is a form
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
};
export type Crm = ReturnType<typeof createCrm>;
type Tokens = { access_token: string; refresh_token?: string };

const TRIES = 3;
const LONGEST_WAIT = 30; // seconds; a longer `Retry-After` is an error for the user to read
const TOKENS = "crm-tokens";
const WITHOUT_KEY = /^\/api\/(users|leads\/imports?)\b/; // their POST ignores an `Idempotency-Key`

export function createCrm(url: string, store: Pick<Storage, "getItem" | "setItem" | "removeItem"> = localStorage) {
  const tokens = (): Tokens | null => JSON.parse(store.getItem(TOKENS) ?? "null");

  /** Sends a request and returns its reply. Throws `CrmError`, and what `fetch` throws. */
  async function send<T>(method: string, path: string, options: Options = {}): Promise<Reply<T>> {
    const { query = {}, body, headers, signal } = options;
    const target = new URL(path, url);
    for (const [name, given] of Object.entries(query))
      for (const value of [given].flat()) if (value != null) target.searchParams.append(name, String(value));
    const isForm = body instanceof FormData;
    const sent = new Headers({ ...(body != null && !isForm && { "Content-Type": "application/json" }), ...headers });
    const isRepeatable = method === "GET" || (method === "POST" && !WITHOUT_KEY.test(path));
    if (method === "POST" && isRepeatable && !sent.has("Idempotency-Key")) sent.set("Idempotency-Key", newKey());
    const init = { method, headers: sent, body: body == null || isForm ? body : JSON.stringify(body), signal };
    for (let attempt = 1, isRenewed = false; ; attempt++) {
      const token = tokens()?.access_token;
      if (token) sent.set("Authorization", `Bearer ${token}`);
      const reply = await fetch(target, init as RequestInit).catch((failure: unknown) => {
        if (!isRepeatable || signal?.aborted || attempt >= TRIES) throw failure;
      });
      if (reply?.ok) return { data: JSON.parse((await reply.text()) || "null"), headers: reply.headers };
      if (reply?.status === 401 && token && !isRenewed && (isRenewed = await renew(token))) continue;
      const wait = Number(reply ? (reply.headers.get("Retry-After") ?? Infinity) : attempt);
      if (reply && (wait > LONGEST_WAIT || attempt >= TRIES)) throw await CrmError.of(reply);
      await new Promise((resolve) => setTimeout(resolve, wait * 1000));
    }
  }

  /** Renews the tokens, once for all calls and tabs of a secure page; whether there is another one than the refused. */
  async function renew(refused: string): Promise<boolean> {
    const locks = globalThis.navigator?.locks as LockManager | undefined;
    return locks ? locks.request(TOKENS, () => exchange(refused)) : exchange(refused);
  }

  async function exchange(refused: string): Promise<boolean> {
    const current = tokens();
    if (current?.access_token !== refused) return current !== null;
    const init = { method: "POST", body: new URLSearchParams({ refresh_token: current.refresh_token ?? "" }) };
    const reply = await fetch(new URL("/api/users/token/refresh", url), init);
    if (reply.status >= 429) throw await CrmError.of(reply); // the login goes on
    if (reply.ok) store.setItem(TOKENS, await reply.text());
    else store.removeItem(TOKENS);
    return reply.ok;
  }

  async function login(username: string, password: string): Promise<void> {
    store.removeItem(TOKENS);
    const { data } = await send("POST", "/api/users/login", { body: { username, password, scope: "offline_access" } });
    store.setItem(TOKENS, JSON.stringify(data));
  }
  async function logout(): Promise<void> {
    if (tokens()) await send("POST", "/api/users/logout").catch(() => undefined); // it may have ended before
    store.removeItem(TOKENS);
  }
  return { url, send, login, logout, isLoggedIn: () => tokens() !== null };
}

const newKey = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16)).join("-");
