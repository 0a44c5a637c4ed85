//! A docker archive made on the fly from the blobs of an OCI image.
//!
//! Layers that the engine has already are named but not sent: `docker load` looks into its layer store first.
//! Every layer is decompressed twice: once to learn its size, which a tar header needs before the bytes, and
//! to check its digest before the engine sees any of it; once to send it. That needs no disk.

use std::io::{self, Read, Write};

use model::{Blobs, Digest};
use serde_json::json;
use sha2::{Digest as _, Sha256};

/// An image as its signed manifest describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Digest of its configuration: the image id in the engine.
    pub id: Digest,
    /// The name that Compose files call it by.
    pub name: String,
    /// The user that it runs as; empty is root.
    pub user: String,
    /// Its layers, from the bottom up.
    pub layers: Vec<Layer>,
}

/// One layer of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Digest of the bytes as they lie in the bundle.
    pub blob: Digest,
    /// Media type of those bytes: an OCI layer, plain or with `+gzip` or `+zstd`.
    pub media_type: String,
    /// Digest of the uncompressed layer.
    pub diff_id: Digest,
}

impl Image {
    /// How many layers, from the bottom up, an engine has that holds images with these layers.
    pub fn present(&self, engine: &[Vec<String>]) -> usize {
        let own: Vec<_> = self.layers.iter().map(|layer| layer.diff_id.to_string()).collect();
        let shared = |other: &Vec<String>| own.iter().zip(other).take_while(|(a, b)| a == b).count();
        engine.iter().map(shared).max().unwrap_or(0)
    }

    /// Writes the archive, leaving out the first `present` layers.
    ///
    /// # Errors
    /// When a blob is missing or not what its digest says, or writing fails.
    pub fn write(&self, present: usize, blobs: &dyn Blobs, out: &mut dyn Write) -> io::Result<()> {
        let name = |layer: &Layer| format!("{}/layer.tar", layer.diff_id.hex());
        let config = format!("{}.json", self.id.hex());
        let names: Vec<_> = self.layers.iter().map(name).collect();
        let manifest = json!([{ "Config": config, "RepoTags": null, "Layers": names }]).to_string();
        let mut archive = tar::Builder::new(out);
        append(&mut archive, "manifest.json", manifest.len() as u64, manifest.as_bytes())?;
        let bytes = self.config(blobs)?;
        append(&mut archive, &config, bytes.len() as u64, bytes.as_slice())?;
        for layer in self.layers.iter().skip(present) {
            let (size, digest) = measure(&mut *layer.open(blobs)?)?;
            if digest != layer.diff_id {
                return Err(io::Error::other(format!(
                    "layer {} unpacks to {digest}, not {}",
                    layer.blob, layer.diff_id
                )));
            }
            // Within one archive the same layer may come twice, but needs to be sent only once.
            append(&mut archive, &name(layer), size, layer.open(blobs)?)?;
        }
        archive.into_inner()?.flush()
    }

    fn config(&self, blobs: &dyn Blobs) -> io::Result<Vec<u8>> {
        const MOST: u64 = 4 << 20;
        let mut bytes = Vec::new();
        open(blobs, &self.id)?.take(MOST + 1).read_to_end(&mut bytes)?;
        let digest = Digest::from_sha256(Sha256::digest(&bytes).into());
        if digest != self.id {
            return Err(io::Error::other(format!(
                "the configuration of image {} has digest {digest}, not {}",
                self.name, self.id
            )));
        }
        Ok(bytes)
    }
}

impl Layer {
    fn open(&self, blobs: &dyn Blobs) -> io::Result<Box<dyn Read + Send>> {
        let bytes = open(blobs, &self.blob)?;
        match self.media_type.rsplit(['+', '.']).next() {
            Some("tar") => Ok(bytes),
            Some("gzip") => Ok(Box::new(flate2::read::MultiGzDecoder::new(bytes))),
            Some("zstd") => Ok(Box::new(zstd::Decoder::new(bytes)?)),
            _ => Err(io::Error::other(format!(
                "layer {} has the unknown media type {}",
                self.blob, self.media_type
            ))),
        }
    }
}

fn open(blobs: &dyn Blobs, digest: &Digest) -> io::Result<Box<dyn Read + Send>> {
    blobs.open(digest).map_err(|error| io::Error::other(error.to_string()))
}

fn measure(bytes: &mut dyn Read) -> io::Result<(u64, Digest)> {
    let mut hash = Sha256::new();
    let mut size = 0;
    let mut buffer = vec![0; 128 << 10];
    loop {
        match bytes.read(&mut buffer) {
            Ok(0) => return Ok((size, Digest::from_sha256(hash.finalize().into()))),
            Ok(read) => {
                hash.update(&buffer[..read]);
                size += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn append(
    archive: &mut tar::Builder<&mut dyn Write>,
    name: &str,
    size: u64,
    bytes: impl Read,
) -> io::Result<()> {
    let mut header = tar::Header::new_ustar();
    header.set_size(size);
    header.set_mode(0o644);
    header.set_mtime(0);
    // The size is promised in the header: never more bytes than that, and fewer are an error.
    let mut exact = bytes.take(size);
    archive.append_data(&mut header, name, &mut exact)?;
    if exact.limit() == 0 { Ok(()) } else { Err(io::Error::from(io::ErrorKind::UnexpectedEof)) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use model::BlobError;

    use super::*;

    struct Memory(BTreeMap<Digest, Vec<u8>>);

    impl Blobs for Memory {
        fn open(&self, digest: &Digest) -> Result<Box<dyn Read + Send>, BlobError> {
            let bytes = self.0.get(digest).ok_or(BlobError::Missing(*digest))?;
            Ok(Box::new(io::Cursor::new(bytes.clone())))
        }
    }

    fn digest(bytes: &[u8]) -> Digest {
        Digest::from_sha256(Sha256::digest(bytes).into())
    }

    fn sample() -> (Image, Memory) {
        let plain: [&[u8]; 3] = [b"bottom", b"middle", b"top"];
        let gzip = {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(plain[1]).unwrap();
            encoder.finish().unwrap()
        };
        let packed = [plain[0].to_vec(), gzip, zstd::encode_all(plain[2], 1).unwrap()];
        let endings = ["", "+gzip", "+zstd"];
        let layers = (0..3).map(|at| Layer {
            blob: digest(&packed[at]),
            media_type: format!("application/vnd.oci.image.layer.v1.tar{}", endings[at]),
            diff_id: digest(plain[at]),
        });
        let image =
            Image { id: digest(b"{}"), name: "sample".into(), user: "1".into(), layers: layers.collect() };
        let blobs = packed.into_iter().chain([b"{}".to_vec()]).map(|bytes| (digest(&bytes), bytes)).collect();
        (image, Memory(blobs))
    }

    fn names(image: &Image, present: usize, blobs: &Memory) -> io::Result<Vec<(String, Vec<u8>)>> {
        let mut bytes = Vec::new();
        image.write(present, blobs, &mut bytes)?;
        let mut archive = tar::Archive::new(bytes.as_slice());
        let read = archive.entries()?.map(|entry| {
            let mut entry = entry?;
            let mut content = Vec::new();
            entry.read_to_end(&mut content)?;
            Ok((entry.path()?.display().to_string(), content))
        });
        read.collect()
    }

    #[test]
    fn every_layer_comes_decompressed_and_in_order() {
        let (image, blobs) = sample();
        let written = names(&image, 0, &blobs).unwrap();
        let contents: Vec<_> = written.iter().skip(2).map(|(_, content)| content.as_slice()).collect();
        assert_eq!(contents, [b"bottom".as_slice(), b"middle", b"top"]);
        let manifest: serde_json::Value = serde_json::from_slice(&written[0].1).unwrap();
        let listed: Vec<_> = written.iter().skip(2).map(|(name, _)| name.clone()).collect();
        assert_eq!(manifest[0]["Layers"], json!(listed));
    }

    #[test]
    fn layers_at_the_bottom_that_the_engine_has_are_left_out() {
        let (image, blobs) = sample();
        let ids: Vec<_> = image.layers.iter().map(|layer| layer.diff_id.to_string()).collect();
        let engine = [vec![ids[0].clone(), ids[1].clone(), "sha256:other".into()], vec![ids[1].clone()]];
        assert_eq!(image.present(&engine), 2);
        assert_eq!(image.present(&[vec![ids[2].clone()]]), 0, "a layer on another base is another layer");
        assert_eq!(names(&image, 2, &blobs).unwrap().len(), 3);
    }

    #[test]
    fn bytes_that_are_not_what_they_should_be_are_never_sent() {
        let (mut image, mut blobs) = sample();
        image.layers[2].diff_id = digest(b"something else");
        assert!(names(&image, 0, &blobs).unwrap_err().to_string().contains("unpacks to"));
        let (image, _) = sample();
        blobs.0.insert(image.id, b"{\"User\":\"0\"}".to_vec());
        assert!(names(&image, 0, &blobs).unwrap_err().to_string().contains("configuration"));
        let (image, mut blobs) = sample();
        blobs.0.remove(&image.layers[0].blob);
        assert!(names(&image, 0, &blobs).is_err());
        assert!(names(&image, 1, &blobs).is_ok(), "a layer that is not sent is not needed");
    }
}
