// The palette, by keys alone: it finds what there is, goes there, gives the keyboard back, and everybody can use it.
import { readFile } from "node:fs/promises";
import { SIZES, check, complaints, enter, until } from "./browser.mjs";

const axe = await readFile(new URL("../node_modules/axe-core/axe.min.js", import.meta.url), "utf8");

check(async (open, { url, run, worker, feat, shots }) => {
  const page = await open({ ...SIZES.desktop, colorScheme: "dark" });
  const told = { complained: complaints(page), led: {} };
  const field = page.getByRole("combobox", { name: "Go to" });
  const chosen = page.getByRole("option", { selected: true });
  const gone = () => field.waitFor({ state: "detached" });
  const focused = () => page.evaluate(() => document.activeElement?.id || document.activeElement?.getAttribute("aria-haspopup"));
  await enter(page, `${url}/goals`);

  await page.keyboard.press("Control+k");
  await field.waitFor();
  const groups = () => page.getByRole("listbox").getByRole("group").evaluateAll((groups) => groups.map((group) => group.getAttribute("aria-label")));
  told.groups = await until(groups, (names) => ["Runs", "Workers", "Episodes", "Feats"].every((name) => names.includes(name)));
  told.pointed = await field.evaluate((input) => document.getElementById(input.getAttribute("aria-activedescendant"))?.textContent);
  await page.keyboard.press("ArrowUp");
  told.last = await chosen.textContent();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  told.second = await chosen.textContent();
  await page.screenshot({ path: `${shots}/palette.png` });
  await page.evaluate(axe);
  told.violations = (await page.evaluate(() => globalThis.axe.run({ resultTypes: ["violations"] }))).violations.map(({ id, impact, nodes }) => `${impact} ${id} ${nodes[0]?.html.slice(0, 200)}`);
  await page.keyboard.type("no such thing at all");
  told.nothing = await page.getByText("Nothing here is called that.").textContent();
  await page.keyboard.press("Escape");
  await gone();

  const button = page.getByRole("button", { name: "Go to …" });
  await button.focus();
  await page.keyboard.press("Enter");
  await field.waitFor();
  await page.keyboard.press("Tab");
  told.behind = await page.evaluate(() => document.activeElement !== document.body && !document.activeElement.closest("dialog"));
  await page.keyboard.press("Escape");
  await gone();
  await page.waitForFunction(() => document.activeElement !== document.body);
  told.back = await focused();

  const wanted = { room: ["hall sh", "Hall of Shame"], run: [run, run], episode: ["episode 1 eval", "Episode 1 of eval-random"], worker: [worker, worker], feat: [feat.toLowerCase(), feat] };
  for (const [name, [words, option]] of Object.entries(wanted)) {
    await page.keyboard.press("Control+k");
    await field.fill(words);
    await page.getByRole("option", { selected: true, name: new RegExp(`^${option}`) }).waitFor();
    const before = page.url();
    await page.keyboard.press("Enter");
    await page.waitForURL((address) => address.href !== before);
    await page.locator("main h1").waitFor();
    const { pathname, searchParams } = new URL(page.url());
    told.led[name] = decodeURIComponent(pathname) + [...searchParams].map((pair) => ` ${pair.join("=")}`).join("");
    if (name === "room") told.entered = await page.waitForFunction(() => document.activeElement?.id).then((id) => id.jsonValue());
    if (name === "worker") {
      await page.getByRole("dialog", { name: `${worker}, lane 0` }).waitFor();
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "detached" });
    }
  }

  await page.keyboard.press("Control+k");
  await page.keyboard.type("theme day");
  await chosen.filter({ hasText: "Day" }).waitFor();
  await page.keyboard.press("Enter");
  await gone();
  told.theme = await page.evaluate(() => document.documentElement.dataset.theme);
  await page.screenshot({ path: `${shots}/palette-done.png` });
  const phone = await open({ ...SIZES.phone, colorScheme: "light" });
  await enter(phone, `${url}/runs`);
  await phone.getByRole("button", { name: "Go to …" }).tap();
  await phone.getByRole("dialog").getByRole("option").first().waitFor();
  told.wide = await phone.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  await phone.screenshot({ path: `${shots}/palette-phone.png` });
  return told;
});
