import type { ComponentChildren } from "preact";
import { isPending, type Resource } from "../change";
import { count } from "../format";
import type { List } from "../query";
import { Failure, Loading } from "./states";

/** Shows a list with its states and what comes next. */
export function Listing<T extends Resource>({
  list,
  noun,
  empty,
  row,
}: {
  list: List<T>;
  /** What one of them is called. */
  noun: string;
  empty: ComponentChildren;
  row: (item: T) => ComponentChildren;
}) {
  const items = list.items.value;
  const more = list.nextPageToken.value !== "";
  const retry = () => void list.retry();
  if (list.phase.value === "failed")
    return <Failure what={`The ${noun}s cannot be shown.`} error={list.error.value} onRetry={retry} />;
  if (list.phase.value === "loading" && !items.length) return <Loading />;
  return (
    <>
      {list.error.value !== undefined && (
        <Failure what="This may be out of date." error={list.error.value} onRetry={retry} />
      )}
      {items.length ? (
        <ul class="rows">
          {items.map((item) => (
            <li key={item.name} class={isPending(item) ? "row pending" : "row"} aria-busy={isPending(item)}>
              {row(item)}
            </li>
          ))}
        </ul>
      ) : (
        empty
      )}
      <div class="more">
        <p class="muted" role="status">
          {items.length > 0 && (more ? `The first ${count(items.length, noun)}` : count(items.length, noun))}
        </p>
        {more && (
          <button type="button" disabled={list.loadingMore.value} onClick={() => void list.more()}>
            {list.loadingMore.value ? "Loading…" : "Load more"}
          </button>
        )}
      </div>
    </>
  );
}

/** A field that narrows a list down while one types. */
export function Search({ label, value, onInput }: { label: string; value: string; onInput: (text: string) => void }) {
  return (
    <label class="search">
      <span class="hidden">{label}</span>
      <input
        type="search"
        placeholder="Name begins with …"
        maxLength={100}
        value={value}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
    </label>
  );
}
