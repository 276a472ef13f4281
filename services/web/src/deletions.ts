// Deletions that can be undone: they are not sent before there is no way back. Until then nothing is lost; to create what
// was deleted anew would give it another name, and not bring back its ratings.
import type { Collection, Editable } from "./collection";
import { explain, hasStatus } from "./errors";
import { noticeTime, notify } from "./notices";

interface Waiting {
  send(keepalive: boolean): Promise<void>;
}

const waiting = new Set<Waiting>();

/** Hides a resource and deletes it a few seconds later, unless the person takes that back. */
export function deleteSoon<T extends Editable>(
  collection: Collection<T, never>,
  resource: T,
  label: string,
  options: { force?: boolean; undone?: () => void } = {},
): void {
  const hidden = collection.hide(resource, options.force ?? false);
  const deletion: Waiting = {
    async send(keepalive) {
      forget();
      try {
        await hidden.remove(keepalive);
      } catch (error) {
        if (hasStatus(error, "NOT_FOUND")) return; // somebody else has deleted it
        notify(`${label} was not deleted. ${explain(error)}`, { failed: true });
      }
    },
  };
  const forget = () => {
    clearTimeout(timer);
    dismiss();
    waiting.delete(deletion);
  };
  const undo = () => {
    if (!waiting.has(deletion)) return;
    forget();
    hidden.show();
    notify(`${label} is back.`);
    options.undone?.();
  };
  const dismiss = notify(`${label} deleted.`, { action: { label: "Undo", run: undo } });
  const timer = setTimeout(() => void deletion.send(false), noticeTime);
  waiting.add(deletion);
}

/** Sends all deletions that wait, without waiting any longer. */
export async function sendDeletions(keepalive = false): Promise<void> {
  await Promise.all([...waiting].map((deletion) => deletion.send(keepalive)));
}

addEventListener("pagehide", () => void sendDeletions(true));
