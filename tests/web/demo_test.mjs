// The signup demo as its visitors use it.
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { Stage, startBrowser } from "./programs.mjs";

const stage = new Stage();
let browser;
let page;
let complaints; // of the page's scripts, and what its policy kept out
let strangers; // requests to anybody else

before(async () => {
  await stage.open();
  browser = await startBrowser();
});

after(async () => {
  await browser?.close();
  await stage.close();
});

async function openPage(url = stage.url, options = {}) {
  page = await browser.newPage(options);
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    // The browser notes each answer 503 and 422 here, too: those are wanted.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource"))
      complaints.push(message.text());
  });
  page.on("request", (request) => {
    if (new URL(request.url()).origin !== url) strangers.push(request.url());
  });
  await page.goto(url);
  await page.locator("#pgballast .words", { hasText: /^connected$/ }).waitFor();
}

beforeEach(() => {
  complaints = [];
  strangers = [];
});

afterEach(async () => {
  await page.close();
  assert.deepEqual(complaints, []);
  assert.deepEqual(strangers, []);
});

const headline = (column) => page.locator(`#${column} .headline`);
const said = (column) => page.locator(`#${column} .said`);

async function becomes(locator, text) {
  await locator.filter({ hasText: text }).waitFor({ timeout: 20_000 });
}

async function press(name) {
  await page.getByRole("button", { name, exact: true }).click();
}

async function signUp() {
  await press("Sign up both ways");
}

// The application as it starts, whatever became of it in the test before.
async function restartDirect() {
  const reply = await page.request.post(`${stage.url}/api/demo/direct/restart`);
  assert.equal(reply.status(), 200);
}

test("after a suspend signing up fails directly and works through pgballast", async () => {
  await openPage();
  await signUp();
  await becomes(headline("direct"), "Signed up");
  await becomes(headline("pgballast"), "Signed up");

  await page.getByRole("switch", { name: "Slow to wake" }).check();
  await press("Suspend");
  await becomes(page.locator("#compute-state"), "Asleep");
  await becomes(page.locator("#direct .words"), "dead, and it does not know");
  await becomes(page.locator("#pgballast .words"), "connected");

  await signUp();
  await becomes(headline("direct"), "Sign-up failed");
  await becomes(said("direct"), "terminating connection due to administrator command");
  await becomes(said("direct"), "SSL connection has been closed unexpectedly");
  await becomes(page.locator("#compute-state"), "Waking up");
  await becomes(headline("pgballast"), "Signed up");
  const time = await page.locator("#pgballast .time").textContent();
  assert.ok(Number(/answered in ([\d.]+) s/.exec(time)?.[1]) >= 3, time);
  assert.equal(await said("pgballast").isVisible(), false);
  await becomes(page.locator("#pgballast .tally"), /2 signed up · 0 failed · \d+ lost connections? hidden/);

  await signUp();
  await becomes(said("direct"), "connection already closed");
  await press("Restart the application");
  await becomes(page.locator("#direct .words"), "connected");
  await signUp();
  await becomes(headline("direct"), "Signed up");
  await becomes(page.locator("#direct .tally"), "2 signed up · 2 failed");
  await page.getByRole("switch", { name: "Slow to wake" }).uncheck();
});

test("while the network is frozen both wait, and both go on when it thaws", async () => {
  await openPage();
  await restartDirect();
  await press("Freeze");
  await becomes(page.locator("#compute-state"), "Network frozen");
  await signUp();
  await becomes(page.locator("#direct .time"), "so far");
  await becomes(page.locator("#pgballast .time"), "so far");
  await press("Thaw");
  await becomes(headline("direct"), "Signed up");
  await becomes(headline("pgballast"), "Signed up");
});

test("what is wrong with a field is said beside it", async () => {
  await openPage();
  const email = page.getByLabel("E-mail");
  await email.fill("nobody");
  await page.keyboard.press("Enter");
  await becomes(page.locator("#email-error"), "is no e-mail address");
  assert.equal(await email.getAttribute("aria-invalid"), "true");
  assert.equal(await email.evaluate((field) => field === document.activeElement), true);

  await email.fill(`corrected-${Date.now()}@example.com`);
  await page.keyboard.press("Enter");
  await becomes(headline("pgballast"), "Signed up");
  assert.equal(await email.getAttribute("aria-invalid"), null);
});

test("everything can be reached by keyboard, and has a name", async () => {
  await openPage();
  const names = [];
  for (let presses = 0; presses < 30; ++presses) {
    await page.keyboard.press("Tab");
    const name = await page.evaluate(() => {
      const focused = document.activeElement;
      return focused === document.body
        ? null
        : focused.textContent.trim() || focused.labels?.[0]?.textContent.trim();
    });
    if (name === null) break;
    names.push(name);
  }
  for (const name of ["E-mail", "Password", "Sign up both ways", "Suspend", "Restart", "Cut connections", "Freeze", "Slow to wake: 3 seconds"])
    assert.ok(names.includes(name), `${name} among ${names}`);
});

for (const colorScheme of ["light", "dark"])
  for (const width of [320, 390, 820, 1600])
    test(`nothing overflows at a width of ${width} (${colorScheme})`, async () => {
      await openPage(stage.url, { colorScheme, viewport: { width, height: 900 } });
      await page.locator("#timeline rect.up").first().waitFor();
      const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(over <= 0, `${over} pixels too wide`);
    });

test("without a simulation and a direct connection there is one plain form", async () => {
  await openPage(await stage.startDemo());
  await press("Sign up");
  await becomes(headline("pgballast"), "Signed up");
  for (const hidden of ["#direct", "#compute"])
    assert.equal(await page.locator(hidden).isVisible(), false);
  assert.deepEqual(await page.locator("#timeline .name").allTextContents(), ["Through pgballast"]);
});
