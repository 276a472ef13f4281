import { defineConfig } from "vitest/config";

export default defineConfig({
  base: "/ui/",
  build: {
    outDir: "server/dist",
    emptyOutDir: true, // public/.gitkeep comes back with the rest
    target: "es2022",
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0, // an inline script or style is against the server's policy
  },
  server: { proxy: { "/api": "http://localhost:8080" } },
  test: {
    environment: "happy-dom",
    include: ["src/**/*.test.{ts,tsx}", "api/**/*.test.ts"],
    restoreMocks: true,
  },
});
