// Short messages at the edge of the page, which screen readers read out.
import { signal } from "@preact/signals";

export interface Notice {
  readonly id: number;
  readonly text: string;
  readonly failed: boolean;
  /** What can be done about it. */
  readonly action?: { readonly label: string; run(): void };
}

/** How long a notice stays, and so how long a deletion can be undone. */
export const noticeTime = 8_000;

export const notices = signal<readonly Notice[]>([]);
let last = 0;

/** Shows a notice until its time is over, and returns a function that takes it away before. */
export function notify(text: string, options: { failed?: boolean; action?: Notice["action"] } = {}): () => void {
  const notice: Notice = {
    id: ++last,
    text,
    failed: options.failed ?? false,
    ...(options.action && { action: options.action }),
  };
  notices.value = [...notices.value, notice];
  const dismiss = () => {
    clearTimeout(timer);
    notices.value = notices.value.filter((one) => one !== notice);
  };
  const timer = setTimeout(dismiss, noticeTime);
  return dismiss;
}
