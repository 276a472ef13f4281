// What errors of the API mean for the person who sees them.
import { ApiError } from "../api/client";

/** Says whether the request may have acted or may act yet, so that it must be sent again under the same key. */
export function isUnsettled(error: unknown): boolean {
  return !(error instanceof ApiError) || [0, 408, 429, 499, 502, 503, 504].includes(error.httpStatus);
}

export const hasStatus = (error: unknown, status: string): boolean =>
  error instanceof ApiError && error.status === status;

/**
 * Returns what is wrong with each field, by the last segment of its path in lowerCamelCase: "displayName" for
 * "user.display_name".
 */
export function violations(error: unknown): Record<string, string> {
  const found: Record<string, string> = {};
  for (const { field = "", description = "" } of error instanceof ApiError ? error.fieldViolations : []) {
    const path = field.slice(field.lastIndexOf(".") + 1);
    found[path.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())] ??= sentence(description);
  }
  return found;
}

/** Why a person may not do what they have tried, by the reason that the API gives. */
const refusals: Record<string, string> = {
  NOT_OWNER: "It is not yours.",
  ADMINISTRATORS_ONLY: "Only an administrator may do this.",
};

/** Says in a sentence why something has failed. */
export function explain(error: unknown): string {
  if (!(error instanceof ApiError)) return "Something went wrong in this page. Reload it.";
  switch (error.status) {
    case "UNAVAILABLE":
    case "DEADLINE_EXCEEDED":
    case "CANCELLED":
      return navigator.onLine ? "The server does not answer at the moment." : "You are offline.";
    case "RESOURCE_EXHAUSTED":
      return "The server has too much to do at the moment.";
    case "UNAUTHENTICATED":
      return "You are not signed in.";
    case "PERMISSION_DENIED":
      return refusals[error.detail("google.rpc.ErrorInfo")?.reason ?? ""] ?? "You may not do this.";
    case "NOT_FOUND":
      return "It does not exist, or does no more.";
    case "ABORTED":
      return "Somebody has changed it meanwhile.";
    case "INTERNAL":
    case "UNKNOWN":
    case "DATA_LOSS": // the log, and the trace, say why, under the request's id
      return `Something went wrong in the server.${error.requestId ? ` It knows this as request ${error.requestId}.` : ""}`;
    default:
      return sentence(error.message);
  }
}

function sentence(text: string): string {
  const trimmed = text.trim().replace(/\.$/, "");
  return trimmed && `${trimmed[0]?.toUpperCase()}${trimmed.slice(1)}.`;
}
