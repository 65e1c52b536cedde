// A refine data provider for `leads` and `activities`: <Refine dataProvider={dataProvider(crm)} …>.

import type { BaseRecord, CrudFilter, DataProvider, HttpError, MetaQuery } from "@refinedev/core";
import type { Crm, Options, Reply } from "./crm";
import { CrmError } from "./crm-error";

// The parameter for a field that the API filters by under another name, by field and operator.
const PARAMETERS: Record<string, string> = {
  "created_at gte": "created_from",
  "created_at lt": "created_to",
  "closed_at gte": "closed_from",
  "closed_at lt": "closed_to",
  "budget gte": "min_budget",
  "budget lte": "max_budget",
  "q contains": "q",
  "lead_id eq": "lead",
  "user_id eq": "user",
};
const ORDERS: Record<string, string> = { last_name: "name", first_name: "name", budget_max: "budget" };

/** A filter as a parameter. One that the API does not have is an error, not a list without it. */
function parameter(filter: CrudFilter): [string, unknown] {
  const key = "field" in filter ? `${filter.field} ${filter.operator}` : filter.operator;
  if (PARAMETERS[key]) return [PARAMETERS[key], filter.value];
  if ("field" in filter && (filter.operator === "eq" || filter.operator === "in")) return [filter.field, filter.value];
  throw new Error(`Leads cannot be filtered by "${key}"`);
}

export function dataProvider(crm: Crm): DataProvider {
  /** The reply; an error as refine shows it, those of fields at their inputs. */
  const send = <T>(method: string, path: string, options?: Options): Promise<Reply<T>> =>
    crm.send<T>(method, path, options).catch((error: unknown) => {
      if (!(error instanceof CrmError)) throw error;
      const refused: HttpError = { message: error.message, statusCode: error.status, errors: error.fields };
      throw refused;
    });
  const included = (resource: string, meta?: MetaQuery) =>
    resource === "leads" ? { include: ["version", ...((meta?.include as string[]) ?? [])].join(",") } : {};
  /** `If-Match`, where `meta` has the `version` that the user saw. */
  const seen = (meta?: MetaQuery) => (meta?.version ? { headers: { "If-Match": `"${meta.version}"` } } : {});

  return {
    getApiUrl: () => `${crm.url}/api`,
    async getList({ resource, pagination, sorters = [], filters = [], meta }) {
      const { currentPage = 1, pageSize = 10 } = pagination ?? {};
      const sort = sorters.map(({ field, order }) => `${order === "desc" ? "-" : ""}${ORDERS[field] ?? field}`)[0];
      const wanted = filters.filter(({ value }) => value !== undefined && value !== null).map(parameter);
      const page = { sort, page: currentPage, size: pageSize, count: "exact" };
      const query = { ...Object.fromEntries(wanted), ...page, ...included(resource, meta) };
      const { data, headers } = await send<any[]>("GET", `/api/${resource}`, { query });
      return { data, total: Number(headers.get("X-Total-Count")) };
    },
    getOne: ({ resource, id, meta }) => send("GET", `/api/${resource}/${id}`, { query: included(resource, meta) }),
    getMany: ({ resource, ids, meta }) =>
      send("GET", `/api/${resource}`, { query: { id: ids.join(","), ...included(resource, meta) } }),
    create({ resource, variables, meta }) {
      const lead = (variables as BaseRecord).lead_id;
      const path = resource === "activities" ? `/api/leads/${lead}/activities` : `/api/${resource}`;
      return send("POST", path, { body: variables, query: included(resource, meta) });
    },
    createMany: ({ resource, variables }) => send("POST", `/api/${resource}`, { body: variables }),
    update: ({ resource, id, variables, meta }) =>
      send("PATCH", `/api/${resource}/${id}`, { body: variables, query: included(resource, meta), ...seen(meta) }),
    updateMany: ({ resource, ids, variables }) =>
      send("PATCH", `/api/${resource}`, { body: ids.map((id) => ({ ...variables, id })) }),
    deleteOne: ({ resource, id, meta }) => send("DELETE", `/api/${resource}/${id}`, seen(meta)),
    async deleteMany({ resource, ids }) {
      await send("DELETE", `/api/${resource}`, { query: { id: ids.join(",") } });
      return { data: [] };
    },
  };
}
