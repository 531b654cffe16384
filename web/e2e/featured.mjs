// The lanes with most to see stand above the others, until they are locked; what is told of a lane stands below it.
import { SIZES, check, complaints, enter, until } from "./browser.mjs";

check(async (open, { url, worker, statuses, shots }) => {
  const page = await open({ ...SIZES.desktop, colorScheme: "dark" });
  const complained = complaints(page);
  await page.clock.install();
  const say = (status) =>
    page.evaluate(([worker, status]) => fetch(`/workers/${worker}/sync`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ status }) }).then(({ status }) => status), [worker, status]);
  await enter(page, url);
  const featured = page.getByRole("region", { name: "Featured" });
  const tiles = () => featured.getByRole("button", { name: /, lane / }).allInnerTexts();
  const told = { complained, answers: [] };
  const shows = (first) => until(tiles, (all) => all[0]?.includes(first));
  told.answers.push(await say(statuses[0]));
  told.first = await shows(", lane 4");
  told.stuck = await page.getByRole("button", { name: `${worker}, lane 6` }).last().innerText();
  await page.screenshot({ path: `${shots}/featured.png` });
  await featured.getByRole("button", { name: "Lock" }).click();
  told.answers.push(await say(statuses[1]));
  await page.clock.fastForward(11_000);
  await featured.getByText("hype 9.5").waitFor(); // the lane that is locked tells what is new of it
  told.locked = await tiles();
  await featured.getByRole("button", { name: "Locked" }).click();
  await page.clock.fastForward(11_000);
  told.answers.push(await say(statuses[1]));
  told.free = await shows(", lane 2");
  told.answers.push(await say(statuses[2]));
  return told;
});
