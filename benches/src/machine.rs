//! What was measured on: printed above every table.

use std::path::Path;
use std::process::{Command, Stdio};

/// Processor, cores, kernel, and the file system of the spool.
#[must_use]
pub fn describe(spool: &Path) -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let field = |name: &str| {
        let line = cpu.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split_once(':')).map_or("unknown", |(_, value)| value.trim())
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let has = |flag: &str| if field("flags").split(' ').any(|known| known == flag) { "" } else { "no " };
    let kernel = read("/proc/sys/kernel/osrelease");
    let disk = said("df", &["--output=fstype", &spool.to_string_lossy()]);
    let disk = disk.as_deref().and_then(|text| text.lines().last()).unwrap_or("unknown file system");
    format!(
        "{}, {cores} cores, {}SHA instructions, Linux {}, {disk}",
        field("model name"),
        has("sha_ni"),
        kernel.trim()
    )
}

/// What a program prints, errors included; None where it is not there.
#[must_use]
pub fn said(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().ok()?;
    let text = [output.stdout, output.stderr].concat();
    Some(String::from_utf8_lossy(&text).trim().to_owned())
}

/// Whether a program can be started at all.
#[must_use]
pub fn has(program: &str) -> bool {
    let search = std::env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(std::path::PathBuf::from);
    std::env::split_paths(&search).chain(usual).any(|directory| directory.join(program).is_file())
}
