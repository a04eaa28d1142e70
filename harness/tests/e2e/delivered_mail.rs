//! Real mail as traffic: what a delivery wrote into it before, what is missing in it and what servers would rewrite makes no
//! server look guilty, and what was left out is said. And a store that IMAP alone leads into.

use crate::group::{Named, TestResult, group, percent};
use fermoposta::testing::inside::{built_in, companions};
use fermoposta::testing::{ScenarioRun, Test, run};
use libtest_mimic::Failed;
use record::plan::server::Definition;
use reports::kit::verdict::Verdict;
use std::path::Path;
use std::process::{Command, Stdio};

pub(crate) fn tests() -> Vec<Test> {
    let missing = fermoposta::testing::cannot_mount();
    let fixed: [Named; 3] = [
        ("what_is_left_out_is_said", percent(20, 6), left_out),
        ("json_of_several_runs_is_one_document", percent(20, 12), one_document),
        ("a_server_with_imap_alone", percent(20, 6), imap_alone),
    ];
    let mut tests = group("delivered_mail", missing.clone(), fixed);
    tests.extend(built_in().into_iter().map(|definition| {
        let reason = missing.clone().or_else(|| cannot_run(&definition));
        let name = format!("delivered_mail::{}", definition.name);
        Test::new(name, percent(40, 10), move || is_unharmed(&definition.name)).lacking(reason)
    }));
    tests
}

fn cannot_run(definition: &Definition) -> Option<String> {
    let companions =
        companions(definition, &definition.name, Path::new("")).expect("they come with the program");
    let companions = companions.iter().map(|(_, companion)| companion);
    [definition].into_iter().chain(companions).find_map(fermoposta::testing::cannot_run)
}

/// Each message is sent many times: of one that a server drops because it has its Message-ID already, all but one are lost.
const SCENARIO: &str = r#"
name = "real-mail"
why  = "Real mail, no fault."
[workload]
duration = "3s"
rate     = "12/s"
users    = 2
mix      = { deliver = 1 }
[expect]
no-faults    = true
acknowledged = 12
"#;

const DELIVERED: &str = "Return-Path: <ann@example.test>\nDelivered-To: bob@example.test\n\
    Envelope-to: bob@example.test\nDelivery-date: Thu, 04 Mar 2021 10:00:01 +0000\n\
    Received: from a.example.test by b.example.test\n\twith ESMTP; Thu, 04 Mar 2021 10:00:00 +0000\n\
    X-Original-To: bob@example.test\nBcc: cyd@example.test\nStatus: RO\nX-Status: A\nX-Keywords: \nX-UID: 17\n\
    Content-Length: 6\nLines: 1\nFrom: Ann <ann@example.test>\nTo: bob@example.test\nSubject: delivered\n\
    Message-ID: <delivered@example.test>\nDate: Thu, 04 Mar 2021 10:00:00 +0000\n\nbody\n\n";

/// What servers would complete, qualify, fold, replace or end a header at.
const ODD: &[&str] = &[
    "Subject: nothing but a subject\n\nbody\n",
    "Subject: no body\n",
    "From: ann\nTo: undisclosed-recipients:;\nCc: bob,cyd@localhost\nDate: d\nDate: e\n\n.\n..\n",
    "From: Ann (a comment) <ann@example.test>\nSubject: caf\u{e9}\n\n\u{e9}\u{e9}\n",
    "From: \"Ann, A.\" <ann@example.test>\nTo: a@example.test,b@example.test,\n c@example.test,    d@example.test\n\
     Resent-To: x@example.test\nErrors-To: y@example.test\nReturn-Receipt-To: z@example.test\n\nFrom here on: text\n",
    "Subject: a header that\n  \n goes on\nX-Long: 1234567890 1234567890 1234567890 1234567890 1234567890 1234567890 1234567890 1234567890\n\
     this is no field\nSubject: text\n\nbody\n",
];

fn corpus(place: &Path) -> std::io::Result<()> {
    std::fs::create_dir(place)?;
    let hops = "Received: from x by y; Thu, 04 Mar 2021 10:00:00 +0000\n".repeat(40);
    std::fs::write(place.join("delivered"), DELIVERED)?;
    std::fs::write(place.join("hops"), format!("{hops}{DELIVERED}"))?;
    ODD.iter().enumerate().try_for_each(|(n, text)| std::fs::write(place.join(format!("odd-{n}")), text))
}

fn sent(corpus: &Path, scenario: &Path, more: &[&str]) -> Result<ScenarioRun, Failed> {
    std::fs::write(scenario, SCENARIO)?;
    let corpus = corpus.to_str().ok_or("a path in UTF-8")?;
    run(scenario, &[&["--seed", "1", "--corpus", corpus], more].concat())
}

fn is_unharmed(target: &str) -> TestResult {
    let place = tempfile::tempdir()?;
    let mail = place.path().join("corpus");
    corpus(&mail)?;
    let run = sent(&mail, &place.path().join("real-mail.toml"), &["--target", target])?;
    if run.report.verdict == Verdict::Valid { Ok(()) } else { Err(run.failed()) }
}

fn left_out() -> TestResult {
    let place = tempfile::tempdir()?;
    let mail = place.path().join("corpus");
    corpus(&mail)?;
    std::fs::write(mail.join("nul"), "Subject: a\n\n\0\n")?;
    std::fs::write(mail.join("empty"), "")?;
    let run = sent(&mail, &place.path().join("real-mail.toml"), &["--target", "reference"])?;
    let told = run.report.warnings.join("\n");
    assert!(told.contains("gave 8 messages; 2 files or messages of it were left out"), "{told}");
    assert!(told.contains("contains a NUL byte (1)") && told.contains("empty (1)"), "{told}");
    assert!(told.contains("Return-Path (2)") && told.contains("Message-ID (1)"), "{told}");
    Ok(())
}

fn one_document() -> TestResult {
    let place = tempfile::tempdir()?;
    let scenario = |name: &str| {
        let file = place.path().join(name).with_extension("toml");
        let text = SCENARIO.replace("real-mail", name).replace("3s", "1s").replace("= 12\n", "= 1\n");
        std::fs::write(&file, text).map(|()| file)
    };
    let mut command = Command::new(std::env::current_exe()?);
    command.env("FERMOPOSTA_SELF", "1").stdin(Stdio::null()).arg("run");
    command.args([scenario("one")?, scenario("two")?]).args(["--json", "--seed", "1"]);
    command.args(["--target", "reference", "--runs"]);
    let output = command.arg(place.path().join("runs")).output()?;
    let reports: Vec<reports::run::Report> = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("{error}: {}", String::from_utf8_lossy(&output.stderr)))?;
    let names: Vec<&str> = reports.iter().map(|report| report.run.scenario.as_str()).collect();
    assert_eq!((names, output.status.code()), (vec!["one", "two"], Some(0)));
    Ok(())
}

const IMAP_ALONE: &str = r#"
name = "imap-alone"
about = "The built-in server behind somebody else's MX"
kind = "spawned"
start = ["{exe}", "__reference-server", "--store", "{store}", "--password", "secret", "--imap", "127.0.0.1:{port.imap}"]
listen = { imap = "127.0.0.1:{port.imap}" }
layout.maildir = { path = "{user}/Maildir" }
"#;

fn imap_alone() -> TestResult {
    let place = tempfile::tempdir()?;
    let (target, scenario) = (place.path().join("imap-alone.toml"), place.path().join("s.toml"));
    std::fs::write(&target, IMAP_ALONE)?;
    std::fs::write(&scenario, SCENARIO.replace("deliver = 1", "deliver = 1, append = 1, fetch = 1"))?;
    let run = run(&scenario, &["--seed", "1", "--target", target.to_str().ok_or("a path in UTF-8")?])?;
    let told = run.report.warnings.join("\n");
    assert!(told.contains("deliveries were made by IMAP's APPEND"), "{told}");
    if run.report.verdict == Verdict::Valid { Ok(()) } else { Err(run.failed()) }
}
