import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// While the page is developed on port 5173, what is not its source is asked of the orchestrator, as its own page would.
const ORCHESTRATOR = "http://127.0.0.1:8040";
const ROUTES =
  "^/(events|feats|leaderboards|runs|episodes|clips|highlights|workers|goals|healthz|readyz|metrics|open|openapi.json|ws|live)(/|\\?|$)";

export default defineConfig({
  plugins: [react(), tailwindcss()],
  build: { outDir: "../src/ludus/serve/static", emptyOutDir: true, target: "es2023", assetsInlineLimit: 0 },
  server: {
    port: 5173,
    strictPort: true,
    proxy: {
      [ROUTES]: {
        target: ORCHESTRATOR,
        changeOrigin: true,
        ws: true,
        headers: { origin: ORCHESTRATOR },
        bypass: (request) =>
          request.headers.accept?.startsWith("text/html") && !request.url?.startsWith("/open") ? "/index.html" : undefined,
      },
    },
  },
});
