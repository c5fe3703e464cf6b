import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    testTimeout: 20_000,
    hookTimeout: 30_000,
    // Integration tests start real processes; on two cores more at a time only adds noise.
    maxWorkers: 2,
    dangerouslyIgnoreUnhandledErrors: false,
  },
});
