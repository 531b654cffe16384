// Has a feat unlocked while the page is open, and waits until it is told.
import { check, enter } from "./browser.mjs";

check(async (open, { url, events, shots }) => {
  const page = await open({ viewport: { width: 1440, height: 900 }, colorScheme: "dark" });
  await enter(page, `${url}/runs`);
  await page.getByRole("status").filter({ hasText: "Live" }).waitFor();
  const posted = (body) => fetch("/events", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) }).then((answer) => answer.status);
  const statuses = [];
  for (const event of events) statuses.push(await page.evaluate(posted, event));
  const toast = page.getByRole("list", { name: "Unlocks" }).getByRole("listitem").first();
  await toast.waitFor();
  await page.screenshot({ path: `${shots}/toast.png` });
  const told = await toast.innerText();
  await page.getByRole("button", { name: /^Dismiss / }).first().click();
  return { statuses, told };
});
