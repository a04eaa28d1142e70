//! What the writers told of their machine, and what is to be known of it.

use record::series::line::{Host, KernelLog, Line, Smart};
use reports::kit::figures::{counted, grouped};

/// Of the kernel's words.
const MOST_LOGGED: usize = 5;

/// Clocks that differ by less are taken for the same.
const SAME_CLOCK_SECONDS: i64 = 60;

fn hosts(lines: &[Line]) -> impl DoubleEndedIterator<Item = (&str, &Host)> {
    lines.iter().filter_map(|line| match line {
        Line::Hello { at, host } => Some((at.as_str(), &**host)),
        _ => None,
    })
}

/// As its last writer told.
pub(super) fn facts(lines: &[Line]) -> Vec<(String, String)> {
    let Some((_, host)) = hosts(lines).next_back() else { return Vec::new() };
    let mut facts = vec![
        ("machine", host.name.clone()),
        ("kernel", host.kernel.clone()),
        ("stored on", host.storage.clone()),
    ];
    if let Smart::Read { model, firmware, serial, .. } = &host.smart {
        facts.extend([
            ("device", model.clone()),
            ("firmware", firmware.clone()),
            ("serial number", serial.clone()),
        ]);
    }
    facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

pub(super) fn notes(lines: &[Line]) -> Vec<String> {
    let notes = [shutdowns(lines), kernel_log(lines), clock(lines), changed(lines)];
    notes.into_iter().flatten().collect()
}

/// Unsafe shutdowns that the device counted itself, at the beginning and at the end; or why that is not known.
pub(super) fn unsafe_shutdowns(lines: &[Line]) -> Result<(u64, u64), String> {
    let counts = hosts(lines).map(|(_, host)| match &host.smart {
        Smart::Read { unsafe_shutdowns: Some(count), .. } => Ok(*count),
        Smart::Read { .. } => Err("the device does not count them".to_owned()),
        Smart::NotRead(why) => Err(why.clone()),
    });
    let counts: Vec<u64> = counts.collect::<Result<_, _>>()?;
    counts.first().copied().zip(counts.last().copied()).ok_or_else(|| "no writer was there".to_owned())
}

fn shutdowns(lines: &[Line]) -> Option<String> {
    Some(match unsafe_shutdowns(lines) {
        Err(why) => format!("Unsafe shutdowns as the device counts them (SMART) were not read: {why}."),
        Ok((first, last)) => format!(
            "Unsafe shutdowns as the device counts them (SMART): {} at the beginning, {} at the end, {} more.",
            grouped(first),
            grouped(last),
            grouped(last.saturating_sub(first))
        ),
    })
}

fn kernel_log(lines: &[Line]) -> Option<String> {
    let mut said: Vec<&str> = Vec::new();
    let mut not_read = None;
    for (_, host) in hosts(lines) {
        match &host.kernel_log {
            KernelLog::Read(lines) => said.extend(lines.iter().map(String::as_str)),
            KernelLog::NotRead(why) => not_read = Some(why),
        }
    }
    if let Some(why) = not_read {
        return Some(format!("The kernel's log was not read: {why}."));
    }
    hosts(lines).next()?;
    said.sort_unstable();
    said.dedup();
    let all = said.len();
    said.truncate(MOST_LOGGED);
    Some(match all {
        0 => "The kernel logged no warning about the device.".to_owned(),
        _ => format!(
            "The kernel logged {} about the device{}: {}",
            counted(all as u64, "warning", "different warnings"),
            if all > MOST_LOGGED { ", among them" } else { "" },
            said.join("; ")
        ),
    })
}

/// The machine's clock decides nothing; that it is wrong may matter to its owner.
fn clock(lines: &[Line]) -> Option<String> {
    let off = hosts(lines).filter_map(|(at, host)| {
        let at: jiff::Timestamp = at.parse().ok()?;
        Some(host.clock.saturating_sub(at.as_second()))
    });
    let worst = off.max_by_key(|off| off.unsigned_abs())?;
    (worst.unsigned_abs() > SAME_CLOCK_SECONDS.unsigned_abs()).then(|| {
        let (off, way) = (
            counted(worst.unsigned_abs(), "second", "seconds"),
            if worst < 0 { "behind" } else { "ahead of" },
        );
        format!("The clock of the machine under test was {off} {way} the ledger's; no result depends on it.")
    })
}

/// Every device that was seen, in order: two in one series prove nothing about either.
pub(super) fn devices(lines: &[Line]) -> Vec<String> {
    let mut seen: Vec<String> = hosts(lines)
        .filter_map(|(_, host)| match &host.smart {
            Smart::Read { model, firmware, serial, .. } => {
                Some(format!("{model} {serial}, firmware {firmware}"))
            }
            Smart::NotRead(_) => None,
        })
        .collect();
    seen.dedup();
    seen
}

fn changed(lines: &[Line]) -> Option<String> {
    let seen = devices(lines);
    (seen.len() > 1).then(|| format!("The device changed during the series: {}.", seen.join("; then ")))
}
