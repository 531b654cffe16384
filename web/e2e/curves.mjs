// Looks at the curves of runs: drawn at first, after looking closer, when they change meanwhile, and over time.
import { check, complaints, enter, until } from "./browser.mjs";

check(async (open, { url }) => {
  const page = await open({ viewport: { width: 1440, height: 900 }, colorScheme: "dark" });
  const complained = complaints(page);
  await enter(page, `${url}/runs`);
  const plot = page.locator(".u-over").first();
  await plot.waitFor();
  // Of what is drawn only a curve has much colour; looked at otherwise it is in another place.
  let drawn = 0;
  const look = () =>
    page.locator(".uplot canvas").first().evaluate((canvas) => {
      const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d");
      copy.drawImage(canvas, 0, 0);
      const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
      let [found, places] = [0, 0];
      for (let at = 0; at < data.length; at += 4) {
        if (Math.max(data[at], data[at + 1], data[at + 2]) - Math.min(data[at], data[at + 1], data[at + 2]) <= 100) continue;
        found++;
        places = (places * 31 + at) % 1_000_003;
      }
      return { found, places };
    });
  const coloured = async () => {
    const { found, places } = await until(look, ({ found, places }) => found > 500 && places !== drawn);
    const changed = places !== drawn;
    drawn = places;
    return changed ? found : 0;
  };
  const told = { complained, whole: await coloured() };
  const { x, y, width } = await plot.boundingBox();
  await page.mouse.move(x + width / 3, y + 100);
  await page.mouse.down();
  await page.mouse.move(x + width / 2, y + 110, { steps: 4 });
  await page.mouse.up();
  told.close = await coloured();
  await page.getByRole("slider", { name: "Smooth" }).fill("0.5");
  told.smooth = await coloured();
  await page.getByLabel("Time").check();
  told.time = await coloured();
  await page.getByLabel("Seeds apart").check();
  await page.locator("figure li").nth(1).waitFor();
  told.apart = await page.locator("figure li").allInnerTexts();
  await page.getByRole("checkbox", { name: /^Draw / }).first().check();
  await page.getByRole("heading", { name: "What differs" }).waitFor();
  return told;
});
