// The same with refine, without a library of components: a list with buttons.
import { Refine, useCreate, useDelete, useTable, useUpdate } from "@refinedev/core";
import { useState } from "react";
import { createRoot } from "react-dom/client";
import { createCrm } from "./crm";
import { dataProvider } from "./refine";

type Lead = { id: number; first_name: string; last_name: string; version: number };

const query = new URLSearchParams(location.search);
const crm = createCrm(query.get("server") ?? "");

const Leads = () => {
  const table = useTable<Lead>({ resource: "leads", pagination: { pageSize: 2 }, syncWithLocation: false });
  const [message, setMessage] = useState("");
  const create = useCreate();
  const update = useUpdate();
  const remove = useDelete();
  const first = table.result.data[0];
  const onError = ({ errors, message }: { errors?: object; message: string }) =>
    setMessage(errors && Object.keys(errors).length ? JSON.stringify(errors) : message);
  const values = { first_name: "New", last_name: "Lead", phone: "" };
  const options = { successNotification: false, errorNotification: false } as const;
  const add = (email: string) =>
    create.mutate({ resource: "leads", values: { ...values, email }, ...options }, { onError });
  const change = (version: number) => {
    const changed = { values: { first_name: "Changed" }, meta: { version }, ...options };
    if (first) update.mutate({ resource: "leads", id: first.id, ...changed }, { onError });
  };
  const filter = () => table.setFilters([{ field: "status", operator: "in", value: ["new", "lost"] }]);
  return (
    <>
      <p id="total">{table.result.total}</p>
      <ul>
        {table.result.data.map(({ id, first_name }) => (
          <li key={id}>{first_name}</li>
        ))}
      </ul>
      <p id="message">{message}</p>
      <button onClick={() => table.setSorters([{ field: "last_name", order: "asc" }])}>sort</button>
      <button onClick={filter}>filter</button>
      <button onClick={() => table.setCurrentPage(table.currentPage + 1)}>next</button>
      <button onClick={() => add("a@example.com")}>create</button>
      <button onClick={() => add("a")}>refuse</button>
      <button onClick={() => change(first?.version ?? 0)}>change</button>
      <button onClick={() => change(99)}>conflict</button>
      <button onClick={() => first && remove.mutate({ resource: "leads", id: first.id, ...options })}>delete</button>
    </>
  );
};

await crm.login(query.get("username") ?? "", query.get("password") ?? "");
createRoot(document.body.appendChild(document.createElement("div"))).render(
  <Refine dataProvider={dataProvider(crm)} options={{ disableTelemetry: true }}>
    <Leads />
  </Refine>,
);
