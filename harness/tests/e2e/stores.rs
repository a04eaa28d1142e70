//! What a mail store holds, before a move and after it: every way in which a mover may spoil it is found by name, and nothing is touched.

mod dovecot;
mod imap;
mod rehearsal;
mod tree;

use crate::group::{Named, TestResult, group, percent};
use dovecot::{Dovecot, PASSWORDS};
use fermoposta::testing::Test;
use imap::{Behaviour, Server};
use libtest_mimic::Failed;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tree::{ANN, BOB, maildir};

pub(crate) fn tests() -> Vec<Test> {
    let tests: [Named; 8] = [
        ("a_move_done_right_finds_nothing_and_touches_nothing", percent(60, 5), done_right),
        ("each_way_to_spoil_a_move_is_found_by_name", percent(60, 10), spoiled),
        ("every_form_says_the_same", percent(60, 5), forms),
        ("a_server_that_goes_away_is_gone_on_with", percent(20, 35), goes_away),
        ("what_a_server_does_not_show_is_said_and_no_password_is_left", percent(40, 10), not_shown),
        ("bad_inventories_are_refused", percent(60, 5), bad_inventories),
        ("what_is_no_maildir_is_said", percent(40, 5), no_maildir),
        ("a_large_mailbox_is_read", percent(100, 40), large),
    ];
    let mut all = group("stores", None, tests);
    let real: [Named; 1] =
        [("dovecot_shows_what_its_maildirs_hold", percent(60, 15), dovecot_shows_what_its_maildirs_hold)];
    all.extend(group("stores", dovecot::missing(), real));
    all.extend(rehearsal::tests());
    all
}

fn fermoposta(place: &Path, arguments: &[&str]) -> Result<Output, Failed> {
    let mut command = Command::new(std::env::current_exe()?);
    command.env("FERMOPOSTA_SELF", "1").args(arguments).current_dir(place).stdin(Stdio::null());
    Ok(command.output()?)
}

/// Ends with the code and says all of these, on either output.
fn says(output: &Output, code: i32, words: &[&str]) -> TestResult {
    let shown =
        [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned()).concat();
    let plain: String = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    let absent: Vec<&&str> = words.iter().filter(|word| !plain.contains(**word)).collect();
    match output.status.code() == Some(code) && absent.is_empty() {
        true => Ok(()),
        false => Err(format!("{}, wanted {code}; not said: {absent:?}\n{shown}", output.status).into()),
    }
}

struct Place {
    top: tempfile::TempDir,
}

impl Place {
    /// With the store `old`.
    fn new() -> Result<Place, Failed> {
        let place = Place { top: tempfile::Builder::new().prefix("st").tempdir()? };
        tree::build(&place.path("old"))?;
        Ok(place)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.top.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> Result<Output, Failed> {
        fermoposta(self.top.path(), arguments)
    }

    /// The inventory of a directory.
    fn inventory(&self, of: &str, to: &str) -> TestResult {
        says(
            &self.run(&["inventory", &format!("maildir:{of}/%u/Maildir"), "--to", to])?,
            0,
            &["COMPLETE", to],
        )
    }

    fn users(&self, rows: &[(&str, &str)]) -> TestResult {
        let rows: String = rows.iter().map(|(user, password)| format!("{user},{password}\n")).collect();
        Ok(fs::write(self.path("users.csv"), format!("address,password\n{rows}"))?)
    }
}

fn done_right() -> TestResult {
    let place = Place::new()?;
    let before = tree::state(&place.path("old"))?;
    place.inventory("old", "old.inventory")?;
    if tree::state(&place.path("old"))? != before {
        return Err("the store was touched".into());
    }
    tree::copy(&place.path("old"), &place.path("new"))?;
    let compared = place.run(&["compare-stores", "old.inventory", "maildir:new/%u/Maildir"])?;
    says(
        &compared,
        0,
        &[
            "VALID B holds what A holds, 545 messages.",
            "2 users are the same",
            "UIDs and UIDVALIDITY are the same in 9 folders",
        ],
    )
}

/// What a script of a mover does to Anna's and Bob's mail, and what has to be said of it.
type Spoiler = (&'static str, fn(&Path) -> std::io::Result<()>, &'static [&'static str]);

const SPOILERS: [Spoiler; 8] = [
    (
        "loses one in 500",
        lose,
        &[
            "missing: user anna@example.it folder `INBOX` UID 500 <500.anna@example.it> \"Città 500\": it is not in B",
            "missing: only in A 1 -",
            "all that was read 545 544",
        ],
    ),
    (
        "doubles one",
        double,
        &["doubled: user bob@example.it folder `Città`", "<102.bob@example.it>", "all that was read 545 546"],
    ),
    (
        "drops keywords",
        drop_keywords,
        &[
            "keywords: user bob@example.it folder `Con spazi` UID 1 <200.bob@example.it>",
            "`$label1` became ``",
        ],
    ),
    (
        "drops flags",
        drop_flags,
        &["flags: user bob@example.it folder `Lavoro` UID 1 <300.bob@example.it>", "`\\Seen` became ``"],
    ),
    (
        "rewrites dates",
        rewrite_dates,
        &[
            "dates: user bob@example.it folder `R&D` UID 1 <600.bob@example.it>",
            "became 2001-09-10T01:46:40Z",
        ],
    ),
    (
        "moves to another folder",
        move_one,
        &["moved: user bob@example.it folder `Quote\"d` UID 1 <700.bob@example.it>", "in B it is in 100% *"],
    ),
    (
        "flips a byte",
        flip,
        &["changed: user anna@example.it folder `INBOX` UID 7 <7.anna@example.it>", "other bytes, as many"],
    ),
    (
        "leaves a folder out",
        leave_out,
        &[
            "folders: user bob@example.it folder `Lavoro/Progetti`: the folder is not in B",
            "missing: only in A 6 -",
        ],
    ),
];

fn lose(new: &Path) -> std::io::Result<()> {
    fs::remove_file(maildir(new, ANN).join("cur/500.host:2,Sa"))
}

fn double(new: &Path) -> std::io::Result<()> {
    let folder = maildir(new, BOB).join(".Citt&AOA-/cur");
    tree::copy(&folder.join("102.host:2,Sa"), &folder.join("999.host:2,Sa"))
}

fn drop_keywords(new: &Path) -> std::io::Result<()> {
    let folder = maildir(new, BOB).join(".Con spazi/cur");
    fs::rename(folder.join("200.host:2,Sa"), folder.join("200.host:2,S"))
}

fn drop_flags(new: &Path) -> std::io::Result<()> {
    let folder = maildir(new, BOB).join(".Lavoro/cur");
    fs::rename(folder.join("300.host:2,Sa"), folder.join("300.host:2,a"))
}

fn rewrite_dates(new: &Path) -> std::io::Result<()> {
    tree::dated(&maildir(new, BOB).join(".R&-D/cur/600.host:2,Sa"), 1)
}

fn move_one(new: &Path) -> std::io::Result<()> {
    let bob = maildir(new, BOB);
    fs::rename(bob.join(".Quote\"d/cur/700.host:2,Sa"), bob.join(".100% */cur/700.host:2,Sa"))
}

fn flip(new: &Path) -> std::io::Result<()> {
    let file = maildir(new, ANN).join("cur/7.host:2,Sa");
    tree::put(&file, &tree::text(ANN, 7).replace("body", "bodY"), 7)
}

fn leave_out(new: &Path) -> std::io::Result<()> {
    fs::remove_dir_all(maildir(new, BOB).join(".Lavoro.Progetti"))
}

fn spoiled() -> TestResult {
    let place = Place::new()?;
    place.inventory("old", "old.inventory")?;
    for (number, (name, spoil, words)) in SPOILERS.into_iter().enumerate() {
        let new = format!("new{number}");
        tree::copy(&place.path("old"), &place.path(&new))?;
        spoil(&place.path(&new))?;
        let compared =
            place.run(&["compare-stores", "old.inventory", &format!("maildir:{new}/%u/Maildir")])?;
        says(&compared, 1, &[&["INVALID B is not what A is"], words].concat())
            .map_err(|failed| Failed::from(format!("{name}: {}", failed.message().unwrap_or_default())))?;
    }
    let accepted = ["compare-stores", "old.inventory", "maildir:new4/%u/Maildir", "--accept", "dates"];
    says(&place.run(&accepted)?, 0, &["VALID", "but for what was accepted", "dates 1 accepted"])
}

fn forms() -> TestResult {
    let place = Place::new()?;
    place.inventory("old", "old.inventory")?;
    tree::copy(&place.path("old"), &place.path("new"))?;
    lose(&place.path("new"))?;
    place.inventory("new", "new.inventory")?;
    let names = ["r.json", "r.xml", "r.html", "r.md", "r.txt"];
    let exports = names.iter().flat_map(|name| ["--export", name]);
    let arguments: Vec<&str> =
        ["compare-stores", "old.inventory", "new.inventory"].into_iter().chain(exports).collect();
    says(&place.run(&arguments)?, 1, &["INVALID"])?;
    for name in names {
        let text = fs::read_to_string(place.path(name))?;
        if !text.contains("500.anna@example.it") {
            return Err(format!("{name} does not name the message").into());
        }
    }
    let json: reports::stores::Stores = serde_json::from_str(&fs::read_to_string(place.path("r.json"))?)?;
    if json.sums.add_up() && json.sums.missing == 1 { Ok(()) } else { Err(format!("{:?}", json.sums).into()) }
}

const FAKE_USER: [(&str, &str); 1] = [("anna", "hidden-word")];

fn goes_away() -> TestResult {
    let place = Place::new()?;
    place.users(&FAKE_USER)?;
    let of = |address: &str| format!("imap://{address}");
    let whole = Server::at("127.0.0.1:0", Behaviour { messages: 450, ..Behaviour::default() })?;
    let take = |store: &str, to: &str| place.run(&["inventory", store, "--users", "users.csv", "--to", to]);
    says(
        &take(&of(&whole.address), "whole")?,
        2,
        &["INCOMPLETE 1 mailbox, folder or message", "450 messages"],
    )?;
    let dying = Server::at("127.0.0.1:0", Behaviour { messages: 450, last: 350, ..Behaviour::default() })?;
    let cut = take(&of(&dying.address), "cut")?;
    says(
        &cut,
        70,
        &[
            "has been away for 30 s",
            "cut.partial holds what was read, and the same command goes on from there",
        ],
    )?;
    if place.path("cut").exists() {
        return Err("half an inventory has the name of a whole one".into());
    }
    place.users(&[("abel", "hidden-word"), FAKE_USER[0]])?;
    says(&take(&of(&dying.address), "cut")?, 64, &["abel was not among the users when it was begun"])?;
    place.users(&FAKE_USER)?;
    let again = Server::at(&dying.address, Behaviour { messages: 450, ..Behaviour::default() })?;
    says(&take(&of(&again.address), "cut")?, 2, &["going on with cut.partial", "450 messages"])?;
    says(&take(&of(&again.address), "cut")?, 64, &["cut is there already"])?;
    // A folder that no command can name is known to neither.
    let compared = place.run(&["compare-stores", "whole", "cut"])?;
    says(&compared, 2, &["UNKNOWN Nothing different was found", "450 450", "interrupted 1 time"])?;
    let changes = whole.changes() + again.changes() + dying.changes();
    if changes == 0 { Ok(()) } else { Err(format!("{changes} commands that are no reading").into()) }
}

fn not_shown() -> TestResult {
    let place = Place::new()?;
    fs::write(
        place.path("users.csv"),
        "address,login,password\nann,anna,hidden-word\nbob,,hidden-other\nzoe,,\n",
    )?;
    let behaviour = Behaviour { messages: 150, poison: 20, locked: true, last: 0 };
    let server = Server::at("127.0.0.1:0", behaviour)?;
    let store = format!("imap://{}", server.address);
    let taken = place.run(&["inventory", &store, "--users", "users.csv", "--to", "some"])?;
    says(&taken, 2, &["INCOMPLETE 5 mailboxes, folders or messages", "149 messages"])?;
    let text = fs::read_to_string(place.path("some"))?;
    for words in [
        "\"message\":\"UID 20\",\"why\":\"the server closed the connection",
        "\"folder\":[\"Locked\"],\"why\":\"cannot be opened: the server answered NO: [SERVERBUG] (password) is no help",
        "\"why\":\"no command can carry its name\"",
        "\"why\":\"cannot log in: the server answered NO: [AUTHENTICATIONFAILED] LOGIN \\\"bob\\\" \\\"(password)\\\"",
        "\"why\":\"the list of users has no password for this one\"",
        "\"folder\":[\"Città\"],\"uid_validity\":9",
        "\"uid\":2,\"date\":\"2023-01-01T09:00:00Z\",\"flags\":[\"\\\\Seen\"],\"keywords\":[\"$label1\"]",
    ] {
        if !text.contains(words) {
            return Err(format!(
                "not said: {words}\n{}",
                text.lines().filter(|l| l.contains("unread")).collect::<String>()
            )
            .into());
        }
    }
    let compared = place.run(&[
        "compare-stores",
        "some",
        "some",
        "--export",
        "r.json",
        "--export",
        "r.html",
        "--export",
        "r.xml",
    ])?;
    says(&compared, 2, &["UNKNOWN"])?;
    fs::remove_file(place.path("users.csv"))?;
    let said = [taken.stdout, taken.stderr, compared.stdout, compared.stderr].concat();
    no_password(place.top.path(), &said)
}

/// In no file that is left, and in nothing that was said.
fn no_password(place: &Path, said: &[u8]) -> TestResult {
    let found = Command::new("grep").args(["-rl", "hidden-"]).arg(place).output()?;
    match found.stdout.is_empty() && !String::from_utf8_lossy(said).contains("hidden-") {
        true => Ok(()),
        false => Err(format!("a password is in {}", String::from_utf8_lossy(&found.stdout)).into()),
    }
}

fn bad_inventories() -> TestResult {
    let place = Place::new()?;
    place.inventory("old", "old.inventory")?;
    let whole = fs::read_to_string(place.path("old.inventory"))?;
    let last = whole.trim_end().rfind('\n').ok_or("one line")? + 1;
    fs::write(place.path("cut"), &whole[..last])?;
    fs::write(place.path("torn"), &whole[..whole.len() / 2])?;
    fs::write(place.path("edited"), whole.replacen("<7.anna", "<8.anna", 1))?;
    fs::write(place.path("newer"), whole.replacen("\"version\":1", "\"version\":2", 1))?;
    fs::write(place.path("other"), "hello\n")?;
    for (name, words) in [
        ("cut", "cut was cut short after"),
        ("torn", "torn was cut short after"),
        ("edited", "edited was changed after it was written: its lines are others than when it was closed"),
        ("newer", "newer is an inventory of form 2, and this program"),
        ("other", "other is no inventory"),
        ("old", "old is a directory; write maildir:old, or the file of an inventory"),
        ("nowhere", "nowhere cannot be read"),
    ] {
        says(&place.run(&["compare-stores", "old.inventory", name])?, 64, &[words])?;
        says(&place.run(&["compare-stores", name, "old.inventory"])?, 64, &[words])?;
    }
    let once = String::from_utf8(place.run(&["compare-stores", "other", "old.inventory"])?.stderr)?;
    if once.matches("is no inventory").count() == 1 { Ok(()) } else { Err(once.into()) }
}

fn no_maildir() -> TestResult {
    let place = Place::new()?;
    let bob = maildir(&place.path("old"), BOB);
    fs::remove_dir_all(maildir(&place.path("old"), ANN).join("cur"))?;
    fs::remove_dir_all(bob.join(".Lavoro/new"))?;
    fs::create_dir_all(bob.join("Other/cur"))?;
    fs::write(bob.join("cur/zip.host:2,"), b"\x1f\x8b\x08rest")?;
    std::os::unix::fs::symlink("/etc/passwd", bob.join("cur/link.host:2,"))?;
    fs::write(bob.join("cur/4.host:2,Sz"), tree::text(BOB, 4))?;
    let taken = place.run(&["inventory", "maildir:old/%u/Maildir", "--to", "some"])?;
    says(&taken, 2, &["INCOMPLETE 5 mailboxes, folders or messages"])?;
    let text = fs::read_to_string(place.path("some"))?;
    for words in [
        "it is no Maildir: it holds no directory `cur`",
        "it lacks `cur` or `new`",
        "it is a folder of another layout (Dovecot's LAYOUT=fs)",
        "\"message\":\"zip.host:2,\",\"why\":\"it is compressed or encrypted; read it through the server\"",
        "\"message\":\"link.host:2,\"",
        // A letter without a name: the keywords are not known.
        "\"flags\":[\"\\\\Seen\"],\"size\"",
    ] {
        if !text.contains(words) {
            return Err(format!(
                "not said: {words}\n{}",
                text.lines().filter(|l| l.contains("unread")).collect::<String>()
            )
            .into());
        }
    }
    let absent = place.run(&["inventory", "maildir:none/%u/Maildir", "--to", "no"])?;
    says(&absent, 70, &["cannot look for users in none"])?;
    fs::create_dir(place.path("empty"))?;
    says(
        &place.run(&["inventory", "maildir:empty/%u/Maildir", "--to", "no"])?,
        64,
        &["no user's mail is there"],
    )?;
    let list = place.run(&["inventory", "imap://127.0.0.1:1", "--to", "no"])?;
    says(&list, 64, &["name a list of its users with --users"])
}

/// Messages of a mailbox that is large.
const LARGE: u32 = 100_000;

fn large() -> TestResult {
    let place = Place::new()?;
    place.users(&FAKE_USER)?;
    let server = Server::at("127.0.0.1:0", Behaviour { messages: LARGE, ..Behaviour::default() })?;
    let store = format!("imap://{}", server.address);
    let taken = place.run(&["inventory", &store, "--users", "users.csv", "--to", "large"])?;
    says(&taken, 2, &["INCOMPLETE 1 mailbox", "100,000 messages"])
}

fn dovecot_shows_what_its_maildirs_hold() -> TestResult {
    let place = Place::new()?;
    let store = place.path("old");
    dovecot::own(&store)?;
    let messages = || -> Result<Vec<String>, Failed> {
        let of_messages = |line: &String| line.contains(" last read ");
        Ok(tree::state(&store)?
            .into_iter()
            .filter(of_messages)
            .map(|line| line.split(" last read ").take(1).collect())
            .collect())
    };
    let before = messages()?;
    place.users(&PASSWORDS)?;
    let work = place.path("w");
    fs::create_dir(&work)?;
    fs::set_permissions(place.top.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    let server = Dovecot::start(&work, &store)?;
    let imap = format!("imap://{}", server.address);
    let take = |to: &str| place.run(&["inventory", &imap, "--users", "users.csv", "--to", to]);
    says(&take("first")?, 0, &["COMPLETE 2 users, 9 folders, 545 messages"])?;
    place.inventory("old", "disk")?;
    says(&take("second")?, 0, &["COMPLETE"])?;
    for (a, b) in [("first", "disk"), ("first", "second")] {
        says(
            &place.run(&["compare-stores", a, b])?,
            0,
            &["VALID B holds what A holds, 545 messages.", "the same in 9 folders"],
        )?;
    }
    if messages()? != before {
        return Err("a message was renamed, or moved from `new` to `cur`".into());
    }
    place.users(&[(ANN, "hidden-wrong"), (BOB, PASSWORDS[1].1), ("zoe@example.it", "hidden-nobody")])?;
    let wrong = place.run(&["compare-stores", "first", &imap, "--users", "users.csv"])?;
    says(
        &wrong,
        2,
        &[
            "UNKNOWN",
            "unread: user anna@example.it: B: cannot log in: the server answered NO: [AUTHENTICATIONFAILED]",
            "user zoe@example.it",
        ],
    )?;
    drop(server);
    fs::remove_file(place.path("users.csv"))?;
    fs::remove_file(work.join("users"))?;
    no_password(place.top.path(), &wrong.stderr)
}
