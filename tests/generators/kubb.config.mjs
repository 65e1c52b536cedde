import { defineConfig } from "@kubb/core";
import { pluginClient } from "@kubb/plugin-client";
import { pluginOas } from "@kubb/plugin-oas";
import { pluginReactQuery } from "@kubb/plugin-react-query";
import { pluginTs } from "@kubb/plugin-ts";
import { pluginZod } from "@kubb/plugin-zod";

export default defineConfig({
  input: { path: "../openapi/openapi.json" },
  output: { path: "build/kubb", clean: true },
  plugins: [pluginOas(), pluginTs(), pluginZod(), pluginClient({ client: "fetch" }), pluginReactQuery({ client: { client: "fetch" } })],
});
