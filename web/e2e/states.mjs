// What rooms show while they fetch, when that fails, and that they recover; `empty` is a lab that nothing was told yet.
import { check, enter } from "./browser.mjs";

const page404 = "/no/such/room";

check(async (open, { url, empty_rooms: rooms, shots }) => {
  const told = {};
  for (const [name, { path, asks }] of Object.entries(rooms)) {
    const page = await open({});
    let answer = () => undefined;
    const held = new Promise((resolve) => (answer = resolve));
    await page.route(asks, async (route) => {
      if (route.request().resourceType() === "document") return route.continue();
      await held;
      return route.continue();
    });
    await page.goto(url + path);
    await page.getByText(/^Fetching /).first().waitFor();
    const loading = await page.getByText(/^Fetching /).first().textContent();
    await page.screenshot({ path: `${shots}/${name}-loading.png` });
    answer();
    await page.getByText(/^Fetching /).first().waitFor({ state: "detached" });
    const empty = await page.locator("main p.font-pixel").first().textContent();
    await page.screenshot({ path: `${shots}/${name}-empty.png` });
    await page.unroute(asks);
    await page.route(asks, (route) => (route.request().resourceType() === "document" ? route.continue() : route.fulfill({ status: 422, json: { ok: false, error: "invalid", detail: "It is not the season." } })));
    await page.goto(url + path);
    const alert = page.getByRole("alert");
    await alert.waitFor();
    const failed = await alert.textContent();
    await page.screenshot({ path: `${shots}/${name}-error.png` });
    await page.unroute(asks);
    await page.getByRole("button", { name: "Try again" }).click();
    await alert.waitFor({ state: "detached" });
    told[name] = { loading, empty, failed };
    await page.context().close();
  }
  const page = await open({});
  await enter(page, url + page404);
  told.nowhere = { empty: await page.locator("main p.font-pixel").textContent() };
  return told;
});
