//! The records of this program's own events, whose fields it chose itself (`attributes`).

use linux_perf_event_reader::RecordType;

/// Bytes of a record's header: type, misc, size.
const HEADER: usize = 8;
/// Bytes of what identifies a record that is no sample: TID, TIME, CPU, IDENTIFIER.
const TRAILER: usize = 32;

/// A record.
#[derive(Clone, Copy)]
pub struct Record<'b> {
    /// Its kind.
    pub kind: RecordType,
    /// The flags of its header.
    pub misc: u16,
    /// The whole record.
    pub bytes: &'b [u8],
}

/// When and where a record was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The number of its event.
    pub id: u64,
    pub pid: i32,
    pub tid: i32,
    pub time_ns: u64,
    pub cpu: u32,
}

/// The records in these bytes, which the kernel wrote one after the other.
pub fn records(bytes: &[u8]) -> impl Iterator<Item = Record<'_>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let header = rest.get(..HEADER)?;
        let size = usize::from(u16::from_ne_bytes([header[6], header[7]]));
        let (bytes, after) = rest.split_at_checked(size.max(HEADER))?;
        rest = after;
        let kind = RecordType(u32::from_ne_bytes([header[0], header[1], header[2], header[3]]));
        Some(Record { kind, misc: u16::from_ne_bytes([header[4], header[5]]), bytes })
    })
}

impl<'b> Record<'b> {
    /// When and where it was written. A sample begins with IDENTIFIER, IP, TID, TIME, CPU, PERIOD.
    pub fn place(&self) -> Option<Origin> {
        let at = match self.kind {
            RecordType::SAMPLE => HEADER + 16,
            _ => self.bytes.len().checked_sub(TRAILER).filter(|at| *at >= HEADER)?,
        };
        let id = if self.kind == RecordType::SAMPLE { HEADER } else { at + 24 };
        Some(Origin {
            id: self.u64(id)?,
            pid: self.u32(at)? as i32,
            tid: self.u32(at + 4)? as i32,
            time_ns: self.u64(at + 8)?,
            cpu: self.u32(at + 16)?,
        })
    }

    /// How many records were dropped before this one, as a LOST record says: an id, and the number.
    pub fn lost(&self) -> u64 {
        match self.kind {
            RecordType::LOST => self.u64(HEADER + 8).unwrap_or(0),
            _ => 0,
        }
    }

    /// The payload of a tracepoint's record: its length (u32) and the bytes follow PERIOD.
    pub fn payload(&self) -> Option<&'b [u8]> {
        const RAW: usize = HEADER + 48;
        let length = self.u32(RAW)? as usize;
        self.bytes.get(RAW + 4..)?.get(..length)
    }

    /// The number of 32 bits at this position of the record.
    pub fn u32(&self, at: usize) -> Option<u32> {
        Some(u32::from_ne_bytes(self.bytes.get(at..at + 4)?.try_into().ok()?))
    }

    /// The number of 64 bits at this position of the record.
    pub fn u64(&self, at: usize) -> Option<u64> {
        Some(u64::from_ne_bytes(self.bytes.get(at..at + 8)?.try_into().ok()?))
    }

    /// The text from this position to its NUL, which ends before the trailer.
    pub fn text(&self, at: usize) -> &'b [u8] {
        let end = self.bytes.len().saturating_sub(TRAILER).max(at);
        let text = self.bytes.get(at..end).unwrap_or_default();
        text.split(|byte| *byte == 0).next().unwrap_or_default()
    }
}
