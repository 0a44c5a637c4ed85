//! Pure parsers and printers of Linux system files: text in, values out.

pub mod dpkg;
pub mod sshd;
