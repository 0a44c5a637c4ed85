//! The blobs of a bundle while it is made: in memory, in their source files, or spooled beside the output.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Write};
use std::path::{Path, PathBuf};

use model::Digest;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::error::Error;
use crate::layout::{Descriptor, LAYER};
use crate::statement::{Blob, blob_path};

/// zstd's level for layers that come uncompressed; fixed, since it decides their digest.
const LEVEL: i32 = 3;

/// Blobs by digest.
pub(super) struct Pool {
    spool: TempDir,
    next: u32,
    blobs: BTreeMap<Digest, Held>,
}

struct Held {
    media_type: String,
    size: u64,
    source: Source,
}

enum Source {
    Memory(Vec<u8>),
    File(PathBuf),
}

/// An image layer in the pool.
#[derive(Clone)]
pub(super) struct Layer {
    pub(super) descriptor: Descriptor,
    /// Digest of its uncompressed bytes.
    pub(super) diff_id: Digest,
}

impl Pool {
    /// An empty pool that spools into a hidden folder inside `folder`, removed at the end.
    pub(super) fn new(folder: &Path) -> Result<Self, Error> {
        let spool = tempfile::Builder::new().prefix(".groundfast-").tempdir_in(folder);
        let spool = spool.map_err(|error| Error::io("make a work folder in", folder, error))?;
        Ok(Self { spool, next: 0, blobs: BTreeMap::new() })
    }

    /// Takes in bytes.
    pub(super) fn keep(&mut self, media_type: &str, bytes: Vec<u8>) -> Result<Descriptor, Error> {
        let (digest, size) = (crate::digest(&bytes), bytes.len() as u64);
        self.hold(media_type, digest, size, Source::Memory(bytes))
    }

    /// Takes in a file where it is; it must not change until the bundle is written.
    pub(super) fn keep_file(&mut self, media_type: &str, path: &Path) -> Result<Descriptor, Error> {
        let hashed = File::open(path).and_then(|file| hash(file));
        let (digest, size) = hashed.map_err(|error| Error::io("read", path, error))?;
        self.hold(media_type, digest, size, Source::File(path.to_owned()))
    }

    fn hold(
        &mut self,
        media_type: &str,
        digest: Digest,
        size: u64,
        source: Source,
    ) -> Result<Descriptor, Error> {
        let held =
            self.blobs.entry(digest).or_insert(Held { media_type: media_type.to_owned(), size, source });
        if held.media_type != media_type {
            let reason = format!(
                "the same bytes are also there as {}, but one blob has one media type; set `media-type`",
                held.media_type
            );
            return Err(Error::source(format!("{digest} as {media_type}"), reason));
        }
        Ok(Descriptor::new(media_type, digest, size))
    }

    /// Takes in a layer from a stream: compressed ones as they are, others compressed with zstd.
    pub(super) fn keep_layer(&mut self, mut stream: impl Read) -> Result<Layer, Error> {
        let path = self.spool.path().join(self.next.to_string());
        self.next += 1;
        let mut head = Vec::new();
        let spooled = (&mut stream).take(4).read_to_end(&mut head).and_then(|_| {
            let whole = Cursor::new(head.clone()).chain(stream);
            match Compression::of(&head) {
                Some(_) => spool_as_it_is(whole, &path),
                None => spool_compressed(whole, &path),
            }
        });
        let diff_id = spooled.map_err(|error| Error::io("spool a layer to", &path, error))?;
        match Compression::of(&head) {
            Some(compression) => self.layer_of(compression, &path),
            None => {
                let descriptor = self.keep_file(&format!("{LAYER}+zstd"), &path)?;
                Ok(Layer { descriptor, diff_id })
            }
        }
    }

    /// Takes in a layer file where it is, with the digest of what it unpacks to.
    pub(super) fn keep_layer_file(&mut self, path: &Path) -> Result<Layer, Error> {
        let mut head = Vec::new();
        let read = File::open(path).and_then(|file| file.take(4).read_to_end(&mut head));
        read.map_err(|error| Error::io("read", path, error))?;
        if let Some(compression) = Compression::of(&head) {
            return self.layer_of(compression, path);
        }
        let descriptor = self.keep_file(LAYER, path)?;
        Ok(Layer { diff_id: descriptor.digest, descriptor })
    }

    fn layer_of(&mut self, compression: Compression, path: &Path) -> Result<Layer, Error> {
        let unpacked = File::open(path).and_then(|file| hash(compression.reader(file)?));
        let (diff_id, _) = unpacked.map_err(|error| Error::io("decompress", path, error))?;
        let descriptor = self.keep_file(&format!("{LAYER}{}", compression.suffix()), path)?;
        Ok(Layer { descriptor, diff_id })
    }

    /// Every blob as it is listed in the statement.
    pub(super) fn listed(&self) -> Vec<Blob> {
        let list = self.blobs.iter().map(|(digest, held)| Blob {
            path: blob_path(digest),
            digest: *digest,
            size: held.size,
            media_type: held.media_type.clone(),
        });
        list.collect()
    }

    /// Each blob with its size and a reader, in the order of the digests.
    pub(super) fn readers(&self) -> impl Iterator<Item = (Digest, u64, Result<Box<dyn Read + '_>, Error>)> {
        self.blobs.iter().map(|(digest, held)| {
            let reader = match &held.source {
                Source::Memory(bytes) => Ok(Box::new(bytes.as_slice()) as Box<dyn Read>),
                Source::File(path) => File::open(path)
                    .map(|file| Box::new(file) as Box<dyn Read>)
                    .map_err(|error| Error::io("read", path, error)),
            };
            (*digest, held.size, reader)
        })
    }
}

/// How a layer is compressed, told by its first bytes.
#[derive(Clone, Copy)]
enum Compression {
    Gzip,
    Zstd,
}

impl Compression {
    fn of(head: &[u8]) -> Option<Self> {
        match head {
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd] => Some(Self::Zstd),
            _ => None,
        }
    }

    fn suffix(self) -> &'static str {
        match self {
            Self::Gzip => "+gzip",
            Self::Zstd => "+zstd",
        }
    }

    fn reader(self, file: File) -> io::Result<Box<dyn Read>> {
        Ok(match self {
            Self::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(BufReader::new(file))),
            Self::Zstd => Box::new(zstd::Decoder::new(file)?),
        })
    }
}

fn spool_as_it_is(mut stream: impl Read, path: &Path) -> io::Result<Digest> {
    let mut file = Hashing::new(File::create_new(path)?);
    io::copy(&mut stream, &mut file)?;
    Ok(file.finish())
}

/// Compresses into the spool; the result is the digest of the uncompressed bytes.
fn spool_compressed(mut stream: impl Read, path: &Path) -> io::Result<Digest> {
    let encoder = zstd::Encoder::new(File::create_new(path)?, LEVEL)?;
    let mut file = Hashing::new(encoder);
    io::copy(&mut stream, &mut file)?;
    let Hashing { inner, hasher } = file;
    inner.finish()?;
    Ok(Digest::from_sha256(hasher.finalize().into()))
}

/// Digest and length of everything that a reader yields.
fn hash(mut reader: impl Read) -> io::Result<(Digest, u64)> {
    let mut sink = Hashing::new(io::sink());
    let size = io::copy(&mut reader, &mut sink)?;
    Ok((sink.finish(), size))
}

/// Passes bytes on and hashes them.
struct Hashing<W> {
    inner: W,
    hasher: Sha256,
}

impl<W> Hashing<W> {
    fn new(inner: W) -> Self {
        Self { inner, hasher: Sha256::new() }
    }

    fn finish(self) -> Digest {
        Digest::from_sha256(self.hasher.finalize().into())
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
