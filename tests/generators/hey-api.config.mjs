export default {
  input: "../openapi/openapi.json",
  output: "build/hey-api",
  plugins: ["@hey-api/client-fetch", "@hey-api/typescript", "zod", { name: "@hey-api/sdk", validator: true }],
};
