//! `rehearse` with mail that is there: a mover that spoils it is found by the names of the messages, and the mail itself is not touched,
//! whatever the mover does.

use super::tree;
use super::{Place, says};
use crate::clean_up::wait_until;
use crate::group::{Named, TestResult, group, percent};
use fermoposta::testing::Test;
use libtest_mimic::Failed;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

pub(super) fn tests() -> Vec<Test> {
    let tests: [Named; 9] = [
        ("rehearsed_with_rsync_done_right_it_is_go_and_nothing_is_touched", percent(60, 5), done_right),
        ("each_mover_that_spoils_mail_is_found_by_rehearse", percent(60, 10), spoiled),
        ("what_a_mover_says_of_itself_is_told_from_what_it_did", percent(40, 10), said_of_itself),
        ("a_link_out_of_the_mail_is_not_copied", percent(20, 5), link_out),
        ("an_interrupted_mover_is_not_left_running", percent(20, 5), interrupted),
        ("a_sample_of_users_is_moved_and_what_is_wrong_is_said", percent(40, 5), sample),
        ("a_rehearsal_is_verified_by_its_fingerprint", percent(40, 5), verified),
        ("an_interrupted_rehearsal_goes_on", percent(30, 5), gone_on),
        ("a_rehearsal_of_own_mail_says_the_same_in_every_form", percent(40, 5), forms),
    ];
    let mut all = group("stores", rsync_missing(), tests);
    let as_root: [Named; 1] =
        [("a_mover_cannot_change_the_mail_itself", percent(40, 5), kept_from_the_mover)];
    let not_root =
        (!nix::unistd::geteuid().is_root()).then(|| "mounts for a mover are made by root".to_owned());
    all.extend(group("stores", rsync_missing().or(not_root), as_root));
    all
}

fn rsync_missing() -> Option<String> {
    let there = Command::new("rsync").arg("--version").stdout(Stdio::null()).status().is_ok();
    (!there).then(|| "there is no `rsync`: `apt-get install rsync`".to_owned())
}

const ALWAYS: [&str; 9] = [
    "rehearse",
    "--source",
    "disk-old",
    "--destination",
    "disk-new",
    "--mail",
    "maildir:old/%u/Maildir",
    "--parts",
    "mail",
];

impl Place {
    /// With both disks.
    fn rehearsing() -> Result<Place, Failed> {
        let place = Place::new()?;
        ["disk-old", "disk-new"].iter().try_for_each(|disk| fs::create_dir(place.path(disk)))?;
        Ok(place)
    }

    fn rehearse(&self, mover: &str, more: &[&str]) -> Result<Output, Failed> {
        self.run(&[&ALWAYS[..], &["--mover", mover], more].concat())
    }
}

fn done_right() -> TestResult {
    let place = Place::rehearsing()?;
    let before = tree::state(&place.path("old"))?;
    for mover in [
        "rsync -a {from}/ {to}/",
        "rsync -a {from}/ {to} # {user}",
        "test -n {user} && rsync -a \"{from}/\" '{to}'",
    ] {
        let rehearsed = place.rehearse(mover, &[])?;
        says(
            &rehearsed,
            0,
            &[
                "GO Your mover brought every message with folder, flags and date.",
                "VALID B holds what A holds, 545 messages.",
                "UIDs and UIDVALIDITY are the same in 9 folders",
                "2 of 2",
            ],
        )
        .map_err(|failed| Failed::from(format!("{mover}: {}", failed.message().unwrap_or_default())))?;
    }
    match tree::state(&place.path("old"))? == before {
        true => Ok(()),
        false => Err("the mail was touched".into()),
    }
}

/// From a copy it would lead to the mail itself: a mover that follows links could remove that, and nothing would have moved.
fn link_out() -> TestResult {
    let place = Place::rehearsing()?;
    let archive = place.path("archive");
    fs::create_dir_all(archive.join("cur"))?;
    fs::write(archive.join("cur/1.host:2,S"), "Subject: kept\n\nkept\n")?;
    let link = place.path("old/anna@example.it/Maildir/.Archive");
    std::os::unix::fs::symlink(&archive, &link)?;
    let rehearsed = place.rehearse("cp -a {from}/. {to} && find -L {from} -type f -delete", &[])?;
    let words = format!("{} leads out of the user's mail, to {}", link.display(), archive.display());
    says(&rehearsed, 64, &["the mail of anna@example.it", &words])?;
    let empty = |disk: &str| Ok::<bool, Failed>(fs::read_dir(place.path(disk))?.next().is_none());
    let (begun, kept) = (!empty("disk-old")?, archive.join("cur/1.host:2,S").is_file());
    match (begun, kept) {
        (false, true) => Ok(()),
        _ => Err(format!("begun: {begun}, the archive is there: {kept}").into()),
    }
}

/// What a mover does after it has moved everything, in the directory of all users, and what has to be said of it.
const SPOILERS: [(&str, &str, &[&str]); 7] = [
    (
        "loses one in 500",
        "rm {to}/anna@example.it/Maildir/cur/500.host:2,Sa",
        &[
            "missing: user anna@example.it folder `INBOX` UID 500 <500.anna@example.it> \"Città 500\": it is not in B",
        ],
    ),
    (
        "doubles one",
        "cp -p {to}/bob@example.it/Maildir/.Lavoro/cur/302.host:2,Sa {to}/bob@example.it/Maildir/.Lavoro/cur/999.host:2,Sa",
        &["doubled: user bob@example.it folder `Lavoro`", "<302.bob@example.it>"],
    ),
    (
        "drops keywords",
        "mv {to}/bob@example.it/Maildir/.Lavoro/cur/302.host:2,Sa {to}/bob@example.it/Maildir/.Lavoro/cur/302.host:2,S",
        &["keywords: user bob@example.it folder `Lavoro` UID 3 <302.bob@example.it>", "`$label1` became ``"],
    ),
    (
        "rewrites dates",
        "touch -d @1000086400 {to}/bob@example.it/Maildir/.Lavoro/cur/302.host:2,Sa",
        &[
            "dates: user bob@example.it folder `Lavoro` UID 3 <302.bob@example.it>",
            "became 2001-09-10T01:46:40Z",
        ],
    ),
    (
        "flips a byte",
        "f={to}/anna@example.it/Maildir/cur/7.host:2,Sa; sed -i 's/body/bodY/' \"$f\"; touch -r {from}/anna@example.it/Maildir/cur/7.host:2,Sa \"$f\"",
        &["changed: user anna@example.it folder `INBOX` UID 7 <7.anna@example.it>"],
    ),
    (
        "leaves a user out",
        "rm -r {to}/anna@example.it",
        &["messages of A that are not in B: 500", "<500.anna@example.it>"],
    ),
    (
        "leaves all out",
        "rm -r {to}/anna@example.it {to}/bob@example.it",
        &["messages of A that are not in B: 545"],
    ),
];

fn spoiled() -> TestResult {
    for (name, spoil, words) in SPOILERS {
        let place = Place::rehearsing()?;
        let rehearsed =
            place.rehearse(&format!("rsync -a {{from}}/ {{to}}/ && {spoil}"), &["--export", "r.json"])?;
        let named =
            |failed: Failed| Failed::from(format!("{name}: {}", failed.message().unwrap_or_default()));
        let json = fs::read_to_string(place.path("r.json"))?;
        let json: reports::rehearsal::Rehearsal = serde_json::from_str(&json)?;
        let mail = json.own_mail.ok_or("it has no mail")?;
        let shown = [&rehearsed.stdout[..], json_names(&mail).as_bytes()].concat();
        let all = Output { stdout: shown, ..rehearsed };
        says(
            &all,
            1,
            &[&["NO-GO The migration is not safe as rehearsed: mail: B is not what A is"], words].concat(),
        )
        .map_err(named)?;
    }
    let place = Place::rehearsing()?;
    // Without -t every message becomes one of today.
    says(
        &place.rehearse("rsync -rl {from}/ {to}/", &[])?,
        1,
        &["NO-GO", "messages with another INTERNALDATE: 545"],
    )?;
    says(
        &place.rehearse("rsync -rl {from}/ {to}/", &["--accept", "dates"])?,
        0,
        &["GO Your mover brought every message with folder, flags and date, but for what was accepted."],
    )
}

/// What is named beyond what a terminal shows.
fn json_names(mail: &reports::rehearsal::OwnMail) -> String {
    mail.stores.findings.iter().filter_map(|finding| finding.message_id.clone()).collect::<Vec<_>>().join(" ")
}

fn said_of_itself() -> TestResult {
    let place = Place::rehearsing()?;
    let of = |mover: &str, more: &[&str]| place.rehearse(mover, more);
    says(
        &of("rsync -a {from}/ {to}/; exit 24", &[])?,
        0,
        &["GO", "exit code 24", "which is no failure of it"],
    )?;
    says(
        &of("cp -a {from}/. {to}/; exit 24", &[])?,
        2,
        &["INCONCLUSIVE", "the mover failed (exit status: 24)", "mover.log"],
    )?;
    says(
        &of("cp -a {from}/. {to}/; echo no >&2; exit 1", &[])?,
        2,
        &["INCONCLUSIVE", "VALID B holds what A holds"],
    )?;
    says(
        &of("/no/such/mover {from} {to}", &[])?,
        2,
        &["INCONCLUSIVE", "the mover cannot be started (exit code 127)", "mover.log"],
    )?;
    says(
        &of("sleep 1000; : {from} {to}", &["--mover-limit", "300ms"])?,
        2,
        &[
            "INCONCLUSIVE",
            "the mover was still at work after 0.3 s, and was killed; give it longer with --mover-limit",
        ],
    )
}

fn interrupted() -> TestResult {
    let place = Place::rehearsing()?;
    let mover = "echo $$ > pid.new; mv pid.new pid; sleep 1000; : {from} {to}";
    let mut command = Command::new(std::env::current_exe()?);
    command.env("FERMOPOSTA_SELF", "1").args(ALWAYS).args(["--mover", mover]).current_dir(place.top.path());
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    wait_until("the mover", || place.path("pid").is_file())?;
    kill(Pid::from_raw(i32::try_from(child.id())?), Signal::SIGINT)?;
    wait_until("the end of the rehearsal", || matches!(child.try_wait(), Ok(Some(_))))?;
    let mover = fs::read_to_string(place.path("pid"))?;
    if Path::new("/proc").join(mover.trim()).exists() {
        return Err(format!("the mover, process {mover}, is still there").into());
    }
    match child.wait()?.code() {
        Some(130) => Ok(()),
        other => Err(format!("exit code {other:?}, wanted 130").into()),
    }
}

fn sample() -> TestResult {
    let place = Place::rehearsing()?;
    says(
        &place.rehearse("rsync -a {from}/ {to}/", &["--users", "1"])?,
        0,
        &["GO Your mover brought every message of 1 of 2 users with", "1 user is the same"],
    )?;
    for (arguments, words) in [
        (vec!["--mail", "maildir:nowhere/%u"], "cannot look for users in"),
        (vec!["--mail", "maildir:disk-new/%u/Maildir"], "no user's mail is there"),
        (vec!["--mail", "imaps://x.example.it"], "write maildir:PATH"),
        (vec!["--mover", "true"], "it does not name `{from}`"),
        (vec!["--users", "0"], "--users 0: from 1 to 100,000 are possible"),
        (vec!["--parts", "failures,mail"], "write --parts migration,failures"),
        (vec!["--parts", "disks"], "--parts leaves it out; add `mail`"),
    ] {
        let usual = [
            ("--mail", "maildir:old/%u/Maildir"),
            ("--mover", "rsync -a {from}/ {to}/"),
            ("--parts", "mail"),
        ];
        let others =
            usual.iter().filter(|(name, _)| *name != arguments[0]).flat_map(|(name, value)| [*name, *value]);
        let disks = ["rehearse", "--source", "disk-old", "--destination", "disk-new"];
        let all: Vec<&str> = disks.into_iter().chain(others).chain(arguments.iter().copied()).collect();
        says(&place.run(&all)?, 64, &[words])?;
    }
    Ok(())
}

fn forms() -> TestResult {
    let place = Place::rehearsing()?;
    let mover = "rsync -a {from}/ {to}/ && rm {to}/anna@example.it/Maildir/cur/500.host:2,Sa";
    says(&place.rehearse(mover, &[])?, 1, &["NO-GO"])?;
    for extension in ["json", "xml", "html", "md", "txt"] {
        let file = place.path("fermoposta-runs/rehearse-mail-1").join(format!("rehearsal.{extension}"));
        let text = fs::read_to_string(&file)?;
        if !text.contains("500.anna@example.it") {
            return Err(format!("{} does not name the message", file.display()).into());
        }
    }
    Ok(())
}

fn kept_from_the_mover() -> TestResult {
    let place = Place::rehearsing()?;
    let before = tree::state(&place.path("old"))?;
    let store = place.path("old");
    let mover =
        format!("rsync -a {{from}}/ {{to}}/; rm -rf {0}/* 2>&1; echo x > {0}/mine; true", store.display());
    says(&place.rehearse(&mover, &[])?, 0, &["GO"])?;
    match tree::state(&store)? == before {
        true => Ok(()),
        false => Err("the mover changed the mail itself".into()),
    }
}

const PLACE: &str = "fermoposta-runs/rehearse-mail-1";

fn verified() -> TestResult {
    let place = Place::rehearsing()?;
    says(&place.rehearse("rsync -a {from}/ {to}/", &[])?, 0, &["GO", "Fingerprint"])?;
    let page = fs::read_to_string(place.path(PLACE).join("rehearsal.html"))?;
    let verify = || place.run(&["report", "--verify", PLACE]);
    let sound = verify()?;
    says(&sound, 0, &["all 3 recorded files are those that it was made from, fingerprint", "GO"])?;
    let said = String::from_utf8_lossy(&sound.stderr).into_owned();
    let fingerprint = said.split("fingerprint ").nth(1).ok_or("no fingerprint")?;
    if !page.contains(&fingerprint[..64]) || !page.contains(&format!("<code>{}</code>", &fingerprint[..16])) {
        return Err("the page does not carry the fingerprint".into());
    }
    for (file, from, to, words) in [
        (
            "rehearsal.html",
            "Your mover brought",
            "Your mover sent",
            "rehearsal.html is not what rehearsal.json comes to",
        ),
        ("rehearsal.json", "545", "546", "it was edited after it was written"),
        ("mail/after.inventory", "<7.anna", "<8.anna", "mail/after.inventory is another file"),
    ] {
        let file = place.path(PLACE).join(file);
        let whole = fs::read_to_string(&file)?;
        fs::write(&file, whole.replacen(from, to, 1))?;
        says(&verify()?, 1, &[words])?;
        fs::write(&file, whole)?;
    }
    fs::rename(place.path(PLACE), place.path("elsewhere"))?;
    says(&place.run(&["report", "--verify", "elsewhere"])?, 0, &["come to the same", "GO"])?;
    says(&place.run(&["report", "elsewhere", "--export", "again.html"])?, 0, &["GO"])?;
    if fs::read_to_string(place.path("again.html"))? != page {
        return Err("the page that is made again is another".into());
    }
    fs::remove_file(place.path("elsewhere/mail/before.inventory"))?;
    says(
        &place.run(&["report", "--verify", "elsewhere"])?,
        1,
        &["mail/before.inventory is gone", "cannot be compared anew"],
    )
}

fn gone_on() -> TestResult {
    let place = Place::rehearsing()?;
    let mover = "rsync -a {from}/ {to}/; test -e ready && exit 0; touch begun; sleep 1000";
    let mut command = Command::new(std::env::current_exe()?);
    command.env("FERMOPOSTA_SELF", "1").args(ALWAYS).args(["--mover", mover]).current_dir(place.top.path());
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    wait_until("the mover", || place.path("begun").is_file())?;
    says(&place.rehearse(mover, &["--go-on", PLACE])?, 64, &["another process is rehearsing in"])?;
    kill(Pid::from_raw(i32::try_from(child.id())?), Signal::SIGINT)?;
    let first = child.wait_with_output()?;
    says(&first, 130, &["interrupted; nothing is left running", "go on with it:", "--go-on"])?;
    says(
        &place.rehearse("true {from} {to}", &["--go-on", PLACE])?,
        64,
        &["it was begun as `fermoposta rehearse", "give the same"],
    )?;
    says(&place.rehearse(mover, &["--go-on", "disk-old"])?, 64, &["disk-old: no rehearsal was begun there"])?;
    fs::write(place.path("ready"), "")?;
    says(&place.rehearse(mover, &["--go-on", PLACE])?, 0, &["GO", "Interrupted 1 time", "545 545"])?;
    says(&place.rehearse(mover, &["--go-on", PLACE])?, 64, &["it came to its end"])?;
    says(&place.run(&["report", "--verify", PLACE])?, 0, &["come to the same"])
}
