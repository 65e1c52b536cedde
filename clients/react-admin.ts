// A react-admin data provider for `leads`, `activities` and `users`: <Admin dataProvider={dataProvider(crm)} …>.

import { type DataProvider, HttpError, type RaRecord } from "react-admin";
import type { Crm, Options, Reply } from "./crm";
import { CrmError } from "./crm-error";

// The API's word for a column's order, and for the filter of a reference.
const ORDERS: Record<string, string> = { last_name: "name", first_name: "name", budget_max: "budget" };
const TARGETS: Record<string, string> = { lead_id: "lead", user_id: "user" };
const EMPTY = { first_name: "", last_name: "", email: "", phone: "" }; // react-admin has null, or nothing, for these

const filled = (data: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(data).map(([name, v]) => [name, v == null && name in EMPTY ? "" : v]));

export function dataProvider(crm: Crm): DataProvider {
  /** The reply; an error as react-admin shows it, that of a field at its input. */
  const send = <T>(method: string, path: string, options?: Options): Promise<Reply<T>> =>
    crm.send<T>(method, path, options).catch((error: unknown) => {
      throw error instanceof CrmError ? new HttpError(error.message, error.status, { errors: error.fields }) : error;
    });
  const included = (resource: string, meta?: { include?: string[] }) =>
    resource === "leads" ? { include: ["version", ...(meta?.include ?? [])].join(",") } : {};
  const one = (resource: string, id: unknown) => `/api/${resource}/${id}`;
  /** `If-Match` with the version that the user saw: nobody's change is overwritten. */
  const seen = (row?: Partial<RaRecord>) => (row?.version ? { headers: { "If-Match": `"${row.version}"` } } : {});
  const each = async (resource: string, ids: unknown[], method: string, options: Options = {}) =>
    (await Promise.all(ids.map((id) => send<any>(method, one(resource, id), options)))).map(({ data }) => data);

  const provider: DataProvider = {
    supportAbortSignal: true,
    async getList(resource, { pagination, sort, filter, meta, signal }) {
      const { page = 1, perPage = 25 } = pagination ?? {};
      const order = sort && JSON.stringify([ORDERS[sort.field] ?? sort.field, sort.order]);
      const list = { page, size: perPage, count: "exact", ...(resource === "leads" && { sort: order }) };
      const query = { ...filter, ...list, ...included(resource, meta) };
      const { data, headers } = await send<any[]>("GET", `/api/${resource}`, { query, signal });
      return { data, total: Number(headers.get("X-Total-Count")) };
    },
    async getOne(resource, { id, meta, signal }) {
      if (resource !== "users") return send("GET", one(resource, id), { query: included(resource, meta), signal });
      const [user] = (await provider.getMany(resource, { ids: [id] })).data;
      if (user) return { data: user };
      throw new HttpError("User not found", 404);
    },
    async getMany(resource, { ids, meta, signal }) {
      if (resource === "activities") return { data: await each(resource, ids, "GET", { signal }) };
      const query = resource === "leads" ? { id: ids.join(","), ...included(resource, meta) } : { size: 1000 };
      const { data } = await send<any[]>("GET", `/api/${resource}`, { query, signal });
      return { data: data.filter((record) => ids.some((id) => String(id) === String(record.id))) };
    },
    getManyReference: (resource, { target, id, filter, ...params }) =>
      provider.getList(resource, { ...params, filter: { ...filter, [TARGETS[target] ?? target]: id } }),
    create(resource, { data, meta }) {
      const path = resource === "activities" ? `/api/leads/${data.lead_id}/activities` : `/api/${resource}`;
      const body = filled({ ...(resource === "leads" && EMPTY), ...data });
      return send("POST", path, { body, query: included(resource, meta) });
    },
    update(resource, { id, data, previousData, meta }) {
      const isChanged = ([name, v]: [string, unknown]) => JSON.stringify(v) !== JSON.stringify(previousData?.[name]);
      const body = Object.fromEntries(Object.entries(filled(data)).filter(isChanged));
      return send("PATCH", one(resource, id), { body, query: included(resource, meta), ...seen(previousData) });
    },
    async updateMany(resource, { ids, data }) {
      if (resource === "leads") await send("PATCH", "/api/leads", { body: ids.map((id) => ({ ...data, id })) });
      else await each(resource, ids, "PATCH", { body: data });
      return { data: ids };
    },
    async delete(resource, { id, previousData }) {
      await send("DELETE", one(resource, id), seen(previousData));
      return { data: previousData as any };
    },
    async deleteMany(resource, { ids }) {
      if (resource === "leads") await send("DELETE", "/api/leads", { query: { id: ids.join(",") } });
      else await each(resource, ids, "DELETE");
      return { data: ids };
    },
  };
  return provider;
}
