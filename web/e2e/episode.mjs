// One episode: its address, keys, pointer and lists move one cursor, and the film shows that very step.
import { check, complaints, enter, until } from "./browser.mjs";

/** Gives how many pixels of the film differ from the step played again. */
const differing = (page, id, step) =>
  page.evaluate(
    async ([address]) => {
      const film = document.querySelector("video");
      const again = new Image();
      again.src = address;
      await again.decode();
      const shades = (picture) => {
        const glass = new OffscreenCanvas(80, 72).getContext("2d");
        glass.drawImage(picture, 0, 0);
        return glass.getImageData(0, 0, 80, 72).data.filter((_, at) => at % 4 === 0).map((grey) => Math.round(grey / 85));
      };
      const [seen, wanted] = [shades(film), shades(again)];
      return seen.reduce((sum, shade, at) => sum + (shade !== wanted[at]), 0);
    },
    [`/episodes/${encodeURIComponent(id)}/frames/${step}`],
  );

check(async (open, { url, film, tick, without, part }) => {
  const page = await open({ viewport: { width: 1440, height: 900 } });
  const complained = complaints(page);
  const told = { complained };
  const onScreen = (step) => page.locator(`[data-step="${step}"]`).first().waitFor();
  const now = () => page.getByRole("slider", { name: "Step" }).getAttribute("aria-valuenow").then(Number);
  const at = async (step) => {
    await onScreen(step);
    return { differing: await differing(page, film, step), now: await now() };
  };
  await enter(page, `${url}/episodes/${film}#t=40`);
  told.linked = await at(40);
  for (const key of [".", ".", ","]) await page.keyboard.press(key);
  told.stepped = await at(41);
  await page.waitForURL(/#t=41$/);
  await page.keyboard.press(">");
  told.leapt = await at(51);
  const slider = page.getByRole("slider", { name: "Step" });
  const last = Number(await slider.getAttribute("aria-valuemax"));
  const box = await slider.boundingBox();
  const place = (step) => ({ position: { x: ((step + 0.5) / (last + 1)) * box.width, y: 30 } });
  await slider.hover(place(100));
  told.pointed = await at(100);
  await page.mouse.move(5, 5);
  told.left = await at(51);
  await slider.click(place(90));
  await page.mouse.move(5, 5);
  told.sought = await at(90);
  await slider.focus();
  await page.keyboard.press("ArrowLeft");
  told.arrow = await at(89);
  await page.keyboard.press("Space");
  await page.waitForFunction(() => Number(document.querySelector("[role=slider]").getAttribute("aria-valuenow")) > 91);
  await page.keyboard.press("Space");
  told.stopped = await at(await now());
  await page.getByRole("combobox", { name: "Speed" }).selectOption("16");
  const [play, stop] = [page.getByRole("button", { name: "Play", exact: true }), page.getByRole("button", { name: "Stop", exact: true })];
  const playOut = async (begin) => {
    await begin.click();
    await stop.waitFor();
    await play.waitFor();
    return at(await now());
  };
  told.clip = await playOut(page.getByRole("button", { name: /^Play the clip of / }).nth(part));
  told.ending = await playOut(play);
  await page.getByRole("list", { name: "Events" }).last().getByRole("button").first().click();
  told.event = await now();
  await enter(page, `${url}/episodes/${film}#tick=${tick}`);
  await page.waitForURL(/#t=/);
  told.tick = (await at(Number(new URL(page.url()).hash.replace("#t=", "")))).now;
  await enter(page, `${url}/episodes/${without}#t=7`);
  await onScreen(7);
  told.reason = await page.getByRole("note").textContent();
  await page.keyboard.press(".");
  await onScreen(8);
  told.without = await now();
  await page.goto(`${url}/episodes/no:such__0__0`);
  told.nowhere = await page.getByRole("alert").textContent();
  await until(() => complained.findIndex((each) => each.includes("404")), (place) => place >= 0).then((place) => complained.splice(place, 1));
  await enter(page, `${url}/episodes`);
  const cards = page.locator("main ol li");
  const listed = (many) => until(() => cards.count(), (count) => count === many);
  told.listed = { all: await listed(2) };
  await page.getByRole("combobox", { name: "Film" }).selectOption("no");
  await page.getByRole("combobox", { name: "Sort" }).selectOption("best");
  await page.waitForURL(/sort=best/);
  await enter(page, page.url());
  Object.assign(told.listed, { without: await listed(1), total: await page.locator("main output").textContent(), address: new URL(page.url()).search });
  return told;
});
