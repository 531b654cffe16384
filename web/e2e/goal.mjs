// One goal beside an episode: what differs is what the orchestrator measured, and another limit can be tried.
import { check, complaints, enter } from "./browser.mjs";

check(async (open, { url, goal, episode }) => {
  const page = await open({ viewport: { width: 1440, height: 900 } });
  const complained = complaints(page);
  const told = { complained, steps: {} };
  const curve = await (await page.request.get(`${url}/episodes/${encodeURIComponent(episode)}/distance?goal=${goal}`)).json();
  await enter(page, `${url}/goals`);
  await page.getByRole("link", { name: `Goal ${goal}` }).click();
  await page.getByRole("combobox", { name: "Compared with" }).selectOption(episode);
  await page.locator(`[data-step="${curve.reached}"]`).waitFor();
  const seen = async (step) => {
    await page.locator(`[data-step="${step}"]`).waitFor();
    await page.waitForFunction((wanted) => Math.abs(Number(document.querySelector("canvas[data-distance]")?.dataset.distance) - wanted) < 1e-6, curve.distance[step]);
    return page.getByRole("img", { name: /in a row$/ }).getAttribute("aria-label");
  };
  told.reached = { step: curve.reached, row: await seen(curve.reached) };
  await page.keyboard.press(",");
  told.before = await seen(curve.reached - 1);
  await page.keyboard.press("Home");
  told.first = await seen(0);
  await page.getByRole("spinbutton", { name: "in a row" }).fill("99");
  await page.getByText("not reached").waitFor();
  await page.getByRole("button", { name: "As the goal has it" }).click();
  await page.getByRole("button", { name: `reached at step ${curve.reached}` }).click();
  told.again = await seen(curve.reached);
  told.receipt = await page.getByText(/^Not done within/).textContent();
  return told;
});
