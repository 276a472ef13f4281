import { cleanup, render, screen, waitFor } from "@testing-library/preact";
import userEvent from "@testing-library/user-event";
import { afterEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "../../api/client";
import { type Field, Form } from "./form";

interface Thing {
  displayName: string;
  email: string;
}

const fields: Field<Thing>[] = [
  { name: "displayName", label: "Name", kind: "line", hint: "What people see.", required: true },
  { name: "email", label: "E-mail", kind: "email" },
];

const wrong = new ApiError(400, "INVALID_ARGUMENT", "user.email: must be a valid email address", [
  {
    "@type": "type.googleapis.com/google.rpc.BadRequest",
    fieldViolations: [{ field: "user.email", description: "must be a valid email address", reason: "" }],
  },
]);

function show(save: (values: Partial<Thing>, key: string) => Promise<unknown>, reload?: () => Promise<Partial<Thing>>) {
  const onDone = vi.fn();
  render(
    <Form<Thing>
      fields={fields}
      initial={{ displayName: "Ada", email: "" }}
      action="Save"
      save={save}
      {...(reload && { reload })}
      onDone={onDone}
    />,
  );
  const email = screen.getByLabelText(/E-mail/) as HTMLInputElement;
  const name = screen.getByLabelText("Name") as HTMLInputElement;
  return { onDone, email, name, submit: () => userEvent.click(screen.getByRole("button", { name: /Save|Try again/ })) };
}

/** The texts that describe an element to a screen reader. */
const described = (element: Element) =>
  (element.getAttribute("aria-describedby") ?? "").split(" ").map((id) => document.getElementById(id)?.textContent);

afterEach(cleanup);

describe("a form", () => {
  it("sends what was typed and is done", async () => {
    const save = vi.fn(async () => undefined);
    const { onDone, email, submit } = show(save);
    await userEvent.type(email, "ada@example.org");
    await submit();
    await waitFor(() => expect(onDone).toHaveBeenCalledOnce());
    expect(save).toHaveBeenCalledExactlyOnceWith(
      { displayName: "Ada", email: "ada@example.org" },
      expect.stringMatching(/^[0-9a-f]{32}$/),
    );
  });

  it("sends once, however fast one clicks", async () => {
    const save = vi.fn(async () => undefined);
    const { onDone } = show(save);
    const button = screen.getByRole("button", { name: "Save" });
    button.click();
    button.click();
    await waitFor(() => expect(onDone).toHaveBeenCalledOnce());
    expect(save).toHaveBeenCalledOnce();
  });

  it("does not send what lacks something, and says so beside the field", async () => {
    const save = vi.fn(async () => undefined);
    const { name, submit } = show(save);
    await userEvent.clear(name);
    await submit();
    expect(described(name)).toEqual(["What people see.", "Name is needed."]);
    expect(name.getAttribute("aria-invalid")).toBe("true");
    expect(document.activeElement).toBe(name);
    expect(save).not.toHaveBeenCalled();
  });

  it("shows what the server finds wrong beside the field, until one types there", async () => {
    const { email, submit, onDone } = show(async () => Promise.reject(wrong));
    await userEvent.type(email, "x");
    await submit();
    await waitFor(() => expect(document.activeElement).toBe(email));
    expect(described(email)).toEqual(["Must be a valid email address."]);
    expect(onDone).not.toHaveBeenCalled();
    await userEvent.type(email, "y");
    expect(email.getAttribute("aria-describedby")).toBeNull();
  });

  it("sends again under the same key where there was no answer", async () => {
    const keys: string[] = [];
    const { submit, onDone } = show(async (_, key) => {
      keys.push(key);
      if (keys.length === 1) throw new ApiError(504, "DEADLINE_EXCEEDED", "");
    });
    await submit();
    await screen.findByText(/The server does not answer at the moment\. Nothing is lost/);
    await submit();
    await waitFor(() => expect(onDone).toHaveBeenCalledOnce());
    expect(keys).toEqual([keys[0], keys[0]]);
  });

  it("offers the newest version after a conflict and keeps what was typed", async () => {
    const reload = vi.fn(async () => ({ displayName: "Countess", email: "old@example.org" }));
    const { name, email, submit } = show(async () => Promise.reject(new ApiError(409, "ABORTED", "")), reload);
    await userEvent.type(email, "new@example.org");
    await submit();
    await screen.findByText("Somebody has changed it meanwhile.");
    await userEvent.click(screen.getByRole("button", { name: "Reload" }));
    await screen.findByText(/This is the newest version, with what you have typed/);
    expect([name.value, email.value]).toEqual(["Countess", "new@example.org"]);
  });
});
