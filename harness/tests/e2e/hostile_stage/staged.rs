//! Ways that are done to the disk, the ports, the mail server's set-up or the scenario of a run.

use super::{ENVIRONMENT, UNKNOWN, USAGE, no_verdict};
use crate::group::{TestResult, percent};
use crate::stage::{HEALTHY, Run, START, server};
use fermoposta::testing::Test;

/// A run, how it ends, and what is said of it.
struct Staged {
    name: &'static str,
    run: fn() -> Run<'static>,
    code: i32,
    words: &'static str,
}

const SILENT_START: &str = r#"["/bin/true"]"#;
const LISTENS_NOWHERE: &str = r#"["/bin/sleep", "60"]"#;

const NEVER_STRIKES: &str = r#"
name = "never"
why = "The fault waits for a file that is never there."
[storage.mail]
[[fault]]
name = "eio"
where = { path = "nothing/like/this" }
effect.errno = { code = "EIO" }
[workload]
duration = "1s"
rate = "20/s"
users = 3
"#;

const STRIKES_ANOTHER_DISK: &str = r#"
name = "another"
why = "The fault strikes a disk that holds no mail."
[storage.mail]
[storage.other]
[target]
storage = "mail"
[[fault]]
name = "eio"
storage = "other"
effect.errno = { code = "EIO" }
[workload]
duration = "1s"
rate = "20/s"
users = 3
"#;

const NOBODY_WRITES: &str = r#"
name = "silent"
why = "There is no mail at all."
[storage.mail]
[workload]
duration = "1s"
rate = "20/s"
users = 3
mix = { deliver = 1, fetch = 99 }
[expect]
no-faults = true
acknowledged = 500
"#;

const MUCH: &str = r#"
name = "much"
why = "More mail than the disk holds."
[storage.mail]
[workload]
duration = "3s"
rate = "100/s"
users = 3
mix = { deliver = 1 }
[expect]
no-faults = true
"#;

static STAGED: [Staged; 15] = [
    Staged {
        name: "store_of_one_user_behind_a_link",
        run: || {
            Run::at(server(
                START,
                "prepare = [[\"/bin/sh\", \"-c\", \"mkdir '{work}/out' && ln -s '{work}/out' '{store}/user2'\"]]",
            ))
        },
        code: UNKNOWN,
        words: "storage `mail`",
    },
    Staged {
        name: "store_laid_out_otherwise",
        run: || Run::at(server(START, "").replace("{user}/Maildir", "home/{user}/Mail")),
        code: UNKNOWN,
        words: "correct `layout`, or remove it",
    },
    Staged {
        name: "disk_that_is_a_file",
        run: || Run::on_disk("touch disk"),
        code: USAGE,
        words: "it is no directory",
    },
    Staged {
        name: "disk_that_is_no_disk",
        run: || Run { more: &["--storage-dir", "/proc"], ..Run::of(HEALTHY) },
        code: ENVIRONMENT,
        words: "can be made in /proc; name another disk",
    },
    Staged {
        name: "disk_that_is_read_only",
        run: || Run::on_disk("mkdir disk && mount -t tmpfs -o ro none disk"),
        code: ENVIRONMENT,
        words: "/disk; name another disk",
    },
    Staged {
        name: "disk_that_is_full",
        run: || {
            Run::on_disk(
                "mkdir disk && mount -t tmpfs -o size=64k none disk && { dd if=/dev/zero of=disk/full 2>dd.out; true; }",
            )
        },
        code: ENVIRONMENT,
        words: "cannot be used; name another",
    },
    Staged {
        name: "disk_that_fills",
        run: || Run { scenario: MUCH, ..Run::on_disk("mkdir disk && mount -t tmpfs -o size=3m none disk") },
        code: UNKNOWN,
        words: "make room, or name another disk",
    },
    Staged {
        name: "disk_without_files_left",
        run: || Run::on_disk("mkdir disk && mount -t tmpfs -o nr_inodes=24 none disk"),
        code: UNKNOWN,
        words: "make room, or name another disk",
    },
    Staged {
        name: "server_that_never_started",
        run: || Run::at(server(SILENT_START, "")),
        code: ENVIRONMENT,
        words: "mine ended before it greeted",
    },
    Staged {
        name: "server_that_listens_nowhere",
        run: || Run::at(server(LISTENS_NOWHERE, "")),
        code: ENVIRONMENT,
        words: "did not greet on lmtp",
    },
    Staged {
        name: "server_that_refuses_one_user",
        run: || Run::at(server(START, "prepare = [[\"/bin/sh\", \"-c\", \": > '{store}/user2'\"]]")),
        code: UNKNOWN,
        words: "the mail of 1 user was not read to the end (first user2",
    },
    Staged {
        name: "fault_that_never_strikes",
        run: || Run::of(NEVER_STRIKES),
        code: UNKNOWN,
        words: "never fired",
    },
    Staged {
        name: "fault_of_another_disk",
        run: || Run::of(STRIKES_ANOTHER_DISK),
        code: UNKNOWN,
        words: "never fired",
    },
    Staged { name: "nobody_writes", run: || Run::of(NOBODY_WRITES), code: UNKNOWN, words: "500 are wanted" },
    Staged {
        name: "real_mail_that_is_none",
        run: || Run { before: "mkdir mail", more: &["--corpus", "mail"], ..Run::of(HEALTHY) },
        code: ENVIRONMENT,
        words: "has no message that can be sent",
    },
];

impl Staged {
    fn is_not_fooled(&self) -> TestResult {
        let place = tempfile::tempdir()?;
        no_verdict(&(self.run)().start(place.path())?, self.code, self.words)
    }
}

pub(super) fn tests() -> impl Iterator<Item = Test> {
    STAGED.iter().map(|way| super::test(way.name, percent(30, 6), || way.is_not_fooled()))
}
