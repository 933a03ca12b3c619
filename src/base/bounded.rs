//! Reading what others have written, never more of it than is of use: a device or a pipe has no end.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

use super::received::utf8;

/// The largest file that is read, in bytes: settings, profiles, scenarios, keys.
pub const FILE_MAX: u64 = 1 << 20;

/// The largest file that is read of what a program has written, in bytes: snapshots, captures, signed requests. They grow
/// with the work.
pub const RECORDING_MAX: u64 = 256 << 20;

/// All of a file of at most [`FILE_MAX`] bytes.
pub fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    read_file_within(path, FILE_MAX)
}

/// All of a file of at most `max` bytes.
pub fn read_file_within(path: &Path, max: u64) -> io::Result<Vec<u8>> {
    read_all(open(path)?, max)
}

/// A file to be read. A named pipe is none: nobody knows whether it is ever written to. What a shell hands over under
/// `/dev` or `/proc` is.
fn open(path: &Path) -> io::Result<File> {
    let is_of_shell = path.starts_with("/dev") || path.starts_with("/proc");
    if !is_of_shell && std::fs::metadata(path)?.file_type().is_fifo() {
        let problem = "it is a named pipe, which may never be written to; give a file";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
    }
    File::open(path)
}

/// The text of a file of at most [`FILE_MAX`] bytes.
pub fn read_text(path: &Path) -> io::Result<String> {
    read_text_within(path, FILE_MAX)
}

/// The text of a file of at most `max` bytes.
pub fn read_text_within(path: &Path, max: u64) -> io::Result<String> {
    let bytes = read_file_within(path, max)?;
    let problem = |what| io::Error::new(io::ErrorKind::InvalidData, format!("it is {what}"));
    utf8(&bytes).map(str::to_owned).map_err(problem)
}

/// All that `source` gives, which is at most `max` bytes; of more, no more is read than shows that it is more.
pub fn read_all(source: impl Read, max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max {
        let problem = format!("it is larger than {max} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, problem));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_read_than_is_allowed() {
        assert_eq!(read_all(&b"abc"[..], 3).ok().as_deref(), Some(&b"abc"[..]));
        let mut endless = io::repeat(0);
        let error = read_all(&mut endless, 3).expect_err("refused");
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        assert!(read_file(Path::new("/dev/zero")).is_err());
    }

    #[test]
    fn a_file_in_another_encoding_is_named() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("profile.toml");
        for (bytes, told) in [
            (&b"\xff\xfea\0"[..], "it is UTF-16"),
            (b"a\0=\x001\0", "it is UTF-16"),
            (b"\x1f\x8b\x08\0", "it is compressed with gzip"),
            (b"a = \"\xff\"", "it is not UTF-8 (byte 5)"),
        ] {
            std::fs::write(&path, bytes).expect("written");
            let error = read_text(&path).expect_err("refused").to_string();
            assert!(error.starts_with(told), "{error}");
        }
    }
}
