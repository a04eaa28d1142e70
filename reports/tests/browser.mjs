// Opens pages in headless Chromium and prints what it found as one JSON object: of each page, for each of light, dark and narrow,
// { errors, requests, pictures, serious, scroll, text, hidden_on_paper, foreign, dead_links, dark }.
// Arguments: directory of node_modules, path of Chromium, a directory for screenshots (or ""), `all`, or `load` for the milliseconds until each view is there and nothing else, pages.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { pathToFileURL } from 'node:url';

const [modules, chromium, shots, wanted, ...pages] = process.argv.slice(2);
const require = createRequire(`${modules}/package.json`);
const puppeteer = require('puppeteer-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const views = [
  { name: 'light', scheme: 'light', width: 1280, height: 900 },
  { name: 'dark', scheme: 'dark', width: 1280, height: 900 },
  { name: 'narrow', scheme: 'light', width: 390, height: 844 },
];

async function look(browser, page, view) {
  const tab = await browser.newPage();
  const errors = [], requests = [];
  tab.on('console', message => ['error', 'warn'].includes(message.type()) && errors.push(message.text()));
  tab.on('pageerror', error => errors.push(String(error)));
  tab.on('request', request => requests.push(request.url()));
  await tab.setViewport(view);
  await tab.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: view.scheme }]);
  const begun = performance.now();
  await tab.goto(pathToFileURL(page).href, { waitUntil: 'load' });
  const load_ms = Math.round(performance.now() - begun);
  if (wanted === 'load') {
    await tab.close();
    return load_ms;
  }
  const seen = await tab.evaluate(() => ({
    pictures: [...document.querySelectorAll('figure svg')].filter(svg => svg.getBoundingClientRect().height > 0).length,
    scroll: document.documentElement.scrollWidth > document.documentElement.clientWidth,
    text: document.querySelector('h1').textContent.trim(),
    // What only a string from outside could have brought in.
    foreign: [...document.querySelectorAll('script, img, iframe, object, embed, form, base, link, meta[http-equiv=refresh]')]
      .map(element => element.outerHTML.slice(0, 200)),
    dead_links: [...document.querySelectorAll('a[href^="#"]')].map(link => link.getAttribute('href'))
      .filter(href => !document.getElementById(decodeURIComponent(href.slice(1)))),
  }));
  if (shots) await tab.screenshot({ path: `${shots}/${basename(page, '.html')}-${view.name}.png`, fullPage: true });
  // On paper nothing can be opened: what is closed on the screen must be in view.
  await tab.emulateMediaType('print');
  seen.hidden_on_paper = await tab.evaluate(() =>
    [...document.querySelectorAll('details')].filter(closed => {
      const body = closed.querySelector(':scope > :not(summary)');
      return body && (body.getBoundingClientRect().height === 0 || !body.checkVisibility({ contentVisibilityAuto: true }));
    }).length);
  // Emulating a medium forgets the colour scheme.
  await tab.emulateMediaType('screen');
  await tab.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: view.scheme }]);
  seen.dark = await tab.evaluate(() => matchMedia('(prefers-color-scheme: dark)').matches);
  // The page's policy forbids scripts, also this one; the DevTools protocol runs it all the same.
  await tab.evaluate(axe);
  const result = await tab.evaluate(() => axe.run(document, { resultTypes: ['violations'] }));
  const bad = result.violations.filter(violation => ['serious', 'critical'].includes(violation.impact));
  const serious = bad.map(({ id, nodes }) => `${id}: ${nodes[0].html.slice(0, 200)} (${nodes.length})`);
  await tab.close();
  return { ...seen, errors, requests, serious };
}

const browser = await puppeteer.launch({
  executablePath: chromium,
  headless: true,
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
});
const found = {};
for (const page of pages) {
  found[page] = {};
  for (const view of views) found[page][view.name] = await look(browser, page, view);
}
await browser.close();
console.log(JSON.stringify(found, null, 1));
