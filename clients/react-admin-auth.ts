// A react-admin auth provider: <Admin authProvider={authProvider(crm)} …>. `crm` renews the token when it has expired.

import type { AuthProvider } from "react-admin";
import type { Crm } from "./crm";

type User = { id: number; first_name: string; last_name: string; username: string };

export function authProvider(crm: Crm): AuthProvider {
  return {
    login: ({ username, password }) => crm.login(username, password),
    logout: () => crm.logout(),
    async checkAuth() {
      if (!crm.isLoggedIn()) throw new Error("Please log in.");
    },
    /** Only a 401 ends the login, which then could not be renewed; a 403 is about one call. */
    async checkError({ status }) {
      if (status === 401) throw new Error("Your session has expired. Please log in.");
    },
    async getIdentity() {
      const { data } = await crm.send<User>("GET", "/api/users/me");
      return { id: data.id, fullName: `${data.first_name} ${data.last_name}`.trim() || data.username };
    },
    async getPermissions() {}, // the server checks them, with a 403 that names the right
  };
}
