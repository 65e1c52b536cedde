const input = "../openapi/openapi.json";

module.exports = {
  query: { input, output: { target: "build/orval/query.ts", client: "react-query", httpClient: "fetch" } },
  zod: { input, output: { target: "build/orval/zod.ts", client: "zod" } },
};
