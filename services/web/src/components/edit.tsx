// The dialogs and buttons that change users and services.
import { useState } from "preact/hooks";
import { ratingBackend, type Service, type User } from "../backend";
import type { Collection, Editable } from "../collection";
import { deleteSoon } from "../deletions";
import { explain } from "../errors";
import { count } from "../format";
import { notify } from "../notices";
import { canChangeUser, canCreateUser, canWrite } from "../session";
import { services, users } from "../stores";
import { Confirm, Dialog } from "./dialog";
import { type Field, Form } from "./form";

type NamedResource = Editable & { readonly displayName: string };

const lookTimeout = 10_000; // milliseconds

export interface Kind<T extends NamedResource> {
  noun: string;
  collection: Collection<T, { displayNamePrefix?: string }>;
  fields: readonly Field<T>[];
  get: (name: string) => Promise<T>;
  /** Whether the acting person may create one, and change or delete one, as far as that is known here. */
  canCreate: () => boolean;
  canChange: (name: string) => boolean;
  /** Says which ratings would go too, "" if none. */
  lost: (resource: T) => Promise<string>;
}

export const userKind: Kind<User> = {
  noun: "user",
  collection: users,
  fields: [
    {
      name: "displayName",
      label: "Name",
      kind: "line",
      hint: "What other people see.",
      required: true,
      maxLength: 100,
    },
    { name: "email", label: "E-mail", kind: "email", maxLength: 254 },
  ],
  get: (name) => users.get(name),
  canCreate: () => canCreateUser.value,
  canChange: canChangeUser,
  async lost({ name }) {
    const { items } = await ratingBackend.list({ user: name }, { pageSize: 1 }, AbortSignal.timeout(lookTimeout));
    return items.length ? "all ratings by this user" : "";
  },
};

export const serviceKind: Kind<Service> = {
  noun: "service",
  collection: services,
  fields: [
    {
      name: "displayName",
      label: "Name",
      kind: "line",
      hint: "A café, a film, a web shop.",
      required: true,
      maxLength: 100,
    },
    { name: "description", label: "Description", kind: "text", maxLength: 2000 },
  ],
  get: (name) => services.get(name),
  canCreate: () => canWrite.value,
  canChange: () => canWrite.value, // the API does not tell whose it is: its refusal does
  async lost({ name }) {
    const { ratingCount } = await services.get(name);
    return Number(ratingCount) ? `its ${count(Number(ratingCount), "rating")}` : "";
  },
};

/** The button that creates one, with its dialog. */
export function NewButton<T extends NamedResource>({ kind, label }: { kind: Kind<T>; label?: string }) {
  const [open, setOpen] = useState(false);
  // A dialog that is open outlives its button: creating a user ends the right to create one.
  if (!open && !kind.canCreate()) return null;
  return (
    <>
      <button type="button" class="primary" onClick={() => setOpen(true)}>
        {label ?? `New ${kind.noun}`}
      </button>
      {open && (
        <Dialog title={`New ${kind.noun}`} onClose={() => setOpen(false)}>
          <Form<T>
            fields={kind.fields}
            initial={{}}
            action="Create"
            save={async (values, key) => {
              const created = await kind.collection.create(values as T, key);
              notify(`${created.displayName} created.`);
            }}
            onDone={() => setOpen(false)}
            onCancel={() => setOpen(false)}
          />
        </Dialog>
      )}
    </>
  );
}

/** The buttons that edit and delete one. */
export function ChangeButtons<T extends NamedResource>({
  kind,
  resource,
  onDeleted,
  onUndone,
}: {
  kind: Kind<T>;
  resource: T;
  onDeleted?: () => void;
  onUndone?: () => void;
}) {
  const [editing, setEditing] = useState<T>();
  const [lost, setLost] = useState("");
  const name = resource.displayName;
  if (!kind.canChange(resource.name)) return null;
  const remove = (force: boolean) => {
    deleteSoon(kind.collection, resource, name, { force, ...(onUndone && { undone: onUndone }) });
    onDeleted?.();
  };
  const ask = async () => {
    try {
      const ratings = await kind.lost(resource);
      if (ratings) setLost(ratings);
      else remove(false);
    } catch (error) {
      notify(`${name} was not deleted. ${explain(error)}`, { failed: true });
    }
  };
  return (
    <div class="row-actions">
      <button type="button" class="quiet" onClick={() => setEditing(resource)}>
        Edit<span class="hidden"> {name}</span>
      </button>
      <button type="button" class="quiet danger-text" onClick={() => void ask()}>
        Delete<span class="hidden"> {name}</span>
      </button>
      {editing && (
        <Dialog title={`Edit ${name}`} onClose={() => setEditing(undefined)}>
          <EditForm kind={kind} resource={editing} onDone={() => setEditing(undefined)} />
        </Dialog>
      )}
      {lost && (
        <Confirm
          title={`Delete ${name}?`}
          text={`This deletes ${lost} too.`}
          action={`Delete ${kind.noun}`}
          onConfirm={() => remove(true)}
          onClose={() => setLost("")}
        />
      )}
    </div>
  );
}

function EditForm<T extends NamedResource>({
  kind,
  resource,
  onDone,
}: {
  kind: Kind<T>;
  resource: T;
  onDone: () => void;
}) {
  const [before, setBefore] = useState(resource);
  return (
    <Form<T>
      fields={kind.fields}
      initial={fieldsOf(kind.fields, resource)}
      action="Save"
      save={(values, key) => kind.collection.update(before, values, key)}
      reload={async () => {
        const newest = await kind.get(resource.name);
        setBefore(newest);
        return fieldsOf(kind.fields, newest);
      }}
      onDone={() => {
        notify("Saved.");
        onDone();
      }}
      onCancel={onDone}
    />
  );
}

/** Returns those parts of a resource that a form shows. */
export function fieldsOf<T>(fields: readonly Field<T>[], resource: T): Partial<T> {
  return Object.fromEntries(fields.map(({ name }) => [name, resource[name]])) as Partial<T>;
}
