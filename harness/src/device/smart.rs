//! What the device says of itself, as `smartctl` reads it.

use record::series::line::Smart;
use serde_json::Value;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// A device that does not answer for this long says nothing; the ledger waits no longer for a writer to introduce itself.
const LIMIT: Duration = Duration::from_secs(5);

/// Losses of power without a warning, by their numbers among the attributes of ATA devices.
const ATA_POWER_LOSSES: [u64; 2] = [174, 192];

pub(super) fn read(device: Option<&Path>) -> Smart {
    let Some(device) = device else { return Smart::NotRead("no device is named with `--device`".to_owned()) };
    match ask(device) {
        Ok(words) => understood(&words),
        Err(why) => Smart::NotRead(why),
    }
}

fn ask(device: &Path) -> Result<String, String> {
    let mut command = Command::new("smartctl");
    command.args(["--json", "--info", "--attributes"]).arg(device);
    let no_tool = |error| format!("smartctl cannot be started ({error}); install smartmontools");
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().map_err(no_tool)?;
    let mut out = child.stdout.take().expect("it was asked for");
    let reader = std::thread::spawn(move || {
        let mut words = String::new();
        out.read_to_string(&mut words).map(|_| words)
    });
    let ended = crate::machine::process::wait(&mut child, LIMIT).map_err(|error| error.to_string())?;
    if ended.is_none() {
        let _ = child.kill();
        return Err(format!("smartctl did not end within {} s", LIMIT.as_secs()));
    }
    reader.join().map_err(|_| "smartctl was not read".to_owned())?.map_err(|error| error.to_string())
}

fn understood(words: &str) -> Smart {
    let Ok(said) = serde_json::from_str::<Value>(words) else {
        return Smart::NotRead("smartctl does not say it as JSON".to_owned());
    };
    let text = |name: &str| said[name].as_str().map(str::to_owned);
    let Some(model) = text("model_name") else {
        let why = said["smartctl"]["messages"][0]["string"].as_str().unwrap_or("smartctl names no model");
        return Smart::NotRead(why.to_owned());
    };
    Smart::Read {
        model,
        firmware: text("firmware_version").unwrap_or_default(),
        serial: text("serial_number").unwrap_or_default(),
        unsafe_shutdowns: unsafe_shutdowns(&said),
    }
}

fn unsafe_shutdowns(said: &Value) -> Option<u64> {
    let nvme = said["nvme_smart_health_information_log"]["unsafe_shutdowns"].as_u64();
    let table = said["ata_smart_attributes"]["table"].as_array();
    let ata = |number: &u64| {
        let row = table?.iter().find(|row| row["id"].as_u64() == Some(*number))?;
        row["raw"]["value"].as_u64()
    };
    nvme.or_else(|| ATA_POWER_LOSSES.iter().find_map(ata))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_both_kinds_of_device_are_understood() {
        let nvme = r#"{"model_name": "M", "firmware_version": "1", "serial_number": "S",
            "nvme_smart_health_information_log": {"unsafe_shutdowns": 41}}"#;
        let ata = r#"{"model_name": "A", "ata_smart_attributes": {"table": [
            {"id": 9, "raw": {"value": 5}}, {"id": 192, "raw": {"value": 7}}, {"id": 174, "raw": {"value": 6}}]}}"#;
        let of = |words| match understood(words) {
            Smart::Read { unsafe_shutdowns, .. } => unsafe_shutdowns,
            Smart::NotRead(why) => panic!("{why}"),
        };
        assert_eq!([of(nvme), of(ata), of(r#"{"model_name": "B"}"#)], [Some(41), Some(6), None]);
    }

    #[test]
    fn why_nothing_was_read_is_told() {
        let refused = r#"{"smartctl": {"messages": [{"string": "/dev/x: Unable to detect device type"}]}}"#;
        let why = |words| match understood(words) {
            Smart::NotRead(why) => why,
            read @ Smart::Read { .. } => panic!("{read:?}"),
        };
        assert_eq!(why(refused), "/dev/x: Unable to detect device type");
        assert_eq!(why("{}"), "smartctl names no model");
        assert_eq!(why("smartctl 5"), "smartctl does not say it as JSON");
    }
}
