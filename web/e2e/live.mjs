// Watches the swarm for some seconds: how long a picture takes from its step to the screen, and that it moves.
import { check, enter, until } from "./browser.mjs";

check(async (open, { url, seconds, worker }) => {
  const page = await open({ viewport: { width: 1440, height: 900 } });
  await enter(page, url);
  const delay = page.locator("[data-latency]");
  await delay.waitFor();
  const picture = () => page.locator("canvas").first().screenshot().then((bytes) => bytes.toString("base64"));
  const before = await picture();
  await page.waitForTimeout(seconds * 1000);
  const tiles = Number(await delay.getAttribute("data-latency"));
  const moved = (await until(picture, (now) => now !== before)) !== before;
  await page.getByRole("button", { name: `${worker}, lane 0` }).click();
  await page.getByText("H.264").waitFor();
  await page.waitForTimeout(seconds * 1000);
  return { tiles, moved, film: Number(await page.getByRole("dialog").locator("[data-median]").getAttribute("data-median")) };
});
