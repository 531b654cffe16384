// Opens Debian's Chromium at a lab, as its owner: what every check begins with.
import { gzipSync } from "node:zlib";
import { chromium } from "playwright-core";

const FLAGS = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync --enable-precise-memory-info";
/** On a machine that has much else to do a page takes its time; whatever takes longer does not come. */
const PATIENCE_MS = 60_000;
const LOOK_MS = 50;
export const SIZES = {
  desktop: { viewport: { width: 1440, height: 900 } },
  phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true },
};

/** Runs a check with the lab told as JSON in the first argument, and prints what it gives as JSON. */
export async function check(run) {
  const lab = JSON.parse(process.argv[2]);
  const browser = await chromium.launch({ executablePath: lab.chromium, args: FLAGS.split(" ") });
  try {
    const context = await browser.newContext();
    await (await context.newPage()).goto(lab.open_url);
    const storageState = await context.storageState();
    await context.close();
    const open = async (options) => {
      const opened = await browser.newContext({ reducedMotion: "reduce", ...options, storageState });
      opened.setDefaultTimeout(PATIENCE_MS);
      return opened.newPage();
    };
    console.log(JSON.stringify(await run(open, lab, browser)));
  } finally {
    await browser.close();
  }
}

/** Goes to a room and waits until it shows all that it has fetched. */
export async function enter(page, url) {
  await page.goto(url);
  await page.waitForFunction(() => {
    const seen = (picture) => picture.getBoundingClientRect().top < innerHeight;
    const room = document.querySelector("main h1")?.closest("main");
    const whole = [...document.images].filter(seen).every(({ complete }) => complete) && document.fonts.status === "loaded";
    return room && whole && !/^Fetching /m.test(room.innerText) && !room.querySelector("[aria-busy=true]");
  });
}

/** Reads again and again until what is read is as expected; gives what it is then, or was at last. */
export async function until(read, expected) {
  for (const end = Date.now() + PATIENCE_MS; ; await new Promise((next) => setTimeout(next, LOOK_MS))) {
    const value = await read();
    if (expected(value) || Date.now() > end) return value;
  }
}

/** Gives a list that grows by whatever the page complains of. */
export function complaints(page) {
  const found = [];
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && found.push(message.text()));
  page.on("pageerror", (error) => found.push(String(error)));
  return found;
}

/** Gives a function that tells, once, how many bytes of script were fetched since, as gzip packs them. */
export function scripts(page) {
  const bodies = [];
  const hear = (response) => response.request().resourceType() === "script" && bodies.push(response.body());
  page.on("response", hear);
  return async () => {
    page.off("response", hear);
    return (await Promise.all(bodies)).reduce((sum, body) => sum + gzipSync(body).length, 0);
  };
}
