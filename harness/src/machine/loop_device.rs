//! A file as a block device of the kernel's.
//!
//! It detaches by itself when its last user is gone: a mount, or the descriptor of [`LoopDevice`]. However a run ends, the kernel
//! takes the run's mounts, and with them the device.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

const CONTROL: &str = "/dev/loop-control";

/// Somebody else may take the free device that the kernel named: so often another one is asked for.
const ATTEMPTS: u32 = 64;

/// Of <linux/loop.h>.
const LO_FLAGS_AUTOCLEAR: u32 = 4;

nix::ioctl_none_bad!(get_free, 0x4C82);
nix::ioctl_write_ptr_bad!(configure, 0x4C0A, Config);

/// `struct loop_config`.
#[repr(C)]
struct Config {
    fd: u32,
    block_size: u32,
    info: Info,
    reserved: [u64; 8],
}

/// `struct loop_info64`.
#[repr(C)]
struct Info {
    device: u64,
    inode: u64,
    rdevice: u64,
    offset: u64,
    size_limit: u64,
    number: u32,
    encrypt_type: u32,
    encrypt_key_size: u32,
    flags: u32,
    file_name: [u8; 64],
    crypt_name: [u8; 64],
    encrypt_key: [u8; 32],
    init: [u64; 2],
}

const _: () = assert!(size_of::<Info>() == 232 && size_of::<Config>() == 304);

/// Why there is no device.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoopError {
    #[error(
        "cannot open {CONTROL}: {0}; load the `loop` module, or pass the devices into the container (`--device {CONTROL}` and those it names)"
    )]
    Control(#[source] io::Error),
    #[error("no loop device is free: {0}; `losetup -a` shows who uses them")]
    NoneFree(#[source] io::Error),
    #[error("cannot open {}: {source}; in a container, pass the device into it", path.display())]
    Device { path: PathBuf, source: io::Error },
    #[error("cannot make {} a device: {source}", path.display())]
    Refused { path: PathBuf, source: io::Error },
}

/// A device of a file, as long as this or a mount holds it.
#[derive(Debug)]
pub(crate) struct LoopDevice {
    path: PathBuf,
    _held: File,
}

impl LoopDevice {
    /// Makes the file at `image` a device with sectors of `sector` bytes.
    ///
    /// # Errors
    /// There are no loop devices, none is free, or the file is none that can be one.
    pub(crate) fn attach(image: &Path, sector: u32) -> Result<LoopDevice, LoopError> {
        let refused = |source| LoopError::Refused { path: image.to_owned(), source };
        let file = OpenOptions::new().read(true).write(true).open(image).map_err(refused)?;
        for _ in 0..ATTEMPTS {
            let (path, held) = free()?;
            match settle(&held, &file, sector) {
                Ok(()) => return Ok(LoopDevice { path, _held: held }),
                Err(error) if error.raw_os_error() == Some(libc::EBUSY) => {}
                Err(error) => return Err(refused(error)),
            }
        }
        Err(LoopError::NoneFree(io::Error::from_raw_os_error(libc::EBUSY)))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// Whether devices can be made here at all.
pub(crate) fn possible() -> Result<(), LoopError> {
    OpenOptions::new().read(true).write(true).open(CONTROL).map(drop).map_err(LoopError::Control)
}

/// A device that nobody uses.
fn free() -> Result<(PathBuf, File), LoopError> {
    let control = OpenOptions::new().read(true).write(true).open(CONTROL).map_err(LoopError::Control)?;
    // SAFETY: the descriptor is open; the request takes no argument.
    let number = unsafe { get_free(control.as_raw_fd()) }.map_err(|e| LoopError::NoneFree(e.into()))?;
    let path = PathBuf::from(format!("/dev/loop{number}"));
    let open = OpenOptions::new().read(true).write(true).open(&path);
    open.map(|file| (path.clone(), file)).map_err(|source| LoopError::Device { path, source })
}

fn settle(device: &File, file: &File, sector: u32) -> io::Result<()> {
    let fd = u32::try_from(file.as_raw_fd()).map_err(io::Error::other)?;
    // SAFETY: both are plain data; the all-zero value is valid.
    let mut config: Config = unsafe { std::mem::zeroed() };
    config.fd = fd;
    config.block_size = sector;
    config.info.flags = LO_FLAGS_AUTOCLEAR;
    // SAFETY: the descriptors are open, and the structure is the kernel's and outlives the call.
    unsafe { configure(device.as_raw_fd(), &raw const config) }?;
    Ok(())
}
