// A small office with the adapters of clients/: react-admin at /, for a server whose address is in the query.
import { createRoot } from "react-dom/client";
import {
  Admin,
  Create,
  DataTable,
  Edit,
  List,
  NumberInput,
  Resource,
  SelectArrayInput,
  SimpleForm,
  TextInput,
} from "react-admin";
import { createCrm } from "./crm";
import { dataProvider } from "./react-admin";
import { authProvider } from "./react-admin-auth";

const crm = createCrm(new URLSearchParams(location.search).get("server") ?? "");
const statuses = ["new", "contacted", "qualified", "negotiation", "closed", "lost"].map((name) => ({ id: name, name }));

const Leads = () => (
  <List
    filters={[
      <TextInput source="q" alwaysOn key="q" />,
      <SelectArrayInput source="status" choices={statuses} alwaysOn key="status" />,
    ]}
    sort={{ field: "created_at", order: "DESC" }}
    perPage={5}
  >
    <DataTable rowClick="edit">
      <DataTable.Col source="first_name" disableSort />
      <DataTable.Col source="last_name" />
      <DataTable.Col source="status" disableSort />
      <DataTable.NumberCol source="budget_max" />
    </DataTable>
  </List>
);

const Fields = () => (
  <SimpleForm>
    <TextInput source="first_name" />
    <TextInput source="last_name" />
    <TextInput source="email" />
    <TextInput source="phone" />
    <NumberInput source="budget_max" />
  </SimpleForm>
);

const NewLead = () => (
  <Create redirect="list">
    <Fields />
  </Create>
);

const Lead = () => (
  <Edit mutationMode="pessimistic">
    <Fields />
  </Edit>
);

createRoot(document.body.appendChild(document.createElement("div"))).render(
  <Admin dataProvider={dataProvider(crm)} authProvider={authProvider(crm)} disableTelemetry>
    <Resource name="leads" list={Leads} create={NewLead} edit={Lead} />
  </Admin>,
);
