//! Storages on real file systems.

use super::*;
use fuse_fs::durability::profile::Profile;
use fuse_fs::units::Bytes;
use record::plan::device::{Cache, Filesystem};
use record::plan::keeper::Keeper;

const ON: &str = "\n[storage.mail]\non = { filesystem = \"ext4\", size = \"256 MiB\" }\n";

#[test]
fn what_cannot_be_a_device_is_shown_at_once() {
    let text = GOOD.to_owned()
        + r#"
[[fault]]
name = "g"
level = "device"
storage = "plain"
effect.errno = { code = "EIO" }
[[fault]]
name = "h"
level = "device"
storage = "mail"
for-good = true
where = { path = "**/new/**" }
effect.errno = { code = "EIO" }
[[step]]
at = "1s"
do.evict = {}
[target]
storage = "mail"
[storage.plain]
[storage.mail]
on = { filesystem = "xfs", size = "10 MiB", mount-options = ["logdev=/dev/sdb1"], mkfs-options = ["-l", "logdev=x"] }
loses-acknowledged = "1s"
"#;
    insta::assert_snapshot!(shown(&text.replacen("name = \"f\"", "name = \"f\"\nstorage = \"mail\"", 1)), @r#"
      × t.toml has 8 problems

    Error:
      × storage `plain` is on no device
        ╭─[t.toml:14:9]
     13 │ name = "g"
     14 │ level = "device"
        ·         ────┬───
        ·             ╰── here
     15 │ storage = "plain"
        ╰────
      help: give it one: `[storage.plain] on = { filesystem = "ext4", size = "1 GB" }`

    Error:
      × a device that fails for good is not possible
        ╭─[t.toml:21:12]
     20 │ storage = "mail"
     21 │ for-good = true
        ·            ──┬─
        ·              ╰── here
     22 │ where = { path = "**/new/**" }
        ╰────
      help: leave out `for-good`: what is read at the end is read through the file system, which would wait for
            the device

    Error:
      × sectors have no path
        ╭─[t.toml:22:18]
     21 │ for-good = true
     22 │ where = { path = "**/new/**" }
        ·                  ─────┬─────
        ·                       ╰── here
     23 │ effect.errno = { code = "EIO" }
        ╰────
      help: add `holds = "data"`: then it is the sectors that those files have when the fault is armed; or use
            `range`, in bytes of the device, or strike the file with `level = "file"`

    Error:
      × storage `mail` is on a real file system, which keeps what it likes in its cache
        ╭─[t.toml:26:4]
     25 │ at = "1s"
     26 │ do.evict = {}
        ·    ──┬──
        ·      ╰── here
     27 │ [target]
        ╰────
      help: remove the step, or `on`: only a model is told what to forget

    Error:
      × 10.0 MiB are too few for xfs
        ╭─[t.toml:31:35]
     30 │ [storage.mail]
     31 │ on = { filesystem = "xfs", size = "10 MiB", mount-options = ["logdev=/dev/sdb1"], mkfs-options = ["-l", "logdev=x"] }
        ·                                   ────┬───
        ·                                       ╰── here
     32 │ loses-acknowledged = "1s"
        ╰────
      help: give it 300.0 MiB or more

    Error:
      × `logdev=/dev/sdb1` names another place or device
        ╭─[t.toml:31:61]
     30 │ [storage.mail]
     31 │ on = { filesystem = "xfs", size = "10 MiB", mount-options = ["logdev=/dev/sdb1"], mkfs-options = ["-l", "logdev=x"] }
        ·                                                             ──────────┬─────────
        ·                                                                       ╰── here
     32 │ loses-acknowledged = "1s"
        ╰────
      help: leave it out: a run touches no disk of the machine's

    Error:
      × `logdev=x` names another place or device
        ╭─[t.toml:31:98]
     30 │ [storage.mail]
     31 │ on = { filesystem = "xfs", size = "10 MiB", mount-options = ["logdev=/dev/sdb1"], mkfs-options = ["-l", "logdev=x"] }
        ·                                                                                                  ─────────┬────────
        ·                                                                                                           ╰── here
     32 │ loses-acknowledged = "1s"
        ╰────
      help: leave it out: a run touches no disk of the machine's

    Error:
      × `loses-acknowledged` is of a model, and this storage is on a real file system
        ╭─[t.toml:32:22]
     31 │ on = { filesystem = "xfs", size = "10 MiB", mount-options = ["logdev=/dev/sdb1"], mkfs-options = ["-l", "logdev=x"] }
     32 │ loses-acknowledged = "1s"
        ·                      ──┬─
        ·                        ╰── here
        ╰────
      help: remove it, or take a model; a device that lies has `cache = "lying"`
    "#);
    let sector = ON.replace(" }", ", sector = 1024 }");
    insta::assert_snapshot!(shown(&(GOOD.to_owned() + &sector)), @r#"
      × t.toml has a problem

    Error:
      × sectors of 1024 bytes are not possible; 512 and 4096 are
        ╭─[t.toml:12:56]
     11 │ [storage.mail]
     12 │ on = { filesystem = "ext4", size = "256 MiB", sector = 1024 }
        ·                                                        ──┬─
        ·                                                          ╰── here
        ╰────
    "#);
}

#[test]
fn a_storage_on_a_device_brings_the_storage_that_is_the_device() {
    let lying = ON.replace(" }", ", cache = \"lying\" }");
    let fault = "\n[[fault]]\nname = \"g\"\nlevel = \"device\"\nwhere = { op = [\"flush\", \"discard\"] }\neffect.errno = { code = \"EIO\" }\n";
    let plan = planned(&(GOOD.to_owned() + fault + &lying));
    let (mail, device) = (&plan.storages["mail"], &plan.storages["mail-device"]);
    assert_eq!(mail.on.as_ref().map(|on| on.device.as_str()), Some("mail-device"));
    assert_eq!((mail.cache, device.cache), (None, Some(Cache::Lying)));
    let rules = |rules: &[fuse_fs::rules::rule::Rule]| {
        let one = |rule: &fuse_fs::rules::rule::Rule| format!("{} {:?}", rule.name, rule.selector.op);
        rules.iter().map(one).collect::<Vec<_>>()
    };
    insta::assert_debug_snapshot!((rules(&mail.rules), rules(&device.rules)), @r#"
    (
        [
            "f [One(Fsync)]",
        ],
        [
            "lying-cache []",
            "g [One(Fsync), One(Fallocate)]",
        ],
    )
    "#);
}

#[test]
fn under_a_models_profile_there_is_no_device() {
    let overrides = Overrides { persistence: Some(Keeper::Model(Profile::Xfs)), ..Overrides::default() };
    let plan = plan(Path::new("t.toml"), &(GOOD.to_owned() + ON), &overrides).expect("a plan");
    assert_eq!(plan.storages.keys().collect::<Vec<_>>(), ["mail"]);
    assert!(plan.storages["mail"].on.is_none());
}

#[test]
fn the_command_line_puts_every_storage_on_a_real_file_system() {
    let with = |keeper, text: &str| {
        let overrides = Overrides { persistence: Some(keeper), ..Overrides::default() };
        plan(Path::new("t.toml"), text, &overrides).expect("a plan")
    };
    let xfs = Keeper::Real(Filesystem::Xfs);
    let modelled = with(xfs, &(GOOD.to_owned() + "[storage.mail]\npersistence = \"strict-posix\"\n"));
    let on = modelled.storages["mail"].on.as_ref().expect("it is on a device");
    assert_eq!((on.filesystem, on.size), (Filesystem::Xfs, Bytes(1 << 30)));
    assert!(modelled.reproduce().ends_with(" --persistence real-xfs"), "{}", modelled.reproduce());
    // Too small for it, and its options are another's.
    let text = GOOD.to_owned()
        + "[storage.mail]\non = { filesystem = \"ext4\", size = \"64 MiB\", mount-options = [\"data=journal\"] }\n";
    let other = with(xfs, &text).storages["mail"].on.clone().expect("it is on a device");
    assert_eq!((other.size, other.mount_options.len()), (Filesystem::Xfs.least(), 0));
    let same =
        with(Keeper::Real(Filesystem::Ext4), &text).storages["mail"].on.clone().expect("it is on a device");
    assert_eq!((same.size, same.mount_options), (Bytes(64 << 20), vec!["data=journal".to_owned()]));
}

fn planned(text: &str) -> Plan {
    plan(Path::new("t.toml"), text, &Overrides::default()).expect("a plan")
}

#[test]
fn what_files_a_fault_of_a_device_may_name_is_said() {
    let text = GOOD.to_owned()
        + r#"
[[fault]]
name = "mixed"
level = "device"
where = { op = "write", holds = ["journal", "data"], not-path = "**/tmp/*" }
effect.errno = { code = "EIO" }
[[fault]]
name = "late"
level = "device"
where = { op = "read", holds = "directory" }
when.after = "1s"
effect.errno = { code = "EIO" }
[[fault]]
name = "counted"
level = "device"
where = { op = "read", holds = "data" }
when = { counter = "calls", at = 10 }
effect.errno = { code = "EIO" }
[storage.mail]
on = { filesystem = "ext4", size = "64 MiB" }
"#;
    insta::assert_snapshot!(shown(&text), @r#"
      × t.toml has 3 problems

    Error:
      × the journal has no path
        ╭─[t.toml:14:65]
     13 │ level = "device"
     14 │ where = { op = "write", holds = ["journal", "data"], not-path = "**/tmp/*" }
        ·                                                                 ─────┬────
        ·                                                                      ╰── here
     15 │ effect.errno = { code = "EIO" }
        ╰────
      help: a path is of `data` and `directory`: make two faults of it

    Error:
      × where the directory lies is looked up when the fault is armed, not when `after` lets it strike
        ╭─[t.toml:20:14]
     19 │ where = { op = "read", holds = "directory" }
     20 │ when.after = "1s"
        ·              ──┬─
        ·                ╰── here
     21 │ effect.errno = { code = "EIO" }
        ╰────
      help: write `when.disarmed = true`, and a step with `at` or `at-counter` that arms it: `do.arm = { fault =
            "late" }`

    Error:
      × where the data lies is looked up when the fault is armed, not when `counter` lets it strike
        ╭─[t.toml:26:20]
     25 │ where = { op = "read", holds = "data" }
     26 │ when = { counter = "calls", at = 10 }
        ·                    ───┬───
        ·                       ╰── here
     27 │ effect.errno = { code = "EIO" }
        ╰────
      help: write `when.disarmed = true`, and a step with `at` or `at-counter` that arms it: `do.arm = { fault =
            "counted" }`
    "#);
    let btrfs = ON.replace("ext4", "btrfs")
        + "[[fault]]\nname = \"g\"\nlevel = \"device\"\nwhere = { op = \"read\", holds = \"data\" }\neffect.errno = { code = \"EIO\" }\n";
    let said = shown(&(GOOD.to_owned() + &btrfs));
    assert!(
        said.contains("where btrfs keeps its data is told in addresses of its own, not of the device"),
        "{said}"
    );
    assert!(said.contains("of btrfs there is: superblock"), "{said}");
}

#[test]
fn a_fault_of_a_device_may_name_files_that_a_step_arms() {
    let fault = "[[fault]]\nname = \"g\"\nlevel = \"device\"\nwhere = { op = \"read\", holds = [\"data\", \"directory\"], path = \"user1/**\" }\n\
                 when.disarmed = true\neffect.errno = { code = \"EIO\" }\n[[step]]\nat = \"1s\"\ndo.arm = { fault = \"g\" }\n";
    let plan = planned(&(GOOD.to_owned() + fault + ON));
    assert_eq!(plan.storages["mail-device"].rules[0].selector.path, ["user1/**"]);
}
