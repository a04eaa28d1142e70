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
// Contrast is a matter of colours, all else of what is there and how wide: so dark is asked for the first alone, and narrow for the rest.
const CONTRAST = 'color-contrast';
const views = [
  { name: 'light', scheme: 'light', width: 1280, height: 900, ask: {} },
  { name: 'dark', scheme: 'dark', width: 1280, height: 900, ask: { runOnly: [CONTRAST] } },
  { name: 'narrow', scheme: 'light', width: 390, height: 844, ask: { rules: { [CONTRAST]: { enabled: false } } } },
];

// A tab that is shown a page in a view, and what went wrong and was asked of others since it was opened.
async function open(browser, page, view) {
  const tab = await browser.newPage();
  const errors = [], requests = [];
  tab.on('console', message => ['error', 'warn'].includes(message.type()) && errors.push(message.text()));
  tab.on('pageerror', error => errors.push(String(error)));
  tab.on('request', request => requests.push(request.url()));
  await show(tab, view);
  const begun = performance.now();
  await tab.goto(pathToFileURL(page).href, { waitUntil: 'load' });
  return { tab, errors, requests, load_ms: Math.round(performance.now() - begun) };
}

async function show(tab, view) {
  await tab.setViewport({ width: view.width, height: view.height });
  await tab.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: view.scheme }]);
}

async function load(browser, page, view) {
  const { tab, load_ms } = await open(browser, page, view);
  await tab.close();
  return load_ms;
}

async function look(tab, page, view) {
  await show(tab, view);
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
  const result = await tab.evaluate(ask => axe.run(document, { resultTypes: ['violations'], ...ask }), view.ask);
  const bad = result.violations.filter(violation => ['serious', 'critical'].includes(violation.impact));
  seen.serious = bad.map(({ id, nodes }) => `${id}: ${nodes[0].html.slice(0, 200)} (${nodes.length})`);
  return seen;
}

// Opened once and shown in each view, so that what goes wrong in any is told of all.
async function look_in_every_view(browser, page) {
  const { tab, errors, requests } = await open(browser, page, views[0]);
  // The page's policy forbids scripts, also this one; the DevTools protocol runs it all the same.
  await tab.evaluate(axe);
  const found = {};
  for (const view of views) found[view.name] = await look(tab, page, view);
  await tab.close();
  for (const view of views) Object.assign(found[view.name], { errors, requests });
  return found;
}

async function load_in_every_view(browser, page) {
  const found = {};
  for (const view of views) found[view.name] = await load(browser, page, view);
  return found;
}

const browser = await puppeteer.launch({
  executablePath: chromium,
  headless: true,
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
});
const every_view = wanted === 'load' ? load_in_every_view : look_in_every_view;
const found = {};
for (const page of pages) found[page] = await every_view(browser, page);
await browser.close();
console.log(JSON.stringify(found, null, 1));
