// Draws a run that is told of fast, and tells by how much the heap grows meanwhile.
import { check, complaints, enter, until } from "./browser.mjs";

check(async (open, { url, run, metric, seconds }) => {
  const page = await open({ viewport: { width: 1440, height: 900 } });
  const complained = complaints(page);
  const query = new URLSearchParams({ chosen: JSON.stringify([run]), metric });
  await enter(page, `${url}/runs?${query}`);
  const session = await page.context().newCDPSession(page);
  const heap = async () => {
    await session.send("HeapProfiler.collectGarbage");
    return (await session.send("Runtime.getHeapUsage")).usedSize;
  };
  const last = () => page.locator("figure li span").last().textContent();
  await page.waitForTimeout(3_000); // until it has all that it needs at first
  const [before, valueBefore] = [await heap(), await last()];
  await page.waitForTimeout(seconds * 1000);
  const [after, valueAfter] = [await heap(), await until(last, (value) => value !== valueBefore)];
  return { before, after, grown: after - before, drawn: valueBefore !== valueAfter, complained };
});
