import { useEffect, useRef } from "preact/hooks";
import { type Notice, notices } from "../notices";

/** The region in which notices show. It is always there, so that screen readers read what comes into it. */
export function Notices() {
  return (
    <div class="notices" role="status" aria-live="polite">
      {notices.value.map((notice) => (
        <NoticeCard key={notice.id} notice={notice} />
      ))}
    </div>
  );
}

function NoticeCard({ notice: { text, failed, action } }: { notice: Notice }) {
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    const element = button.current;
    // The button that was pressed is gone with its row; the next key undoes that. When this one goes too the page's heading
    // has the focus.
    element?.focus({ preventScroll: true });
    return () => {
      if (document.activeElement === element) document.querySelector<HTMLElement>("h1")?.focus({ preventScroll: true });
    };
  }, []);
  return (
    <div class={failed ? "notice failed" : "notice"}>
      <span>{text}</span>
      {action && (
        <button ref={button} type="button" onClick={action.run}>
          {action.label}
        </button>
      )}
    </div>
  );
}
