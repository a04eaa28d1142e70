//! The spelling of rules in scenario files.

use super::*;
use crate::call::Op;
use crate::rules::ops::OpGroup;
use strum::VariantArray;

#[derive(Serialize, Deserialize)]
struct File {
    fault: Vec<Rule>,
}

fn read(text: &str) -> Result<Vec<Rule>, String> {
    toml::from_str::<File>(text).map(|file| file.fault).map_err(|error| error.to_string())
}

/// Every effect and every key of selector and trigger once.
const ALL: &str = r#"
[[fault]]
name = "eio-on-fsync"
where = { op = ["fsync", "fsyncdir"], path = "**/tmp/**", not-path = ["user1/**", "user2/**"] }
when = { every = 7, after = "5s", for = "10s" }
effect.errno = { code = "EIO" }

[[fault]]
name = "slow"
where = { op = "data", length = { min = "4 KiB" }, size = { max = "1 MB" }, kind = "file", share = { fraction = 0.1 } }
when.probability = 0.5
effect.latency.fixed = "20ms"

[[fault]]
name = "uniform"
where = { pid = 1, uid = [0, 1000], command = "imap*", open-flags = "O_APPEND" }
effect.latency.uniform = { min = "1ms", max = "2ms" }

[[fault]]
name = "normal"
when.nth = 3
effect.latency.normal = { mean = "10ms", deviation = "2ms", max = "1s" }

[[fault]]
name = "log-normal"
when.sequence = "wxxW"
effect.latency.log-normal = { median = "10ms", sigma = 1.5 }

[[fault]]
name = "pareto"
when.limit = 10
effect.latency = { pareto = { scale = "1ms", shape = 1.1, max = "10s" } }

[[fault]]
name = "slow-array"
effect.throttle = { bytes-per-second = "10 MB", calls-per-second = 500.0, queue = "30s" }

[[fault]]
name = "the-freeze"
when = { counter = "files-created", at = 50_000 }
effect.freeze = {}

[[fault]]
name = "late-freeze"
when = { counter = "uptime", at = "20s", disarmed = true }
effect.freeze = { on-thaw = { fail = "EIO" }, thaw-after = "5m" }

[[fault]]
name = "torn"
where = { op = "write", range = { from = 4096, to = "8 KiB" } }
effect.torn-write = { keep = "random", sector = 512, report = "short" }

[[fault]]
name = "torn-sectors"
effect.torn-write = { keep = { sectors = [0, 2] }, report = { error = "EIO" } }

[[fault]]
name = "short-read"
effect.short-read = { bytes = 1 }

[[fault]]
name = "short-write"
effect.short-write = "random"

[[fault]]
name = "full"
when = { counter = "bytes-written", at = "10 MB" }
effect.no-space = { bytes = "1 MB", files = 100, statfs = "lies" }

[[fault]]
name = "cut"
when.nth = 100
effect.power-cut = { mode = "drop-unsynced", moment = "after" }

[[fault]]
name = "fsync-fails"
effect.fsync-failure = { like = "btrfs" }

[[fault]]
name = "fsync-lies"
effect.lost-fsync = {}

[[fault]]
name = "lost"
when.rate = "field"
effect.lost-write = {}

[[fault]]
name = "flying"
when.rate = "accelerated"
effect.misdirected-write = { by = "4 KiB", towards = "start" }

[[fault]]
name = "rot"
effect.corrupt-read = { how = "flip", bits = 3, block = 512, sticky = true }

[[fault]]
name = "garbage"
effect.corrupt-read = { how = "garbage" }

[[fault]]
name = "sector"
effect.bad-sector = { block = "4 KiB" }

[[fault]]
name = "stale"
effect.stale-read = {}

[[fault]]
name = "gone"
where.share = { fraction = 0.3 }
effect.vanish = { hide = "everything", depth = 2 }

[[fault]]
name = "tiering"
effect.cold-deletion = { older-than = "720h" }

[[fault]]
name = "ro"
effect.read-only = {}

[[fault]]
name = "failed-over"
effect.stale-handle = {}

[[fault]]
name = "pool"
effect.thin-pool-full = { bytes = "1 GB", queue = "60s" }

[[fault]]
name = "path"
effect.path-failover = { outage = "30s", then = { fail = "EIO" } }

[[fault]]
name = "path-back"
effect.path-failover = { outage = "30s", then = "resume" }

[[fault]]
name = "flaps"
effect.flapping = { down = "200ms", up = "1s", code = "ENOTCONN" }
"#;

#[test]
fn every_key_reads_has_no_problem_and_survives_json_and_toml() {
    let rules = read(ALL).expect("the spelling of the documentation");
    for rule in &rules {
        assert_eq!(rule.problems(), [], "{}", rule.name);
        let json = serde_json::to_string(rule).expect("plain data");
        assert_eq!(serde_json::from_str::<Rule>(&json).expect(&json), *rule);
    }
    let toml = toml::to_string(&File { fault: rules.clone() }).expect("plain data");
    assert_eq!(read(&toml).expect(&toml), rules);
    let used: std::collections::BTreeSet<_> = rules.iter().map(|r| r.effect.name()).collect();
    assert_eq!(
        used,
        crate::rules::effects::CATALOGUE.iter().map(|e| e.name).collect(),
        "every effect is shown"
    );
}

#[test]
fn a_misspelt_key_is_refused() {
    for wrong in [
        "name = \"x\"\neffect.errno = { code = \"EIO\", cod = 1 }",
        "name = \"x\"\nwhen.probabilty = 0.1\neffect.freeze = {}",
        "name = \"x\"\nwhere.ops = \"read\"\neffect.freeze = {}",
        "name = \"x\"\neffect.freeeze = {}",
        "name = \"x\"\neffect.no-space = { byte = 1 }",
        "name = \"x\"\neffect.latency.uniform = { min = \"1ms\", max = \"2ms\", mean = \"1ms\" }",
    ] {
        let error = read(&format!("[[fault]]\n{wrong}")).expect_err(wrong);
        assert!(error.contains("unknown") || error.contains("unexpected"), "{wrong}: {error}");
    }
}

#[test]
fn a_wrong_operation_is_explained() {
    let explain = |op: &str| OpSelector::try_from(op.to_owned()).expect_err("no operation");
    insta::assert_snapshot!(explain("fsnyc"), @"`fsnyc` is not an operation; did you mean `fsync`?");
    insta::assert_snapshot!(explain("metdata"), @"`metdata` is not an operation; did you mean `metadata`?");
    insta::assert_snapshot!(explain("banana"), @"`banana` is not an operation; write a group (all, data, metadata, reads, writes, sync, names) or one of lookup, getattr, truncate, chmod, chown, utimens, readlink, mknod, mkdir, unlink, rmdir, symlink, rename, link, open, create, read, write, flush, release, fsync, opendir, readdir, releasedir, fsyncdir, statfs, setxattr, getxattr, listxattr, removexattr, fallocate, lseek, copy-file-range");
}

#[test]
fn operations_and_groups_read_as_they_print() {
    let names = Op::VARIANTS.iter().map(<&str>::from).chain(OpGroup::VARIANTS.iter().map(<&str>::from));
    for name in names {
        let selector = OpSelector::try_from(name.to_owned()).expect(name);
        assert_eq!(String::from(selector), name);
    }
}
