//! The machine under test, as its writer sees it.

use super::smart;
use crate::machine::kernel_log;
use crate::machine::{environment, mounts};
use record::series::line::{Host, KernelLog};
use std::path::Path;
use std::time::SystemTime;

/// Of the kernel's words about the device.
const MOST_LOGGED: usize = 50;

/// What identifies this start of the machine; it must be another after the next.
pub(super) fn boot_id(file: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| anyhow::anyhow!("--boot-id {}: it cannot be read: {error}", file.display()))?;
    let id = text.trim();
    anyhow::ensure!(!id.is_empty(), "--boot-id {}: it is empty", file.display());
    Ok(reports::kit::inert::cut(id, 100))
}

pub(super) fn look(boot_id: String, directory: &Path, device: Option<&Path>) -> Host {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let kernel = environment::machine().into_iter().find(|(name, _)| name == "kernel");
    Host {
        boot_id,
        name: nix::unistd::gethostname()
            .map_or("unknown".to_owned(), |name| name.to_string_lossy().into_owned()),
        kernel: kernel.map_or("unknown".to_owned(), |(_, version)| version),
        storage: environment::file_system(directory),
        clock: since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX)),
        smart: smart::read(device),
        kernel_log: kernel_log(directory, device),
    }
}

fn kernel_log(directory: &Path, device: Option<&Path>) -> KernelLog {
    let beneath = mounts::beneath(directory).map(|mount| mount.source);
    let source = device.map(|device| device.display().to_string()).or(beneath);
    let name = source.and_then(|source| source.rsplit('/').next().map(str::to_owned));
    let Some(name) = name else { return KernelLog::NotRead("the device is not known".to_owned()) };
    match kernel_log::KernelLog::from_the_start() {
        Err(error) => KernelLog::NotRead(error.to_string()),
        Ok(mut log) => {
            let mut said = log.about(&name);
            said.truncate(MOST_LOGGED);
            KernelLog::Read(said)
        }
    }
}
