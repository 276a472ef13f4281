// What a page shows while it has nothing else to show.
import type { ComponentChildren } from "preact";
import { explain, hasStatus } from "../errors";
import { session, signInPath } from "../session";

export function Loading({ rows = 3 }: { rows?: number }) {
  return (
    <div class="loading" role="status">
      <span class="hidden">Loading…</span>
      {Array.from({ length: rows }, (_, row) => (
        <div key={row} class="skeleton" />
      ))}
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children}
    </div>
  );
}

/** Says why something is not shown, and offers another try, or to sign in where that is what is wanted. */
export function Failure({ what, error, onRetry }: { what: string; error: unknown; onRetry: () => void }) {
  return (
    <div class="failure" role="alert">
      <p>
        <strong>{what}</strong> {explain(error)}
      </p>
      {hasStatus(error, "UNAUTHENTICATED") && session.value?.signIn ? (
        <a class="button" href={signInPath()}>
          Sign in
        </a>
      ) : (
        <button type="button" onClick={onRetry}>
          Try again
        </button>
      )}
    </div>
  );
}
