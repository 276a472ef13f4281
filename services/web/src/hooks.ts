import { useEffect, useMemo, useRef } from "preact/hooks";

interface Opened {
  close(): void;
}

/** Opens a query, loads it, and closes it when the component goes away or the keys change. */
export function useQuery<T extends Opened>(open: () => T, load: (opened: T) => void, keys: readonly unknown[]): T {
  const opened = useMemo(open, keys);
  useEffect(() => {
    load(opened);
    return () => opened.close();
  }, [opened]);
  return opened;
}

let visited = false;

/**
 * Names the page and returns the reference for its heading, which gets the focus when the person has come from another
 * page, so that the keyboard and screen readers begin there.
 */
export function usePage(title: string) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = title ? `${title} · Rating` : "Rating";
  }, [title]);
  useEffect(() => {
    if (visited) heading.current?.focus({ preventScroll: true });
    visited = true;
  }, []);
  return heading;
}
