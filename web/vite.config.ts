import { readFileSync } from "node:fs";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { type Plugin, defineConfig } from "vite";

// While the page is developed on port 5173, what is not its source is asked of the orchestrator, as its own page would.
const ORCHESTRATOR = "http://127.0.0.1:8040";
const ROUTES =
  "^/(events|feats|leaderboards|runs|episodes|clips|highlights|workers|goals|healthz|readyz|metrics|open|openapi.json|ws|live)(/|\\?|$)";

/** Has the licences of the fonts lie beside them; those of the libraries Vite writes itself. */
const fontLicences: Plugin = {
  name: "font-licences",
  generateBundle() {
    for (const font of ["inter", "pixelify-sans"]) {
      const source = readFileSync(`node_modules/@fontsource-variable/${font}/LICENSE`);
      this.emitFile({ type: "asset", fileName: `licences/${font}.txt`, source });
    }
  },
};

export default defineConfig({
  plugins: [react(), tailwindcss(), fontLicences],
  build: {
    outDir: "../src/ludus/serve/static",
    emptyOutDir: true,
    target: "es2023",
    assetsInlineLimit: 0,
    license: { fileName: "licences/libraries.md" },
  },
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
