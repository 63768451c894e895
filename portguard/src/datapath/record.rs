//! Bytes of any length in a pinned map: what must live exactly as long as the pins beside it.
//!
//! A map is made, filled and only then pinned, so that a pin that is there is whole.

use std::path::Path;

use aya::maps::{Array, Map, MapData, MapError};

use super::{DatapathError, pod::Pod};

/// The bytes of one element.
const CHUNK: usize = 4096;
/// A piece of a record. The first begins with the record's length, a `u64` in host byte order.
pub(super) type Chunk = [u8; CHUNK];

/// The longest record that is believed: no record of this version comes near.
const LONGEST: usize = 1 << 30;

/// Writes `bytes` to a new map and pins it at `path`.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), DatapathError> {
    let mut record = (bytes.len() as u64).to_ne_bytes().to_vec();
    record.extend_from_slice(bytes);
    let chunks = u32::try_from(record.len().div_ceil(CHUNK)).expect("no record has so many bytes");
    let error = |source: MapError| unusable(path, source);
    let mut map: Array<MapData, Pod<Chunk>> = Array::create(chunks, 0).map_err(error)?;
    for (index, piece) in (0..).zip(record.chunks(CHUNK)) {
        let mut chunk = [0; CHUNK];
        chunk[..piece.len()].copy_from_slice(piece);
        map.set(index, Pod(chunk), 0).map_err(error)?;
    }
    map.pin(path).map_err(|source| DatapathError::pin(path, source))
}

/// Reads the record that is pinned at `path`.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, DatapathError> {
    let error = |source: MapError| unusable(path, source);
    let map = MapData::from_pin(path).and_then(Map::from_map_data).map_err(error)?;
    let map: Array<MapData, Pod<Chunk>> = map.try_into().map_err(error)?;
    let mut record = Vec::with_capacity(map.len() as usize * CHUNK);
    for index in 0..map.len() {
        record.extend_from_slice(&map.get(&index, 0).map_err(error)?.0);
    }
    let garbled = || DatapathError::Garbled { path: path.to_owned() };
    let (length, rest) = record.split_first_chunk::<8>().ok_or_else(garbled)?;
    let length = usize::try_from(u64::from_ne_bytes(*length)).ok().filter(|&length| length <= LONGEST);
    Ok(rest.get(..length.ok_or_else(garbled)?).ok_or_else(garbled)?.to_vec())
}

fn unusable(path: &Path, source: MapError) -> DatapathError {
    DatapathError::PinnedMap { path: path.to_owned(), source: Box::new(source) }
}
