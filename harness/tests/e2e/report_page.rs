//! Every kind of page, opened in a real browser: light, dark and narrow. No error on its console, no request but for the page itself,
//! its pictures in view, no link that leads nowhere, nothing brought in by a hostile string, and no serious finding of an accessibility
//! checker. Needs Chromium, Node.js, and in `target/browser` or `FERMOPOSTA_BROWSER_MODULES` the npm packages `puppeteer-core` and
//! `axe-core`.

use crate::group::{Named, TestResult, group, percent};
use fermoposta::testing::{Needs, Test};
use libtest_mimic::Failed;
use reports::run::{Anomaly, Moment, Report};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Loses mail at every power cut.
const CARELESS: [&str; 4] = ["--defect", "no-directory-fsync", "--persistence", "strict-posix"];

/// What the browser found in one view.
#[derive(Debug, Deserialize)]
struct Look {
    pictures: usize,
    /// The page is wider than the window.
    scroll: bool,
    text: String,
    errors: Vec<String>,
    requests: Vec<String>,
    serious: Vec<String>,
    /// What is closed and would be missing on paper.
    hidden_on_paper: usize,
    /// Elements that no page of ours has.
    foreign: Vec<String>,
    /// Links within the page without a target.
    dead_links: Vec<String>,
    /// It was dark when the accessibility checker looked.
    dark: bool,
}

/// What was found in each view.
type Views = BTreeMap<String, Look>;

pub(crate) fn tests() -> Vec<Test> {
    let page = |seconds| percent(60, seconds);
    let tests: [Named; 8] = [
        ("an_invalid_run", page(25), || run_is_sound("power-cut.toml", &CARELESS, "INVALID")),
        ("a_run_with_damaged_mail", page(20), || run_is_sound("bit-rot-at-rest.toml", &[], "INVALID")),
        ("a_valid_run", page(20), || run_is_sound("eio-on-fsync.toml", &[], "VALID")),
        ("a_report_is_the_same_again_and_can_be_verified", page(20), again),
        ("every_kind_of_page", page(30), every_kind),
        ("a_comparison_of_real_runs", page(35), comparison),
        ("a_bad_page_is_found_out", page(5), bad_page),
        ("a_page_full_of_anomalies_stays_small", Needs::alone(Duration::from_secs(30)), large_page),
    ];
    group("report_page", missing(), tests)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Where `puppeteer-core` and `axe-core` are: `.ci/run` says it.
fn modules() -> PathBuf {
    std::env::var_os("FERMOPOSTA_BROWSER_MODULES").map_or(root().join("target/browser"), PathBuf::from)
}

fn browser() -> Option<PathBuf> {
    let places = std::env::split_paths(&std::env::var_os("PATH")?).collect::<Vec<_>>();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    names.iter().flat_map(|name| places.iter().map(move |place| place.join(name))).find(|path| path.is_file())
}

fn missing() -> Option<String> {
    if let Some(reason) = fermoposta::testing::cannot_mount() {
        return Some(reason);
    }
    if Command::new("node").arg("--version").output().is_err() {
        return Some("Node.js is not installed".to_owned());
    }
    if browser().is_none() {
        return Some("Chromium is not installed".to_owned());
    }
    let there = |name: &str| modules().join("node_modules").join(name).is_dir();
    let lacks = ["puppeteer-core", "axe-core"].into_iter().find(|name| !there(name));
    lacks.map(|name| format!("the npm package {name} is not in {}", modules().display()))
}

/// Documents that have no page.
const WITHOUT_A_PAGE: [&str; 1] = ["movers"];

/// Opens pages in every view. `wanted` is what the browser is asked for: `all`, or `load` for the milliseconds until each is there.
fn look_at<View: DeserializeOwned>(
    wanted: &str,
    pages: &[PathBuf],
) -> Result<BTreeMap<PathBuf, BTreeMap<String, View>>, Failed> {
    let output = Command::new("node")
        .arg(root().join("reports/tests/browser.mjs"))
        .arg(std::fs::canonicalize(modules())?)
        .arg(browser().ok_or("no browser")?)
        .arg(std::env::var_os("FERMOPOSTA_SCREENSHOTS").unwrap_or_default())
        .arg(wanted)
        .args(pages)
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() {
        return Err(format!("the browser failed: {said}").into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn look(page: &Path) -> Result<Views, Failed> {
    look_at("all", &[page.to_owned()])?.remove(page).ok_or_else(|| "the browser did not see the page".into())
}

fn is_sound(page: &Path, views: &Views, word: &str, pictures: usize) {
    for (view, look) in views {
        let (opened, view) = ([format!("file://{}", page.display())], format!("{} {view}", page.display()));
        assert!(look.text.starts_with(word), "{view}: {}", look.text);
        assert_eq!(look.errors, Vec::<String>::new(), "{view}");
        assert_eq!(look.requests, opened, "{view}: nothing is asked of anybody else");
        assert_eq!(look.dark, view.ends_with(" dark"), "{view}");
        assert_eq!(look.serious, Vec::<String>::new(), "{view}");
        assert_eq!(look.foreign, Vec::<String>::new(), "{view}");
        assert_eq!(look.dead_links, Vec::<String>::new(), "{view}");
        assert!(look.pictures >= pictures, "{view}: {} pictures", look.pictures);
        assert_eq!(look.hidden_on_paper, 0, "{view}: closed parts are not printed");
        assert!(!look.scroll, "{view}: the page is wider than the window");
    }
}

/// The page of an example below `reports/examples`, by the kind of result that it is.
fn page_of(name: &str) -> Result<String, Failed> {
    let text = std::fs::read_to_string(root().join(format!("reports/examples/{name}.json")))?;
    Ok(match name.split('-').next().unwrap_or_default() {
        "report" => reports::run::html::page::render_many(&[serde_json::from_str(&text)?]),
        "agreement" => reports::agreement::html::render(&serde_json::from_str(&text)?),
        "campaign" => reports::campaign::html::render(&serde_json::from_str(&text)?),
        "comparison" => reports::comparison::html::render(&serde_json::from_str(&text)?),
        "cuts" => reports::cuts::html::render(&serde_json::from_str(&text)?),
        "history" => reports::history::html::render(&serde_json::from_str(&text)?),
        "policies" => reports::policies::html::render(&serde_json::from_str(&text)?),
        "rehearsal" => reports::rehearsal::html::render(&serde_json::from_str(&text)?),
        "stores" => reports::stores::html::render(&serde_json::from_str(&text)?),
        "survey" => reports::survey::html::render(&serde_json::from_str(&text)?),
        "sweep" => reports::sweep::html::render(&serde_json::from_str(&text)?),
        kind => return Err(format!("no page is known for {kind}: add it here").into()),
    })
}

/// Each example of a JSON form, and several runs as one document.
fn every_kind() -> TestResult {
    let place = tempfile::tempdir()?;
    let put = |name: &str, text: String| -> Result<PathBuf, Failed> {
        let page = std::fs::canonicalize(place.path())?.join(format!("{name}.html"));
        std::fs::write(&page, text)?;
        Ok(page)
    };
    let (mut pages, mut runs) = (Vec::new(), Vec::new());
    for entry in std::fs::read_dir(root().join("reports/examples"))? {
        let path = entry?.path();
        let name = path.file_stem().and_then(|name| name.to_str()).ok_or("an example has a name")?.to_owned();
        if WITHOUT_A_PAGE.contains(&name.as_str()) {
            continue;
        }
        if name.starts_with("report-") {
            runs.push(serde_json::from_slice(&std::fs::read(&path)?)?);
        }
        pages.push(put(&name, page_of(&name)?)?);
    }
    pages.push(put("many", reports::run::html::page::render_many(&runs))?);
    assert!(pages.len() > 10, "{pages:?}");
    for (page, views) in look_at::<Look>("all", &pages)? {
        let name = page.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        let word = ["valid", "unknown", "invalid"].into_iter().find(|word| name == format!("report-{word}"));
        let pictures = if name.starts_with("report-") { 1 } else { 0 };
        is_sound(&page, &views, &word.unwrap_or_default().to_uppercase(), pictures);
    }
    Ok(())
}

/// `report` on a run: exit code and standard error.
fn report(run: &Path, arguments: &[&str]) -> Result<(Option<i32>, String), Failed> {
    let mut command = Command::new(std::env::current_exe()?);
    let output = command.env("FERMOPOSTA_SELF", "1").arg("report").arg(run).args(arguments).output()?;
    Ok((output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned()))
}

/// Every form twice, byte by byte; then one byte of the evidence is changed.
fn again() -> TestResult {
    let place = tempfile::tempdir()?;
    let run = run("eio-on-fsync.toml", &[], &place.path().join("runs"))?;
    let mut forms = Vec::new();
    for extension in reports::run::forms::FORMATS.iter().map(|form| form.extension) {
        let files = ["one", "two"].map(|name| place.path().join(format!("{name}.{extension}")));
        for file in &files {
            assert_eq!(report(&run, &["--export", &file.to_string_lossy()])?.0, Some(0));
        }
        let [one, two] = files.map(std::fs::read);
        forms.push((extension, one?));
        assert!(forms.last().is_some_and(|(_, one)| two.is_ok_and(|two| *one == two)), "{extension}");
    }
    let page = forms.iter().find(|(extension, _)| *extension == "html").ok_or("a page")?;
    assert_eq!(page.1, std::fs::read(run.join("report.html"))?, "the page of the run itself");
    let (code, said) = report(&run, &["--verify"])?;
    assert!(code == Some(0) && said.contains("recorded files are those that it was judged from"), "{said}");
    let kept = std::fs::read_to_string(run.join("report.json"))?;
    for (from, to) in [("\"lost\": 0", "\"lost\": 1"), ("\"verdict\": \"valid\"", "\"verdict\": \"unknown\"")]
    {
        std::fs::write(run.join("report.json"), kept.replacen(from, to, 1))?;
        let (code, said) = report(&run, &["--verify"])?;
        assert!(code == Some(1) && said.contains("it comes to VALID"), "{from}: {code:?} {said}");
    }
    std::fs::write(run.join("report.json"), kept)?;
    let mut history = std::fs::read(run.join("history.jsonl"))?;
    *history.last_mut().ok_or("a history")? ^= 1;
    std::fs::write(run.join("history.jsonl"), history)?;
    let (code, said) = report(&run, &["--verify"])?;
    assert!(code == Some(1) && said.contains("history.jsonl is another file"), "{code:?} {said}");
    Ok(())
}

/// Two runs on the same disk: the command's own page.
fn comparison() -> TestResult {
    let place = tempfile::tempdir()?;
    let runs = ["before", "after"].map(|side| run("eio-on-fsync.toml", &[], &place.path().join(side)));
    let [before, after] = runs;
    let page = std::fs::canonicalize(place.path())?.join("comparison.html");
    let output = Command::new(std::env::current_exe()?)
        .env("FERMOPOSTA_SELF", "1")
        .arg("compare")
        .args([before?, after?])
        .arg("--export")
        .arg(&page)
        .output()?;
    assert!(page.is_file(), "{}", String::from_utf8_lossy(&output.stderr));
    is_sound(&page, &look(&page)?, "", 0);
    Ok(())
}

fn run(scenario: &str, more: &[&str], runs: &Path) -> Result<PathBuf, Failed> {
    let output = Command::new(std::env::current_exe()?)
        .env("FERMOPOSTA_SELF", "1")
        .arg("run")
        .arg(root().join("scenarios").join(scenario))
        .args(["--target", "reference", "--seed", "7", "--runs"])
        .arg(runs)
        .args(more)
        .output()?;
    let run = std::fs::read_dir(runs)?
        .next()
        .ok_or_else(|| format!("no run directory: {}", String::from_utf8_lossy(&output.stderr)))??;
    Ok(std::fs::canonicalize(run.path())?)
}

fn run_is_sound(scenario: &str, more: &[&str], word: &str) -> TestResult {
    let place = tempfile::tempdir()?;
    let run = run(scenario, more, place.path())?;
    let page = run.join("report.html");
    is_sound(&page, &look(&page)?, word, 7);
    Ok(())
}

/// A page with a script, a picture from elsewhere and grey on white.
fn bad_page() -> TestResult {
    let place = tempfile::tempdir()?;
    let page = std::fs::canonicalize(place.path())?.join("bad.html");
    std::fs::write(
        &page,
        "<!doctype html><html lang=\"en\"><title>Bad</title><main><h1 style=\"color:#ddd\">VALID</h1>\
         <img src=\"http://127.0.0.1:9/x.png\"><details><summary>More</summary><p>hidden</p></details><script>console.error('oh')</script></main></html>",
    )?;
    for (view, look) in look(&page)? {
        assert!(look.errors.iter().any(|error| error.contains("oh")), "{view}: {:?}", look.errors);
        assert_eq!(look.requests.len(), 2, "{view}: {:?}", look.requests);
        let serious = |rule: &str| look.serious.iter().any(|found| found.starts_with(rule));
        let (contrast, others) = (serious("color-contrast"), serious("image-alt"));
        assert_eq!((contrast, others), (view != "narrow", view != "dark"), "{view}: {:?}", look.serious);
        assert_eq!((look.pictures, look.hidden_on_paper), (0, 1), "{view}");
    }
    Ok(())
}

/// More anomalies than a checker keeps, each with more evidence, in every property.
fn large_page() -> TestResult {
    let place = tempfile::tempdir()?;
    let run = run("power-cut.toml", &CARELESS, place.path())?;
    let mut report: Report = serde_json::from_slice(&std::fs::read(run.join("report.json"))?)?;
    for property in &mut report.properties {
        let moment = |n: u32| Moment {
            at_s: f64::from(n),
            who: "storage".into(),
            what: format!("write {n} of user1/Maildir/tmp/a"),
        };
        let one = |n: u32| Anomaly {
            sentence: format!("Message {n} is gone."),
            message: Some(format!("1a2b-{n}-1")),
            place: Some("user1 INBOX".into()),
            evidence: (0..60).map(moment).collect(),
            difference: None,
        };
        (property.count, property.anomalies) = (1_000_000, (0..100).map(one).collect());
    }
    let page = run.join("large.html");
    let text = reports::run::html::page::render_many(&[report]);
    assert!(text.len() < 3_000_000, "{} bytes", text.len());
    std::fs::write(&page, text)?;
    is_as_fast(&run.join("report.html"), &page)
}

/// A time says something only if nothing disturbed it: one undisturbed look is enough.
fn is_as_fast(small: &Path, large: &Path) -> TestResult {
    let mut slow = Vec::new();
    for _ in 0..5 {
        let times = look_at::<u64>("load", &[small.to_owned(), large.to_owned()])?;
        let times = times[large].iter().map(|(view, took)| (*took, times[small][view], view.clone()));
        slow = times.filter(|(large, small, _)| *large >= 20 * (*small).max(20)).collect();
        if slow.is_empty() {
            return Ok(());
        }
    }
    Err(format!("milliseconds of the large and of the small page: {slow:?}").into())
}
