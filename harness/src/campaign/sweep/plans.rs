//! The plans of a sweep's runs: the one that warms up the store, the counts, and the cases. Each is a scenario's text, as a
//! user might have written it.

use crate::scenario;

use super::cases::{Case, Delivery, Fault, WITH_MAIL};
use super::options::Options;
use crate::scenario::overrides::Overrides;
use anyhow::{Result, anyhow};
use fuse_fs::durability::cut::CutMode;
use fuse_fs::units::Bytes;
use record::history::Ingress;
use record::plan::Plan;
use record::plan::keeper::Keeper;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

/// The rule that strikes.
pub(crate) const RULE: &str = "strike";

/// Messages are of one size, so that each delivery has the same calls.
const SIZE: &str = "4 KiB";

/// How long the client waits for an answer. Postfix tries again 10 s after it could not create a queue file; real clients
/// wait for minutes (RFC 5321, 4.5.3.2).
const PATIENCE: &str = "15s";

/// Of a device, unless the file system wants more: hundreds of them are made.
const DEVICE: Bytes = Bytes(128 << 20);

/// Messages of each user who has mail.
const BEFORE: u32 = 3;

/// Makes users with some mail and a second mailbox, without faults.
pub(crate) fn warm_up(options: &Options) -> Result<Plan> {
    let workload = json!({
        "users": WITH_MAIL, "warm-up": BEFORE * WITH_MAIL, "rate": "1/s", "duration": "1ms", "sizes": sizes(),
        "recipients": [1],
    });
    let scenario = json!({
        "name": "sweep-warm-up",
        "why": "The store that every case of a sweep begins with.",
        "workload": workload,
        "expect": { "no-faults": true },
    });
    plan(options, &scenario, None, options.command(None))
}

/// The delivery without a fault, to see its calls.
pub(crate) fn count(options: &Options, delivery: Delivery, store: &Path) -> Result<Plan> {
    let scenario = json!({
        "name": format!("sweep-count-{delivery}"),
        "why": "The file-system calls of one delivery.",
        "workload": Value::Object(workload(options, delivery, Map::new(), true)),
        "expect": { "no-faults": true },
    });
    plan(options, &scenario, Some(store), options.command(None))
}

/// The delivery with the one fault.
pub(crate) fn case(options: &Options, case: &Case, store: &Path) -> Result<Plan> {
    let id = case.id();
    let then = match (case.fault, &case.call) {
        (Fault::Cut(_, mode), None) => Some(json!({ "power-cut": { "mode": mode } })),
        // What was marked clean without being written is seen to be gone when the cache is.
        (Fault::Fsync(_), _) => Some(json!({ "evict": {} })),
        (Fault::Errno(_) | Fault::Cut(..), _) => None,
    };
    let mut after = Map::from_iter([("following".to_owned(), json!(case.delivery.following()))]);
    after.extend(then.map(|then| ("then".to_owned(), then)));
    let mut scenario = Map::from_iter([
        ("name".to_owned(), json!(format!("sweep-{id}"))),
        ("why".to_owned(), json!(format!("{}: {}.", case.place(), case.fault.words()))),
        ("workload".to_owned(), json!(workload(options, case.delivery, after, case.call.is_some()))),
        ("expect".to_owned(), json!({ "recover-within": "8s", "acknowledged-under-fault": 0 })),
    ]);
    if let Fault::Cut(keeper, _) = case.fault {
        scenario.insert("storage".to_owned(), json!({ "mail": kept_by(keeper) }));
    }
    if let Some(rule) = rule(case) {
        scenario.insert("fault".to_owned(), json!([rule]));
    }
    plan(options, &Value::Object(scenario), Some(store), options.command(Some(&id)))
}

fn kept_by(keeper: Keeper) -> Value {
    match keeper {
        Keeper::Model(profile) => json!({ "persistence": profile }),
        Keeper::Real(filesystem) => {
            json!({ "on": { "filesystem": filesystem, "size": DEVICE.max(filesystem.least()).0 } })
        }
    }
}

fn rule(case: &Case) -> Option<Value> {
    let call = case.call.as_ref()?;
    let effect = match case.fault {
        Fault::Errno(errno) => json!({ "errno": { "code": errno.to_string() } }),
        Fault::Fsync(like) => json!({ "fsync-failure": { "like": like } }),
        Fault::Cut(_, mode @ (CutMode::Random | CutMode::DropUnsynced | CutMode::KeepAllButOne)) => {
            json!({ "power-cut": { "mode": mode, "moment": "after" } })
        }
    };
    Some(json!({
        "name": RULE,
        "where": { "op": call.op, "path": call.path.glob() },
        "when": { "nth": call.occurrence },
        "effect": effect,
    }))
}

/// One delivery and what comes `after` it; perhaps with the calls beyond the answer, until the server is done with it.
fn workload(
    options: &Options,
    delivery: Delivery,
    after: Map<String, Value>,
    beyond_the_answer: bool,
) -> Map<String, Value> {
    let mut single = Map::from_iter([
        ("entry".to_owned(), json!(delivery.entry)),
        ("user".to_owned(), json!(delivery.user())),
    ]);
    if let Some(end) = options.end(delivery.entry).filter(|_| beyond_the_answer) {
        single.insert(end.to_owned(), json!(true));
    }
    single.extend(after);
    let mut workload = Map::from_iter([
        ("users".to_owned(), json!(delivery.users())),
        ("sizes".to_owned(), sizes()),
        ("timeout".to_owned(), json!(PATIENCE)),
        ("single".to_owned(), Value::Object(single)),
    ]);
    if delivery.entry == Ingress::Smtp {
        workload.insert("deliver-by".to_owned(), json!("smtp"));
    }
    workload
}

fn sizes() -> Value {
    json!({ "fixed": { "size": SIZE } })
}

fn plan(options: &Options, scenario: &Value, store: Option<&Path>, made_by: String) -> Result<Plan> {
    let text = toml::to_string(scenario)?;
    let overrides = Overrides {
        seed: options.seed,
        target: Some(options.target.clone()),
        defects: options.defects.clone(),
        store: store.map(Path::to_owned),
        ..Overrides::default()
    };
    let plan = scenario::plan(&PathBuf::from("sweep.toml"), &text, &overrides)
        .map_err(|problems| anyhow!(problems.shown()))?;
    Ok(Plan { made_by: Some(made_by), ..plan })
}
