// Enters every room by day and by night, on a desk and on a phone: pictures, complaints, what axe finds, what is too wide.
import { readFile } from "node:fs/promises";
import { SIZES, check, complaints, enter, scripts } from "./browser.mjs";

const axe = await readFile(new URL("../node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
const GRAVE = ["serious", "critical"];

check(async (open, { url, rooms, shows = {}, shots }) => {
  const told = [];
  for (const [size, colorScheme] of [["desktop", "dark"], ["desktop", "light"], ["phone", "dark"], ["phone", "light"]]) {
    const page = await open({ ...SIZES[size], colorScheme });
    const complained = complaints(page);
    for (const [name, path] of Object.entries(rooms)) {
      const fetched = scripts(page);
      await enter(page, url + path);
      const script = await fetched();
      if (shows[name]) await page.locator(shows[name]).first().waitFor(); // what comes over sockets
      await page.screenshot({ path: `${shots}/${name}-${size}-${colorScheme}.png` });
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() => globalThis.axe.run({ resultTypes: ["violations"] }));
      told.push({
        room: `${name} ${size} ${colorScheme}`,
        script,
        complained: complained.splice(0),
        wide: await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth),
        violations: violations.filter(({ impact }) => GRAVE.includes(impact)).map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target).slice(0, 5).join(", ")}`),
      });
    }
    await page.context().close();
  }
  return told;
});
