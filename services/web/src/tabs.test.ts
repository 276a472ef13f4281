import { expect, it, vi } from "vitest";
import { announceChange, onChange, onReturn } from "./tabs";

it("a change is told here and to other tabs, and theirs are told here", async () => {
  const told = vi.fn();
  onChange(told);
  const other = new BroadcastChannel("rating");
  const heard = new Promise((resolve) => {
    other.onmessage = ({ data }) => resolve(data);
  });
  announceChange("users");
  expect(told).toHaveBeenCalledExactlyOnceWith("users");
  expect(await heard).toBe("users");
  other.postMessage("ratings");
  await vi.waitFor(() => expect(told).toHaveBeenLastCalledWith("ratings"));
  other.close();
});

it("a return is told once, though browsers tell it twice", () => {
  const returned = vi.fn();
  onReturn(returned);
  document.dispatchEvent(new Event("visibilitychange"));
  window.dispatchEvent(new Event("focus"));
  expect(returned).toHaveBeenCalledOnce();
});
