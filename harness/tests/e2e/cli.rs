//! What the command line says when it is used wrongly, word for word; and when nobody reads what it says.
//!
//! After a wanted change: `TRYCMD=overwrite cargo test cli::wrong_use`.

use crate::group::{TestResult, group, percent};
use fermoposta::testing::Test;
use libtest_mimic::Failed;
use std::process::{Command, Stdio};

pub(crate) fn tests() -> Vec<Test> {
    let tests: [crate::group::Named; 2] = [
        ("wrong_use_is_answered_as_recorded", percent(100, 5), wrong_use),
        ("who_is_not_read_says_nothing_of_it", percent(100, 5), not_read),
    ];
    group("cli", None, tests)
}

fn wrong_use() -> TestResult {
    trycmd::TestCases::new().case("tests/cli/*.trycmd");
    Ok(())
}

/// Every command, with arguments by which it prints something without a run; none, if it needs a run or a mount.
const PRINTING: [(&str, &[&str]); 25] = [
    ("run", &["--help"]),
    ("sweep", &["--help"]),
    ("survey", &["--help"]),
    ("campaign", &["--help"]),
    ("history", &["--help"]),
    ("merge", &["--help"]),
    ("compare", &["--help"]),
    ("inventory", &["--help"]),
    ("compare-stores", &["--help"]),
    ("policies", &["--help"]),
    ("rehearse", &["--help"]),
    ("movers", &["--help"]),
    ("check", &["../scenarios/baseline.toml"]),
    ("analyze", &["--help"]),
    ("report", &["--help"]),
    ("replay", &["--help"]),
    ("list", &["--scenarios", "../scenarios"]),
    ("whereabouts", &["--help"]),
    ("device", &["plan", "--cuts", "299"]),
    ("persistence", &["verify", "--help"]),
    ("doctor", &[]),
    ("schema", &[]),
    ("completion", &["bash"]),
    ("man", &["--help"]),
    ("reference", &[]),
];
const OTHERS: [&[&str]; 5] = [
    &["--help"],
    &["--version"],
    &["servers", "list"],
    &["servers", "install", "reference"],
    &["schema", "report"],
];
/// These print through a mount only, and what they have below them.
const NOT_HERE: [&str; 4] = ["mount", "ctl", "servers", "help"];

/// Neither an error nor a panic, on standard output as on standard error: `fermoposta list | head -1`.
fn not_read() -> TestResult {
    let help = this(&["--help"])?.output()?;
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    let commands =
        help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    for name in
        commands.filter(|line| !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next())
    {
        if !NOT_HERE.contains(&name) && !PRINTING.iter().any(|(known, _)| *known == name) {
            return Err(Failed::from(format!("say here how `{name}` prints")));
        }
    }
    let printing = PRINTING.iter().map(|(name, arguments)| [&[*name], *arguments].concat());
    for arguments in printing.chain(OTHERS.iter().map(|arguments| arguments.to_vec())) {
        unread(&arguments)?;
    }
    Ok(())
}

fn unread(arguments: &[&str]) -> TestResult {
    let wanted = this(arguments)?.output()?;
    let (reader, writer) = std::io::pipe()?;
    drop(reader);
    let half = this(arguments)?.stdout(writer.try_clone()?).output()?;
    let said = String::from_utf8_lossy(&half.stderr).into_owned();
    if half.status != wanted.status || half.stderr != wanted.stderr {
        return Err(Failed::from(format!(
            "{arguments:?}: {} instead of {}: {said}",
            half.status, wanted.status
        )));
    }
    let deaf = this(arguments)?.stdout(writer.try_clone()?).stderr(writer).status()?;
    match deaf == wanted.status {
        true => Ok(()),
        false => Err(Failed::from(format!("{arguments:?} without standard error: {deaf}"))),
    }
}

fn this(arguments: &[&str]) -> Result<Command, Failed> {
    let mut command = Command::new(std::env::current_exe()?);
    command.env("FERMOPOSTA_SELF", "1").args(arguments).stdin(Stdio::null());
    Ok(command)
}
