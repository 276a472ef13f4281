import { useEffect, useId, useRef, useState } from "preact/hooks";
import { explain, hasStatus, isUnsettled, violations } from "../errors";
import { Submission } from "../submission";
import { ScoreInput } from "./score";

/** What a person can type in. */
export interface Field<T> {
  readonly name: keyof T & string;
  readonly label: string;
  readonly kind: "line" | "email" | "text" | "score";
  readonly hint?: string;
  readonly required?: boolean;
  /** In characters. */
  readonly maxLength?: number;
}

interface Props<T> {
  fields: readonly Field<T>[];
  initial: Partial<T>;
  action: string;
  /** Sends the values under an idempotency key. */
  save: (values: Partial<T>, key: string) => Promise<unknown>;
  /** Gets the newest version when somebody else has changed it. What the person has typed stays. */
  reload?: () => Promise<Partial<T>>;
  onDone: () => void;
  onCancel?: () => void;
}

/** A form whose errors stand beside their fields. */
export function Form<T extends object>({ fields, initial, action, save, reload, onDone, onCancel }: Props<T>) {
  const [base, setBase] = useState(initial);
  const [typed, setTyped] = useState<Partial<T>>({});
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const [wrong, setWrong] = useState<Record<string, string>>({});
  const [note, setNote] = useState("");
  const [refusals, setRefusals] = useState(0);
  const [submission] = useState(() => new Submission());
  const sending = useRef(false);
  const form = useRef<HTMLFormElement>(null);
  const id = useId();
  const values = { ...base, ...typed };
  const conflict = reload && hasStatus(error, "ABORTED");
  const elsewhere = Object.keys(wrong).some((name) => !fields.some((field) => field.name === name));

  useEffect(() => {
    if (Object.keys(wrong).length)
      form.current
        ?.querySelector<HTMLElement>('[aria-invalid="true"]:not(fieldset), [aria-invalid="true"] input')
        ?.focus();
  }, [refusals]);

  const submit = async () => {
    if (sending.current) return; // the state is a moment late for a double click
    const missing = Object.fromEntries(
      fields
        .filter(({ name, required }) => required && isEmpty(values[name]))
        .map(({ name, label }) => [name, `${label} is needed.`]),
    );
    setNote("");
    setError(undefined);
    setWrong(missing);
    if (Object.keys(missing).length) {
      setRefusals(refusals + 1);
      return;
    }
    sending.current = true;
    setBusy(true);
    try {
      await submission.run(values, (key) => save(values, key));
      setTyped({});
      onDone();
    } catch (failure) {
      setError(failure);
      setWrong(violations(failure));
      setRefusals(refusals + 1);
    } finally {
      sending.current = false;
      setBusy(false);
    }
  };

  const loadNewest = async () => {
    if (!reload) return;
    setBusy(true);
    try {
      setBase(await reload());
      setError(undefined);
      setNote("This is the newest version, with what you have typed. Look at it and save again.");
    } catch (failure) {
      setError(failure);
    }
    setBusy(false);
  };

  return (
    <form
      ref={form}
      noValidate
      aria-busy={busy}
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      {fields.map((field) => (
        <FieldInput
          key={field.name}
          id={`${id}-${field.name}`}
          field={field}
          value={values[field.name]}
          problem={wrong[field.name]}
          onChange={(value) => {
            setTyped((before) => ({ ...before, [field.name]: value }));
            setWrong(({ [field.name]: _, ...others }) => others);
          }}
        />
      ))}
      <div role="alert">
        {error !== undefined && (conflict || elsewhere || !Object.keys(violations(error)).length) && (
          <div class="failure">
            <p>
              {explain(error)}
              {isUnsettled(error) && " Nothing is lost: try again, and it happens once."}
            </p>
            {conflict && (
              <button type="button" disabled={busy} onClick={() => void loadNewest()}>
                Reload
              </button>
            )}
          </div>
        )}
      </div>
      <p class="note" role="status">
        {note}
      </p>
      <div class="actions">
        {onCancel && (
          <button type="button" onClick={onCancel}>
            Cancel
          </button>
        )}
        <button type="submit" class="primary" aria-disabled={busy}>
          {busy ? "Saving…" : error !== undefined && isUnsettled(error) ? "Try again" : action}
        </button>
      </div>
    </form>
  );
}

const isEmpty = (value: unknown) => value === undefined || value === "";

function FieldInput<T>({
  id,
  field,
  value,
  problem,
  onChange,
}: {
  id: string;
  field: Field<T>;
  value: unknown;
  problem: string | undefined;
  onChange: (value: string | number) => void;
}) {
  const { kind, label, hint, required, maxLength } = field;
  const described = [hint && `${id}-hint`, problem && `${id}-problem`].filter(Boolean).join(" ") || undefined;
  const shared = {
    id,
    name: field.name,
    value: String(value ?? ""),
    maxLength,
    required,
    autoComplete: "off",
    "aria-describedby": described,
    "aria-invalid": problem ? true : undefined,
    onInput: (event: { currentTarget: { value: string } }) => onChange(event.currentTarget.value),
  };
  return (
    <div class="field">
      {kind === "score" ? (
        <ScoreInput
          id={id}
          value={value as number | undefined}
          onChange={onChange}
          describedBy={described}
          invalid={Boolean(problem)}
        />
      ) : (
        <>
          <label for={id}>
            {label}
            {!required && <span class="muted"> (optional)</span>}
          </label>
          {kind === "text" ? (
            <textarea rows={4} {...shared} />
          ) : kind === "email" ? (
            <input type="email" {...shared} />
          ) : (
            <input type="text" {...shared} />
          )}
        </>
      )}
      {hint && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {problem && (
        <p class="problem" id={`${id}-problem`}>
          {problem}
        </p>
      )}
    </div>
  );
}
