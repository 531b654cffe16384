// The hall's wall: clips play while they are pointed at or have the keyboard, but not for who wants no motion.
import { check, complaints, enter, until } from "./browser.mjs";

const moving = (card) => card.locator("video").evaluate((film) => !film.paused);
const plays = async (card) => {
  await card.locator("video").evaluate((film) => new Promise((resolve) => (film.currentTime > 0 ? resolve() : film.addEventListener("timeupdate", () => film.currentTime > 0 && resolve()))));
  return moving(card);
};

check(async (open, { url }) => {
  const told = {};
  const page = await open({ viewport: { width: 1440, height: 900 }, reducedMotion: "no-preference" });
  const complained = complaints(page);
  await enter(page, `${url}/hall`);
  told.address = new URL(page.url()).pathname;
  const [one, two] = [0, 1].map((number) => page.getByRole("button", { name: /^(Play|Stop) the clip of / }).nth(number));
  told.poster = await one.locator("video").evaluate((film) => film.poster !== "" && film.networkState !== HTMLMediaElement.NETWORK_LOADING);
  await one.hover();
  told.hovered = await plays(one);
  await page.mouse.move(5, 5);
  told.left = await until(() => moving(one), (still) => !still);
  await one.focus();
  await page.keyboard.press("Tab");
  while (!(await two.evaluate((card) => card === document.activeElement))) await page.keyboard.press("Tab");
  told.focused = await plays(two);
  await page.getByRole("combobox", { name: "Speed" }).selectOption("4");
  await one.hover();
  await plays(one);
  told.speed = await until(() => one.locator("video").evaluate((film) => film.playbackRate), (speed) => speed === 4);
  const link = page.getByRole("link", { name: /^In its episode/ }).first();
  const tick = new URL(await link.evaluate((each) => each.href)).hash.replace("#tick=", "");
  await link.click();
  await page.getByRole("slider", { name: "Step" }).waitFor();
  await page.waitForURL(/#t=\d+$/);
  told.step = { tick: Number(tick), step: Number(new URL(page.url()).hash.replace("#t=", "")), episode: decodeURIComponent(new URL(page.url()).pathname.split("/").at(-1)) };
  await enter(page, `${url}/hall/fame?every=true`);
  // A clip of a worker that says nothing waits for a minute, and then can be rendered: it may turn while we look.
  const states = page.getByRole("combobox", { name: "State of clips" });
  const waiting = page.getByText(/^Its worker (has yet to make the clip|is gone|is silent)/);
  for (const patience of [5_000, 30_000]) {
    told.states = await states.locator("option").allTextContents();
    await states.selectOption(["pending", "rerenderable"].find((state) => told.states.some((option) => option.startsWith(state))));
    if (await waiting.first().waitFor({ timeout: patience }).then(() => true, () => false)) break;
  }
  told.waiting = await waiting.count();
  await enter(page, `${url}/feats`);
  told.panels = await page.locator("main h2").allTextContents();
  await page.getByRole("searchbox").fill("crockery");
  told.found = await until(() => page.locator("main li h3").allTextContents(), (found) => found.length < 3);
  told.filter = new URL(page.url()).searchParams.get("filter");
  told.complained = complained;
  await page.context().close();
  const still = await open({ viewport: { width: 1440, height: 900 } });
  await enter(still, `${url}/hall/fame`);
  const card = still.getByRole("button", { name: /^(Play|Stop) the clip of / }).first();
  await card.hover();
  await still.evaluate(() => new Promise((shown) => requestAnimationFrame(() => requestAnimationFrame(shown))));
  told.reduced = (await moving(card)) || (await card.getAttribute("aria-pressed")) === "true";
  await card.click();
  told.clicked = await plays(card);
  return told;
});
